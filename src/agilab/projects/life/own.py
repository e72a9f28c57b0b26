"""Whose an app is, and who works with it: what has to be settled before an app is changed or taken away."""

from __future__ import annotations

from agi_node.errors import FAILED, AgiError
from agilab.projects.discover import AppProject
from agilab.store.locks import has_owner
from agilab.store.store import Store
from agilab.store.workspace import Workspace


def refuse_built_in(app: AppProject, verb: str) -> None:
    """Raise AGI-APP-124 for an app that came with AGILab: the next upgrade would undo what is done to it."""
    if app.built_in:
        short = app.name.removesuffix("_project")
        raise AgiError(
            "AGI-APP-124",
            f"{app.name} came with AGILab, and is not {verb}",
            found="a built-in app",
            allowed="an app of your own, such as a clone of it",
            try_=f"agilab app new my_{short} --clone {short}",
        )


def refuse_live(app: AppProject, workspace: Workspace, verb: str) -> None:
    """Raise AGI-APP-125 while a process is at a run of this app."""
    live = [run for run in _unfinished(app, workspace) if has_owner(workspace.run_folder(run))]
    if live:
        raise AgiError(
            "AGI-APP-125",
            f"{app.name} is not {verb} while it runs",
            found=", ".join(live[:3]) + (f" and {len(live) - 3} more" if len(live) > 3 else ""),
            allowed="an app with no live run",
            try_=f"agilab runs cancel {live[0]}",
            exit_code=FAILED,
        )


def interrupted(app: AppProject, workspace: Workspace) -> list[str]:
    """Runs of this app that were cut off and that nobody took over: going on with one needs the app by its name."""
    return [run for run in _unfinished(app, workspace) if not has_owner(workspace.run_folder(run))]


def runs_of(app: AppProject, workspace: Workspace) -> int:
    """How many runs the workspace has of this app."""
    if not workspace.db.exists():
        return 0
    with Store(workspace, readonly=True) as store:
        return int(store.db.execute("SELECT count(*) FROM run WHERE app=?", (app.name,)).fetchone()[0])


def _unfinished(app: AppProject, workspace: Workspace) -> list[str]:
    if not workspace.db.exists():
        return []
    with Store(workspace, readonly=True) as store:
        rows = store.db.execute("SELECT run_id FROM run WHERE app=? AND state='running'", (app.name,))
        return [str(row[0]) for row in rows]
