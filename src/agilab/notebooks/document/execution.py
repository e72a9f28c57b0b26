"""In which order a notebook was run, by its execution counts, and what they say of cells that are no longer there."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from agilab.notebooks.document.cells import Cell, Notebook
from agilab.notebooks.findings import Finding
from agilab.notebooks.rules import found

LARGE_OUTPUT = 2**20
"""Bytes from which on a cell's outputs are called large."""

_MOST = 12


@dataclass(frozen=True)
class Execution:
    """How the notebook was run when it was saved.

    Attributes:
        order: Indices of the cells that have a count, by count.
        never: Code cells with code that have none.
        missing: Counts between the first and the last that no cell has.
        in_order: Whether the counts grow down the page.
    """

    order: tuple[int, ...]
    never: tuple[int, ...]
    missing: tuple[int, ...]
    in_order: bool

    def to_plain(self) -> dict[str, Any]:
        """As JSON; of missing counts the number and the first ones."""
        return {
            "order": list(self.order),
            "never_run": list(self.never),
            "missing_counts": list(self.missing),
            "in_order": self.in_order,
        }


def execution_of(notebook: Notebook) -> Execution:
    """What the counts say."""
    cells = notebook.code_cells
    counted = [(cell.execution_count, cell.index) for cell in cells if cell.execution_count is not None]
    counts = sorted({count for count, _ in counted})
    missing: list[int] = []
    for before, after in pairwise(counts):
        missing += range(before + 1, min(after, before + 200))
    return Execution(
        tuple(index for _, index in sorted(counted)),
        tuple(cell.index for cell in cells if cell.execution_count is None and cell.source.strip()),
        tuple(missing[:200]),
        all(a[0] <= b[0] for a, b in pairwise(counted)),
    )


def execution_findings(notebook: Notebook, execution: Execution) -> list[Finding]:
    """Out of order, missing, never run, run in several sessions; errors and large outputs."""
    return [
        *_out_of_order(notebook),
        *_missing(notebook, execution),
        *_never(execution),
        *_repeated(notebook),
        *_of_outputs(notebook),
    ]


def _out_of_order(notebook: Notebook) -> list[Finding]:
    """One finding at the first cell that ran before one above it, naming the others."""
    latest: Cell | None = None
    early: list[tuple[Cell, Cell]] = []
    for cell in notebook.code_cells:
        if cell.execution_count is None:
            continue
        if (
            latest is not None
            and latest.execution_count is not None
            and cell.execution_count < latest.execution_count
        ):
            early.append((cell, latest))
        else:
            latest = cell
    if not early:
        return []
    first, above = early[0]
    counts = f"counts {first.execution_count} and {above.execution_count}"
    what = f"cell {first.index} ran before cell {above.index} above it ({counts})"
    if len(early) > 1:
        what += f"; so did {len(early) - 1} more cells: {_listed([cell.index for cell, _ in early[1:]])}"
    return [found("NB-401", what, cell=first.index)]


def _listed(numbers: list[int]) -> str:
    shown = ", ".join(map(str, numbers[:_MOST]))
    return shown if len(numbers) <= _MOST else f"{shown}, …"


def _missing(notebook: Notebook, execution: Execution) -> list[Finding]:
    findings = []
    if execution.missing:
        counts = _listed(list(execution.missing))
        findings.append(found("NB-402", f"no cell has the counts {counts}: cells ran again, or are gone"))
    counts_ = [cell.execution_count for cell in notebook.code_cells if cell.execution_count]
    if counts_ and min(counts_) > 1:
        findings.append(found("NB-402", f"the first count is {min(counts_)}, not 1: something ran before"))
    return findings


def _never(execution: Execution) -> list[Finding]:
    if not execution.never:
        return []
    if not execution.order:
        return [found("NB-403", "no cell was run, or outputs and counts were cleared")]
    cells = f"cell{'s' if len(execution.never) > 1 else ''} {_listed(list(execution.never))}"
    return [found("NB-403", f"never run: {cells}", cell=execution.never[0])]


def _repeated(notebook: Notebook) -> list[Finding]:
    counts = Counter(cell.execution_count for cell in notebook.code_cells if cell.execution_count)
    twice = sorted(count for count, number in counts.items() if number > 1 and count is not None)
    return [found("NB-406", f"several cells have the count {_listed(twice)}")] if twice else []


def _of_outputs(notebook: Notebook) -> list[Finding]:
    findings = []
    for cell in notebook.code_cells:
        size = sum(output.size for output in cell.outputs)
        if size >= LARGE_OUTPUT:
            findings.append(
                found("NB-405", f"cell {cell.index} has {size / 2**20:.1f} MiB of outputs", cell=cell.index)
            )
        error = next((output for output in cell.outputs if output.kind == "error"), None)
        if error is not None:
            findings.append(
                found("NB-404", f"cell {cell.index} ended with {error.name or 'an error'}", cell=cell.index)
            )
    return findings
