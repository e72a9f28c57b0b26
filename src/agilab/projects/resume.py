"""Going on with a run that was interrupted: its own plan, its own source, its own environment."""

from __future__ import annotations

import json
import time
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agi_node.errors import ENVIRONMENT, AgiError
from agilab.contracts.run_result import RunResult
from agilab.engine.graph import Graph
from agilab.engine.rerun import memory_of
from agilab.engine.reuse import Cache, Memory
from agilab.envs import Environment, ensure
from agilab.envs.environment import read_environment
from agilab.envs.worker_process import WorkerSpec
from agilab.projects.builds import go_on
from agilab.projects.discover import find_app
from agilab.projects.execution import carry_out
from agilab.projects.finish import rest_command, tracking_uri
from agilab.projects.machine import cores
from agilab.projects.request import Faces
from agilab.projects.roots import roots_of, settings_of
from agilab.store.rows import RunRow
from agilab.store.snapshot import Snapshot, materialise
from agilab.store.store import Store
from agilab.store.transitions import SUCCEEDED
from agilab.store.workspace import Workspace
from agilab.tracking import Delivery, patience


def resume_run(
    name: str, workspace: Workspace | None = None, faces: Faces = Faces(), *, workers: int | None = None
) -> RunResult:
    """Take over a run that nobody owns, do what is left of it, and write its manifest.

    Nothing that the log records as done is done again. A run that ended and only lacks its manifest gets that.

    Raises AGI-RUN-010 where somebody owns the run, AGI-RUN-013 where it has ended and left its evidence, AGI-RUN-014
    where its environment is gone and cannot be made again as it was.
    """
    began = time.monotonic()
    workspace = workspace or Workspace.default()
    with Store(workspace) as store:
        run = store.run(name)
        refuse_ended(store, run)
        created = store.created(run.run_id)
        if "flow" in created:
            raise AgiError(
                "AGI-FLOW-011",
                f"run {run.run_id} is one of a flow, whose functions only its own script or notebook has",
                found=f"flow {created['flow']}",
                allowed="a run of an app",
                try_=f'there: flow.resume("{run.run_id}")',
            )
        uri = tracking_uri(workspace, settings_of(workspace)) if created.get("tracking_uri") else None
        delivery = Delivery.start(uri, workspace.home, experiment=run.app) if uri else None
        try:
            snapshot = _snapshot(store, run)
            plain = materialise(snapshot, store.objects, workspace.snapshots)
            environment = _environment(workspace, run, plain, faces)
            source = go_on(
                workspace,
                snapshot,
                plain,
                environment,
                recorded=created["source"].get("compiled"),
                name=run.app,
                say=faces.say,
            )
            app = find_app(run.app, workspace)
            count = workers or int(created["workers"])
            parts = (
                json.loads(store.objects.read(created["codes_digest"])) if "codes_digest" in created else {}
            )
            return carry_out(
                store,
                run.run_id,
                Graph.from_bytes(store.objects.read(run.plan_digest or "")),
                WorkerSpec(
                    environment.python,
                    source,
                    _reference(source),
                    roots_of(workspace, app.folder),
                    max(1, cores() // count),
                ),
                environment,
                workers=count,
                executor=created["executor"],
                codes=created.get("codes"),
                memory=_memory(store, run, created, parts),
                delivery=delivery,
                patience_s=patience(uri) if uri else 0.0,
                faces=faces,
                began=began,
                written_by="resume",
            )
        finally:
            if delivery:
                delivery.close()


def refuse_ended(store: Store, run: RunRow) -> None:
    """Raises AGI-RUN-013 for a run that has ended and left its evidence, with the command that does the rest of it."""
    if run.state != "running" and store.verdict(run) is not None:
        over = run.over(allowed="a run that was interrupted")
        if run.state != SUCCEEDED:
            over.try_ = rest_command(run.run_id)
        raise over


def _memory(store: Store, run: RunRow, created: dict[str, Any], parts: Mapping[str, Any]) -> Memory | None:
    """What answered for units when the run began, so that the rest of it is decided alike."""
    if rerun := memory_of(store, created):
        return rerun
    return Cache(store, run.app, parts) if created.get("cache") else None


def _snapshot(store: Store, run: RunRow) -> Snapshot:
    """The source that the run began with, wherever the app is now."""
    digest = run.source_digest or ""
    return Snapshot(digest, json.loads(store.objects.read(digest)))


def _reference(source: Path) -> str:
    project = tomllib.loads((source / "pyproject.toml").read_text(encoding="utf-8"))
    return str(project["tool"]["agilab"]["app"])


def _environment(workspace: Workspace, run: RunRow, source: Path, faces: Faces) -> Environment:
    """The very environment the run began in; made again from the lock in its source where it was pruned."""
    found = read_environment(workspace.envs / (run.environment or ""))
    if found is None:
        # The lock was checked before the snapshot was taken, and local libraries lie in it, not where the lock says.
        found = ensure(source, workspace.home, frozen=True, on_step=faces.say)
        if found.fingerprint != run.environment:
            raise AgiError(
                "AGI-RUN-014",
                f"the environment of run {run.run_id} is gone, and this machine now makes another one",
                found=f"{found.fingerprint[:12]} (interpreter, platform or AGILab changed)",
                allowed=(run.environment or "")[:12],
                try_=f"agilab run {run.app}",
                whose="environment",
                exit_code=ENVIRONMENT,
            )
    return found
