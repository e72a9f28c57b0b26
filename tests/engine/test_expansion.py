"""What mapped nodes expand to, and which units wait for which: executed for real, inline."""

from __future__ import annotations

import gc
from typing import Any

import pytest

from agi_node import Results, Skip
from agi_node.errors import AgiError
from agilab.engine.foreach import Items, Nested, product, zipped
from agilab.engine.graph import Graph, Node, Policy
from agilab.store.check import chain_problems, projection_problems
from agilab.store.store import Store
from tests.engine.conftest import Run, values


def states(store: Store, node: str) -> dict[str, str]:
    return {unit.key: unit.state for unit in store.units("r1", node=node)}


def test_a_product_runs_its_last_axis_fastest_and_names_units_by_both(run_graph: Run, store: Store) -> None:
    graph = Graph(
        (
            Node("seeds", "seeds"),
            Node("train", "train", foreach=product(lr=[0.1, 0.2], seed="seeds")),
        )
    )
    run_graph(graph, {"seeds": lambda: [1, 2], "train": lambda lr, seed: f"{lr}/{seed}"})
    assert [unit.unit_id for unit in store.units("r1", node="train")] == [
        "train[lr=0.1,seed=1]",
        "train[lr=0.1,seed=2]",
        "train[lr=0.2,seed=1]",
        "train[lr=0.2,seed=2]",
    ]
    assert values(store, "train")["lr=0.2,seed=1"] == "0.2/1"


def test_a_strict_zip_of_different_lengths_is_refused_and_names_them(run_graph: Run, store: Store) -> None:
    run = run_graph(Graph((Node("n", "n", foreach=zipped(x=[1, 2], y=[1])),)), {"n": lambda x, y: (x, y)})
    assert run.state.final == "failed"
    (event,) = store.events("r1", kinds=("node_finished",))
    assert event.data["error"]["code"] == "AGI-RUN-033"
    assert event.data["error"]["found"] == "x: 2, y: 1"


def test_a_filled_zip_gives_none_for_what_is_missing(run_graph: Run, store: Store) -> None:
    run_graph(
        Graph((Node("n", "n", foreach=zipped(x=[1, 2], y=["a"], fill=True)),)),
        {"n": lambda x, y: [x, y]},
    )
    assert values(store, "n") == {"x=1,y=a": [1, "a"], "x=2,y=null": [2, None]}


def test_items_may_be_a_mapping_whose_keys_become_keys_and_none_is_an_item(
    run_graph: Run, store: Store
) -> None:
    run_graph(Graph((Node("n", "n", foreach=Items({"a": None, "b": 2})),)), {"n": lambda item: [item]})
    assert values(store, "n") == {"a": [None], "b": [2]}


def test_a_map_of_a_map_goes_depth_first_by_key(run_graph: Run, store: Store) -> None:
    """`second[k]` needs `first[k]` alone: it runs before the other units of `first`, and not when that failed."""
    order: list[str] = []

    def first(item: str) -> str:
        order.append(f"first {item}")
        if item == "b":
            raise ValueError("b is bad")
        return item.upper()

    def second(value: str) -> str:
        order.append(f"second {value}")
        return value * 2

    graph = Graph(
        (
            Node("items", "items"),
            Node("first", "first", foreach="items", policy=Policy(max_parallel=1)),
            Node("second", "second", foreach="first"),
            Node("last", "last", ("second",), require="any"),
        ),
        keep_going=True,
        max_parallel=1,
    )
    run = run_graph(
        graph,
        {"items": lambda: ["a", "b", "c"], "first": first, "second": second, "last": lambda second: second},
    )
    assert order == ["first a", "second A", "first b", "first c", "second C"]
    assert states(store, "second") == {"a": "succeeded", "b": "upstream_failed", "c": "succeeded"}
    assert values(store, "last") == {"": ["AA", "CC"]}
    assert run.state.final == "succeeded"
    assert list(projection_problems(store, "r1")) == []


def test_nodes_that_map_over_the_same_list_are_tied_key_by_key(run_graph: Run, store: Store) -> None:
    graph = Graph(
        (
            Node("items", "items"),
            Node("size", "size", foreach="items"),
            Node("label", "label", ("size",), foreach="items"),
        )
    )
    run_graph(
        graph,
        {"items": lambda: ["x", "yyy"], "size": len, "label": lambda item, size: f"{item}:{size}"},
    )
    assert values(store, "label") == {"x": "x:1", "yyy": "yyy:3"}


def test_a_nested_map_is_reduced_for_each_outer_key_and_then_as_a_whole(run_graph: Run, store: Store) -> None:
    graph = Graph(
        (
            Node("years", "years"),
            Node("months", "months", foreach="years"),
            Node("rain", "rain", foreach=Nested("months")),
            Node("yearly", "yearly", ("rain",), foreach="years"),
            Node("total", "total", ("yearly", "rain")),
        )
    )
    run = run_graph(
        graph,
        {
            "years": lambda: ["2023", "2024", "2025"],
            "months": lambda year: [f"{year}-{n}" for n in range(int(year) - 2023)],
            "rain": lambda month: int(month[-1]) + 1,
            "yearly": lambda year, rain: sum(rain),
            "total": lambda yearly, rain: [sum(yearly), len(rain)],
        },
    )
    assert run.state.final == "succeeded"
    assert [unit.unit_id for unit in store.units("r1", node="rain")] == [
        "rain[2024/2024-0]",
        "rain[2025/2025-0]",
        "rain[2025/2025-1]",
    ]
    # Nothing to add up for 2023: that reduce is skipped, and keeps its key.
    assert states(store, "yearly") == {"2023": "skipped", "2024": "succeeded", "2025": "succeeded"}
    assert values(store, "yearly") == {"2024": 1, "2025": 3}
    assert values(store, "total") == {"": [4, 3]}
    assert list(chain_problems(store, "r1")) == []
    assert list(projection_problems(store, "r1")) == []


def test_a_nested_map_whose_parent_failed_counts_as_missing_for_a_reduce_that_wants_all(
    run_graph: Run, store: Store
) -> None:
    def months(year: int) -> list[int]:
        if year == 2:
            raise ValueError("no such year")
        return [year]

    nodes = (
        Node("months", "months", foreach=[1, 2]),
        Node("rain", "rain", foreach=Nested("months")),
    )
    functions: dict[str, Any] = {"months": months, "rain": lambda n: n, "total": lambda rain: rain}
    strict = Graph((*nodes, Node("total", "total", ("rain",))), keep_going=True)
    assert run_graph(strict, functions).state.final == "failed"
    assert {node.node: node.state for node in store.nodes("r1")}["total"] == "upstream_failed"
    content = Graph((*nodes, Node("total", "total", ("rain",), require=0.5)), keep_going=True)
    assert run_graph(content, functions, run_id="r2").state.final == "succeeded"
    assert values(store, "total", "r2") == {"": [1]}


def test_one_parent_that_returns_no_list_fails_its_own_branch_only(run_graph: Run, store: Store) -> None:
    graph = Graph(
        (
            Node("lists", "lists", foreach=["good", "bad"]),
            Node("each", "each", foreach=Nested("lists")),
            Node("all", "all", ("each",), require="any"),
        ),
        keep_going=True,
    )
    run = run_graph(
        graph,
        {"lists": lambda x: [1, 2] if x == "good" else 7, "each": lambda n: n, "all": lambda each: each},
    )
    assert values(store, "all") == {"": [1, 2]}
    (event,) = store.events("r1", kinds=("expansion_failed",))
    assert event.data["under"] == "lists[bad]"
    assert event.data["error"]["code"] == "AGI-RUN-030"
    assert {node.node: node.state for node in store.nodes("r1")}["each"] == "failed"
    assert run.state.final == "succeeded"


def test_a_reduce_that_asks_for_results_sees_every_unit_in_key_order(run_graph: Run, store: Store) -> None:
    def each(n: int) -> Any:
        if n == 2:
            raise ValueError("two")
        return Skip("three is not for us") if n == 3 else "x" * 40_000 if n == 4 else n

    def report(each: Results) -> list[Any]:
        assert len(each) == 4
        again = [result.key for result in each]  # it can be gone through twice
        assert again == ["1", "2", "3", "4"]
        with pytest.raises(AgiError, match=r"(?s)AGI-RUN-109.*the unit '2' left no value.*failed"):
            _ = next(result for result in each if not result.good).value
        return [[result.status, len(str(result.value)) if result.good else None] for result in each]

    graph = Graph(
        (
            Node("each", "each", foreach=[1, 2, 3, 4]),
            Node("report", "report", ("each",), require="any"),
        ),
        keep_going=True,
    )
    run_graph(graph, {"each": each, "report": report})
    assert values(store, "report") == {
        "": [["succeeded", 1], ["failed", None], ["skipped", None], ["succeeded", 40_000]]
    }


def test_what_needs_a_skipped_unit_is_skipped_by_key(run_graph: Run, store: Store) -> None:
    graph = Graph(
        (
            Node("first", "first", foreach=[1, 2]),
            Node("second", "second", foreach="first"),
            Node("lone", "lone"),
            Node("after", "after", ("lone",)),
            Node("anyway", "anyway", ("lone",), on_empty=True),
        )
    )
    run = run_graph(
        graph,
        {
            "first": lambda n: Skip("odd") if n == 1 else n,
            "second": lambda n: n * 10,
            "lone": lambda: Skip("not today"),
            "after": lambda lone: lone,
            "anyway": lambda lone: ["ran", lone],
        },
    )
    assert run.state.final == "succeeded"
    assert states(store, "second") == {"1": "skipped", "2": "succeeded"}
    (reason,) = [event.data["reason"] for event in store.events("r1", kinds=("unit_skipped",))]
    assert reason == "skipped: first[1]"
    assert {node.node: node.state for node in store.nodes("r1")}["after"] == "skipped"
    assert values(store, "anyway") == {"": ["ran", None]}


def test_the_limits_of_a_node_and_of_a_run_fail_the_expansion_not_the_producer(
    run_graph: Run, store: Store
) -> None:
    nodes = (Node("list", "list"), Node("n", "n", foreach="list", policy=Policy(max_units=3)))
    functions: dict[str, Any] = {"list": lambda: list(range(4)), "n": lambda n: n}
    run_graph(Graph(nodes), functions)
    assert {node.node: node.state for node in store.nodes("r1")} == {"list": "succeeded", "n": "failed"}
    (error,) = [e.data["error"] for e in store.events("r1", kinds=("node_finished",)) if "error" in e.data]
    assert error["code"] == "AGI-RUN-032"
    assert "max_units of its policy" in error["allowed"]
    run_graph(Graph((nodes[0], Node("n", "n", foreach="list")), max_units=3), functions, run_id="r2")
    (error,) = [e.data["error"] for e in store.events("r2", kinds=("node_finished",)) if "error" in e.data]
    assert "max_units of the run" in error["allowed"]


@pytest.mark.parametrize("wanted", [True, False], ids=["collecting", "not"])
@pytest.mark.parametrize("units", [3, 4], ids=["that fits", "beyond its limit"])
def test_garbage_is_collected_after_an_expansion_if_it_was_before(
    run_graph: Run, wanted: bool, units: int
) -> None:
    nodes = (Node("list", "list"), Node("n", "n", foreach="list", policy=Policy(max_units=3)))
    seen: list[bool] = []
    before = gc.isenabled()
    (gc.enable if wanted else gc.disable)()
    try:
        run_graph(
            Graph(nodes), {"list": lambda: list(range(units)), "n": lambda n: seen.append(gc.isenabled())}
        )
        assert gc.isenabled() is wanted
    finally:
        (gc.enable if before else gc.disable)()
    assert seen == ([wanted] * 3 if units == 3 else [])


def test_pools_and_the_cap_of_the_run_hold(run_graph: Run, store: Store) -> None:
    graph = Graph(
        (
            Node("a", "a", foreach=list(range(20)), policy=Policy(pool="disk")),
            Node("b", "a", foreach=list(range(20)), policy=Policy(pool="disk")),
        ),
        pools={"disk": 2},
        max_parallel=3,
    )
    run_graph(graph, {"a": lambda n: n})
    running = most = 0
    for event in store.events("r1"):
        running += (event.kind == "attempt_started") - (event.kind == "attempt_succeeded")
        most = max(most, running)
    assert most == 2


def count(sum: list[int]) -> int:
    return len(sum)


def test_a_group_that_is_complete_is_reduced_at_once(run_graph: Run, store: Store) -> None:
    """A thousand nested units in two hundred groups."""
    graph = Graph(
        (
            Node("outer", "outer", foreach=list(range(200))),
            Node("inner", "inner", foreach=Nested("outer")),
            Node("sum", "sum", ("inner",), foreach="outer"),
            Node("total", "total", ("sum",)),
        )
    )
    run_graph(
        graph,
        {
            "outer": lambda n: [n * 5 + k for k in range(5)],
            "inner": lambda n: n,
            "sum": lambda outer, inner: sum(inner),
            "total": count,
        },
    )
    assert values(store, "total") == {"": 200}
    first = min(e.run_seq for e in store.events("r1", kinds=("attempt_succeeded",)) if e.unit_id == "sum[0]")
    last = max(
        e.run_seq for e in store.events("r1", kinds=("attempt_succeeded",)) if "inner" in str(e.unit_id)
    )
    assert first < last, "a group that is complete is not kept waiting by the others"
