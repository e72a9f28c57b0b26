"""Planning without running: what would happen, as a document that no consumer takes for proof."""

from __future__ import annotations

import heapq
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from agi_node.errors import AgiError
from agilab.contracts.base import write_document
from agilab.contracts.identifiers import new_run_id
from agilab.contracts.plan import Plan
from agilab.contracts.timestamps import utc_now
from agilab.engine.expansion import MAX_UNITS_PER_RUN, expanded, items_of
from agilab.envs.worker_process import ask
from agilab.projects.discover import find_app
from agilab.projects.inputs import FileDigests, fill_in_digests
from agilab.projects.machine import cores
from agilab.projects.prepare import PreparedApp, arguments, prepare
from agilab.projects.roots import roots_of, settings_of
from agilab.projects.run import Faces, RunRequest
from agilab.projects.tasks import app_graph
from agilab.store.store import Store
from agilab.store.workspace import Workspace


@dataclass(frozen=True)
class Planned:
    """A plan and where it was written."""

    plan: Plan
    path: Path


def plan_app(request: RunRequest, workspace: Workspace | None = None, faces: Faces = Faces()) -> Planned:
    """Ask the app for its items and write `plan.json`; nothing is worked, reduced or recorded as a run."""
    workspace = (workspace or Workspace.default()).ensure()
    app = find_app(request.app, workspace)
    with Store(workspace) as store:
        workers = request.workers or settings_of(workspace).workers.default or cores()
        prepared = prepare(store, app, offline=request.offline, threads=cores(), say=faces.say)
        args = arguments(prepared, store, request.args, faces.note)
        roots = roots_of(workspace, app.folder)
        name = new_run_id(app.name.removesuffix("_project"))
        folder = workspace.plans / name
        rows = _items(prepared, args, roots, folder, workspace) if "plan" in prepared.nodes else []
    graph = app_graph(
        str(app.reference),
        prepared.nodes,
        args,
        prepared.environment.fingerprint,
        keep_going=request.keep_going,
    )
    order = sorted(rows, key=lambda row: -row["cost"])
    plan = Plan.model_validate(
        {
            "made_at": utc_now(),
            "app": prepared.source_record(),
            "args": args,
            "plan_digest": graph.digest,
            "fingerprint": prepared.environment.fingerprint,
            "executor": "local",
            "workers": [{"worker": f"w{number}", "host": "local"} for number in range(workers)],
            "nodes": [
                {
                    "node": node.name,
                    "target": node.target,
                    "needs": list(node.needs),
                    "units": len(rows) if node.foreach else 1,
                }
                for node in graph.nodes
            ],
            "items": [
                {
                    "unit": row["unit_id"],
                    "node": "work",
                    "key": row["key"],
                    "order": position,
                    "decision": "run",
                    "why": "every run works its items afresh",
                    "cost": row["cost"],
                    "worker": None,
                }
                for position, row in enumerate(order, start=1)
            ],
            "makespan": {"cost": makespan([row["cost"] for row in order], workers)},
        }
    )
    path = folder / "plan.json"
    folder.mkdir(parents=True, exist_ok=True)
    write_document(path, plan)
    return Planned(plan, path)


def makespan(costs: list[float], workers: int) -> float:
    """The longest worker's cost when each next item, largest first, goes to the least loaded worker.

    At most 4/3 - 1/(3 workers) times the best possible (Graham, 1969).

    >>> makespan([5, 4, 3, 3, 3], 2)
    10
    """
    loads: list[float] = [0] * workers
    for cost in sorted(costs, reverse=True):
        heapq.heapreplace(loads, loads[0] + cost)
    return max(loads)


def _items(
    prepared: PreparedApp,
    args: Mapping[str, Any],
    roots: Mapping[str, str],
    folder: Path,
    workspace: Workspace,
) -> list[dict[str, Any]]:
    """Run the app's own plan function in its environment, and nothing else of it."""
    question = {
        "type": "execute",
        "attempt_id": "plan",
        "run_id": folder.name,
        "unit_id": "plan",
        "node": "plan",
        "key": "",
        "attempt": 1,
        "target": f"{prepared.app.reference}#plan",
        "args": dict(args),
        "payload": None,
        "inputs": None,
        "staging": str(folder / "staging"),
        "log": str(folder / "plan.log"),
    }
    answer = ask(
        replace(prepared.spec, roots=dict(roots)), folder / "worker.log", question, "done", timeout_s=600
    )
    if answer["status"] != "succeeded":
        raise AgiError.from_plain(answer["error"])
    file = answer.get("value_file")
    value = json.loads((folder / "staging" / file).read_text(encoding="utf-8")) if file else answer["value"]
    items = items_of(value)
    digests = FileDigests(workspace.cache)
    try:
        fill_in_digests([item.payload for item in items], roots, digests)
    finally:
        digests.close()
    return expanded("work", items, limit=MAX_UNITS_PER_RUN)
