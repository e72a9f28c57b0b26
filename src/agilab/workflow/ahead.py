"""A look ahead: whether one of the stages that are about to run cannot work, as far as reading tells."""

from __future__ import annotations

import shlex
from pathlib import Path

from agi_node.errors import FAILED, AgiError
from agilab.engine.selection import Selection
from agilab.store.workspace import Workspace
from agilab.workflow.document.lab_folder import exists
from agilab.workflow.document.locate import LabFile
from agilab.workflow.document.resolve import resolve
from agilab.workflow.judging.validate import validate

SHOWN = 3
"""Lines that an error is shown with."""


def refuse_hopeless(path: Path, workspace: Workspace, selection: Selection | None = None) -> None:
    """Raise AGI-STAGE-053 where an error of `validate` is about a stage that would run; nothing has begun then.

    Which those are is told by names alone: one stage, a stage and all that comes after it, or any. What keeps a
    document from being read is left to whoever reads it next.
    """
    judged = validate(path, workspace)
    if judged.file is None:
        return
    meant = _meant(judged.file, selection)
    errors = [one for one in judged.findings if one.severity == "error" and one.stage in meant]
    if not errors:
        return
    more = len(errors) - SHOWN + 1 if len(errors) > SHOWN else 0
    said = [f"{one.location} {one.code}: {one.what}" for one in errors[: len(errors) - more]]
    raise AgiError(
        "AGI-STAGE-053",
        f"{path.name} has stages that cannot work, and nothing was begun",
        found="\n".join([*said, *([f"and {more} more"] if more else [])]),
        allowed="stages without an error, or --anyway, which runs them as they are",
        try_=f"agilab workflow validate {shlex.quote(str(path))}",
        whose="author",
        exit_code=FAILED,
    )


def _meant(file: LabFile, selection: Selection | None) -> set[str]:
    """The stages that a run with this selection may execute."""
    resolved = resolve(file.lab, exists=lambda name: exists(file.folder, name))
    start = selection.from_node if selection is not None else None
    if start is None or start not in resolved.stages:
        return set(resolved.stages)
    found = {start}
    waiting = [start] if selection is not None and selection.downstream else []
    while waiting:
        new = set(resolved.users[waiting.pop()]) - found
        found |= new
        waiting += new
    return found
