"""A notebook in R, Julia, Scala, … as stages that are kept and not run.

Nothing is known of the data flow of such a notebook, so nothing is grouped and nothing is derived: each cell of code
is a stage of its own with `runtime = "none"`, in the order of the notebook, with the markdown above it.
"""

from __future__ import annotations

from typing import Any

from agilab.contracts.lab_stages import Origin, Stage
from agilab.notebooks.document.cells import Cell, Notebook
from agilab.notebooks.document.outputs import expected_of
from agilab.notebooks.document.titles import HEADING, slug, taken_apart, unused, without_title
from agilab.notebooks.inspecting import Inspection
from agilab.notebooks.stages.texts import text_stage


def is_foreign(inspection: Inspection) -> bool:
    """Whether a notebook has code, and none of it in Python."""
    written = [cell for cell in inspection.notebook.code_cells if cell.source.strip()]
    return bool(written) and not any(cell.language in ("python", "") for cell in written)


def foreign_stages(inspection: Inspection, taken: set[str]) -> list[Stage]:
    """The cells of code as stages, in order; ids that are `taken` are not used, and are added to."""
    found: list[Stage] = []
    texts: list[str] = []
    opening = _opening(inspection.notebook)
    name = inspection.notebook.name or "notebook"
    for cell in inspection.notebook.cells:
        if cell is opening or not cell.source.strip():
            continue
        if cell.kind != "code":
            texts += [cell.source.strip("\n")] if cell.kind == "markdown" else []
            continue
        text = "\n\n".join(texts)
        found.append(text_stage(name, cell, text, taken, language=cell.language))
        texts = []
    if texts:
        title, text = taken_apart("\n\n".join(texts))
        words = unused(slug(title) or "words", taken)
        taken.add(words)
        origin = Origin(notebook=name, mode="not_executed_import")
        found.append(Stage(id=words, title=title, description=text, runtime="none", origin=origin))
    return found


def foreign_report(inspection: Inspection, stages: list[Stage]) -> dict[str, Any]:
    """How its cells became stages, as `stage_report.report_of` says it of Python."""
    by_id = {cell.id: cell for cell in inspection.notebook.cells}
    return {
        "notebook": inspection.notebook.name or "notebook",
        "stages": [
            {
                "id": stage.id,
                "cells": list(stage.origin.indices),
                "expects": [one for cell in stage.origin.cells for one in expected_of(by_id[cell])],
            }
            for stage in stages
            if stage.origin is not None and stage.origin.cells
        ],
    }


def title_of(notebook: Notebook) -> str:
    """The first heading of the first level."""
    for cell in notebook.cells:
        match = HEADING.search(cell.source) if cell.kind == "markdown" else None
        if match and len(match.group(1)) == 1:
            return match.group(2)
    return ""


def words_of(notebook: Notebook) -> str:
    """What it says of itself as a whole, below its title."""
    opening = _opening(notebook)
    return "" if opening is None else without_title(opening.source.strip("\n"), title_of(notebook))


def _opening(notebook: Notebook) -> Cell | None:
    """The first cell, where it is a title of the whole notebook."""
    first = next((cell for cell in notebook.cells if cell.source.strip()), None)
    if first is None or first.kind != "markdown":
        return None
    match = HEADING.match(first.source.lstrip("\n"))
    return first if match and len(match.group(1)) == 1 else None
