"""A lab as one ordinary notebook with one kernel, where nothing keeps its stages apart (`workflow.union` says)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import PurePosixPath
from typing import Any

from agilab.contracts.lab_stages import LabStages, Stage, is_file
from agilab.notebooks.document.metadata import from_toml
from agilab.notebooks.document.titles import unused
from agilab.notebooks.keeping import LEFT_OUT, RAW
from agilab.notebooks.supervisor.assignments import written
from agilab.notebooks.supervisor.export import plain_cell, showing
from agilab.notebooks.supervisor.headings import heading, stage_text
from agilab.notebooks.supervisor.kernel import KEY, PLAIN_METADATA, is_other_kernel

SCHEMA = "agilab.lab_single_kernel.v1"


def single_kernel(
    document: LabStages,
    codes: Mapping[str, str],
    order: Sequence[str],
    pictures: Mapping[str, bytes] | None = None,
) -> dict[str, Any]:
    """The stages' code, one cell each, in the order in which they run; `codes` are their texts by stage.

    The cells share one namespace and the notebook's own folder, into which they write. Cells that are not run in a lab
    (`%%R`, `%%html`, `%load_ext`, raw text) stand where they stood, letter for letter. `pictures` are files by path.
    """
    lab = document.lab
    shown = pictures or {}
    head = plain_cell("markdown", "lab-text", heading(lab.title or "A lab", lab.description, level=1))
    cells = [showing(head, lab, shown)]
    cells += [plain_cell("code", "lab-folders", folders) for folders in _folders(document) if folders]
    if lab.params:
        cells.append(plain_cell("code", "lab-params", written(lab.params), tags=["parameters"]))
    for stage in _with_texts(document, order):
        cells.append(
            showing(plain_cell("markdown", f"{stage.id[:58]}-text", stage_text(stage)), stage, shown)
        )
        cells += [plain_cell("code", name, text) for name, text in _kept(stage, LEFT_OUT)]
        cells += [plain_cell("raw", name, text) for name, text in _kept(stage, RAW)]
        if stage.id in codes:
            cells.append(plain_cell("code", stage.id, codes[stage.id].strip("\n")))
        elif stage.code is not None and "language" in stage.extra:
            kind = "code" if is_magic(stage) else "raw"  # without a magic Python would run it
            cells.append(plain_cell(kind, stage.id, stage.code))
    _name_apart(cells)
    theirs = from_toml(lab.notebook)
    if is_other_kernel(theirs):
        theirs = {name: value for name, value in theirs.items() if name not in PLAIN_METADATA}
    metadata = {**deepcopy(PLAIN_METADATA), **theirs, KEY: {"schema": SCHEMA}}
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def is_magic(stage: Stage) -> bool:
    """Whether a stage is the text of a cell that says by a magic what it is written in: IPython knows what to do."""
    return stage.kind == "none" and (stage.code or "").lstrip().startswith("%%")


def _with_texts(document: LabStages, order: Sequence[str]) -> list[Stage]:
    """The stages in the order in which they run, and each that is not run behind the one that it stands below."""
    names = list(order)
    above = -1
    for stage in document.stages:
        if stage.id in order:
            above = names.index(stage.id)
        else:
            above += 1
            names.insert(above, stage.id)
    by_id = {stage.id: stage for stage in document.stages}
    return [by_id[name] for name in names]


def _name_apart(cells: Sequence[dict[str, Any]]) -> None:
    """Give every cell an id of its own, as nbformat wants it: those of the notebook may be those of stages."""
    taken: set[str] = set()
    for cell in cells:
        cell["id"] = unused(re.sub(r"[^A-Za-z0-9_-]", "-", cell["id"])[:56], taken)
        taken.add(cell["id"])


def _kept(stage: Stage, key: str) -> list[tuple[str, str]]:
    """Cells that a stage keeps aside, by id."""
    said = stage.extra.get(key)
    return [(str(name), str(text)) for name, text in said.items()] if isinstance(said, Mapping) else []


def _folders(document: LabStages) -> list[str]:
    """A cell that makes the folders that stages write into, and gives what the code may call."""
    folders = {str(PurePosixPath(name).parent) for stage in document.stages for name in _files(stage)} - {"."}
    uses_run = any("run." in (stage.code or "") for stage in document.stages)
    lines = []
    if uses_run:
        lines += ["from agi_node import RunContext", "", 'run = RunContext.local(".run")']
    if folders:
        lines += ["from pathlib import Path", ""]
        lines += [f"Path({folder!r}).mkdir(parents=True, exist_ok=True)" for folder in sorted(folders)]
    return ["\n".join(lines)]


def _files(stage: Stage) -> list[str]:
    return [name for name in stage.outputs if is_file(name)] if stage.enabled else []
