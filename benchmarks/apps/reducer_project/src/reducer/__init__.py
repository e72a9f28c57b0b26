"""Rows reduced to one summary: what the reduce of AGILab costs beside numpy doing the same.

Every partial measures rows of its own: uniform numbers in [0, 100), the same ones in every run, because seed and
index of the partial make them. `benchmarks/reduce_numpy.py` makes the same rows and the same sums without AGILab.
"""

from collections.abc import Iterator

import numpy
from pydantic import Field

from agi_node import App, Args, Histogram, Moments, Partial, Sum, WorkItem

SPAN = 100.0
BINS = 20
EDGES = numpy.linspace(0.0, SPAN, BINS + 1).tolist()


class RowsArgs(Args):
    """How much there is to reduce."""

    partials: int = Field(8, ge=1, description="Work items, each of which returns one partial.")
    rows: int = Field(10_000, ge=1, description="Rows that each of them measures.")
    seed: int = Field(2026, ge=0, description="Another seed, other rows.")


class RowsSummary(Partial):
    """The rows of one partial, or of many merged."""

    rows: Sum[int] = 0
    total: Sum[float] = 0.0
    value: Moments = Moments()
    spread: Histogram = Histogram(EDGES)


app = App("reducer", args=RowsArgs, partial=RowsSummary)


@app.plan
def parts(args: RowsArgs) -> Iterator[WorkItem]:
    """One item per partial; all cost the same."""
    for index in range(args.partials):
        yield WorkItem(key=f"{index:04d}", payload=index, cost=args.rows)


@app.work
def measure(index: int, args: RowsArgs) -> RowsSummary:
    """Make the rows of one partial and measure them."""
    rows = numpy.random.Generator(numpy.random.SFC64([args.seed, index])).random(args.rows) * SPAN
    return RowsSummary(
        rows=len(rows), total=float(rows.sum()), value=Moments.of(rows), spread=Histogram.of(rows, EDGES)
    )
