"""Graphs of plain functions, executed for real in the engine's own process."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import time
from pathlib import Path

import pytest

from agi_node import tracker
from agi_node.canonical import sha256_bytes
from agi_node.context import RunContext
from agi_node.errors import AgiError
from agi_node.files import use_roots
from agi_node.gathered import Results
from agi_node.items import Skip
from agi_node.reference import FileRef
from agilab.engine.coordinator import Coordinator
from agilab.engine.executor import Report, Task
from agilab.engine.graph import Graph, Node, Policy
from agilab.engine.inline import InlineExecutor
from agilab.engine.tasks import FunctionTasks
from agilab.store.check import chain_problems, projection_problems
from agilab.store.store import Store
from tests.engine.conftest import Run, begin, values


def total(square: list[int]) -> int:
    return sum(square)


MAP_REDUCE = Graph(
    (
        Node("list", "list"),
        Node("square", "square", ("list",), foreach="list"),
        Node("total", "total", ("square",)),
    )
)


def test_a_map_over_what_a_node_returned_and_a_reduce_of_it(run_graph: Run, store: Store) -> None:
    run = run_graph(
        MAP_REDUCE,
        {"list": lambda: [1, 2, 3], "square": lambda n: n * n, "total": total},
    )
    assert run.state.final == "succeeded"
    assert values(store, "square") == {"1": 1, "2": 4, "3": 9}
    assert values(store, "total") == {"": 14}
    assert list(chain_problems(store, "r1")) == []
    assert list(projection_problems(store, "r1")) == []


def test_every_unit_has_its_own_story(run_graph: Run, store: Store) -> None:
    run_graph(MAP_REDUCE, {"list": lambda: ["a"], "square": lambda n: n, "total": lambda square: 0})
    assert [event.kind for event in store.story("r1", "square[a]")] == [
        "attempt_started",
        "attempt_succeeded",
    ]


def test_a_failure_stops_what_has_not_started_and_names_itself(run_graph: Run, store: Store) -> None:
    calls = []

    def square(n: int) -> int:
        calls.append(n)
        if n == 2:
            raise ValueError("two is not welcome")
        return n * n

    run = run_graph(
        MAP_REDUCE, {"list": lambda: list(range(500)), "square": square, "total": lambda square: 0}
    )
    assert run.state.final == "failed"
    assert len(calls) < 500
    counts = {node.node: (node.state, node.counts) for node in store.nodes("r1")}
    assert counts["square"][1]["failed"] == 1
    assert counts["total"] == ("cancelled", {})
    failed = next(store.units("r1", state="failed"))
    error = store.event("r1", failed.done_seq or 0).data["error"]
    assert error["what"] == "square raised ValueError: two is not welcome"
    assert "in square" in error["traceback"]
    assert "coordinator.py" not in error["traceback"]


def test_with_keep_going_the_others_still_count(run_graph: Run, store: Store) -> None:
    nodes = (*MAP_REDUCE.nodes[:2], Node("total", "total", ("square",), require="any"))
    run = run_graph(
        Graph(nodes, keep_going=True),
        {"list": lambda: [1, 0, 2], "square": lambda n: 4 // n, "total": total},
    )
    assert run.state.final == "succeeded"
    assert values(store, "total") == {"": 6}


def test_a_reduce_that_wants_all_does_not_run_on_less(run_graph: Run, store: Store) -> None:
    run = run_graph(
        Graph(MAP_REDUCE.nodes, keep_going=True),
        {"list": lambda: [1, 0], "square": lambda n: 4 // n, "total": total},
    )
    assert run.state.final == "failed"
    assert {node.node: node.state for node in store.nodes("r1")}["total"] == "upstream_failed"


def test_a_unit_is_tried_again_as_often_as_its_policy_says(run_graph: Run, store: Store) -> None:
    calls: list[int] = []

    def flaky() -> str:
        calls.append(1)
        if len(calls) < 3:
            raise OSError("not yet")
        return "done"

    run = run_graph(Graph((Node("n", "n", policy=Policy(max_retries=2, delay_s=0.01)),)), {"n": flaky})
    assert run.state.final == "succeeded"
    (unit,) = store.units("r1")
    assert (unit.attempts, unit.retries) == (3, 2)


def test_an_empty_list_skips_the_node_and_what_needs_it_unless_it_takes_nothing(
    run_graph: Run, store: Store
) -> None:
    functions = {"list": list, "square": lambda n: n, "total": total}
    assert run_graph(MAP_REDUCE, functions).state.final == "succeeded"
    assert {node.node: node.state for node in store.nodes("r1")}["total"] == "skipped"
    patient = (*MAP_REDUCE.nodes[:2], Node("total", "total", ("square",), on_empty=True, args={"square": []}))
    run_graph(Graph(patient), functions, run_id="r2")
    assert {node.node: node.state for node in store.nodes("r2")}["total"] == "succeeded"


def test_a_unit_may_skip_itself_and_keeps_its_key(run_graph: Run, store: Store) -> None:
    run = run_graph(
        MAP_REDUCE,
        {"list": lambda: [1, 2], "square": lambda n: Skip("odd") if n % 2 else n, "total": lambda square: 0},
    )
    assert run.state.final == "succeeded"
    (skipped,) = store.units("r1", state="skipped")
    assert store.event("r1", skipped.done_seq or 0).data["reason"] == "odd"


def test_two_items_of_one_key_fail_the_expansion_and_name_both_places(run_graph: Run, store: Store) -> None:
    run = run_graph(
        MAP_REDUCE, {"list": lambda: ["a", "b", "a"], "square": lambda n: n, "total": lambda square: 0}
    )
    assert run.state.final == "failed"
    (event,) = [e for e in store.events("r1", kinds=("node_finished",)) if "error" in e.data]
    assert event.data["error"]["found"] == "'a' at positions 0 and 2"


def test_a_list_that_is_too_long_fails_the_expansion_and_not_its_producer(
    run_graph: Run, store: Store
) -> None:
    run = run_graph(
        MAP_REDUCE,
        {"list": lambda: list(range(11)), "square": lambda n: n, "total": lambda square: 0},
        max_units=10,
    )
    assert run.state.final == "failed"
    assert {node.node: node.state for node in store.nodes("r1")} == {
        "list": "succeeded",
        "square": "failed",
        "total": "upstream_failed",
    }


def test_a_large_value_is_an_object_and_reads_back(run_graph: Run, store: Store) -> None:
    run_graph(Graph((Node("n", "n"),)), {"n": lambda: "x" * 100_000})
    ((_, body),) = store.results("r1", "n")
    assert "value" not in body
    assert store.value(body) == "x" * 100_000


def test_values_beyond_what_json_agrees_on_survive(run_graph: Run, store: Store) -> None:
    run_graph(
        Graph((Node("a", "a"), Node("b", "b", ("a",)))),
        {"a": lambda: [2**70, float("inf"), "$price"], "b": lambda a: [a[0] + 1, a[1], a[2]]},
    )
    assert values(store, "b") == {"": ["$int:1180591620717411303425", "$float:inf", "$str:$price"]}


def test_a_policy_that_the_executor_cannot_keep_is_refused_before_anything_runs(store: Store) -> None:
    graph = Graph((Node("n", "n", policy=Policy(timeout_s=1)),))
    begin(store, "r1", graph)
    with pytest.raises(AgiError, match="wants a timeout, which executor inline cannot keep"):
        Coordinator(store, "r1", graph, FunctionTasks(store, "r1", graph, max_units=10), InlineExecutor({}))


class PowerCut(BaseException):
    """Stands in for the process going away: nothing after it is recorded."""


def test_a_run_that_was_cut_off_goes_on_and_does_nothing_twice(store: Store) -> None:
    """The coordinator dies between two units; the next owner does exactly what is left."""
    calls: list[int] = []

    def square(n: int) -> int:
        calls.append(n)
        return n * n

    class Cut(InlineExecutor):
        def _call(self, task: Task) -> Report:
            if len(calls) == 5:
                raise PowerCut
            return super()._call(task)

    functions = {"list": lambda: list(range(10)), "square": square, "total": total}
    begin(store, "r1", MAP_REDUCE)
    first = Coordinator(
        store,
        "r1",
        MAP_REDUCE,
        FunctionTasks(store, "r1", MAP_REDUCE, max_units=10),
        Cut(functions),
    )
    first._take_over()
    with contextlib.suppress(PowerCut):
        while first.state.final is None:
            first._turn()
    assert first.state.final is None
    recorded = {unit.key for unit in store.units("r1", node="square", state="succeeded")}
    calls.clear()
    calls.extend([-1] * 5)
    second = Coordinator(
        store,
        "r1",
        MAP_REDUCE,
        FunctionTasks(store, "r1", MAP_REDUCE, max_units=10),
        InlineExecutor(functions),
    )
    assert second.execute() == "succeeded"
    assert values(store, "total") == {"": sum(n * n for n in range(10))}
    assert {str(n) for n in calls if n >= 0} == {str(n) for n in range(10)} - recorded
    assert list(projection_problems(store, "r1")) == []


def test_an_interrupt_in_a_function_cancels_the_run_and_keeps_what_was_done(
    run_graph: Run, store: Store
) -> None:
    def square(n: int) -> int:
        if n == 3:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(5)
        return n * n

    before = signal.getsignal(signal.SIGINT)
    began = time.monotonic()
    run = run_graph(MAP_REDUCE, {"list": lambda: list(range(8)), "square": square, "total": total})
    assert run.state.final == "cancelled"
    assert time.monotonic() - began < 4
    states = {unit.key: unit.state for unit in store.units("r1", node="square")}
    assert [states[str(n)] for n in range(3)] == ["succeeded"] * 3
    assert {states[str(n)] for n in range(3, 8)} == {"cancelled"}
    assert list(projection_problems(store, "r1")) == []
    assert signal.getsignal(signal.SIGINT) is before


def test_a_finished_run_is_left_alone(run_graph: Run, store: Store) -> None:
    run_graph(MAP_REDUCE, {"list": lambda: [1], "square": lambda n: n, "total": lambda square: 1})
    count = store.run("r1").event_count
    again = Coordinator(
        store, "r1", MAP_REDUCE, FunctionTasks(store, "r1", MAP_REDUCE, max_units=10), InlineExecutor({})
    )
    assert again.execute() == "succeeded"
    assert store.run("r1").event_count == count


def test_the_tracker_and_the_run_context_reach_the_log_from_a_plain_function(
    run_graph: Run, store: Store
) -> None:
    def measure(n: int, run: RunContext) -> int:
        tracker.log_metric("n", n, step=1)
        run.save_json("seen", {"n": n})
        run.validate("positive", n > 0, value=n)
        return n

    run_graph(MAP_REDUCE, {"list": lambda: [1, 2], "square": measure, "total": total})
    ((_, first), (_, second)) = store.results("r1", "square")
    assert (first["metrics"]["name"], first["metrics"]["value"], first["metrics"]["step"]) == (
        ["n"],
        [1],
        [1],
    )
    assert second["validations"][0]["passed"]
    (artifact,) = [row for row in store.artifacts("r1") if row.unit_id == "square[2]"]
    assert b'"n": 2' in store.objects.read(artifact.digest)


def test_a_function_that_changes_a_file_which_it_was_given_to_read_fails(
    run_graph: Run, store: Store, tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_bytes(b"old")

    def spoils() -> None:
        with use_roots({"lake": tmp_path}):
            FileRef("lake", "a.csv", 3, sha256_bytes(b"old")).path.write_bytes(b"new")

    run = run_graph(Graph((Node("spoils", "spoils"),)), {"spoils": spoils})
    assert run.state.final == "failed"
    (failed,) = store.units("r1", state="failed")
    error = store.event("r1", failed.done_seq or 0).data["error"]
    assert error["code"] == "AGI-DATA-007"
    assert error["what"] == "the file lake:a.csv changed while spoils had it to read"


def test_a_target_that_was_not_given_is_named(run_graph: Run, store: Store) -> None:
    run_graph(Graph((Node("n", "mean"),)), {"median": lambda: 1})
    unit = store.unit("r1", "n")
    error = store.event("r1", unit.done_seq or 0).data["error"]
    assert (error["code"], error["found"], error["allowed"]) == ("AGI-GRAPH-012", "mean", "median")


def test_a_key_error_of_the_author_is_the_authors(run_graph: Run, store: Store) -> None:
    run_graph(Graph((Node("n", "n"),)), {"n": lambda: {}["missing"]})
    error = store.event("r1", store.unit("r1", "n").done_seq or 0).data["error"]
    assert error["what"] == "n raised KeyError: 'missing'"


def test_odd_values_are_mapped_over_as_they_are(run_graph: Run, store: Store) -> None:
    odd = ["$5", 2**70, 1e16, "$str:x"]
    seen = []
    run = run_graph(MAP_REDUCE, {"list": lambda: odd, "square": seen.append, "total": lambda square: 0})
    assert run.state.final == "succeeded"
    assert seen == odd
    assert {unit.key for unit in store.units("r1", node="square")} >= {"$5", "$str:x"}
    assert list(projection_problems(store, "r1")) == []


class Unwelcome(BaseException):
    """Something that `except Exception` lets through, as some frameworks' own signals are."""


@pytest.mark.parametrize(
    "function",
    [
        lambda: (_ for _ in ()).throw(Unwelcome("out")),
        lambda: (_ for _ in ()).throw(GeneratorExit()),
        lambda: (_ for _ in ()).throw(ValueError("half a character: \ud800")),
        lambda: exec("raise ValueError"),
    ],
    ids=["base-exception", "generator-exit", "half-a-character", "no-message"],
)
def test_whatever_a_function_raises_ends_its_unit_and_never_the_run(
    run_graph: Run, store: Store, function: object
) -> None:
    run = run_graph(
        Graph((Node("n", "n"), Node("other", "other")), keep_going=True), {"n": function, "other": int}
    )
    assert run.state.final == "failed"
    error = store.event("r1", store.unit("r1", "n").done_seq or 0).data["error"]
    assert error["what"].startswith("n raised")
    assert store.unit("r1", "other").state == "succeeded"
    assert list(projection_problems(store, "r1")) == []


def test_a_reason_to_skip_that_is_not_unicode_and_a_parameter_that_is_no_number_are_kept(
    run_graph: Run, store: Store
) -> None:
    def odd(run: RunContext) -> Skip:
        tracker.log_param("limit", float("nan"))
        return Skip("half a character: \ud800")

    run = run_graph(Graph((Node("n", "n"),)), {"n": odd})
    assert run.state.final == "succeeded"
    event = store.event("r1", store.unit("r1", "n").done_seq or 0)
    assert event.kind == "attempt_skipped"
    assert event.data["reason"].startswith("half a character")


def test_a_reduce_that_is_a_partial_gets_what_its_annotation_asks_for(run_graph: Run, store: Store) -> None:
    def keys(more: str, square: Results) -> list[str]:
        return [more, *(result.key for result in square)]

    run = run_graph(
        MAP_REDUCE, {"list": lambda: [1, 2], "square": lambda n: n, "total": functools.partial(keys, "all")}
    )
    assert run.state.final == "succeeded"
    assert values(store, "total") == {"": ["all", "1", "2"]}


def test_what_a_terminal_would_obey_is_spelt_out_in_an_error(run_graph: Run, store: Store) -> None:
    def bad() -> None:
        raise ValueError("\x1b[31mred\x1b]0;title\x07\r\n\tkept")

    run_graph(Graph((Node("n", "n"),)), {"n": bad})
    error = store.event("r1", store.unit("r1", "n").done_seq or 0).data["error"]
    assert error["what"] == "n raised ValueError: \\x1b[31mred\\x1b]0;title\\x07\\x0d\n\tkept"
    assert "\x1b" not in error["traceback"]
