"""Planning without running: what would happen, as documents that no consumer takes for proof."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from shlex import quote
from typing import Any

from agi_node.errors import AgiError
from agilab.contracts.base import write_document
from agilab.contracts.distribution import Distribution
from agilab.contracts.identifiers import new_run_id, unit_id
from agilab.contracts.plan import Plan
from agilab.contracts.timestamps import utc_now
from agilab.engine.expansion import MAX_UNITS_PER_RUN, Item
from agilab.engine.graph import Graph
from agilab.engine.reuse import Cache, CacheKey, Reuse
from agilab.engine.state import Unit
from agilab.engine.tasks import TaskBuilder
from agilab.projects.assignment import assignments, counts_of, evaluated, loads_of
from agilab.projects.crew import check_executor
from agilab.projects.discover import find_app, remember
from agilab.projects.distribution import distribute
from agilab.projects.distribution_checks import check_items, check_plan, read_distribution
from agilab.projects.first_events import read_without_a_plan
from agilab.projects.inputs import FileDigests, fill_in_digests
from agilab.projects.machine import cores
from agilab.projects.node_tasks import of_nodes
from agilab.projects.prepare import PreparedApp, arguments, prepare
from agilab.projects.request import Faces, RunRequest
from agilab.projects.roots import forget_roots, settings_of
from agilab.projects.run import with_roots
from agilab.projects.tasks import app_graph, tasks_of
from agilab.projects.work_items import ask_for_items
from agilab.store.store import Store
from agilab.store.transitions import REUSED
from agilab.store.workspace import Workspace

_AFRESH = ("run", "every run works its items afresh")


@dataclass(frozen=True)
class Planned:
    """A plan with its distribution, and where they were written; `distribution.json` lies beside `plan.json`.

    Attributes:
        loads: What each worker would have, idle ones taking what nobody has; in the unit of the plan's bound.
        counts: How many items.
    """

    plan: Plan
    path: Path
    distribution: Distribution
    distribution_path: Path
    loads: dict[str, float]
    counts: dict[str, int]


def plan_app(
    request: RunRequest,
    workspace: Workspace | None = None,
    faces: Faces = Faces(),
    *,
    output: Path | None = None,
) -> Planned:
    """Ask the app for its items and write `plan.json` and `distribution.json`.

    Nothing is worked, reduced or recorded as a run. A distribution in the request is checked as a run would check it,
    and is the plan's. `output` is another place for the distribution. Raises AGI-PLAN-008 where a file is there
    already: somebody may have edited it.
    """
    if output and output.exists():
        raise AgiError(
            "AGI-PLAN-008",
            "the distribution would replace a file that is there already",
            found=str(output),
            allowed="a name that is free",
            try_=f"agilab app plan {quote(request.app)} --plan {quote(str(output))}",
        )
    check_executor(request.executor)
    workspace = (workspace or Workspace.default()).ensure()
    given = read_distribution(request.distribution, request.workers) if request.distribution else None
    app = find_app(request.app, workspace)
    remember(app, workspace)
    with Store(workspace) as store:
        workers = request.workers or settings_of(workspace).workers.default or cores()
        prepared = prepare(store, app, offline=request.offline, threads=cores(), say=faces.say)
        declared: list[str] = []
        args = arguments(prepared, store, request.args, faces.note, declared=declared)
        prepared = with_roots(prepared, workspace)
        if given:
            check_plan(given, prepared, args, str(request.distribution))
        folder = workspace.plans / new_run_id(app.name.removesuffix("_project"))
        try:
            items = ask_for_items(prepared, args, folder)
        except AgiError:
            forget_roots(store, declared)
            raise
        if given:
            check_items(given, [item.key for item in items], str(request.distribution))
        found = (
            evaluated(given)
            if given
            else distribute(
                store, prepared, args, items, workers, request.placement, cores=request.cores_shared
            )
        )
        graph = app_graph(
            str(app.reference),
            prepared.described,
            args,
            prepared.environment.fingerprint,
            keep_going=request.keep_going,
            policy=replace(request.policy, cache=request.cache),
        )
        digests = FileDigests(workspace.cache)
        try:
            # A file that no run could read is told now.
            fill_in_digests([item.payload for item in items], prepared.roots, digests)
            inputs = read_without_a_plan(prepared, args, digests)
            tasks = tasks_of(
                graph, store, "", prepared.roots, digests, inputs=inputs, max_units=MAX_UNITS_PER_RUN
            )
            if of_nodes(graph):
                planned = list(_nodes(store, prepared, graph, tasks))
            else:
                decided = _decisions(store, prepared, graph, tasks, items) if request.cache else {}
                planned = _items(found, decided)
        finally:
            digests.close()
    plan = Plan.model_validate(
        {
            "made_at": utc_now(),
            "app": prepared.source_record(),
            "args": args,
            "plan_digest": graph.digest,
            "fingerprint": prepared.environment.fingerprint,
            "executor": request.executor.partition(":")[0],
            "workers": found.workers,
            "nodes": [
                {
                    "node": node.name,
                    "target": node.target,
                    "needs": list(node.needs),
                    "units": len(items) if node.foreach else 1,
                }
                for node in graph.nodes
            ],
            "items": planned,
            "makespan": found.makespan,
        }
    )
    folder.mkdir(parents=True, exist_ok=True)
    path, beside = folder / "plan.json", output or folder / "distribution.json"
    write_document(beside, found)
    write_document(path, plan)
    expected = assignments(found)
    return Planned(plan, path, found, beside, loads_of(found, expected), counts_of(found, expected))


def _decisions(
    store: Store, prepared: PreparedApp, graph: Graph, tasks: TaskBuilder, items: Sequence[Item]
) -> dict[str, tuple[str, str]]:
    """Whether each item would run or an earlier result stand for it, and why: asked of what a run would ask."""
    node = next((node for node in graph.nodes if node.foreach is not None), None)
    if node is None:
        return {}
    code, memory = prepared.codes.get(node.name), Cache(store, prepared.app.name, prepared.code_parts)
    decided: dict[str, tuple[str, str]] = {}
    for position, item in enumerate(items):
        unit = Unit(unit_id(node.name, item.key), node.name, (item.key,), position, item.cost)
        identity = tasks.identity(unit, node, item.payload, {})
        key = CacheKey(code, *identity, node.environment) if code and identity else None
        decision = memory.decide(unit, node, key)
        if isinstance(decision, Reuse):
            decided[unit.unit_id] = ("reuse", str(decision.body["why"]))
        else:
            decided[unit.unit_id] = ("run", getattr(decision, "why", None) or "never run")
    return decided


def _nodes(store: Store, prepared: PreparedApp, graph: Graph, tasks: TaskBuilder) -> Iterator[dict[str, Any]]:
    """Each node of an app of nodes, in an order in which they could run, with what a run would decide of it.

    What becomes of a node that needs one which runs is only known when that has run.
    """
    memory = Cache(store, prepared.app.name, prepared.code_parts)
    units: dict[str, Unit] = {}
    for order, node in enumerate(graph.nodes, start=1):
        unit = Unit(unit_id(node.name), node.name, (), 0, 1.0)
        waits = next((need for need in node.needs if need not in units), None)
        decision, why = "run", "not cached"
        if node.policy.cache and waits:
            why = f"unless {waits}, which runs, returns what it did"
        elif node.policy.cache:
            identity = tasks.identity(unit, node, None, {need: units[need] for need in node.needs})
            code = prepared.codes.get(node.name)
            key = CacheKey(code, *identity, node.environment) if code and identity else None
            found = memory.decide(unit, node, key)
            if isinstance(found, Reuse):
                tasks.recorded(unit, found.body)
                units[node.name] = replace(unit, state=REUSED)
                decision, why = "reuse", str(found.body["why"])
            else:
                why = getattr(found, "why", None) or "never run"
        yield {
            "unit": unit.unit_id,
            "node": node.name,
            "key": "",
            "order": order,
            "decision": decision,
            "why": why,
            "cost": 1.0,
            "worker": None,
        }


def _items(found: Distribution, decided: Mapping[str, tuple[str, str]]) -> list[dict[str, Any]]:
    """The items in the order in which they would start: the longest first, whoever has them."""
    timed = found.in_seconds
    order = sorted(found.items, key=lambda item: -((item.seconds or 0.0) if timed else item.cost))
    return [
        {
            "unit": item.unit,
            "node": "work",
            "key": item.key,
            "order": position,
            "decision": decided.get(item.unit, _AFRESH)[0],
            "why": decided.get(item.unit, _AFRESH)[1],
            "cost": item.cost,
            "seconds": item.seconds,
            "worker": item.worker,
        }
        for position, item in enumerate(order, start=1)
    ]
