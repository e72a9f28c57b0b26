"""Nodes that run nothing, and tasks that cannot be made: settled by the run's owner, without an executor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from agi_node.errors import AgiError
from agilab.engine.coordinator import Coordinator
from agilab.engine.executor import Task
from agilab.engine.foreach import Nested
from agilab.engine.graph import GATHER, Graph, Node, Policy
from agilab.engine.inline import InlineExecutor
from agilab.engine.rerun import Rerun, folded, preview
from agilab.engine.selection import Selection
from agilab.engine.state import Unit
from agilab.engine.tasks import FunctionTasks, Needs
from agilab.store.check import chain_problems, object_problems, projection_problems
from agilab.store.store import Store
from tests.engine.conftest import begin

GRAPH = Graph(
    (
        Node("step/list", "f:listed", fresh=True),
        Node("step/work", "f:double", foreach="step/list"),
        Node("step", GATHER, needs=("step/work",)),
        Node("after", "f:after", needs=("step",)),
    ),
    keep_going=True,
)
Gather = Callable[[Unit, Node, Needs], Mapping[str, Any]]


def _run(
    store: Store, graph: Graph, gather: Gather | None, *, run_id: str = "r1", **options: Any
) -> Coordinator:
    begin(store, run_id, graph)
    functions = {
        "f:listed": lambda: [1, 2, 3],
        "f:double": lambda item: 2 * item,
        "f:after": lambda step: step + 1,
        "f:each": lambda item: [item, item + 1],
    }
    tasks = options.pop("tasks", FunctionTasks)(store, run_id, graph)
    coordinator = Coordinator(
        store, run_id, graph, tasks, InlineExecutor(functions), gather=gather, **options
    )
    coordinator.execute()
    return coordinator


def _sum(store: Store, run_id: str = "r1") -> Gather:
    def gather(unit: Unit, node: Node, needs: Needs) -> Mapping[str, Any]:
        (units,) = needs.values()
        values = [store.value(store.result(run_id, one.unit_id)) for one in units]  # type: ignore[union-attr]
        return {"value": sum(values)}

    return gather


class _Current(FunctionTasks):
    """Tables that are current whenever a unit is settled."""

    def remembers(self, node: Node) -> bool:
        return False


def test_what_a_node_gathers_is_a_success_like_any_other(store: Store) -> None:
    ended = _run(store, GRAPH, _sum(store), tasks=_Current)
    assert ended.state.final == "succeeded"
    values = {unit.unit_id: store.value(store.result("r1", unit.unit_id)) for unit in store.units("r1")}
    assert (values["step"], values["after"]) == (2 + 4 + 6, 13)
    (unit,) = store.units("r1", node="step")
    assert (unit.state, unit.attempts, unit.worker) == ("succeeded", 1, "")
    assert store.leases("r1") == []
    assert [
        *chain_problems(store, "r1"),
        *projection_problems(store, "r1"),
        *object_problems(store, "r1"),
    ] == []
    assert folded(store, "r1").units["step"].state == "succeeded"


def test_what_cannot_be_gathered_fails_the_node_and_stops_what_needs_it(store: Store) -> None:
    def refuse(unit: Unit, node: Node, needs: Needs) -> Mapping[str, Any]:
        raise AgiError("AGI-STAGE-101", "it is not there", whose="author")

    ended = _run(store, GRAPH, refuse)
    states = {node.node: node.state for node in store.nodes("r1")}
    assert (states["step"], states["after"]) == ("failed", "upstream_failed")
    (event,) = store.events("r1", kinds=("attempt_failed",))
    assert event.data["error"]["code"] == "AGI-STAGE-101"
    assert ended.state.final == "failed"


def test_without_anybody_who_gathers_it_fails_and_says_so(store: Store) -> None:
    _run(store, GRAPH, None)
    (event,) = store.events("r1", kinds=("attempt_failed",))
    assert event.data["error"]["code"] == "AGI-GRAPH-008"


class _Refusing(FunctionTasks):
    """Has nothing to give to the unit of item 2."""

    def task(self, unit: Unit, node: Node, payload: Any, needs: Needs, attempt_id: str, folder: Path) -> Task:
        if unit.key == "2":
            raise AgiError("AGI-DATA-003", "the file changed", whose="user")
        return super().task(unit, node, payload, needs, attempt_id, folder)


@pytest.mark.parametrize(("retries", "attempts"), [(0, 1), (2, 3)])
def test_a_task_that_cannot_be_made_fails_its_attempt_alone(
    store: Store, retries: int, attempts: int
) -> None:
    policy = Policy(max_retries=retries, delay_s=0.01)
    nodes = (Node("list", "f:listed"), Node("work", "f:double", foreach="list", policy=policy))
    ended = _run(store, Graph(nodes, keep_going=True), None, tasks=_Refusing)
    states = {unit.unit_id: (unit.state, unit.attempts) for unit in store.units("r1", node="work")}
    assert states == {
        "work[1]": ("succeeded", 1),
        "work[2]": ("failed", attempts),
        "work[3]": ("succeeded", 1),
    }
    assert ended.state.final == "failed"


def test_a_step_is_run_again_with_its_parts(store: Store) -> None:
    _run(store, GRAPH, _sum(store), tasks=_Current)
    shown = preview(store, "r1", GRAPH, Selection(from_node="step", downstream=False), {})
    assert set(shown.execute) == {"step/list", "step/work[1]", "step/work[2]", "step/work[3]", "step"}
    assert set(shown.reuse) == {"after"}
    shown = preview(store, "r1", GRAPH, Selection(units=("step",)), {})
    assert set(shown.execute) == {
        "step/list",
        "step/work[1]",
        "step/work[2]",
        "step/work[3]",
        "step",
        "after",
    }


def test_a_list_that_is_looked_at_afresh_makes_no_nested_unit_run(store: Store) -> None:
    graph = Graph(
        (
            Node("list", "f:listed"),
            Node("each", "f:each", foreach="list", fresh=True),
            Node("inner", "f:double", foreach=Nested("each")),
        )
    )
    _run(store, graph, None)
    chosen = Selection(units=("inner[2/3]",))
    shown = preview(store, "r1", graph, chosen, {})
    # The lists are asked for again; of the items only the one that was selected runs.
    assert set(shown.execute) == {"each[1]", "each[2]", "each[3]", "inner[2/3]"}
    again = _run(store, graph, None, run_id="r2", memory=Rerun(store, shown))
    assert again.state.final == "succeeded"
    ran = {unit.unit_id for unit in store.units("r2", node="inner", state="succeeded")}
    assert ran == {"inner[2/3]"}
