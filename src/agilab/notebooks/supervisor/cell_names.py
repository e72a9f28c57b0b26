"""Of which stage a cell is: what metadata calls that of a cell of code, and the cells of its words."""

from __future__ import annotations

from collections.abc import Mapping

from agilab.notebooks.document.cells import Cell, Notebook
from agilab.notebooks.supervisor.header import named
from agilab.notebooks.supervisor.stage_cells import role_of

DERIVED = "~"
"""How the id of a cell begins that has none: it is of its text, so that an edit makes another one of it."""


def known_as(cell: Cell) -> str:
    """By what a cell is known again that has no name of a stage."""
    return f"{DERIVED}{cell.id}" if cell.id_derived else cell.id


def name_of(cell: Cell) -> str:
    """What the stage of a cell was called when it was exported, empty for a cell that was not."""
    fields = role_of(cell).get("fields")
    return str(fields.get("id", "")) if isinstance(fields, Mapping) else ""


def words_of(notebook: Notebook) -> dict[str, list[Cell]]:
    """For each stage that has a cell of code the cells of its words, wherever they stand."""
    names = set()
    for cell in notebook.code_cells:
        if cell.source.strip():
            names.add(name_of(cell) or named(cell.source.partition("\n")[0].rstrip()))
    found: dict[str, list[Cell]] = {}
    for cell in notebook.cells:
        role = role_of(cell)
        words = cell.kind == "markdown" and role.get("role") == "text" and "fields" not in role
        if words and (name := str(role.get("stage"))) and name in names:
            found.setdefault(name, []).append(cell)
    return found
