"""Bad input to a flow: each gets an error that says what was found and what to do, and nothing is recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd
import pytest

from agi_node.errors import AgiError
from agilab.flow import Flow, product
from agilab.store.store import Store
from agilab.store.workspace import Workspace
from tests.flow.conftest import MakeFlow


def generator() -> Iterator[int]:
    yield 1


async def coroutine() -> int:
    return 1


def anything(*values: int) -> int:
    return len(values)


def options(**values: int) -> int:
    return len(values)


def nothing() -> int:
    return 1


def only(a: int, /, b: int) -> int:
    return a + b


def context_first(run: Any, n: int) -> int:
    return n


def by_name_alone(*, a: int) -> int:
    return a


@pytest.mark.parametrize(
    ("declare", "message"),
    [
        (
            lambda flow: flow.node(generator),
            r"AGI-FLOW-001.*generator cannot be a node\n.*a generator function",
        ),
        (lambda flow: flow.node(coroutine), r"AGI-FLOW-001.*coroutine cannot be a node\n.*an async function"),
        (lambda flow: flow.node(lambda: 1), r"AGI-FLOW-001.*<lambda>.*\n.*\n.*a lambda wants name=…"),
        (lambda flow: flow.node(nothing, name="run"), r"AGI-FLOW-001.*run cannot be a node"),
        (lambda flow: flow.node(nothing, name="a b"), r"AGI-FLOW-001"),
        (lambda flow: flow.node(anything), r"AGI-FLOW-001.*\n.*\*values"),
        (lambda flow: flow.node(options), r"AGI-FLOW-001.*\n.*\*\*values"),
        (lambda flow: flow.node(only), r"AGI-FLOW-001.*\n.*positional-only parameter a"),
        (lambda flow: flow.node(7), r"AGI-FLOW-001.*\n.*a int"),
        (lambda flow: flow.node(foreach=[1])(nothing), r"AGI-FLOW-001.*\n.*no parameter for the item"),
        (lambda flow: flow.node(foreach=product(lr=[1]))(nothing), r"no parameter called lr"),
        (
            lambda flow: flow.node(foreach=product(run=[1]), name="a")(lambda run: run),
            r"AGI-FLOW-001.*\n.*an axis called run",
        ),
        (lambda flow: flow.node(foreach=[1])(context_first), r"AGI-FLOW-001.*\n.*run as the first parameter"),
        (
            lambda flow: flow.node(foreach=[1])(by_name_alone),
            r"AGI-FLOW-001.*\n.*keyword-only parameter a",
        ),
        (lambda flow: flow.node(foreach={1, 2})(only), r"AGI-GRAPH-006.*nothing to map over(.*\n)*.*sorted"),
        (lambda flow: flow.node(foreach=5)(only), r"AGI-GRAPH-006"),
        (
            lambda flow: flow.node(foreach=[1, pd.DataFrame()])(only),
            r"AGI-FLOW-005.*\n.*DataFrame at position 1",
        ),
        (lambda flow: [flow.node(nothing), flow.node(nothing)], r"AGI-FLOW-002.*two nodes.*called nothing"),
    ],
)
def test_what_cannot_be_a_node_is_refused_when_it_is_declared(
    make: MakeFlow, declare: Callable[[Flow], Any], message: str
) -> None:
    with pytest.raises(AgiError, match=message):
        declare(make())


def unknown_foreach(flow: Flow) -> None:
    flow.node(lambda item: item, name="a", foreach="nowhere")


def foreign_foreach(flow: Flow) -> None:
    flow.node(lambda item: item, name="a", foreach=nothing)


def cycle(flow: Flow) -> None:
    flow.node(lambda b: b, name="a")
    flow.node(lambda a: a, name="b")


def orphan(flow: Flow) -> None:
    flow.node(lambda: 1, name="throw")
    flow.node(lambda thrown: 1, name="pi")


def both(flow: Flow) -> None:
    flow.node(lambda: [1], name="items")
    flow.node(lambda item, items: 1, name="share", foreach="items")


@pytest.mark.parametrize(
    ("build", "arguments", "message"),
    [
        (lambda flow: None, {}, r"AGI-FLOW-006.*has nothing to run"),
        (unknown_foreach, {}, r"AGI-GRAPH-002.*node a needs a node that does not exist\n.*nowhere"),
        (foreign_foreach, {}, r"AGI-FLOW-003.*node a maps over a function that is no node"),
        (cycle, {}, r"AGI-GRAPH-004.*the graph has a cycle\n.*a -> b -> a"),
        (
            orphan,
            {},
            r"AGI-FLOW-003.*nobody gives the parameter thrown of node pi(.*\n)*.*did you mean throw",
        ),
        (both, {}, r"AGI-FLOW-003.*maps over items and asks for the whole of it too"),
        (
            lambda flow: flow.node(nothing),
            {"x": 1},
            r"AGI-FLOW-004.*no node of flow tried takes an argument x",
        ),
        (lambda flow: flow.node(nothing), {"nothing": 1}, r"AGI-FLOW-004.*has the name of a node"),
        (
            lambda flow: flow.node(lambda rate: rate, name="a"),
            {"rat": 1},
            r"AGI-FLOW-004(.*\n)*.*did you mean rate",
        ),
        (
            lambda flow: flow.node(lambda data: 1, name="a"),
            {"data": pd.DataFrame()},
            r"AGI-FLOW-005.*the argument data is no plain data\n.*DataFrame(.*\n)*.*@flow.node def data",
        ),
        (lambda flow: flow.node(timeout=1.0)(nothing), {}, r"AGI-GRAPH-010.*wants a timeout"),
        (
            lambda flow: flow.node(pool="gpu")(nothing),
            {},
            r"AGI-GRAPH-003.*a pool that the graph does not have",
        ),
        (lambda flow: flow.node(nothing), {"workers": 0}, r"AGI-FLOW-010.*\n.*workers=0"),
        (lambda flow: flow.node(nothing), {"workers": "2"}, r"AGI-FLOW-010.*\n.*workers='2'"),
        (lambda flow: flow.node(nothing), {"workers": 2.5}, r"AGI-FLOW-010.*\n.*workers=2.5"),
        (lambda flow: flow.node(nothing), {"executor": "dask"}, r"AGI-FLOW-010.*\n.*'dask'"),
    ],
)
def test_what_cannot_run_is_refused_and_not_recorded(
    make: MakeFlow,
    home: Workspace,
    build: Callable[[Flow], Any],
    arguments: dict[str, Any],
    message: str,
) -> None:
    flow = make()
    build(flow)
    with pytest.raises(AgiError, match=message):
        flow.run(**arguments)
    with Store(home) as store:
        assert store.runs() == []
    assert not home.runs.exists() or list(home.runs.iterdir()) == []


def test_an_argument_called_like_an_option_of_run_has_a_way_in(make: MakeFlow) -> None:
    flow = make()
    flow.node(lambda workers: workers + 1, name="more")
    assert flow.run(args={"workers": 3})["more"] == 4


def test_a_name_that_is_none_is_refused() -> None:
    with pytest.raises(AgiError, match="AGI-FLOW-001.*not the name of a flow"):
        Flow("no spaces please")


def test_a_node_that_is_not_there_is_named_with_those_that_are(make: MakeFlow) -> None:
    flow = make()
    flow.node(nothing)
    with pytest.raises(AgiError, match=r"AGI-FLOW-008.*has no node pi\n.*\n.*nothing"):
        flow.run()["pi"]
