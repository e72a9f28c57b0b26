"""Runs of plain functions, executed for real, whose logs the views of a run are tested on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from agilab.contracts.identifiers import unit_id
from agilab.engine.coordinator import Coordinator, Observer
from agilab.engine.executor import Executor
from agilab.engine.graph import Graph
from agilab.engine.inline import InlineExecutor
from agilab.engine.reuse import Memory
from agilab.engine.tasks import FunctionTasks
from agilab.store.locks import RunLock
from agilab.store.log import RunLog
from agilab.store.store import Store
from agilab.store.workspace import Workspace

Functions = Mapping[str, Callable[..., Any]]


def begin(store: Store, run_id: str, graph: Graph, log: RunLog | None = None, **created: Any) -> RunLog:
    """Record a run and its plan, as whoever starts a run does."""
    log = log or store.log(run_id)
    store.objects.put(graph.to_bytes())
    log.append("run_created", **{"app": "functions", "args": {"size": 3}, **created})
    nodes = [{"name": node.name, "target": node.target} for node in graph.nodes]
    log.append("plan_recorded", plan_digest=graph.digest, nodes=nodes)
    log.flush()
    return log


def execute(
    store: Store,
    graph: Graph,
    functions: Functions,
    *,
    run_id: str = "r1",
    executor: Executor | None = None,
    observer: Observer | None = None,
    codes: Mapping[str, str] | None = None,
    memory: Memory | None = None,
    **created: Any,
) -> Coordinator:
    """Run a graph to its end as its owner."""
    with RunLock(store.workspace.run_folder(run_id)):
        begin(store, run_id, graph, **created)
        tasks = FunctionTasks(store, run_id, graph)
        coordinator = Coordinator(
            store,
            run_id,
            graph,
            tasks,
            executor or InlineExecutor(functions),
            observer=observer,
            codes=codes,
            memory=memory,
        )
        coordinator.execute()
    return coordinator


def reader(store: Store) -> Store:
    """A connection of its own to the same workspace, as another process has it."""
    return Store(Workspace(Path(store.workspace.home)), readonly=True)


class Written:
    """A log written event by event on a clock of its own, for times that a test has to know exactly."""

    def __init__(self, store: Store, graph: Graph, run_id: str = "r1", **created: Any) -> None:
        self.now_us = 1_790_000_000_000_000
        self.log = RunLog(store.db, store.objects, run_id, clock=lambda: self.now_us)
        self._numbers: dict[str, int] = {}
        begin(store, run_id, graph, self.log, **created)

    def expand(self, node: str, *keys: str) -> None:
        items = [
            {"unit_id": unit_id(node, key) if key else node, "key": key, "cost": 1.0, "payload": key or None}
            for key in keys or ("",)
        ]
        self.log.append("node_expanded", node=node, count=len(items), items=items)
        for item in items:
            self.log.append("unit_ready", item["unit_id"])

    def start(self, unit: str, worker: str) -> str:
        number = self._numbers[unit] = self._numbers.get(unit, 0) + 1
        event = self.log.append("attempt_started", unit, worker=worker, number=number)
        return event.attempt_id or ""

    def succeed(self, unit: str, attempt: str, duration_us: int) -> None:
        self.log.append("attempt_succeeded", unit, attempt, duration_us=duration_us, value=1)

    def fail(self, unit: str, attempt: str, duration_us: int, to: str = "failed") -> None:
        error = {"code": "AGI-RUN-101", "what": f"{unit} raised ValueError: no", "whose": "author"}
        self.log.append("attempt_failed", unit, attempt, to=to, duration_us=duration_us, error=error)

    def finish(self, node: str, state: str = "succeeded", **more: Any) -> None:
        self.log.append("node_finished", node=node, state=state, **more)

    def end(self, state: str = "succeeded", **more: Any) -> None:
        self.log.append("run_finished", state=state, **more)
        self.log.flush()
