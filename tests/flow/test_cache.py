"""Results used again, and what `plan` says of it before anything runs."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from agilab.flow import Flow
from agilab.store.store import Store
from agilab.store.workspace import Workspace
from tests.flow.conftest import MakeFlow, states, whys

WORKERS = [None, pytest.param(1, marks=pytest.mark.slow)]
BEFORE = """
LIMIT = 3

def helper(x):
    return x + LIMIT

def table(n=2):
    return pd.DataFrame({"x": [helper(n)]})

def size(table):
    return len(table)
"""


def script(make: MakeFlow, text: str) -> Flow:
    """The flow of a script with this text, as if it had been run in a process of its own."""
    space: dict[str, Any] = {"pd": pd, "__name__": "a_script"}
    exec(compile(text, "<a script>", "exec"), space)
    flow = make()
    flow.node(cache=True)(space["table"])
    flow.node(cache=True)(space["size"])
    return flow


@pytest.mark.parametrize("workers", WORKERS)
def test_an_unchanged_flow_is_reused_and_says_from_where(
    make: MakeFlow, home: Workspace, workers: int | None
) -> None:
    first = script(make, BEFORE).run(workers=workers)
    second = script(make, BEFORE).run(workers=workers)
    assert states(home, second.run_id) == {"size": "reused", "table": "reused"}
    assert whys(home, second.run_id)["table"] == (
        f"reused from run {first.run_id}: code, arguments, inputs and environment equal"
    )
    pd.testing.assert_frame_equal(second["table"], first["table"])
    assert "2 reused" not in repr(first)
    assert "reused" in repr(second)


@pytest.mark.parametrize(
    ("change", "arguments", "reused", "why"),
    [
        (("return x + LIMIT", "return x + LIMIT  # a remark\n"), {}, {"table", "size"}, ""),
        (("return x + LIMIT", "return  x  +  LIMIT"), {}, {"table", "size"}, ""),
        (("return len(table)", "return len(table) + 1"), {}, {"table"}, "code changed"),
        (("return x + LIMIT", "return x - LIMIT"), {}, set(), "code changed"),
        (("LIMIT = 3", "LIMIT = 4"), {}, set(), "code changed"),
        (("n=2", "n=3"), {}, set(), "arguments changed"),
        (("", ""), {"n": 5}, set(), "arguments changed"),
        (("LIMIT = 3", "LIMIT = 3\nOTHER = 1"), {}, {"table", "size"}, ""),
    ],
)
def test_a_change_that_matters_runs_again_and_one_that_does_not_does_not(
    make: MakeFlow,
    home: Workspace,
    change: tuple[str, str],
    arguments: dict[str, int],
    reused: set[str],
    why: str,
) -> None:
    script(make, BEFORE).run()
    flow = script(make, BEFORE.replace(*change))
    plan = flow.plan(**arguments)
    run = flow.run(**arguments)
    assert {unit for unit, state in states(home, run.run_id).items() if state == "reused"} == reused
    changed = next((name for name in ("table", "size") if name not in reused), None)
    if changed:
        assert why in whys(home, run.run_id)[changed]
        assert why in plan.of("run")[changed], "the plan says what the run then says"
    assert set(plan.of("reuse")) <= reused
    assert set(plan.of("run")) <= {"table", "size"} - reused


def test_one_changed_item_runs_alone_and_the_plan_says_so(make: MakeFlow, home: Workspace) -> None:
    def flow_over(items: list[int]) -> Flow:
        flow = make()

        @flow.node(foreach=items, cache=True)
        def square(n: int) -> int:
            return n * n

        @flow.node(foreach=square, cache=True)
        def more(n: int) -> int:
            return n + 1

        @flow.node(cache=True)
        def total(more: list[int]) -> int:
            return sum(more)

        return flow

    flow_over([1, 2, 3]).run()
    flow = flow_over([1, 4, 3])
    plan = flow.plan()
    assert set(plan.of("run")) == {"square[4]"}
    assert set(plan.of("reuse")) == {"square[1]", "square[3]", "more[1]", "more[3]"}
    assert plan.of("wait") == {"more[4]": "for square[4]", "total": "for more"}
    assert repr(plan).splitlines()[0] == "tried: 1 to run, 4 to reuse, 2 to wait"
    with Store(home) as store:
        count = len(store.runs())
    run = flow.run()
    assert {unit for unit, state in states(home, run.run_id).items() if state == "succeeded"} == {
        "square[4]",
        "more[4]",
        "total",
    }
    with Store(home) as store:
        assert len(store.runs()) == count + 1, "a plan records nothing"


def test_another_order_of_the_list_is_another_input_of_the_reduce(make: MakeFlow, home: Workspace) -> None:
    def joined(items: list[str]) -> Any:
        flow = make()
        flow.node(lambda item: item, name="each", foreach=items, cache=True)

        @flow.node(cache=True)
        def joined(each: list[str]) -> str:
            return "-".join(each)

        return flow.run()

    assert joined(["a", "b"])["joined"] == "a-b"
    again = joined(["b", "a"])
    assert again["joined"] == "b-a"
    assert states(home, again.run_id)["each[a]"] == "reused"


def test_nothing_is_reused_without_being_asked(make: MakeFlow, home: Workspace) -> None:
    def once() -> Any:
        flow = make()
        flow.node(lambda: 1, name="one")
        return flow.run()

    once()
    assert states(home, once().run_id) == {"one": "succeeded"}


def test_a_function_whose_code_has_no_digest_is_not_reused(make: MakeFlow, home: Workspace) -> None:
    def once() -> Any:
        flow = make()
        held = object()
        flow.node(lambda: held is None, name="reaches", cache=True)
        plan = flow.plan()
        return flow.run(), plan

    once()
    run, plan = once()
    assert states(home, run.run_id) == {"reaches": "succeeded"}
    assert plan.of("run")["reaches"].startswith("not cached: ")
    assert "builtins.object" in plan.of("run")["reaches"], "what has no digest is named"


@pytest.mark.slow
def test_what_this_process_made_is_reused_by_workers_and_the_other_way_round(
    make: MakeFlow, home: Workspace
) -> None:
    script(make, BEFORE).run()
    assert set(states(home, script(make, BEFORE).run(workers=1).run_id).values()) == {"reused"}
    changed = BEFORE.replace("LIMIT = 3", "LIMIT = 5")
    first = script(make, changed).run(workers=1)
    second = script(make, changed).run()
    assert set(states(home, second.run_id).values()) == {"reused"}
    pd.testing.assert_frame_equal(first["table"], second["table"])
