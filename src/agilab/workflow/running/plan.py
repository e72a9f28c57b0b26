"""What a run of a lab would do, stage by stage, with nothing executed."""

from __future__ import annotations

from contextlib import closing

from agilab.engine.reuse import Cache
from agilab.flow.preview import Preview, Walk, of_rerun
from agilab.projects.execution import Faces
from agilab.projects.inputs import FileDigests
from agilab.store.store import Store
from agilab.store.workspace import Workspace
from agilab.workflow.running.execution import LabRequest, lab_asked_for, rerun_of
from agilab.workflow.running.graph import lab_graph
from agilab.workflow.running.prepare import prepare_lab
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
        if request.selection is not None:
            return of_rerun(lab.name, rerun_of(store, request, prepared, graph))
        cached = any(node.policy.cache for node in graph.nodes)
        memory = Cache(store, lab.app, prepared.code_parts) if cached else None
        called = {app.stage: app.spec(workspace.home, 1).roots for app in prepared.apps.values()}
        with closing(FileDigests(workspace.cache)) as digests:
            tasks = StageTasks(store, "", graph, prepared.roots, called=called, digests=digests)
            return Preview(lab.name, Walk(tasks, graph, memory, prepared.codes).steps())
