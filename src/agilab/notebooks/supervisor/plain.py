"""A lab's notebook as the Python of its stages: what only the notebook needs says nothing about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from agilab.notebooks.document.cells import Cell, Notebook
from agilab.notebooks.supervisor.kernel import KEY
from agilab.notebooks.supervisor.merged import stage_lines


def as_python(notebook: Notebook) -> Notebook:
    """The notebook with each stage's first line as a comment, and without the cells that open and run the lab.

    Lines and cells keep their numbers.
    """
    return replace(notebook, cells=tuple(map(_plain, notebook.cells)))


def _plain(cell: Cell) -> Cell:
    about = cell.metadata.get(KEY)
    if cell.kind != "code":
        return cell
    if begins := stage_lines(cell):
        lines = cell.source.split("\n")
        for number in begins:
            lines[number] = f"# {lines[number]}"
        return replace(cell, source="\n".join(lines))
    ours = isinstance(about, Mapping) and about.get("role") in ("open", "run")
    return replace(cell, source="") if ours else cell
