"""Running a lab: from its document to a recorded run with evidence, and from an interrupted run to its end."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from agi_node.errors import FAILED, AgiError
from agilab.contracts.identifiers import new_run_id
from agilab.contracts.run_result import RunResult
from agilab.engine.coordinator import Coordinator
from agilab.engine.graph import Graph
from agilab.engine.rerun import Preview, Rerun, preview, refuse_another
from agilab.engine.reuse import Cache, Memory
from agilab.envs import Environment, hold
from agilab.envs.worker_process import WorkerSpec
from agilab.projects.crew import check_executor, crew_of
from agilab.projects.discover import remember
from agilab.projects.finish import finish, own_notes, tracking_uri
from agilab.projects.inputs import FileDigests
from agilab.projects.machine import cores
from agilab.projects.request import Faces
from agilab.projects.roots import settings_of
from agilab.store.locks import RunLock
from agilab.store.rows import RunRow
from agilab.store.store import Store
from agilab.store.workspace import Workspace
from agilab.tracking import Delivery, patience
from agilab.workflow.document.known import remember_lab
from agilab.workflow.document.own_runs import own_runs
from agilab.workflow.running.alone import refuse_starved
from agilab.workflow.running.beginning import Beginning, record
from agilab.workflow.running.changed import changed_params
from agilab.workflow.running.common_objects import changed_elsewhere, come_apart
from agilab.workflow.running.graph import lab_graph
from agilab.workflow.running.in_place import changed_in_place
from agilab.workflow.running.made_above import made_above
from agilab.workflow.running.module_state import changed_in_modules
from agilab.workflow.running.numbers import begun_anew
from agilab.workflow.running.prepare import Lab, PreparedLab, lab_from, prepare_lab, read_lab
from agilab.workflow.running.request import LabRequest
from agilab.workflow.running.sought import sought_in_vain
from agilab.workflow.running.tasks import StageTasks
from agilab.workflow.running.write_back import write_back


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
    check_executor(request.executor)
    workspace = (workspace or Workspace.default()).ensure()
    lab = lab_asked_for(request)
    settings = settings_of(workspace)
    uri = tracking_uri(workspace, settings) if request.track else None
    delivery = Delivery.start(uri, workspace.home, experiment=lab.app) if uri else None
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
                memory = Rerun(store, shown, changed_params(store, shown.parent, graph))
            elif any(node.policy.cache for node in graph.nodes):
                memory = Cache(store, lab.app, prepared.code_parts)
            specs = prepared.specs(store.workspace.run_folder(run_id), max(1, cores() // workers))
            result = carry_out(
                store,
                run_id,
                graph,
                Crew(
                    {name: replace(spec, environ=request.environ) for name, spec in specs.items()},
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
                record=lambda: record(store, run_id, beginning),
            )
            if request.write_back:
                write_back(store, run_id, lab.path, tell=faces.note)
            return result
    finally:
        if delivery:
            delivery.close()


def _tell(store: Store, run_id: str, graph: Graph, folder: Path, faces: Faces) -> None:
    """What the worker saw of stages that a person should know, said and written into the log.

    Of a rerun of some stages only those that ran: what is said of the others was said of the run that they are from.
    """
    rerun = store.created(run_id).get("rerun")
    stages = {
        node.name
        for node in graph.nodes
        if not rerun or any(unit.attempts for unit in store.units(run_id, node=node.name))
    }
    found = [
        *changed_in_place(store, run_id, graph, stages),
        *changed_in_modules(store, run_id, graph, folder, stages),
        *sought_in_vain(store, run_id, graph, folder, stages),
        *made_above(store, run_id, graph, stages),
        *begun_anew(store, run_id, graph, stages),
        *come_apart(store, run_id, graph, stages),
        *changed_elsewhere(store, run_id, graph, stages),
    ]
    before = own_notes(store, run_id)  # of an owner that died behind them
    log = store.log(run_id)
    for told in found:
        faces.note(told.sentence)
        if told.sentence not in before:
            log.append("note_added", by="agilab", stage=told.stage, text=told.sentence)
    log.flush()


def created_of(store: Store, run: RunRow) -> dict[str, Any]:
    """What was said of a lab's run when it began. Raises AGI-STAGE-037 for a run of something else."""
    created = store.created(run.run_id)
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
    for run in own_runs(store, lab.path, lab.document):
        if run.state != "running":
            return run
    raise AgiError(
        "AGI-STAGE-038",
        f"the lab {lab.name} has no run that has ended",
        allowed="a run whose results can be used",
        try_=f"agilab workflow run {shlex.quote(str(lab.path))}",
    )


def lab_asked_for(request: LabRequest) -> Lab:
    """The lab that a request is about. Raises as `read_lab`, and AGI-STAGE-065 where no stage of it runs."""
    if request.document is not None:
        lab = lab_from(request.path, request.document, request.params)
    else:
        lab = read_lab(request.path, request.params)
    if not lab.resolved.stages:
        raise _nothing_to_run(lab)
    return lab


def _nothing_to_run(lab: Lab) -> AgiError:
    stages = lab.document.stages
    disabled = sum(not stage.enabled for stage in stages)
    text = len(stages) - disabled
    kinds = [f"{number} {what}" for number, what in ((text, "only text"), (disabled, "disabled")) if number]
    number = f"{len(stages)} stage{'' if len(stages) == 1 else 's'}"
    return AgiError(
        "AGI-STAGE-065",
        f"there is nothing to run in the lab {lab.name}",
        found=f"{number}: {', '.join(kinds)}" if stages else "no stages",
        allowed="a stage with code, a file or an app that is not disabled",
        try_=shlex.join(["agilab", "workflow", "add", "NAME", str(lab.path), "--code", "…"]),
        whose="author",
        exit_code=FAILED,
    )


def preview_lab(request: LabRequest, workspace: Workspace | None = None, faces: Faces = Faces()) -> Preview:
    """What the rerun that a request asks for would do, with nothing executed."""
    workspace = (workspace or Workspace.default()).ensure()
    lab = lab_asked_for(request)
    with Store(workspace) as store:
        prepared = prepare_lab(store, lab, offline=request.offline, say=faces.say)
        graph = lab_graph(prepared, keep_going=request.keep_going, cache=request.cache)
        return rerun_of(store, request, prepared, graph)


def rerun_of(store: Store, request: LabRequest, prepared: PreparedLab, graph: Graph) -> Preview:
    """What running part of an earlier run again would do, as the lab is now. Raises as `preview`, `refuse_starved`."""
    assert request.selection is not None
    parent = request.parent or last_run(store, prepared.lab).run_id
    shown = preview(store, parent, graph, request.selection, prepared.codes)
    refuse_starved(prepared.lab, graph, shown)
    return shown


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
            store,
            run_id,
            graph,
            tasks,
            workers_of,
            observer=faces.observe,
            codes=codes,
            memory=memory,
            gather=tasks.gather,
        )
        tasks.state, tasks.payload_of = coordinator.state, coordinator.payload
        coordinator.execute()
        workers_of.dismiss()
        _tell(store, run_id, graph, Path(roots["app"]), faces)
        return finish(
            store,
            run_id,
            delivery=delivery,
            patience_s=patience_s,
            seconds=lambda: time.monotonic() - began,
            written_by=written_by,
        )
