"""Running an app: from a name and arguments to a run with evidence."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal

from agi_node.canonical import canonical
from agi_node.errors import USAGE, AgiError
from agilab.contracts.base import write_document
from agilab.contracts.identifiers import new_run_id
from agilab.contracts.run_result import RunResult
from agilab.contracts.uri import public_uri
from agilab.engine.coordinator import Coordinator, Observer
from agilab.engine.expansion import MAX_UNITS_PER_RUN
from agilab.engine.graph import Graph, Policy
from agilab.engine.local import LocalExecutor
from agilab.engine.rerun import Preview, recorded
from agilab.engine.reuse import Cache, Memory
from agilab.envs import Environment, hold
from agilab.envs.worker_process import WorkerSpec
from agilab.projects.arguments import flag
from agilab.projects.discover import AppProject, find_app, remember
from agilab.projects.distribution import (
    check_items,
    check_plan,
    distribute,
    evaluated,
    keep,
    kept,
    pins,
    read_distribution,
    summary,
)
from agilab.projects.finish import finish, tracking_uri
from agilab.projects.inputs import FileDigests
from agilab.projects.machine import cores, workbench
from agilab.projects.prepare import PreparedApp, arguments, prepare
from agilab.projects.roots import roots_of, settings_of
from agilab.projects.tasks import AppTasks, app_graph
from agilab.projects.work_items import ask_for_items
from agilab.store.locks import RunLock
from agilab.store.store import Store
from agilab.store.workspace import Workspace
from agilab.tracking import Delivery, patience

if TYPE_CHECKING:
    from agilab.contracts.distribution import Distribution
    from agilab.engine.dask import DaskExecutor

_THE_DISTRIBUTION = "the distribution.json that is kept with the run"


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
        placement: `static` gives each item to a worker before the run; with `dynamic` idle workers take the next one.
        distribution: A file that says which worker gets which item; static then, with its workers.
        executor: `local`, `dask` for a cluster on this machine, or `dask:ADDRESS` of a running scheduler.
        cache: Whether results of earlier runs are used again where code, arguments, inputs and environment are equal.
    """

    app: str
    args: Mapping[str, Any] = field(default_factory=dict)
    workers: int | None = None
    keep_going: bool = False
    offline: bool = False
    track: bool = True
    policy: Policy = Policy()
    placement: Literal["static", "dynamic"] = "dynamic"
    distribution: Path | None = None
    executor: str = "local"
    cache: bool = False


@dataclass(frozen=True)
class Child:
    """What makes a run the rerun of another one.

    Attributes:
        shown: The preview that it follows.
    """

    shown: Preview


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
            args = arguments(prepared, store, request.args, faces.note)
            prepared = with_roots(prepared, workspace)
            placed = None
            if given or request.placement == "static":
                faces.say("asking for the items")
                placed = _distribution(store, prepared, args, workers, given, str(request.distribution))
                faces.say(f"placed {summary(placed)}")
            remember(app, workspace)
            return _run(request, prepared, args, workers, placed, store, uri, delivery, faces, began)
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
        prepared.nodes,
        args,
        prepared.environment.fingerprint,
        keep_going=request.keep_going,
        policy=replace(request.policy, cache=request.cache),
    )
    memory = Cache(store, prepared.app.name, prepared.code_parts) if request.cache else None
    return begin(
        Beginning(request, prepared, args, workers, graph, uri, placed=placed),
        store,
        delivery=delivery,
        faces=faces,
        began=began,
        memory=memory,
    )


@dataclass(frozen=True)
class Beginning:
    """All that the first events of a run say: what it is, and what it will do."""

    request: RunRequest
    prepared: PreparedApp
    args: Mapping[str, Any]
    workers: int
    graph: Graph
    uri: str | None
    placed: Distribution | None = None
    child: Child | None = None


def begin(
    beginning: Beginning,
    store: Store,
    *,
    delivery: Delivery | None,
    faces: Faces,
    began: float,
    memory: Memory | None = None,
) -> RunResult:
    """Record a new run, own it, and carry it out."""
    prepared = beginning.prepared
    run_id = new_run_id(prepared.app.name.removesuffix("_project"))
    return carry_out(
        store,
        run_id,
        beginning.graph,
        prepared.spec,
        prepared.environment,
        workers=beginning.workers,
        executor=beginning.request.executor,
        codes=prepared.codes,
        memory=memory,
        delivery=delivery,
        patience_s=patience(beginning.uri) if beginning.uri else 0.0,
        faces=faces,
        began=began,
        record=lambda: _record(store, run_id, beginning),
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
    executor: str = "local",
    codes: Mapping[str, str] | None = None,
    memory: Memory | None = None,
    record: Callable[[], None] | None = None,
    written_by: str = "coordinator",
) -> RunResult:
    """Own a run, take it to its end, and write what it leaves. What its log already holds is not done again.

    `record` writes the first events of a new run; `began` is when its caller started, by the monotonic clock.
    """
    folder = store.workspace.run_folder(run_id)
    with RunLock(folder), hold(environment):
        crew = _crew(executor, {environment.fingerprint: spec}, workers, folder / "logs", store.objects.root)
        digests = FileDigests(store.workspace.cache)
        try:
            if record:
                # The workers import while the run is written down and the graph is made.
                crew.start()
                record()
            placed = kept(store, run_id)
            if placed:
                write_document(folder / "distribution.json", placed)
            tasks = AppTasks(
                store,
                run_id,
                spec.roots,
                digests,
                max_units=MAX_UNITS_PER_RUN,
                check_keys=partial(check_items, placed, where="the distribution of this run")
                if placed
                else None,
            )
            Coordinator(
                store,
                run_id,
                graph,
                tasks,
                crew,
                observer=faces.observe,
                placement=pins(placed, workers),
                codes=codes,
                memory=memory,
            ).execute()
            crew.dismiss()
            return finish(
                store,
                run_id,
                delivery=delivery,
                patience_s=patience_s,
                seconds=lambda: time.monotonic() - began,
                written_by=written_by,
            )
        finally:
            crew.close()
            digests.close()


def _crew(
    executor: str, specs: Mapping[str, WorkerSpec], workers: int, logs: Path, objects: Path
) -> LocalExecutor | DaskExecutor:
    """The executor that a name means; `objects` is what every host must see. Raises AGI-RUN-048 for an unknown name."""
    kind, _, address = executor.partition(":")
    if kind == "local" and not address:
        return LocalExecutor(specs, workers=workers, logs=logs)
    if kind == "dask":
        from agilab.engine.dask import DaskExecutor

        return DaskExecutor(specs, workers=workers, logs=logs, address=address or None, shared=[objects])
    raise AgiError(
        "AGI-RUN-048",
        "there is no executor of that name",
        found=executor,
        allowed="local, dask, or dask:ADDRESS of a running scheduler (dask:tcp://host:8786)",
        exit_code=USAGE,
    )


def _record(store: Store, run_id: str, beginning: Beginning) -> None:
    """The first two events: what this run is, and what it will do."""
    request, prepared, args, graph = beginning.request, beginning.prepared, beginning.args, beginning.graph
    placed, child, uri = beginning.placed, beginning.child, beginning.uri
    log = store.log(run_id)
    log.append(
        "run_created",
        app=prepared.app.name,
        source=prepared.source_record(),
        source_digest=prepared.snapshot.digest,
        args=dict(args),
        environment=prepared.environment.fingerprint,
        environment_record=prepared.environment_record(),
        workbench=workbench(),
        executor=request.executor.partition(":")[0],
        workers=beginning.workers,
        keep_going=graph.keep_going,
        cache=request.cache,
        codes=prepared.codes,
        codes_digest=store.objects.put(canonical(prepared.code_parts)),
        placement="static" if placed else "dynamic",
        **({"distribution_digest": keep(store, placed)} if placed else {}),
        **(recorded(store, child.shown) if child else {}),
        tracking_uri=public_uri(uri, {"workspace": store.workspace.home}) if uri else None,
        replay={
            "command": _command(prepared.app, args, request),
            "needs": _needs(args) + ([_THE_DISTRIBUTION] if request.distribution else []),
        },
    )
    store.objects.put(graph.to_bytes())
    log.append(
        "plan_recorded",
        plan_digest=graph.digest,
        nodes=[{"name": node.name, "target": node.target} for node in graph.nodes],
    )
    log.flush(durable=True)


def _distribution(
    store: Store,
    prepared: PreparedApp,
    args: Mapping[str, Any],
    workers: int,
    given: Distribution | None,
    where: str,
) -> Distribution:
    """Who will do what: as a person gave it, checked against what the app plans now, or worked out.

    The app is asked once more than a dynamic run would ask it, so that nothing is recorded of a run that cannot be.
    """
    if given:
        check_plan(given, prepared, args, where)
    with TemporaryDirectory(prefix="agilab-items-") as folder:
        items = ask_for_items(prepared, args, Path(folder))
    if given is None:
        return distribute(store, prepared, args, items, workers, "static")
    check_items(given, [item.key for item in items], where)
    return evaluated(given)


def with_roots(prepared: PreparedApp, workspace: Workspace) -> PreparedApp:
    """The app with the folders behind its data roots, now that arguments may have declared new ones."""
    roots = roots_of(workspace, prepared.app.folder)
    return replace(prepared, roots=roots, spec=replace(prepared.spec, roots=roots))


def _command(app: AppProject, args: Mapping[str, Any], request: RunRequest) -> str:
    words = ["agilab", "run", app.name]
    for name, value in args.items():
        words += [f"--{flag(name)}", value if isinstance(value, str) else json.dumps(value)]
    if request.keep_going:
        words.append("--keep-going")
    if request.distribution:
        words += ["--plan", "distribution.json"]
    elif request.placement == "static":
        words += ["--placement", "static"]
    if request.executor != "local":
        words += ["--executor", request.executor.partition(":")[0]]
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
