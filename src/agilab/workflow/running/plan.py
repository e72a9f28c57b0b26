"""What a run of a lab would do, stage by stage, with nothing executed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from typing import Any

from agilab.engine.rerun import Preview as RerunPreview
from agilab.engine.rerun import Rerun
from agilab.engine.reuse import Cache, Memory
from agilab.flow.preview import Preview, Step, Walk, of_rerun
from agilab.projects.inputs import FileDigests
from agilab.projects.request import Faces
from agilab.store.store import Store
from agilab.store.workspace import Workspace
from agilab.workflow.running.changed import changed_params
from agilab.workflow.running.execution import lab_asked_for, rerun_of
from agilab.workflow.running.graph import lab_graph
from agilab.workflow.running.prepare import prepare_lab
from agilab.workflow.running.request import LabRequest
from agilab.workflow.running.tasks import StageTasks


def plan_lab(request: LabRequest, workspace: Workspace | None = None, faces: Faces = Faces()) -> Preview:
    """Go through a lab as a run would: what would be executed, and why, and what an earlier result stands for.

    Raises what keeps a run from beginning.
    """
    workspace = (workspace or Workspace.default()).ensure()
    lab = lab_asked_for(request)
    with Store(workspace) as store:
        prepared = prepare_lab(store, lab, offline=request.offline, say=faces.say)
        graph = lab_graph(prepared, keep_going=request.keep_going, cache=request.cache)
        cached = any(node.policy.cache for node in graph.nodes)
        shown = rerun_of(store, request, prepared, graph) if request.selection is not None else None
        memory: Memory | None = Cache(store, lab.app, prepared.code_parts) if cached else None
        if shown is not None:
            memory = Rerun(store, shown, changed_params(store, shown.parent, graph))
        called = {app.stage: app.spec(workspace.home, 1).roots for app in prepared.apps.values()}
        with closing(FileDigests(workspace.cache)) as digests:
            tasks = StageTasks(store, "", graph, prepared.roots, called=called, digests=digests)
            walk = Walk(tasks, graph, memory, prepared.codes)
            tasks.payload_of = walk.payload
            if shown is not None and shown.selection.alone:
                run_of = shown.run_of
                walk.stands_in = lambda unit: _left_by(store.result(run_of(unit.unit_id), unit.unit_id))
            steps = walk.steps()
    return Preview(lab.name, steps if shown is None else tuple(_settled(steps, shown)))


def _left_by(result: Mapping[str, Any]) -> Mapping[str, Any]:
    """The record of a unit that left something; empty for one that failed, or never was."""
    return result if result.get("value") is not None or result.get("value_digest") else {}


def _settled(steps: Iterable[Step], shown: RerunPreview) -> Iterator[Step]:
    """The steps of a rerun; of what waits for something that runs first, as much as is settled already.

    A unit that would be kept still waits: if what it needs comes out another, it runs. With `--only` it is kept anyway.
    """
    alone = shown.selection.alone
    said = {step.name: step for step in of_rerun("", shown) if alone or step.action != "reuse"}
    for step in steps:
        if step.action == "wait":
            units = [one for name, one in said.items() if name.partition("[")[0] == step.name]
            yield from [said[step.name]] if step.name in said else units or [step]
        else:
            yield step
    yield from (said[name] for name in shown.drop)
