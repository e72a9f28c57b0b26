"""Running part of an app's run again: on the source as it is now, with the parent's results for the rest."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from agi_node.errors import FAILED, AgiError
from agilab.contracts.run_result import RunResult
from agilab.engine.graph import Graph, Policy
from agilab.engine.rerun import Preview, Rerun, preview, refuse_another
from agilab.engine.selection import Selection
from agilab.projects.discover import find_app, remember
from agilab.projects.execution import begin
from agilab.projects.finish import tracking_uri
from agilab.projects.first_events import Beginning, Child
from agilab.projects.machine import cores
from agilab.projects.prepare import PreparedApp, arguments, prepare
from agilab.projects.request import Faces, RunRequest
from agilab.projects.roots import settings_of
from agilab.projects.run import with_roots
from agilab.projects.tasks import app_graph
from agilab.store.rows import RunRow
from agilab.store.store import Store
from agilab.store.workspace import Workspace
from agilab.tracking import Delivery


def preview_rerun(
    name: str, selection: Selection, workspace: Workspace | None = None, faces: Faces = Faces()
) -> Preview:
    """What a rerun would execute, reuse and leave out, and why. Executes and records nothing.

    Raises what `engine.rerun.preview` raises, and AGI-RUN-049 for a run that is not of an app.
    """
    workspace = workspace or Workspace.default()
    with Store(workspace) as store:
        return _planned(store, name, selection, faces, workers=None)[1]


def rerun_app(
    name: str,
    selection: Selection,
    workspace: Workspace | None = None,
    faces: Faces = Faces(),
    *,
    expect: str | None = None,
    workers: int | None = None,
    track: bool = True,
) -> RunResult:
    """Run what the preview says, as a new run with `name` as its parent, and leave its evidence.

    `expect` is the digest of a preview (or its beginning). Raises AGI-RUN-043 where the preview has another one now.
    """
    began = time.monotonic()
    workspace = workspace or Workspace.default()
    with Store(workspace) as store:
        settings = settings_of(workspace)
        uri = tracking_uri(workspace, settings) if track else None
        beginning, shown = _planned(store, name, selection, faces, workers=workers)
        refuse_another(shown, expect)
        remember(beginning.prepared.app, workspace)
        delivery = (
            Delivery.start(uri, workspace.home, experiment=beginning.prepared.app.name) if uri else None
        )
        try:
            return begin(
                replace(beginning, uri=uri),
                store,
                delivery=delivery,
                faces=faces,
                began=began,
                memory=Rerun(store, shown),
            )
        finally:
            if delivery:
                delivery.close()


def _planned(
    store: Store, name: str, selection: Selection, faces: Faces, *, workers: int | None
) -> tuple[Beginning, Preview]:
    parent = store.run(name)
    created = _created(store, parent)
    app = find_app(parent.app, store.workspace)
    count = workers or int(created["workers"])
    prepared = prepare(store, app, offline=False, threads=max(1, cores() // count), say=faces.say)
    # Again through the app's own model: what it takes may have changed since.
    args = arguments(prepared, store, created["args"], faces.note, recorded=True)
    prepared = with_roots(prepared, store.workspace)
    policy = _policy(store, parent, created)
    graph = _graph(prepared, args, bool(created["keep_going"]), policy)
    shown = preview(store, parent.run_id, graph, selection, prepared.codes)
    request = RunRequest(
        app.name,
        args,
        workers=count,
        keep_going=graph.keep_going,
        policy=policy,
        executor=created["executor"],
    )
    return Beginning(request, prepared, args, count, graph, None, child=Child(shown)), shown


def _created(store: Store, parent: RunRow) -> dict[str, Any]:
    created = store.created(parent.run_id)
    if "flow" in created or not created.get("environment_record") or not created.get("source_digest"):
        raise AgiError(
            "AGI-RUN-049",
            f"run {parent.run_id} is not the run of an app",
            found=parent.app,
            allowed="a run of an app; only a flow's own script or notebook has its functions",
            try_=f'there: flow.rerun("{parent.run_id}", failed=True)',
            exit_code=FAILED,
        )
    return created


def _graph(prepared: PreparedApp, args: dict[str, Any], keep_going: bool, policy: Policy) -> Graph:
    return app_graph(
        str(prepared.app.reference),
        prepared.described,
        args,
        prepared.environment.fingerprint,
        keep_going=keep_going,
        policy=policy,
    )


def _policy(store: Store, parent: RunRow, created: Mapping[str, Any]) -> Policy:
    """How the parent's units were tried, where their nodes say nothing of their own."""
    if "policy" in created:
        return Policy(**created["policy"])
    graph = Graph.from_bytes(store.objects.read(parent.plan_digest or ""))
    return next((node.policy for node in graph.nodes if node.name == "work"), Policy())
