"""Going on with a run, and running part of it again, whether it is an app's or a lab's."""

from __future__ import annotations

from agi_node.canonical import untag
from agilab.contracts.run_result import RunResult
from agilab.contracts.subject import kind_of
from agilab.engine.rerun import Preview
from agilab.engine.selection import Selection
from agilab.projects.request import Faces
from agilab.projects.rerun import preview_rerun, rerun_app
from agilab.projects.resume import resume_run
from agilab.store.store import Store
from agilab.store.workspace import Workspace
from agilab.workflow.document.own_runs import lab_of
from agilab.workflow.running.execution import created_of, preview_lab, run_lab
from agilab.workflow.running.request import LabRequest
from agilab.workflow.running.resuming import resume_lab


def resume(
    name: str, workspace: Workspace | None = None, faces: Faces = Faces(), *, workers: int | None = None
) -> RunResult:
    """Go on with an interrupted run. Raises as `resume_run` and `resume_lab` do."""
    workspace = workspace or Workspace.default()
    go_on = resume_lab if _is_of_a_lab(name, workspace) else resume_run
    return go_on(name, workspace, faces, workers=workers)


def preview_of(
    name: str, selection: Selection, workspace: Workspace | None = None, faces: Faces = Faces()
) -> Preview:
    """What a rerun would execute, reuse and leave out, and why. Executes and records nothing."""
    workspace = workspace or Workspace.default()
    if _is_of_a_lab(name, workspace):
        return preview_lab(_request(name, selection, workspace), workspace, faces)
    return preview_rerun(name, selection, workspace, faces)


def rerun(
    name: str,
    selection: Selection,
    workspace: Workspace | None = None,
    faces: Faces = Faces(),
    *,
    expect: str | None = None,
    workers: int | None = None,
    track: bool = True,
) -> RunResult:
    """Run what the preview says, as a new run with `name` as its parent."""
    workspace = workspace or Workspace.default()
    if _is_of_a_lab(name, workspace):
        request = _request(name, selection, workspace, expect=expect, workers=workers, track=track)
        return run_lab(request, workspace, faces)
    return rerun_app(name, selection, workspace, faces, expect=expect, workers=workers, track=track)


def _is_of_a_lab(name: str, workspace: Workspace) -> bool:
    with Store(workspace) as store:
        return kind_of(store.run(name).app)[0] == "lab"


def _request(
    name: str,
    selection: Selection,
    workspace: Workspace,
    *,
    expect: str | None = None,
    workers: int | None = None,
    track: bool = True,
) -> LabRequest:
    with Store(workspace) as store:
        run = store.run(name)
        created = created_of(store, run)
        path = lab_of(store, run)
    return LabRequest(
        path,
        params=untag(created.get("given", {})),
        workers=workers or int(created["workers"]),
        keep_going=bool(created["keep_going"]),
        track=track,
        selection=selection,
        parent=run.run_id,
        executor=created["executor"],
        expect=expect,
    )
