"""Going on with a lab's run that was interrupted: its own plan, source, environments and apps."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Mapping
from typing import Any

from agi_node.errors import ENVIRONMENT, AgiError
from agilab.contracts.run_result import RunResult
from agilab.engine.graph import Graph
from agilab.engine.rerun import memory_of
from agilab.engine.reuse import Cache
from agilab.envs import Environment
from agilab.envs.environment import read_environment
from agilab.envs.worker_process import WorkerSpec
from agilab.projects.builds import go_on
from agilab.projects.discover import find_app
from agilab.projects.finish import tracking_uri
from agilab.projects.machine import cores
from agilab.projects.request import Faces
from agilab.projects.resume import refuse_ended
from agilab.projects.roots import roots_of, settings_of
from agilab.store.rows import RunRow
from agilab.store.snapshot import Snapshot, materialise
from agilab.store.store import Store
from agilab.store.workspace import Workspace
from agilab.tracking import Delivery, patience
from agilab.workflow.document.own_runs import lab_of
from agilab.workflow.running.called import FILES, ROOT
from agilab.workflow.running.execution import Crew, carry_out, created_of
from agilab.workflow.running.write_back import write_back


def resume_lab(
    name: str, workspace: Workspace | None = None, faces: Faces = Faces(), *, workers: int | None = None
) -> RunResult:
    """Go on with a lab's run that nobody owns, on its own plan, source and environments.

    Raises AGI-RUN-010 where somebody owns it, AGI-RUN-013 where it has ended, AGI-RUN-014 where an environment of it is
    gone, AGI-STAGE-036 where the lab's folder is.
    """
    began = time.monotonic()
    workspace = workspace or Workspace.default()
    with Store(workspace) as store:
        run = store.run(name)
        refuse_ended(store, run)
        created = created_of(store, run)
        path = lab_of(store, run)
        uri = tracking_uri(workspace, settings_of(workspace)) if created.get("tracking_uri") else None
        delivery = Delivery.start(uri, workspace.home, experiment=run.app) if uri else None
        try:
            count = workers or int(created["workers"])
            roots = roots_of(workspace, path.parent)
            parts = json.loads(store.objects.read(created["codes_digest"]))
            result = carry_out(
                store,
                run.run_id,
                Graph.from_bytes(store.objects.read(run.plan_digest or "")),
                _crew(store, run, created, roots, max(1, cores() // count), faces),
                workers=count,
                executor=created["executor"],
                codes=created["codes"],
                memory=memory_of(store, created)
                or (Cache(store, run.app, parts) if created.get("cache") else None),
                roots=roots,
                delivery=delivery,
                patience_s=patience(uri) if uri else 0.0,
                faces=faces,
                began=began,
                written_by="resume",
            )
            write_back(store, run.run_id, path, tell=faces.note)
            return result
        finally:
            if delivery:
                delivery.close()


def _crew(
    store: Store,
    run: RunRow,
    created: Mapping[str, Any],
    roots: Mapping[str, str],
    threads: int,
    faces: Faces,
) -> Crew:
    """The workers that the run began with, on the source that it began with."""
    workspace = store.workspace
    source = materialise(_snapshot(store, run.source_digest or ""), store.objects, workspace.snapshots)
    specs: dict[str, WorkerSpec] = {}
    held: list[Environment] = []
    for fingerprint in created["environments"]:
        environment = _still(workspace, run, fingerprint)
        held.append(environment)
        specs[fingerprint] = WorkerSpec(environment.python, source, None, roots, threads)
    for called in created.get("called", {}).values():
        environment = _still(workspace, run, called["environment"])
        held.append(environment)
        snapshot = _snapshot(store, called["source_digest"])
        plain = materialise(snapshot, store.objects, workspace.snapshots)
        imported = go_on(
            workspace,
            snapshot,
            plain,
            environment,
            recorded=called.get("compiled"),
            name=called["app"],
            say=faces.say,
        )
        folder = find_app(called["app"], workspace).folder
        own = {**roots_of(workspace, folder), ROOT: str(workspace.run_folder(run.run_id) / FILES)}
        specs[called["key"]] = WorkerSpec(environment.python, imported, called["reference"], own, threads)
    keys = {stage: called["key"] for stage, called in created.get("called", {}).items()}
    return Crew(specs, held, keys)


def _snapshot(store: Store, digest: str) -> Snapshot:
    return Snapshot(digest, json.loads(store.objects.read(digest)))


def _still(workspace: Workspace, run: RunRow, fingerprint: str) -> Environment:
    found = read_environment(workspace.envs / fingerprint)
    if found is None:
        raise AgiError(
            "AGI-RUN-014",
            f"an environment of run {run.run_id} is gone",
            found=fingerprint[:12],
            allowed="the environments that the run began in",
            try_=f"agilab workflow run {shlex.quote(run.app.removeprefix('lab:'))}",
            whose="environment",
            exit_code=ENVIRONMENT,
        )
    return found
