"""The app object: it registers functions, says what it has, and leaves them plain."""

from __future__ import annotations

from typing import Any

import pytest

from agi_node import AgiError, App, Args, FileRef, Partial, Sum, WorkItem
from agi_node.items import plan_items


class Rows(Partial):
    rows: Sum[int] = 0


def test_functions_stay_plain_functions() -> None:
    app = App("demo")

    @app.plan
    def plan(args: Args) -> list[WorkItem]:
        return [WorkItem("a", 1)]

    @app.work
    def work(payload: int, args: Args, run: Any) -> int:
        return payload + 1

    assert plan(Args()) == [WorkItem("a", 1)]
    assert work(1, Args(), None) == 2


def test_the_nodes_are_those_that_exist_in_the_order_of_a_run() -> None:
    app = App("demo", partial=Rows)
    assert app.nodes() == ()

    @app.publish
    def publish(summary: Rows, args: Args) -> None: ...

    assert app.nodes() == ("publish",)

    @app.work
    def work(payload: int) -> Rows:
        return Rows(rows=payload)

    assert app.nodes() == ("work", "reduce", "publish")

    @app.plan
    def plan(args: Args) -> list[WorkItem]:
        return []

    assert app.nodes() == ("plan", "work", "reduce", "publish")


def test_there_is_no_reduce_without_a_partial() -> None:
    app = App("demo")
    app.work(lambda payload: payload)
    assert app.nodes() == ("work",)


def test_a_function_gets_what_it_asks_for_by_name() -> None:
    app = App("demo")

    @app.work
    def work(item: int, run: str, *, args: str) -> tuple[int, str, str]:
        return item, args, run

    assert app.step("work").call(1, "ARGS", "RUN") == (1, "ARGS", "RUN")

    @app.plan
    def plan(run: str) -> str:
        return run

    assert app.step("plan").call(None, "ARGS", "RUN") == "RUN"


def test_a_second_function_for_one_step_is_refused() -> None:
    app = App("demo")
    app.plan(lambda args: [])
    with pytest.raises(AgiError, match="AGI-APP-003.*already has a plan function"):
        app.plan(lambda args: [])


def test_a_parameter_that_nobody_gives_is_refused_when_it_is_registered() -> None:
    with pytest.raises(
        AgiError,
        match=r"asks for 'config'.*\n.*found     work\(payload: .*config: .*\n.*allowed   work\(payload,",
    ):

        @App("demo").work
        def work(payload: Any, config: Any) -> None: ...


def test_a_work_function_without_a_payload_is_refused() -> None:
    with pytest.raises(AgiError, match="AGI-APP-003.*takes no payload"):
        App("demo").work(lambda: None)
    with pytest.raises(AgiError, match="AGI-APP-003.*takes no payload"):
        App("demo").work(lambda args, run: None)


def test_an_async_function_is_refused() -> None:
    async def work(payload: Any) -> None: ...

    with pytest.raises(AgiError, match="AGI-APP-003.*cannot be called as one"):
        App("demo").work(work)


@pytest.mark.parametrize(
    ("make", "found"),
    [
        (lambda: App("9lives"), "'9lives'"),
        (lambda: App("a b"), "'a b'"),
        (lambda: App("a", args=dict), "dict"),  # type: ignore[arg-type]
        (lambda: App("a", partial=int), "int"),  # type: ignore[arg-type]
    ],
)
def test_a_declaration_that_cannot_be_is_refused_with_what_was_given(make: Any, found: str) -> None:
    with pytest.raises(AgiError, match="AGI-APP-003") as refused:
        make()
    assert found in (refused.value.found or "")


def test_an_app_names_the_step_it_has_not_and_those_it_has() -> None:
    app = App("demo")
    app.plan(lambda args: [])
    with pytest.raises(AgiError, match="AGI-APP-004.: the app 'demo' has no publish\n.*\n.*allowed   plan"):
        app.step("publish")


def test_a_plan_becomes_plain_items_in_its_order() -> None:
    file = FileRef("app", "data/a.csv", 7)
    items = plan_items(
        WorkItem(key, payload, cost) for key, payload, cost in [("b", file, 7), ("a", (1, [file]), 0.5)]
    )
    assert items == [
        {"key": "b", "payload": file.to_plain(), "cost": 7.0},
        {"key": "a", "payload": [1, [file.to_plain()]], "cost": 0.5},
    ]


def test_a_key_that_comes_twice_is_refused_with_both_positions() -> None:
    with pytest.raises(AgiError, match="AGI-RUN-105.*at positions 1 and 3\n.*found     'b'"):
        plan_items([WorkItem(key) for key in ("a", "b", "c", "b")])


@pytest.mark.parametrize(("thing", "kind"), [("a", "str"), (("a", 1), "tuple"), (None, "NoneType")])
def test_something_that_is_no_item_is_refused_with_position_and_type(thing: Any, kind: str) -> None:
    with pytest.raises(AgiError, match=rf"AGI-RUN-104.*at position 1\n.*found .*\({kind}\)"):
        plan_items([WorkItem("x"), thing])


@pytest.mark.parametrize("plan", [None, 3, "abc", {"a": 1}])
def test_a_plan_that_returns_no_items_at_all_is_refused(plan: Any) -> None:
    with pytest.raises(AgiError, match="AGI-RUN-104.*returned no work items"):
        plan_items(plan)


@pytest.mark.parametrize("key", ["", None, 7])
def test_a_key_is_text_that_is_not_empty(key: Any) -> None:
    with pytest.raises(AgiError, match="AGI-RUN-106.: item 0 of plan has no key"):
        plan_items([WorkItem(key)])


@pytest.mark.parametrize("cost", [-1, float("nan"), float("inf"), "3", None, True])
def test_a_cost_is_a_number_from_zero_up(cost: Any) -> None:
    with pytest.raises(AgiError, match="AGI-RUN-106.*no usable cost.*\n.*\n.*allowed   a number, 0 or more"):
        plan_items([WorkItem("k", cost=cost)])


def test_a_payload_that_is_not_plain_names_where() -> None:
    with pytest.raises(
        AgiError, match=r"AGI-RUN-102.: the payload of item 0 of plan is not plain data at a\[1\].b\n.*set"
    ):
        plan_items([WorkItem("k", {"a": [1, {"b": {1}}]})])
