"""Trying a stage that calls an app: the whole app by itself, in a store of its own that is thrown away afterwards."""

from __future__ import annotations

import shutil
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from agi_node.errors import AgiError
from agi_node.handover import in_words
from agilab.engine.coordinator import Coordinator
from agilab.engine.expansion import MAX_UNITS_PER_RUN
from agilab.engine.graph import Node
from agilab.engine.local import LocalExecutor
from agilab.engine.state import Unit
from agilab.projects.branch import Branch
from agilab.projects.inputs import FileDigests
from agilab.projects.machine import cores
from agilab.projects.tasks import app_graph, tasks_of
from agilab.store.store import Store
from agilab.store.workspace import Workspace
from agilab.workflow.running.app_stages import AppStage
from agilab.workflow.running.gathered import Leavings, gathered
from agilab.workflow.running.given import Item
from agilab.workflow.running.trial_result import Trial, last_lines

RUN = "try"


def try_app(
    app: AppStage,
    stage: Node,
    asked: tuple[Item, dict[str, Any]],
    unit: Unit,
    scratch: Path,
    digests: FileDigests,
    keep: Path | None,
) -> Trial:
    """Run the app with the arguments that a unit of the stage would give it, and gather what the stage promises.

    `asked` are the items of the unit and the arguments; `scratch` is an empty folder, `keep` as in `try_stage`.
    """
    item, args = asked
    began = time.monotonic()
    spec = app.spec(scratch, 1)
    described, reference = app.prepared.described, str(app.prepared.app.reference)
    graph = app_graph(reference, described, args, app.key, policy=stage.policy)
    name = f"{stage.name}{unit.unit_id[len(unit.node) :]}"
    with Store(Workspace(scratch / "home").ensure()) as store:
        log = store.log(RUN)
        log.append("run_created", app=app.prepared.app.name, args=args)
        store.objects.put(graph.to_bytes())
        nodes = [{"name": node.name, "target": node.target} for node in graph.nodes]
        log.append("plan_recorded", plan_digest=graph.digest, nodes=nodes)
        log.flush()
        logs = scratch / "logs"
        tasks = tasks_of(
            graph, store, RUN, spec.roots, digests, inputs=app.reads, max_units=MAX_UNITS_PER_RUN
        )
        with closing(LocalExecutor({app.key: spec}, workers=cores(), logs=logs)) as crew:
            state = Coordinator(store, RUN, graph, tasks, crew).execute()
        printed = last_lines(sorted(logs.glob("units_*.log")))
        left: dict[str, Any] = {"value": {"values": {}, "files": {}}, "artifacts": []}
        error = _error(store) if state != "succeeded" else None
        if error is None:
            try:
                left = gathered(store, stage, item, _leavings(app, store))
            except AgiError as problem:
                state, error = "failed", problem.to_plain()
        artifacts = {entry["name"]: entry for entry in left["artifacts"]}
        files = {path: one for listed in left["value"]["files"].values() for path, one in listed.items()}
        for path, one in files.items() if keep is not None else ():
            target = Path(str(keep), path)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(store.objects.path(artifacts[one]["digest"]), target)
        words = {value: in_words(form, artifacts) for value, form in left["value"]["values"].items()}
        seconds = round(time.monotonic() - began, 3)
        return Trial(name, state, seconds, printed, words, None, sorted(files), error)


def _leavings(app: AppStage, store: Store) -> Leavings:
    names = app.prepared.nodes
    if app.prepared.has_nodes:
        return Leavings.of_nodes(store, {name: store.result(RUN, name) for name in names})
    return Leavings.of_items(Branch(store, RUN, names), "reduce")


def _error(store: Store) -> dict[str, Any]:
    """What went wrong first: an error of the app, or a process that was lost."""
    reason = "it was cancelled"
    for event in store.events(RUN, kinds=("attempt_failed", "attempt_lost", "node_finished", "run_stopping")):
        if error := event.data.get("error"):
            return dict(error)
        reason = event.data.get("reason", reason)
    return AgiError(
        "AGI-STAGE-056", "the app did not come to its end", found=str(reason), whose="author"
    ).to_plain()
