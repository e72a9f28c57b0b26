"""Running a lab: from its document to a recorded run with evidence, and from an interrupted run to its end."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from agi_node.canonical import canonical
from agi_node.errors import FAILED, AgiError
from agilab.contracts.atomic import write_atomically
from agilab.contracts.identifiers import new_run_id
from agilab.contracts.lab_stages import LabStages
from agilab.contracts.run_result import RunResult
from agilab.contracts.uri import public_uri
from agilab.engine.coordinator import Coordinator
from agilab.engine.graph import Graph
from agilab.engine.rerun import Preview, Rerun, preview, recorded, refuse_another
from agilab.engine.reuse import Cache, Memory
from agilab.engine.selection import Selection
from agilab.envs import Environment, hold
from agilab.envs.worker_process import WorkerSpec
from agilab.projects.discover import remember
from agilab.projects.execution import Faces, crew_of
from agilab.projects.finish import finish, tracking_uri
from agilab.projects.inputs import FileDigests
from agilab.projects.machine import cores, workbench
from agilab.projects.prepare import environment_record
from agilab.projects.roots import settings_of
from agilab.store.locks import RunLock
from agilab.store.rows import RunRow
from agilab.store.store import Store
from agilab.store.workspace import Workspace
from agilab.tracking import Delivery, patience
from agilab.workflow.document.known import remember_lab
from agilab.workflow.document.locate import FILE
from agilab.workflow.running.graph import lab_graph
from agilab.workflow.running.prepare import Lab, PreparedLab, lab_from, prepare_lab, read_lab
from agilab.workflow.running.tasks import StageTasks
from agilab.workflow.running.write_back import write_back


@dataclass(frozen=True)
class LabRequest:
    """What a person asked for.

    Attributes:
        path: The `lab_stages.toml`.
        params: Replacements of `lab.params`.
        workers: Processes at work; None takes the settings' number, or one for each core.
        cache: Whether every stage may use results of earlier runs, not only those that say so.
        selection: What of an earlier run is run again; None runs everything.
        parent: That run; None is the lab's last one.
        executor: `local`, `dask`, or `dask:ADDRESS`.
        write_back: Whether each stage's `last_run` is written into the document.
        expect: The digest of the preview that was shown, or its beginning.
        document: What is run in place of what the file says, as a notebook has it.
        also: Values of stages whose fingerprints are wanted, to compare them with a notebook's.
    """

    path: Path
    params: Mapping[str, Any] = field(default_factory=dict)
    workers: int | None = None
    keep_going: bool = False
    offline: bool = False
    track: bool = True
    cache: bool = False
    selection: Selection | None = None
    parent: str | None = None
    executor: str = "local"
    write_back: bool = True
    expect: str | None = None
    document: LabStages | None = None
    also: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Beginning:
    """All that the first events of a run say."""

    request: LabRequest
    prepared: PreparedLab
    graph: Graph
    workers: int
    uri: str | None
    shown: Preview | None = None


@dataclass(frozen=True)
class Crew:
    """Who works in a run.

    Attributes:
        specs: What workers are started with, by the environment that nodes name.
        held: Environments that must stay as they are meanwhile.
        called: For each stage that calls an app the name of its workers in `specs`.
    """

    specs: Mapping[str, WorkerSpec]
    held: Sequence[Environment]
    called: Mapping[str, str]


def run_lab(request: LabRequest, workspace: Workspace | None = None, faces: Faces = Faces()) -> RunResult:
    """Run a lab's stages and leave evidence, also when one fails.

    Raises `AgiError` for what keeps a run from beginning; from then on every ending is a `RunResult` with a manifest.
    """
    began = time.monotonic()
    workspace = (workspace or Workspace.default()).ensure()
    lab = lab_asked_for(request)
    settings = settings_of(workspace)
    uri = tracking_uri(workspace, settings) if request.track else None
    delivery = Delivery.start(uri, workspace.home, experiment=lab.name) if uri else None
    try:
        with Store(workspace) as store:
            workers = request.workers or settings.workers.default or cores()
            prepared = prepare_lab(store, lab, offline=request.offline, say=faces.say)
            graph = lab_graph(prepared, keep_going=request.keep_going, cache=request.cache, also=request.also)
            shown = rerun_of(store, request, prepared, graph) if request.selection else None
            if shown is not None:
                refuse_another(shown, request.expect)
            remember_lab(lab.name, lab.path, workspace)
            for app in prepared.apps.values():
                remember(app.prepared.app, workspace)
            run_id = new_run_id(lab.name)
            beginning = Beginning(request, prepared, graph, workers, uri, shown)
            memory: Memory | None = None
            if shown is not None:
                memory = Rerun(store, shown)
            elif any(node.policy.cache for node in graph.nodes):
                memory = Cache(store, lab.app, prepared.code_parts)
            result = carry_out(
                store,
                run_id,
                graph,
                Crew(
                    prepared.specs(store.workspace.run_folder(run_id), max(1, cores() // workers)),
                    prepared.held(),
                    {app.stage: app.key for app in prepared.apps.values()},
                ),
                workers=workers,
                executor=request.executor,
                codes=prepared.codes,
                memory=memory,
                roots=prepared.roots,
                delivery=delivery,
                patience_s=patience(uri) if uri else 0.0,
                faces=faces,
                began=began,
                record=lambda: _record(store, run_id, beginning),
            )
            if request.write_back:
                write_back(store, run_id, lab.path, tell=faces.note)
            return result
    finally:
        if delivery:
            delivery.close()


def created_of(store: Store, run: RunRow) -> dict[str, Any]:
    """What was said of a lab's run when it began. Raises AGI-STAGE-037 for a run of something else."""
    created = next(store.events(run.run_id, kinds=("run_created",))).data
    if "lab_digest" not in created:
        raise AgiError(
            "AGI-STAGE-037",
            f"run {run.run_id} is not the run of a lab",
            found=run.app,
            allowed="a run of lab_stages.toml",
            try_="agilab runs list",
            exit_code=FAILED,
        )
    return created


def last_run(store: Store, lab: Lab) -> RunRow:
    """The newest run of a lab that has ended. Raises AGI-STAGE-038 where there is none."""
    for run in store.runs(app=lab.app, limit=20):
        if run.state != "running":
            return run
    raise AgiError(
        "AGI-STAGE-038",
        f"the lab {lab.name} has no run that has ended",
        allowed="a run whose results can be used",
        try_=f"agilab workflow run {shlex.quote(str(lab.path))}",
    )


def lab_asked_for(request: LabRequest) -> Lab:
    """The lab that a request is about. Raises as `read_lab`."""
    if request.document is not None:
        return lab_from(request.path, request.document, request.params)
    return read_lab(request.path, request.params)


def preview_lab(request: LabRequest, workspace: Workspace | None = None, faces: Faces = Faces()) -> Preview:
    """What the rerun that a request asks for would do, with nothing executed."""
    workspace = (workspace or Workspace.default()).ensure()
    lab = lab_asked_for(request)
    with Store(workspace) as store:
        prepared = prepare_lab(store, lab, offline=request.offline, say=faces.say)
        graph = lab_graph(prepared, keep_going=request.keep_going, cache=request.cache)
        return rerun_of(store, request, prepared, graph)


def rerun_of(store: Store, request: LabRequest, prepared: PreparedLab, graph: Graph) -> Preview:
    """What running part of an earlier run again would do, as the lab is now."""
    assert request.selection is not None
    parent = request.parent or last_run(store, prepared.lab).run_id
    selection = request.selection
    if selection.from_node in prepared.apps:  # a stage that calls an app begins with the app's first node
        first = next(node.name for node in graph.nodes if node.name.startswith(f"{selection.from_node}/"))
        selection = replace(selection, from_node=first)
    return preview(store, parent, graph, selection, prepared.codes)


def carry_out(
    store: Store,
    run_id: str,
    graph: Graph,
    crew: Crew,
    *,
    workers: int,
    executor: str,
    codes: Mapping[str, str],
    memory: Memory | None,
    roots: Mapping[str, str],
    delivery: Delivery | None,
    patience_s: float,
    faces: Faces,
    began: float,
    record: Callable[[], None] | None = None,
    written_by: str = "coordinator",
) -> RunResult:
    """Own a run, take it to its end, and write what it leaves."""
    folder = store.workspace.run_folder(run_id)
    with RunLock(folder), ExitStack() as held:
        for environment in crew.held:
            held.enter_context(hold(environment))
        workers_of = crew_of(executor, crew.specs, workers, folder / "logs", store.objects.root)
        held.callback(workers_of.close)
        digests = FileDigests(store.workspace.cache)
        held.callback(digests.close)
        if record:
            workers_of.start()
            record()
        called = {stage: crew.specs[key].roots for stage, key in crew.called.items()}
        tasks = StageTasks(store, run_id, graph, roots, called=called, digests=digests)
        coordinator = Coordinator(
            store, run_id, graph, tasks, workers_of, observer=faces.observe, codes=codes, memory=memory
        )
        tasks.state = coordinator.state
        coordinator.execute()
        workers_of.dismiss()
        return finish(
            store,
            run_id,
            delivery=delivery,
            patience_s=patience_s,
            seconds=lambda: time.monotonic() - began,
            written_by=written_by,
        )


def _record(store: Store, run_id: str, beginning: Beginning) -> None:
    """The first two events: what this run is, and what it will do."""
    request, prepared, graph = beginning.request, beginning.prepared, beginning.graph
    lab, shown, uri = prepared.lab, beginning.shown, beginning.uri
    log = store.log(run_id)
    text = document_text(request)
    write_atomically(
        store.workspace.run_folder(run_id) / FILE, text
    )  # what `workflow diff LAB last` compares with
    log.append(
        "run_created",
        app=lab.app,
        lab_digest=store.objects.put(text),
        source=prepared.source_record(),
        source_digest=prepared.snapshot.digest,
        args=dict(lab.document.lab.params),
        given=dict(request.params),
        inputs=prepared.inputs(),
        environment=prepared.main.fingerprint,
        environment_record=environment_record(prepared.main),
        environments={name: environment_record(found) for name, found in prepared.environments.items()},
        called={app.stage: app.record() for app in prepared.apps.values()},
        workbench=workbench(),
        executor=request.executor.partition(":")[0],
        workers=beginning.workers,
        keep_going=graph.keep_going,
        cache=any(node.policy.cache for node in graph.nodes),
        codes=prepared.codes,
        codes_digest=store.objects.put(canonical(prepared.code_parts)),
        placement="dynamic",
        **(recorded(store, shown) if shown else {}),
        tracking_uri=public_uri(uri, {"workspace": store.workspace.home}) if uri else None,
        replay={"command": _command(lab, request), "needs": [f"the lab {lab.name}"]},
    )
    store.objects.put(graph.to_bytes())
    log.append(
        "plan_recorded",
        plan_digest=graph.digest,
        nodes=[{"name": node.name, "target": node.target} for node in graph.nodes],
    )
    log.flush(durable=True)


def document_text(request: LabRequest) -> bytes:
    """The document that a run is of, as the text of a file."""
    previous = request.path.read_bytes()
    if request.document is None:
        return previous
    from agilab.contracts.toml import merged

    plain = request.document.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude_none=True)
    return merged(
        previous.decode("utf-8"), {"schema": request.document.schema_name(), **plain}, str(request.path)
    ).encode()


def _command(lab: Lab, request: LabRequest) -> str:
    words = ["agilab", "workflow", "run", lab.name]
    for name, value in request.params.items():
        words += ["--set", f"{name}={value if isinstance(value, str) else json.dumps(value)}"]
    if request.keep_going:
        words.append("--keep-going")
    return shlex.join(words)
