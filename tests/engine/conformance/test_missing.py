"""What never came to be is not taken for nothing: found by graphs that nobody thought of, kept as they were found."""

from __future__ import annotations

from typing import Any

from agi_node import Skip
from agilab.engine.foreach import Nested
from agilab.engine.graph import Graph, Node
from agilab.store.check import projection_problems
from agilab.store.store import Store
from tests.engine.conftest import Run, values


def fails(*anything: Any, **needs: Any) -> Any:
    raise ValueError("no luck")


def total(scaled: list[int]) -> int:
    return sum(scaled)


def nodes_of(store: Store) -> dict[str, str]:
    return {node.node: node.state for node in store.nodes("r1")}


def test_a_reduce_that_wants_all_is_not_content_where_a_list_is_missing_further_up(
    run_graph: Run, store: Store
) -> None:
    """One year's months are not known, so its rain is not, nor what follows from the rain."""

    def months(year: int) -> list[int]:
        return fails() if year == 2025 else [1, 2]  # type: ignore[no-any-return]

    graph = Graph(
        (
            Node("months", "months", foreach=[2024, 2025]),
            Node("rain", "rain", foreach=Nested("months")),
            Node("scaled", "scaled", foreach="rain"),
            Node("total", "total", ("scaled",)),
            Node("some", "some", ("scaled",), require="any"),
        ),
        keep_going=True,
    )
    functions = {
        "months": months,
        "rain": lambda month: month,
        "scaled": lambda rain: rain * 10,
        "total": total,
        "some": total,
    }
    assert run_graph(graph, functions).state.final == "failed"
    assert nodes_of(store) == {
        "months": "failed",
        "rain": "upstream_failed",
        "scaled": "upstream_failed",
        "total": "upstream_failed",
        "some": "succeeded",
    }
    assert values(store, "some") == {"": 30}
    assert list(projection_problems(store, "r1")) == []


def test_a_group_of_a_node_that_never_came_to_be_is_bad_and_not_empty(run_graph: Run, store: Store) -> None:
    graph = Graph(
        (
            Node("bad", "bad"),
            Node("outer", "outer", foreach=[1, 2]),
            Node("inner", "inner", ("bad",), foreach=Nested("outer")),
            Node("sum", "sum", ("outer", "inner"), foreach=[1, 2]),
        ),
        keep_going=True,
    )
    functions: dict[str, Any] = {
        "bad": fails,
        "outer": lambda n: [n],
        "inner": lambda n, bad: n,
        "sum": lambda n, outer, inner: inner,
    }
    assert run_graph(graph, functions).state.final == "failed"
    assert {unit.state for unit in store.units("r1", node="sum")} == {"upstream_failed"}


def test_a_node_that_maps_over_what_skipped_itself_is_skipped_whatever_it_takes(
    run_graph: Run, store: Store
) -> None:
    graph = Graph((Node("list", "list"), Node("each", "each", foreach="list", on_empty=True)))
    run = run_graph(graph, {"list": lambda: Skip("not today"), "each": lambda n: n})
    assert run.state.final == "succeeded"
    assert nodes_of(store) == {"list": "succeeded", "each": "skipped"}


def test_a_cancelled_run_does_not_call_a_node_done_that_was_to_have_more_units(
    run_graph: Run, store: Store
) -> None:
    def outer(n: int) -> list[int]:
        if n == 2:
            raise KeyboardInterrupt
        return [n]

    graph = Graph(
        (Node("outer", "outer", foreach=[1, 2]), Node("inner", "inner", foreach=Nested("outer"))),
        max_parallel=1,
    )
    assert run_graph(graph, {"outer": outer, "inner": lambda n: n}).state.final == "cancelled"
    assert {unit.unit_id: unit.state for unit in store.units("r1")} == {
        "outer[1]": "succeeded",
        "inner[1/1]": "succeeded",
        "outer[2]": "cancelled",
    }
    assert nodes_of(store) == {"outer": "cancelled", "inner": "cancelled"}
