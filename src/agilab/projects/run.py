"""Running an app: from a name and arguments to a run with evidence."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from agi_node.canonical import canonical
from agilab.contracts.identifiers import new_run_id
from agilab.contracts.run_result import RunResult
from agilab.contracts.uri import public_uri
from agilab.engine.coordinator import Coordinator, Observer
from agilab.engine.expansion import MAX_UNITS_PER_RUN
from agilab.engine.graph import Graph, Policy
from agilab.engine.local import LocalExecutor
from agilab.envs import Environment, hold
from agilab.envs.worker_process import WorkerSpec
from agilab.projects.arguments import flag
from agilab.projects.discover import AppProject, find_app, remember
from agilab.projects.finish import finish, tracking_uri
from agilab.projects.inputs import FileDigests
from agilab.projects.machine import cores, workbench
from agilab.projects.prepare import PreparedApp, arguments, prepare
from agilab.projects.roots import roots_of, settings_of
from agilab.projects.tasks import AppTasks, app_graph
from agilab.store.locks import RunLock
from agilab.store.store import Store
from agilab.store.workspace import Workspace
from agilab.tracking import Delivery, patience


@dataclass(frozen=True)
class RunRequest:
    """What a person asked for.

    Attributes:
        app: Name or path.
        args: Arguments by name, as texts or plain values.
        workers: Processes at work; None takes the settings' number, or one for each core.
        keep_going: Whether other units go on after one failed for good.
        offline: Whether the network may be used to make an environment.
        track: Whether the run is remembered in MLflow.
    """

    app: str
    args: Mapping[str, Any] = field(default_factory=dict)
    workers: int | None = None
    keep_going: bool = False
    offline: bool = False
    track: bool = True
    policy: Policy = Policy()


@dataclass(frozen=True)
class Faces:
    """How a run shows itself to whoever watches; each may be left as it is.

    Attributes:
        say: Told in a few words what begins now.
        note: Told what a person should know afterwards.
        observe: Called for every turn of the coordinator's loop.
    """

    say: Callable[[str], None] = lambda text: None
    note: Callable[[str], None] = lambda text: None
    observe: Observer | None = None


def run_app(request: RunRequest, workspace: Workspace | None = None, faces: Faces = Faces()) -> RunResult:
    """Run an app and leave its evidence, also when it fails.

    Raises `AgiError` for what keeps a run from beginning (no such app, no environment, a wrong argument); from then
    on every ending is a `RunResult` with a manifest.
    """
    began = time.monotonic()
    workspace = (workspace or Workspace.default()).ensure()
    app = find_app(request.app, workspace)
    settings = settings_of(workspace)
    uri = tracking_uri(workspace, settings) if request.track else None
    # The tracking store takes longest to wake, so it is woken first and meets us at the end.
    delivery = Delivery.start(uri, workspace.home, experiment=app.name) if uri else None
    try:
        with Store(workspace) as store:
            workers = request.workers or settings.workers.default or cores()
            prepared = prepare(
                store, app, offline=request.offline, threads=max(1, cores() // workers), say=faces.say
            )
            args = arguments(prepared, store, request.args, faces.note)
            prepared = _with_roots(prepared, workspace)
            remember(app, workspace)
            return _run(request, prepared, args, workers, store, uri, delivery, faces, began)
    finally:
        if delivery:
            delivery.close()


def _run(
    request: RunRequest,
    prepared: PreparedApp,
    args: dict[str, Any],
    workers: int,
    store: Store,
    uri: str | None,
    delivery: Delivery | None,
    faces: Faces,
    began: float,
) -> RunResult:
    app, environment = prepared.app, prepared.environment.fingerprint
    run_id = new_run_id(app.name.removesuffix("_project"))
    graph = app_graph(
        str(app.reference),
        prepared.nodes,
        args,
        environment,
        keep_going=request.keep_going,
        policy=request.policy,
    )

    def record() -> None:
        _record(store, run_id, request, prepared, args, workers, graph, uri)

    return carry_out(
        store,
        run_id,
        graph,
        prepared.spec,
        prepared.environment,
        workers=workers,
        delivery=delivery,
        patience_s=patience(uri) if uri else 0.0,
        faces=faces,
        began=began,
        record=record,
    )


def carry_out(
    store: Store,
    run_id: str,
    graph: Graph,
    spec: WorkerSpec,
    environment: Environment,
    *,
    workers: int,
    delivery: Delivery | None,
    patience_s: float,
    faces: Faces,
    began: float,
    record: Callable[[], None] | None = None,
    written_by: str = "coordinator",
) -> RunResult:
    """Own a run, take it to its end, and write what it leaves. What its log already holds is not done again.

    `record` writes the first events of a new run; `began` is when its caller started, by the monotonic clock.
    """
    folder = store.workspace.run_folder(run_id)
    with RunLock(folder), hold(environment):
        executor = LocalExecutor({environment.fingerprint: spec}, workers=workers, logs=folder / "logs")
        digests = FileDigests(store.workspace.cache)
        try:
            if record:
                # The workers import while the run is written down and the graph is made.
                executor.start()
                record()
            tasks = AppTasks(store, run_id, spec.roots, digests, max_units=MAX_UNITS_PER_RUN)
            Coordinator(store, run_id, graph, tasks, executor, observer=faces.observe).execute()
            executor.dismiss()
            return finish(
                store,
                run_id,
                delivery=delivery,
                patience_s=patience_s,
                seconds=lambda: time.monotonic() - began,
                written_by=written_by,
            )
        finally:
            executor.close()
            digests.close()


def _record(
    store: Store,
    run_id: str,
    request: RunRequest,
    prepared: PreparedApp,
    args: dict[str, Any],
    workers: int,
    graph: Graph,
    uri: str | None,
) -> None:
    """The first two events: what this run is, and what it will do."""
    log = store.log(run_id)
    source = prepared.source_record()
    log.append(
        "run_created",
        app=prepared.app.name,
        source=source,
        source_digest=prepared.snapshot.digest,
        args=args,
        environment=prepared.environment.fingerprint,
        environment_record=prepared.environment_record(),
        workbench=workbench(),
        executor="local",
        workers=workers,
        keep_going=request.keep_going,
        tracking_uri=public_uri(uri, {"workspace": store.workspace.home}) if uri else None,
        replay={"command": _command(prepared.app, args, request), "needs": _needs(args)},
    )
    store.objects.put(canonical(graph.to_plain()))
    log.append(
        "plan_recorded",
        plan_digest=graph.digest,
        nodes=[{"name": node.name, "target": node.target} for node in graph.nodes],
    )
    log.flush(durable=True)


def _with_roots(prepared: PreparedApp, workspace: Workspace) -> PreparedApp:
    roots = roots_of(workspace, prepared.app.folder)
    return replace(prepared, roots=roots, spec=replace(prepared.spec, roots=roots))


def _command(app: AppProject, args: Mapping[str, Any], request: RunRequest) -> str:
    words = ["agilab", "run", app.name]
    for name, value in args.items():
        words += [f"--{flag(name)}", value if isinstance(value, str) else json.dumps(value)]
    if request.keep_going:
        words.append("--keep-going")
    return shlex.join(words)


def _needs(args: Mapping[str, Any]) -> list[str]:
    """Data roots that the arguments speak of."""
    found = []
    for value in args.values():
        name, colon, _ = value.partition(":") if isinstance(value, str) else ("", "", "")
        if (
            colon
            and name.replace("-", "").replace("_", "").isalnum()
            and name not in ("app", "run", "workspace")
        ):
            found.append(f"data root {name}")
    return found


def manifest_path(workspace: Workspace, run_id: str) -> Path:
    """Where the manifest of a run lies."""
    return workspace.run_folder(run_id) / "run_manifest.json"
