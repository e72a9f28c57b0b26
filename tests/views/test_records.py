"""A run as ordered records: pages, cursors, actions, where each result comes from."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agi_node.context import RunContext
from agi_node.errors import AgiError
from agi_node.items import Skip
from agilab.engine.foreach import product
from agilab.engine.graph import Graph, Node, Policy
from agilab.engine.reuse import Cache
from agilab.store.store import Store
from agilab.store.workspace import Workspace
from agilab.views.records import Page, Records, read_records
from tests.views.made_runs import Written, begin, execute, reader

MAP_REDUCE = Graph(
    (
        Node("list", "list"),
        Node("square", "square", ("list",), foreach="list"),
        Node("total", "total", ("square",)),
    )
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(Workspace(tmp_path / "home")) as store:
        yield store


def functions(count: int = 3) -> dict[str, Any]:
    def square(n: int, run: RunContext) -> int:
        run.save_json("seen", {"n": n})
        return n * n

    def add(square: list[int]) -> int:
        return sum(square)

    return {"list": lambda: list(range(count)), "square": square, "total": add}


def test_records_come_in_plan_order_with_the_story_of_each_unit_in_short(store: Store) -> None:
    execute(store, MAP_REDUCE, functions())
    found = read_records(store, "r1")
    assert [node["node"] for node in found.graph] == ["list", "square", "total"]
    assert [unit["unit"] for unit in found.units] == ["list", "square[0]", "square[1]", "square[2]", "total"]
    assert [(edge["from"], edge["to"], edge["state"]) for edge in found.dependencies] == [
        ("list", "square", "met"),
        ("square", "total", "met"),
    ]
    assert [edge["mapped"] for edge in found.dependencies] == [True, False]
    unit = found.units[1]
    assert unit["state"] == "succeeded"
    assert unit["attempts"] == 1
    assert unit["provenance"]["run"] == "r1"
    assert unit["provenance"]["worker"] == "inline"
    assert unit["partial_rerun"] is False
    assert {row["unit"] for row in found.artifacts} == {"square[0]", "square[1]", "square[2]"}
    assert found.cursor == store.run("r1").event_count
    assert json.loads(json.dumps(found.to_plain()))["page"]["total"] == 5


def test_pages_put_together_are_the_whole_list_however_they_are_cut(store: Store) -> None:
    execute(store, MAP_REDUCE, functions(23))
    whole = [unit["unit"] for unit in read_records(store, "r1", Page(limit=0)).units]
    assert len(whole) == 25

    @given(size=st.integers(1, 30))
    def cut(size: int) -> None:
        pages = [read_records(store, "r1", Page(limit=size, offset=start)) for start in range(0, 25, size)]
        assert [unit["unit"] for page in pages for unit in page.units] == whole
        assert {page.total for page in pages} == {25}
        assert sum(len(page.artifacts) for page in pages) == 23

    cut()


def test_units_are_chosen_by_node_and_state(store: Store) -> None:
    def square(n: int) -> Any:
        if n == 1:
            raise ValueError("one")
        return Skip("odd") if n % 2 else n

    execute(
        store,
        Graph(MAP_REDUCE.nodes, keep_going=True),
        functions(6) | {"square": square},
    )
    failed = read_records(store, "r1", Page(state="failed"))
    assert [unit["unit"] for unit in failed.units] == ["square[1]"]
    assert failed.units[0]["message"] == "square raised ValueError: one"
    assert failed.units[0]["code"] == "AGI-RUN-101"
    skipped = read_records(store, "r1", Page(node="square", state="skipped"))
    assert [(unit["unit"], unit["message"]) for unit in skipped.units] == [
        ("square[3]", "odd"),
        ("square[5]", "odd"),
    ]
    assert read_records(store, "r1", Page(node="list")).total == 1
    edge = failed.dependencies[1]
    assert (edge["state"], edge["good"], edge["total"]) == ("unmet", 5, 6)


@pytest.mark.parametrize(
    ("page", "named"),
    [
        (Page(node="nope"), "no node nope"),
        (Page(state="fine"), "no unit in state fine"),
        (Page(since=10_000), "no event 10000 yet"),
    ],
)
def test_what_the_run_does_not_have_is_refused(store: Store, page: Page, named: str) -> None:
    execute(store, MAP_REDUCE, functions())
    with pytest.raises(AgiError, match=named) as refused:
        read_records(store, "r1", page)
    assert refused.value.code == "AGI-RUN-019"
    assert refused.value.allowed


def patched(before: dict[str, dict[str, Any]], change: Records) -> dict[str, dict[str, Any]]:
    return before | {unit["unit"]: unit for unit in change.units}


def test_a_reader_with_a_cursor_has_what_a_reader_of_everything_has(store: Store) -> None:
    """Whatever happens between two looks: changes laid over the last answer give the whole answer."""
    seen: dict[str, dict[str, Any]] = {}
    nodes: dict[str, dict[str, Any]] = {}
    cursor, looks = 0, 0

    def look(coordinator: Any, report: Any) -> None:
        nonlocal seen, nodes, cursor, looks
        coordinator.log.flush()
        with reader(store) as other:
            change = read_records(other, "r1", Page(limit=0, since=cursor))
            whole = read_records(other, "r1", Page(limit=0))
        if not cursor:
            change = whole
        seen = patched(seen, change)
        nodes |= {node["node"]: node for node in change.graph}
        assert seen == {unit["unit"]: unit for unit in whole.units}
        assert nodes == {node["node"]: node for node in whole.graph}
        cursor, looks = change.cursor, looks + 1

    def square(n: int) -> int:
        time.sleep(0.003)  # several turns of the loop, between which somebody looks
        if n == 60:
            raise ValueError("stop here")
        return n

    run = execute(store, MAP_REDUCE, functions(150) | {"square": square}, observer=look)
    look(run, None)
    assert looks > 3
    assert run.state.final == "failed"
    assert {unit["state"] for unit in seen.values()} >= {"failed", "cancelled", "succeeded"}


def test_pages_read_while_the_run_goes_on_miss_nothing_with_the_cursor_of_the_first(store: Store) -> None:
    """A reader that takes twenty units at a time, one page for each turn of the run."""
    seen: dict[str, dict[str, Any]] = {}
    since = offset = first = 0
    ends = 0

    def take(everything: bool = False) -> None:
        nonlocal seen, since, offset, first, ends
        with reader(store) as other:
            answer = read_records(other, "r1", Page(limit=20, offset=offset, since=since))
        first = first or answer.cursor
        seen = patched(seen, answer)
        offset = answer.next_offset or 0
        if not offset:
            since, first = first, 0
            ends += 1
            everything = False
        if everything:
            take(everything)

    def look(coordinator: Any, report: Any) -> None:
        coordinator.log.flush()
        take()

    def square(n: int) -> int:
        time.sleep(0.002)
        return n

    execute(store, MAP_REDUCE, functions(60) | {"square": square}, observer=look)
    take(everything=True)  # the rest of the answer that was being read
    take(everything=True)  # and what has changed since its first page
    assert ends > 3
    assert seen == {unit["unit"]: unit for unit in read_records(store, "r1", Page(limit=0)).units}


def test_a_unit_that_is_tried_again_has_no_end_and_no_error_while_it_runs(store: Store) -> None:
    run = Written(store, Graph((Node("n", "n", policy=Policy(max_retries=1)),)))
    run.expand("n")
    run.fail("n", run.start("n", "w0"), 1000, to="up_for_retry")
    run.log.flush()
    (unit,) = read_records(store, "r1").units
    assert (unit["state"], unit["code"], unit["duration_seconds"]) == ("up_for_retry", "AGI-RUN-101", 0.001)
    assert unit["message"] == "n raised ValueError: no"
    run.log.append("retry_due", "n")
    run.start("n", "w1")
    run.log.flush()
    (unit,) = read_records(store, "r1").units
    assert (unit["state"], unit["attempts"], unit["provenance"]["worker"]) == ("running", 2, "w1")
    assert (unit["code"], unit["message"]) == (None, "")
    assert (unit["ended_at"], unit["duration_seconds"]) == (None, None)


def test_an_axis_with_the_name_of_a_node_is_not_mapped_over(store: Store) -> None:
    graph = Graph(
        (Node("seed", "seed"), Node("train", "train", ("seed",), foreach=product(seed=[1, 2], lr=[3]))),
    )
    begin(store, "r1", graph)
    (edge,) = read_records(store, "r1").dependencies
    assert edge["mapped"] is False


def test_nothing_new_is_an_answer_without_units(store: Store) -> None:
    execute(store, MAP_REDUCE, functions())
    cursor = read_records(store, "r1").cursor
    change = read_records(store, "r1", Page(since=cursor))
    assert (change.units, change.graph, change.dependencies, change.actions) == ((), (), (), ())
    assert change.total == 0


def test_a_result_that_was_used_again_says_where_it_comes_from(store: Store) -> None:
    graph = Graph((Node("n", "n", policy=Policy(cache=True)),))
    codes = {"n": "c" * 64}
    execute(store, graph, {"n": lambda: 7}, codes=codes)
    execute(
        store,
        graph,
        {"n": lambda: 8},
        run_id="r2",
        codes=codes,
        memory=Cache(store, "functions"),
        parent="r1",
    )
    (unit,) = read_records(store, "r2").units
    assert unit["state"] == "reused"
    assert unit["partial_rerun"] is True
    assert unit["provenance"]["run"] == "r1"
    assert unit["provenance"]["unit"] == "n"
    assert "code, arguments, inputs and environment equal" in unit["why"]
    (rerun,) = [row for row in read_records(store, "r1").actions if row["action"] == "rerun"]
    assert (rerun["run"], rerun["state"]) == ("r2", "succeeded")


def test_what_people_did_is_listed_in_order_with_who_and_why(store: Store) -> None:
    graph = Graph((Node("a", "a"), Node("b", "b", ("a",))))
    written = Written(store, graph)
    written.log.append("run_paused", by="ada", reason="look first")
    written.log.append("run_unpaused", by="ada")
    written.log.append("note_added", by="bob", text="disk was slow", mark="keep")
    written.log.append("cancel_requested", by="bob", reason="wrong data")
    written.log.flush()
    store.command("r1", "note", by="eve", text="why?")
    rows = read_records(store, "r1").actions
    assert [(row["action"], row["by"], row["message"], row["state"]) for row in rows] == [
        ("pause", "ada", "look first", "done"),
        ("unpause", "ada", "", "done"),
        ("note", "bob", "disk was slow", "done"),
        ("cancel", "bob", "wrong data", "done"),
        ("note", "eve", "why?", "asked"),
    ]
    assert rows[2]["mark"] == "keep"
    assert [row["action"] for row in read_records(store, "r1", Page(since=rows[2]["event"])).actions] == [
        "cancel",
        "note",
    ]


def test_a_run_that_was_killed_before_it_had_a_plan_has_no_graph(store: Store) -> None:
    log = store.log("r1")
    log.append("run_created", app="functions", args={})
    log.flush()
    found = read_records(store, "r1")
    assert (found.graph, found.units, found.cursor) == ((), (), 1)


def test_a_plan_that_cannot_be_read_any_more_leaves_its_nodes(store: Store) -> None:
    begin(store, "r1", MAP_REDUCE)
    path = store.objects.path(MAP_REDUCE.digest)
    path.chmod(0o644)
    path.unlink()
    found = read_records(store, "r1")
    assert [node["node"] for node in found.graph] == ["list", "square", "total"]
    assert found.dependencies == ()
