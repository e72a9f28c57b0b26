"""A lab's notebook whose cells have lost their metadata, to a tool that cleans notebooks: its cells by their look.

Only where all of them have lost it. One that has none in a notebook whose other cells have theirs is new.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from agilab.notebooks.cells import Cell, Notebook
from agilab.notebooks.supervisor.assignments import assignments
from agilab.notebooks.supervisor.header import named
from agilab.notebooks.supervisor.kernel import KEY
from agilab.notebooks.supervisor.opened import is_opening, is_running, opened


def with_roles(notebook: Notebook) -> Notebook:
    """The notebook with what `export` says of its cells, as far as they show it; one with metadata as it is."""
    cells = notebook.cells
    if any(KEY in cell.metadata for cell in cells) or not any(map(_stage, cells)):
        return notebook
    opens = next((at for at, cell in enumerate(cells) if _opens(cell)), None)
    found = list(cells)
    for at, cell in enumerate(cells):
        below = cells[at + 1] if at + 1 < len(cells) else None
        if (role := _role(cell, below, cells, at, opens)) is not None:
            found[at] = replace(cell, metadata={**cell.metadata, KEY: role})
    return replace(notebook, cells=tuple(found))


def _role(
    cell: Cell, below: Cell | None, cells: tuple[Cell, ...], at: int, opens: int | None
) -> Mapping[str, Any] | None:
    if cell.kind == "markdown":
        if opens is not None and at + 1 == opens and cell.source.startswith("# "):
            return {"role": "head"}
        name = _stage(below) if below is not None else ""
        return {"role": "text", "stage": name} if cell.source.startswith("## ") else None
    if cell.kind != "code" or _stage(cell):
        return None
    if at == opens:
        return {"role": "open"}
    given = _given(cell)
    if (
        opens is not None
        and at == opens + 1
        and given
        and any(is_running(one.source, given) for one in cells)
    ):
        return {"role": "params"}
    params = _given(cells[opens + 1]) if opens is not None and opens + 1 < len(cells) else {}
    return {"role": "run"} if is_running(cell.source, params) else None


def _stage(cell: Cell) -> str:
    return named(cell.source.partition("\n")[0].rstrip()) if cell.kind == "code" else ""


def _opens(cell: Cell) -> bool:
    return cell.kind == "code" and bool(opened(cell.source)) and is_opening(cell.source)


def _given(cell: Cell) -> dict[str, Any]:
    try:
        return assignments(cell.source) if cell.kind == "code" else {}
    except ValueError:
        return {}
