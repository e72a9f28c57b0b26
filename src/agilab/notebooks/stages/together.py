"""Notebooks of any languages as one pipeline: Python by its data flow, the others as they are, with their metadata."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from agilab.contracts.lab_stages import Lab, LabStages, Stage
from agilab.notebooks.document.attachments import attached, names_apart
from agilab.notebooks.document.cells import Notebook
from agilab.notebooks.document.metadata import KEPT, for_toml
from agilab.notebooks.flow.groups import Per
from agilab.notebooks.inspecting import MODE, Inspection
from agilab.notebooks.keeping import with_cells_kept
from agilab.notebooks.stages import foreign
from agilab.notebooks.stages.staging import Staged, stage_notebooks


def stage_together(inspections: Sequence[Inspection], *, per: Per = "flow") -> Staged:
    """`stage_notebooks`, also without Python: notebooks of other languages stand first if named first, else last."""
    apart = names_apart([one.notebook for one in inspections])
    inspections = [replace(one, notebook=book) for one, book in zip(inspections, apart, strict=True)]
    python = [one for one in inspections if not foreign.is_foreign(one)]
    staged = stage_notebooks(python, per=per) if python else Staged(LabStages(), {"notebooks": []})
    taken = {stage.id for stage in staged.lab.stages}
    before: list[tuple[Inspection, list[Stage]]] = []
    after: list[tuple[Inspection, list[Stage]]] = []
    for one in inspections:
        if foreign.is_foreign(one):
            place = after if python and inspections.index(one) > inspections.index(python[0]) else before
            place.append((one, with_cells_kept(foreign.foreign_stages(one, taken), one.parsed)))
    own = list(staged.lab.stages)
    for one in python:
        name = one.notebook.name or "notebook"
        theirs = [stage for stage in own if stage.origin is not None and stage.origin.notebook == name]
        kept = {stage.id: stage for stage in with_cells_kept(theirs, one.parsed)}
        own = [kept.get(stage.id, stage) for stage in own]
    stages = [
        *(stage for _, stages in before for stage in stages),
        *own,
        *(stage for _, stages in after for stage in stages),
    ]
    reports = [
        *(foreign.foreign_report(*pair) for pair in before),
        *staged.report["notebooks"],
        *(foreign.foreign_report(*pair) for pair in after),
    ]
    lab = _lab(staged.lab.lab, [one for one, _ in before], [one for one, _ in after])
    by_name = {one.notebook.name or "notebook": one.notebook for one in inspections}
    lab = _with_metadata(lab, [by_name[one["notebook"]] for one in reports])
    report = {**staged.report, "mode": MODE, "stages": len(stages), "notebooks": reports}
    found = attached(LabStages(lab=lab, stages=tuple(stages)), apart)
    return Staged(found.document, report, staged.findings, found.files)


def _lab(lab: Lab, before: Sequence[Inspection], after: Sequence[Inspection]) -> Lab:
    """What is said of all: the first title, and what each says of itself, below its title from the second on."""
    said = [(foreign.title_of(one.notebook), foreign.words_of(one.notebook)) for one in before]
    said += [(lab.title, lab.description)]
    said += [(foreign.title_of(one.notebook), foreign.words_of(one.notebook)) for one in after]
    title = next((title for title, _ in said if title), "")
    parts = [
        f"## {heading}\n\n{words}" if heading and heading != title else words
        for heading, words in said
        if words
    ]
    return lab.with_changes(title=title, description="\n\n".join(parts))


def _with_metadata(lab: Lab, notebooks: Sequence[Notebook]) -> Lab:
    """The metadata of one notebook is the lab's; of several it is kept by notebook."""
    if len(notebooks) == 1:
        return lab.with_changes(notebook=for_toml(notebooks[0].metadata))
    kept: dict[str, Any] = {
        one.name or "notebook": for_toml(one.metadata) for one in notebooks if one.metadata
    }
    extra = {**lab.extra, KEPT: kept} if kept else dict(lab.extra)
    return lab.with_changes(notebook={}, extra=extra)
