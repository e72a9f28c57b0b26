"""A look ahead: whether one of the stages that are about to run cannot work, as far as reading tells."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from agi_node.errors import FAILED, AgiError
from agilab.contracts.subject import kind_of
from agilab.engine.selection import Selection
from agilab.store.store import Store
from agilab.store.workspace import Workspace
from agilab.workflow.document.lab_folder import exists
from agilab.workflow.document.locate import LabFile
from agilab.workflow.document.own_runs import lab_of
from agilab.workflow.document.resolve import resolve
from agilab.workflow.judging.findings import Finding
from agilab.workflow.judging.validate import validate

SHOWN = 3
"""Lines that an error is shown with."""


def refuse_hopeless(path: Path, workspace: Workspace, selection: Selection | None = None) -> None:
    """Raise AGI-STAGE-053 where an error of `validate` is about a stage that would run; nothing has begun then.

    Which those are is told by names alone: some stages, these and all that comes after them, or any. What keeps a
    document from being read is left to whoever reads it next.
    """
    errors = errors_ahead(path, workspace, selection)
    if not errors:
        return
    raise AgiError(
        "AGI-STAGE-053",
        f"{path.name} has stages that cannot work, and nothing was begun",
        found="\n".join(said_of(errors)),
        allowed="stages without an error, or --anyway, which runs them as they are",
        try_=f"agilab workflow validate {shlex.quote(str(path))}",
        whose="author",
        exit_code=FAILED,
    )


def errors_ahead(path: Path, workspace: Workspace, selection: Selection | None = None) -> list[Finding]:
    """The errors of `validate` for which `refuse_hopeless` refuses a run."""
    judged = validate(path, workspace)
    if judged.file is None:
        return []
    meant = _meant(judged.file, selection)
    return [one for one in judged.findings if one.severity == "error" and one.stage in meant]


def said_of(errors: Sequence[Finding]) -> list[str]:
    """Errors in at most `SHOWN` lines."""
    more = len(errors) - SHOWN + 1 if len(errors) > SHOWN else 0
    said = [f"{one.location} {one.code}: {one.what}" for one in errors[: len(errors) - more]]
    return [*said, *([f"and {more} more"] if more else [])]


def refuse_hopeless_rerun(run: str, workspace: Workspace, selection: Selection) -> None:
    """Raise as `refuse_hopeless` where a run is of a lab, for what a rerun of it would execute.

    Raises what `Store.run` raises, and AGI-STAGE-036 for a lab that is not where it was.
    """
    with Store(workspace, readonly=True) as store:
        row = store.run(run)
        if kind_of(row.app)[0] != "lab":
            return
        path = lab_of(store, row)
    refuse_hopeless(path, workspace, selection)


def _starts(selection: Selection | None) -> set[str]:
    """The stages with which a run begins, by what was asked for; none where any may run."""
    if selection is None:
        return set()
    named = [*selection.nodes, *selection.units]
    if "node" in selection.where:
        named.append(selection.where["node"])
    return {name.partition("[")[0].partition("/")[0] for name in named}


def _meant(file: LabFile, selection: Selection | None) -> set[str]:
    """The stages that a run with this selection may execute."""
    resolved = resolve(file.lab, exists=lambda name: exists(file.folder, name))
    starts = _starts(selection)
    if not starts or not starts <= resolved.stages.keys():
        return set(resolved.stages)
    found = set(starts)
    waiting = [*starts] if selection is not None and selection.downstream else []
    while waiting:
        new = set(resolved.users[waiting.pop()]) - found
        found |= new
        waiting += new
    return found
