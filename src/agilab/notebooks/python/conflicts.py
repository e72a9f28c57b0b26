"""The marks of a merge that nobody settled, inside a cell: git's, and those that nbdime leaves there."""

from __future__ import annotations

import re
from dataclasses import replace

from agilab.notebooks.document.cells import Cell, Notebook
from agilab.notebooks.findings import Finding
from agilab.notebooks.rules import found

_BEGINS = re.compile(r"<{7}(?:[ \t].*)?\Z")
_ENDS = re.compile(r">{7}(?:[ \t].*)?\Z")
_BETWEEN = re.compile(r"={7}[ \t]*\Z")
_GONE = re.compile(r"<{7} (?:LOCAL|REMOTE) CELL DELETED >{7}\Z")
"""What nbdime puts above a cell that one side deleted and the other edited."""
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")


def with_conflicts(notebook: Notebook) -> Notebook:
    """The notebook with a finding for each cell that holds such marks, of which only one side was meant: not whole."""
    said = [finding for cell in notebook.cells for finding in _conflict(cell)]
    return replace(notebook, whole=False, findings=(*notebook.findings, *said)) if said else notebook


def _conflict(cell: Cell) -> list[Finding]:
    if "<<<<<<<" not in cell.source and ">>>>>>>" not in cell.source:
        return []
    line = _mark_in_code(cell) if cell.kind == "code" else _mark_in_words(cell.source.split("\n"))
    if line is None:
        return []
    what = f"cell {cell.index} holds the marks of an unresolved merge"
    return [found("NB-007", what, cell=cell.index, line=line)]


def _mark_in_code(cell: Cell) -> int | None:
    """The line of the first mark, from 1. None of them is Python, so where a cell is Python they stand in a text."""
    lines = [line.rstrip("\r") for line in cell.source.split("\n")]
    marks = [number for number, line in enumerate(lines, 1) if _BEGINS.match(line) or _ENDS.match(line)]
    return marks[0] if marks and not _is_python(cell, lines) else None


def _is_python(cell: Cell, lines: list[str]) -> bool:
    from agilab.notebooks.python.parsing import parse_cell  # imported where a cell has marks alone

    first = next((number for number, line in enumerate(lines) if not line.startswith("%%")), len(lines))
    return parse_cell(replace(cell, source="\n".join([*[""] * first, *lines[first:]]))).tree is not None


def _mark_in_words(lines: list[str]) -> int | None:
    """The line of the first mark of a whole conflict; what stands between fences is quoted.

    A line of `=` alone makes a heading of the line above, and `>` quotes, so that one mark says nothing.
    """
    begins = 0
    divided = False
    fence = ""
    for number, text in enumerate(lines, 1):
        line = text.rstrip("\r")
        if match := _FENCE.match(line):
            if not fence:
                fence = match[1]
            elif match[1].startswith(fence):
                fence = ""
        elif fence:
            continue
        elif _GONE.match(line):
            return number
        elif _BEGINS.match(line):
            begins, divided = number, False
        elif begins and _BETWEEN.match(line):
            divided = True
        elif divided and _ENDS.match(line):
            return begins
    return None
