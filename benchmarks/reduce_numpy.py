"""The rows and sums of the reducer app without AGILab: a chunked numpy loop, or a pool of processes.

It knows nothing of AGILab and keeps nothing: what a person would write who wants these numbers once. One partial is
one chunk; chunks merge by the formula for parallel variance (Chan, Golub and LeVeque, 1979).

    python benchmarks/reduce_numpy.py --partials 8 --rows 10000 [--pool 2]
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from typing import Any, NamedTuple

import numpy

SPAN = 100.0
BINS = 20


class Chunk(NamedTuple):
    """One chunk's sums."""

    rows: int
    total: float
    mean: float
    squares: float  # of deviations from the mean
    low: float
    high: float
    counts: list[int]


def measure(seed: int, index: int, rows: int) -> Chunk:
    """Make the rows of one partial and measure them."""
    values = numpy.random.Generator(numpy.random.SFC64([seed, index])).random(rows) * SPAN
    counts, _ = numpy.histogram(values, bins=BINS, range=(0.0, SPAN))
    total, variance = float(values.sum()), float(values.var())
    low, high = float(values.min()), float(values.max())
    return Chunk(rows, total, total / rows, variance * rows, low, high, counts.tolist())


def merge(chunks: Iterable[Chunk]) -> dict[str, Any]:
    """The payload of the app's reduce for these chunks; sums in float64."""
    parts = list(chunks)
    rows = sum(part.rows for part in parts)
    total = math.fsum(part.total for part in parts)
    mean = total / rows
    squares = math.fsum(part.squares + part.rows * (part.mean - mean) ** 2 for part in parts)
    low, high = min(part.low for part in parts), max(part.high for part in parts)
    return {
        "rows": rows,
        "total": total,
        "value": {"count": rows, "mean": mean, "variance": squares / rows, "min": low, "max": high},
        "spread": {
            "edges": numpy.linspace(0.0, SPAN, BINS + 1).tolist(),
            "counts": [sum(column) for column in zip(*(part.counts for part in parts), strict=True)],
            "under": 0,
            "over": 0,
        },
    }


def main() -> None:
    """Print the payload as JSON, and the seconds it took beside it."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--partials", type=int, default=8)
    parser.add_argument("--rows", type=int, default=10_000, help="rows of each partial")
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--pool", type=int, default=0, help="processes; 0 is a plain loop")
    options = parser.parse_args()
    started = time.perf_counter()
    work = [(options.seed, index, options.rows) for index in range(options.partials)]
    if options.pool:
        with ProcessPoolExecutor(options.pool) as pool:
            payload = merge(pool.map(measure, *zip(*work, strict=True)))
    else:
        payload = merge(measure(*item) for item in work)
    print(json.dumps({"payload": payload, "seconds": time.perf_counter() - started}))


if __name__ == "__main__":
    main()
