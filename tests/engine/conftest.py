"""Running a graph of plain functions for real: a workspace, a log, an executor, a coordinator."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from agilab.engine.coordinator import Coordinator
from agilab.engine.executor import Executor
from agilab.engine.graph import Graph
from agilab.engine.inline import InlineExecutor
from agilab.engine.invariants import validate
from agilab.engine.tasks import FunctionTasks
from agilab.store.store import Store
from agilab.store.workspace import Workspace

Run = Callable[..., Coordinator]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(Workspace(tmp_path / "home")) as store:
        yield store


def begin(store: Store, run_id: str, graph: Graph) -> None:
    """Record a run and its plan, as whoever starts a run does."""
    log = store.log(run_id)
    store.objects.put(graph.to_bytes())
    log.append("run_created", app="functions", args={})
    nodes = [{"name": node.name, "target": node.target} for node in graph.nodes]
    log.append("plan_recorded", plan_digest=graph.digest, nodes=nodes)
    log.flush()


@pytest.fixture
def run_graph(store: Store) -> Run:
    """Execute a graph of plain functions inline; returns the coordinator when the run has ended."""

    def run(
        graph: Graph,
        functions: Mapping[str, Callable[..., Any]] | None = None,
        *,
        run_id: str = "r1",
        executor: Executor | None = None,
        max_units: int = 10_000,
    ) -> Coordinator:
        begin(store, run_id, graph)
        tasks = FunctionTasks(store, run_id, graph, max_units=max_units)
        coordinator = Coordinator(store, run_id, graph, tasks, executor or InlineExecutor(functions or {}))
        coordinator.execute()
        validate(coordinator.state)
        return coordinator

    return run


def values(store: Store, node: str, run_id: str = "r1") -> dict[str, Any]:
    """What the good units of a node returned, by key."""
    return {
        unit.key: store.value(body) for unit, body in store.results(run_id, node) if unit.state == "succeeded"
    }
