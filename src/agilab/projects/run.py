"""Running an app: from a name and arguments to a run with evidence."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from agi_node.errors import AgiError
from agilab.contracts.run_result import RunResult
from agilab.engine.reuse import Cache
from agilab.projects.assignment import evaluated
from agilab.projects.crew import check_executor
from agilab.projects.discover import find_app, instead, remember
from agilab.projects.distribution import distribute, summary
from agilab.projects.distribution_checks import check_items, check_plan, read_distribution
from agilab.projects.finish import tracking_uri
from agilab.projects.machine import cores
from agilab.projects.prepare import PreparedApp, arguments, prepare
from agilab.projects.roots import forget_roots, roots_of, settings_of
from agilab.projects.tasks import app_graph
from agilab.projects.work_items import ask_for_items
from agilab.store.store import Store
from agilab.store.workspace import Workspace
from agilab.tracking import Delivery

if TYPE_CHECKING:
    from agilab.contracts.distribution import Distribution

from agilab.projects.execution import begin
from agilab.projects.first_events import Beginning
from agilab.projects.request import Faces, RunRequest


def run_app(request: RunRequest, workspace: Workspace | None = None, faces: Faces = Faces()) -> RunResult:
    """Run an app and leave its evidence, also when it fails.

    Raises `AgiError` for what keeps a run from beginning (no such app, no environment, a wrong argument); from then
    on every ending is a `RunResult` with a manifest.
    """
    began = time.monotonic()
    check_executor(request.executor)
    workspace = (workspace or Workspace.default()).ensure()
    app = find_app(request.app, workspace)
    if said := instead(request.app, app):
        faces.note(said)
    settings = settings_of(workspace)
    given = read_distribution(request.distribution, request.workers) if request.distribution else None
    uri = tracking_uri(workspace, settings) if request.track else None
    # The tracking store takes longest to wake, so it is woken first and meets us at the end.
    delivery = Delivery.start(uri, workspace.home, experiment=app.name) if uri else None
    try:
        with Store(workspace) as store:
            workers = request.workers or settings.workers.default or cores()
            workers = len(given.workers) if given else workers
            prepared = prepare(
                store, app, offline=request.offline, threads=max(1, cores() // workers), say=faces.say
            )
            declared: list[str] = []
            args = arguments(prepared, store, request.args, faces.note, declared=declared)
            try:
                prepared = with_roots(prepared, workspace)
                placed = None
                if given or request.placement == "static":
                    faces.say("asking for the items")
                    placed = _distribution(store, prepared, args, workers, given, request)
                    faces.say(f"placed {summary(placed)}")
                remember(app, workspace)
                return _run(request, prepared, args, workers, placed, store, uri, delivery, faces, began)
            except AgiError:
                forget_roots(store, declared)
                raise
    finally:
        if delivery:
            delivery.close()


def _run(
    request: RunRequest,
    prepared: PreparedApp,
    args: dict[str, Any],
    workers: int,
    placed: Distribution | None,
    store: Store,
    uri: str | None,
    delivery: Delivery | None,
    faces: Faces,
    began: float,
) -> RunResult:
    graph = app_graph(
        str(prepared.app.reference),
        prepared.described,
        args,
        prepared.environment.fingerprint,
        keep_going=request.keep_going,
        policy=replace(request.policy, cache=request.cache),
    )
    cached = any(node.policy.cache for node in graph.nodes)
    memory = Cache(store, prepared.app.name, prepared.code_parts) if cached else None
    return begin(
        Beginning(request, prepared, args, workers, graph, uri, placed=placed),
        store,
        delivery=delivery,
        faces=faces,
        began=began,
        memory=memory,
    )


def _distribution(
    store: Store,
    prepared: PreparedApp,
    args: Mapping[str, Any],
    workers: int,
    given: Distribution | None,
    request: RunRequest,
) -> Distribution:
    """Who will do what: as a person gave it, checked against what the app plans now, or worked out.

    The app is asked once more than a dynamic run would ask it, so that nothing is recorded of a run that cannot be.
    """
    where = str(request.distribution)
    if given:
        check_plan(given, prepared, args, where)
    with TemporaryDirectory(prefix="agilab-items-") as folder:
        items = ask_for_items(prepared, args, Path(folder))
    if given is None:
        return distribute(store, prepared, args, items, workers, "static", cores=request.cores_shared)
    check_items(given, [item.key for item in items], where)
    return evaluated(given)


def with_roots(prepared: PreparedApp, workspace: Workspace) -> PreparedApp:
    """The app with the folders behind its data roots, now that arguments may have declared new ones."""
    roots = roots_of(workspace, prepared.app.folder)
    return replace(prepared, roots=roots, spec=replace(prepared.spec, roots=roots))


def manifest_path(workspace: Workspace, run_id: str) -> Path:
    """Where the manifest of a run lies."""
    return workspace.run_folder(run_id) / "run_manifest.json"
