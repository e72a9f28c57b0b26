"""A lab as one ordinary notebook with one kernel, where nothing keeps its stages apart (`workflow.union` says)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import PurePosixPath
from typing import Any

from agilab.contracts.lab_stages import LabStages, Stage, is_file
from agilab.notebooks.metadata import from_toml
from agilab.notebooks.supervisor.export import (
    KEY,
    PLAIN_METADATA,
    heading,
    is_other_kernel,
    params_code,
    plain_cell,
    stage_text,
)

SCHEMA = "agilab.lab_single_kernel.v1"


def single_kernel(document: LabStages, codes: Mapping[str, str], order: Sequence[str]) -> dict[str, Any]:
    """The stages' code, one cell each, in the order in which they run; `codes` are their texts by stage.

    The cells share one namespace and the notebook's own folder, into which they write.
    """
    lab = document.lab
    by_id = {stage.id: stage for stage in document.stages}
    texts = [stage for stage in document.stages if stage.id not in order]
    cells = [plain_cell("markdown", "lab-text", heading(lab.title or "A lab", lab.description, level=1))]
    cells += [plain_cell("code", "lab-folders", folders) for folders in _folders(document) if folders]
    if lab.params:
        cells.append(plain_cell("code", "lab-params", params_code(lab.params), tags=["parameters"]))
    for name in order:
        stage = by_id[name]
        cells.append(plain_cell("markdown", f"{name[:58]}-text", stage_text(stage)))
        cells.append(plain_cell("code", name, codes[name].strip("\n")))
    cells += [plain_cell("markdown", f"{stage.id[:58]}-text", stage_text(stage)) for stage in texts]
    theirs = from_toml(lab.notebook)
    if is_other_kernel(theirs):
        theirs = {name: value for name, value in theirs.items() if name not in PLAIN_METADATA}
    metadata = {**deepcopy(PLAIN_METADATA), **theirs, KEY: {"schema": SCHEMA}}
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


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
