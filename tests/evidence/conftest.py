"""A finished run of plain functions with a reduce document, made by the real engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agi_node import Moments, Partial, Sum
from agi_node.context import RunContext
from agi_node.reduce import reduce_document
from agilab.engine.coordinator import Coordinator
from agilab.engine.graph import Graph, Node
from agilab.engine.inline import InlineExecutor
from agilab.engine.tasks import FunctionTasks
from agilab.evidence.export import export_run
from agilab.store.store import Store
from agilab.store.workspace import Workspace

RUN = "20261123-101500000-demo-aaaaaa"


class Total(Partial):
    n: Sum[int] = 0
    x: Sum[float] = 0.0
    spread: Moments = Moments()


def work(k: int, run: RunContext) -> dict[str, Any]:
    run.log_metric("k", k)
    run.save_json("seen", {"k": k})
    run.validate("small", k < 3, value=k, limit=3)
    if k == 9:
        raise ValueError("nine")
    return Total(n=1, x=k / 10, spread=Moments.of([k / 10])).to_state()


def reduce(work: list[dict[str, Any]]) -> dict[str, Any]:
    keyed = [(str(number), state) for number, state in enumerate(work)]
    return {
        "whole": reduce_document("demo", Total, keyed),
        "workers": {
            "w0": reduce_document("demo", Total, keyed[:1], {"worker": "w0"}),
            "w1": reduce_document("demo", Total, keyed[1:], {"worker": "w1"}),
        },
    }


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(Workspace(tmp_path / "home")) as store:
        yield store


def run_demo(store: Store, items: list[int], *, keep_going: bool = False) -> str:
    """Run plan → work → reduce over these items and return the run's id."""
    graph = Graph(
        (
            Node("plan", "plan"),
            Node("work", "work", ("plan",), foreach="plan"),
            Node("reduce", "demo:app#reduce", ("work",), require="any" if keep_going else "all"),
        ),
        keep_going=keep_going,
    )
    log = store.log(RUN)
    log.append(
        "run_created",
        app="demo_project",
        args={"count": len(items)},
        keep_going=keep_going,
        source={
            "name": "demo_project",
            "version": None,
            "source_digest": store.objects.put(b"{}"),
            "vcs": None,
        },
        source_digest=store.objects.put(b"{}"),
        environment=None,
        environment_record=None,
        workbench={"agilab": "0.1.0", "hosts": [{"name": "here", "cpus": 2, "memory": None}]},
        executor="inline",
        tracking_uri=None,
        replay={"command": "agilab run demo_project", "needs": []},
    )
    store.objects.put(graph.to_bytes())
    nodes = [{"name": node.name, "target": node.target} for node in graph.nodes]
    log.append("plan_recorded", plan_digest=graph.digest, nodes=nodes)
    log.flush()
    functions = {"plan": lambda: items, "work": work, "demo:app#reduce": reduce}
    Coordinator(
        store, RUN, graph, FunctionTasks(store, RUN, graph, max_units=100), InlineExecutor(functions)
    ).execute()
    return RUN


@pytest.fixture
def exported(store: Store, tmp_path: Path) -> Path:
    """The zip of such a run, whose workspace is closed."""
    from tests.evidence.exports import finished

    path = tmp_path / "run.zip"
    export_run(store, finished(store), path)
    store.close()
    return path


@pytest.fixture
def elsewhere(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "elsewhere")
