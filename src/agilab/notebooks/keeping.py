"""What a notebook has beside code and markdown, kept with the stages of its cells.

Raw text, the cells' metadata, and cells of code of which nothing is run: `%matplotlib inline`, `!pip install rich`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from agilab.contracts.lab_stages import Stage
from agilab.notebooks.document.cells import Cell, Notebook
from agilab.notebooks.document.metadata import for_toml
from agilab.notebooks.findings import Finding
from agilab.notebooks.python.parsing import ParsedNotebook
from agilab.notebooks.rules import found

RAW = "raw"
LEFT_OUT = "left_out"
CELLS = "cells"
"""Keys of a stage's `extra`: the raw cells above its code, those of code above it of which nothing is left to be run,
and the metadata of its cells, all by the cell's id."""

PASSING = frozenset({
    "ExecuteTime", "Collapsed", "collapsed", "colab", "execution", "executionInfo", "executionStartTime",
    "executionStopTime", "id", "inputHidden", "outputHidden", "outputId", "outputsInitialized", "papermill", "pycharm",
    "requestMsgId", "scrolled", "serverExecutionDuration", "tags", "trusted",
})  # fmt: skip
"""Metadata of a cell that says how an editor last showed or ran it, or (tags) that a stage has in another place."""


def with_cells_kept(stages: Sequence[Stage], parsed: ParsedNotebook) -> list[Stage]:
    """The stages of a notebook with the metadata of their cells, and the cells above them that are not in stages."""
    notebook = parsed.notebook
    by_id = {cell.id: cell for cell in notebook.cells}
    empty = {one.cell.id for one in parsed.cells if one.kept is None and not one.python.strip()}
    raw = _above(stages, notebook, lambda cell: cell.kind == "raw")
    left_out = _above(stages, notebook, lambda cell: cell.id in empty)
    kept = []
    for stage in stages:
        cells = [by_id[one] for one in (stage.origin.cells if stage.origin else ()) if one in by_id]
        about = {cell.id: said for cell in cells if (said := _said(cell))}
        extra = {
            **stage.extra,
            **({RAW: raw[stage.id]} if stage.id in raw else {}),
            **({LEFT_OUT: left_out[stage.id]} if stage.id in left_out else {}),
            **({CELLS: about} if about else {}),
        }
        kept.append(stage.with_changes(extra=extra) if extra != stage.extra else stage)
    return kept


def attachment_findings(notebook: Notebook) -> list[Finding]:
    """Pictures that are stored inside cells: a lab has them as files."""
    return [
        found("NB-037", f"the cell holds {', '.join(sorted(cell.attachments))}", cell=cell.index)
        for cell in notebook.cells
        if cell.attachments
    ]


def _said(cell: Cell) -> dict[str, Any]:
    metadata: Mapping[str, Any] = {
        key: value for key, value in cell.metadata.items() if key not in PASSING and value not in ({}, [], "")
    }
    return for_toml(metadata)


def _above(
    stages: Sequence[Stage], notebook: Notebook, counts: Callable[[Cell], bool]
) -> dict[str, dict[str, str]]:
    """Cells by the stage of the code below them; those below the last code by the last stage."""
    stage_of = {cell: stage.id for stage in stages if stage.origin for cell in stage.origin.cells}
    found: dict[str, dict[str, str]] = {}
    waiting: dict[str, str] = {}
    last = ""
    for cell in notebook.cells:
        if cell.id in stage_of:
            last = stage_of[cell.id]
            if waiting:
                found.setdefault(last, {}).update(waiting)
                waiting = {}
        elif counts(cell) and cell.source.strip():
            waiting[cell.id] = cell.source
    if waiting and last:
        found.setdefault(last, {}).update(waiting)
    return found
