"""Functions with dependencies: what an app says of them, what it refuses, and what a worker gives each of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import polars.testing
import pytest
from tests.agi_node.worker_client import WorkerClient

from agi_node import AgiError, App, Partial, Sum
from agi_node.canonical import sha256_file
from agi_node.encoding import encode, received, staged


def diamond() -> App:
    app = App("diamond")

    @app.node
    def total(left: int, right: int) -> int:
        return left + right

    @app.node(retries=2, timeout_s=30, cache=True)
    def left(top: int, args: Any) -> int:
        return top + 1

    @app.node
    def right(top: int, run: Any = None, by: int = 2) -> int:
        return top * by

    @app.node
    def top() -> int:
        return 20

    assert left(20, None) + right(20) == total(21, 40)  # they stay plain functions
    return app


def test_a_node_needs_what_its_parameters_are_called() -> None:
    app = diamond()
    app.check()
    assert app.nodes() == ("total", "left", "right", "top")
    assert {name: app.needs(name) for name in app.nodes()} == {
        "total": ("left", "right"),
        "left": ("top",),
        "right": ("top",),
        "top": (),
    }
    left = app.declared("left")
    assert left is not None
    assert left.takes == {"args"}
    assert left.policy.to_plain() == {"retries": 2, "timeout_s": 30, "cache": True}
    assert repr(app) == "<App diamond: total, left, right, top>"


def test_the_last_word_waits_for_what_nobody_else_needs() -> None:
    app = diamond()

    @app.publish
    def publish(left: int, args: Any, run: Any) -> None: ...

    app.check()
    assert app.nodes()[-1] == "publish"
    assert app.needs("publish") == ("left", "total")
    app.node(lambda: 1, name="alone")  # declared after it, and waited for all the same
    assert app.needs("publish") == ("left", "total", "alone")
    assert app.nodes()[-1] == "publish"


def test_publish_may_come_before_the_nodes() -> None:
    app = App("demo")
    app.publish(lambda one, run: one)
    app.node(lambda: 1, name="one")
    app.check()
    assert app.needs("publish") == ("one",)


def test_a_default_is_kept_where_no_node_has_the_name() -> None:
    app = App("demo")
    app.node(lambda top=3: top, name="alone")
    app.check()
    assert app.needs("alone") == ()
    app.node(lambda: 1, name="top")
    assert app.needs("alone") == ("top",)


async def coroutine() -> None: ...


def generator() -> Iterator[int]:
    yield 1


def only(a: int, /) -> int:
    return a


class Rows(Partial):
    rows: Sum[int] = 0


def with_work() -> App:
    app = App("demo")
    app.work(lambda payload: payload)
    return app


def with_a_node() -> App:
    app = App("demo")
    app.node(lambda: 1, name="one")
    return app


def named(name: str) -> Callable[[App], Any]:
    return lambda app: app.node(lambda: 1, name=name)


WRONG: dict[str, tuple[Callable[[], App], Callable[[App], Any], str]] = {
    "a node called args": (lambda: App("demo"), named("args"), r"args cannot be a node.*\n.*'args'"),
    "a node called run": (lambda: App("demo"), named("run"), r"run cannot be a node"),
    "a node called work": (
        lambda: App("demo"),
        named("work"),
        r"work cannot be a node.*\n.*\n.*not \"args\" or",
    ),
    "a node without a name": (
        lambda: App("demo"),
        lambda app: app.node(lambda: 1),
        r"<lambda> cannot be a node",
    ),
    "two of one name": (with_a_node, named("one"), r"two nodes of the app 'demo' are called one"),
    "async": (lambda: App("demo"), lambda app: app.node(coroutine), r"an async function"),
    "a generator": (lambda: App("demo"), lambda app: app.node(generator), r"a generator function"),
    "any parameters": (lambda: App("demo"), lambda app: app.node(lambda *rows: 1, name="a"), r"\*rows"),
    "unnamed parameters": (lambda: App("demo"), lambda app: app.node(only), r"positional-only parameter a"),
    "retries below none": (
        with_a_node,
        lambda app: app.node(retries=-1)(generator_free),
        r"impossible retries",
    ),
    "a yes for retries": (with_a_node, lambda app: app.node(retries=True)(generator_free), r"found     True"),
    "no time": (with_a_node, lambda app: app.node(timeout_s=0)(generator_free), r"impossible timeout_s"),
    "a word for cache": (with_a_node, lambda app: app.node(cache="on")(generator_free), r"impossible cache"),
    "nodes beside work": (with_work, named("one"), r"cannot have nodes too\n.*work beside nodes"),
    "work beside nodes": (
        with_a_node,
        lambda app: app.work(lambda payload: 1),
        r"cannot have a work too\n.*one",
    ),
    "a plan beside nodes": (with_a_node, lambda app: app.plan(lambda args: []), r"cannot have a plan too"),
    "a partial": (lambda: App("demo", partial=Rows), named("one"), r"the partial Rows beside nodes"),
}


def generator_free() -> int:
    return 1


@pytest.mark.parametrize(("make", "add", "told"), WRONG.values(), ids=WRONG.keys())
def test_what_cannot_be_is_refused_where_it_is_declared(
    make: Callable[[], App], add: Callable[[App], Any], told: str
) -> None:
    app = make()
    before = app.nodes()
    with pytest.raises(AgiError, match=f"AGI-APP-003(.|\n)*{told}"):
        add(app)
    assert app.nodes() == before


UNORDERED: dict[str, tuple[dict[str, Callable[..., Any]], str]] = {
    "an unknown need": (
        {"raw": lambda: 1, "clean": lambda row: row},
        r"nobody gives the parameter row of node clean.*\n.*no node, no default\n.*raw, args, run.*\n.*mean raw\?",
    ),
    "itself": ({"raw": lambda raw: raw}, r"in a circle\n.*raw → raw"),
    "a circle": (
        {"hen": lambda egg: egg, "egg": lambda hen: hen, "omelette": lambda egg: egg},
        r"in a circle\n.*(hen → egg → hen|egg → hen → egg)",
    ),
    "the last word": ({"raw": lambda: 1, "clean": lambda publish: publish}, r"publish: what comes last"),
}


@pytest.mark.parametrize(("functions", "told"), UNORDERED.values(), ids=UNORDERED.keys())
def test_what_cannot_be_put_in_an_order_is_refused_when_the_app_is_described(
    functions: dict[str, Callable[..., Any]], told: str
) -> None:
    app = App("demo")
    for name, function in functions.items():
        app.node(function, name=name)
    app.publish(lambda run: None)
    with pytest.raises(AgiError, match=f"AGI-APP-007(.|\n)*{told}"):
        app.check()


SOURCE = '''
"""Tables on their way."""
import polars as pl
from pydantic import BaseModel
from agi_node import App, Args, Skip

class TablesArgs(Args):
    rows: int = 3

class Counted(BaseModel):
    rows: int

app = App("tables", args=TablesArgs)

@app.node
def raw(args):
    """Some rows."""
    return pl.DataFrame({"x": list(range(args.rows))})

@app.node
def counted(raw: pl.DataFrame, run):
    run.log_metric("rows", raw.height)
    return {"rows": raw.height}

@app.node
def checked(counted: Counted):
    return Skip("too few") if counted.rows < 3 else counted.rows

@app.node
def picture(raw):
    return raw.write_csv().encode()

@app.node
def thing(raw):
    return raw.lazy()

@app.publish
def publish(picture, run):
    return {"bytes": len(picture), "figures": [key for key, path in run.artifacts("figure")]}
'''


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[WorkerClient]:
    source = tmp_path / "source"
    source.mkdir()
    (source / "tables.py").write_text(SOURCE)
    with WorkerClient(tmp_path) as worker:
        assert worker.open(source, "tables:app")["type"] == "opened"
        yield worker


def asked(
    worker: WorkerClient, node: str, folder: Path, needs: dict[str, Any], **fields: Any
) -> dict[str, Any]:
    """What a worker says of a node that is given these values, as a manager would hand them over."""
    entries: dict[str, Any] = {}
    for name, value in needs.items():
        told = staged(folder / name, encode(value))
        path = str(folder / name / told["value_file"]) if told["value_file"] else None
        entries[name] = {**told, "value_path": path}
    inputs = folder / f"{node}.needs.json"
    inputs.write_text(json.dumps({"needs": entries, **fields.pop("also", {})}))
    order = worker.order(f"tables:app#{node}", node=node, key="", inputs=str(inputs), **fields)
    worker.send(order)
    done = worker.receive("done")
    return {**done, "staging": order["staging"]}


def value_of(done: dict[str, Any]) -> Any:
    path = str(Path(done["staging"]) / done["value_file"]) if done["value_file"] else None
    return received({**done, "value_path": path})


@pytest.mark.slow
def test_the_description_says_nodes_needs_and_policy(worker: WorkerClient) -> None:
    worker.send({"type": "describe"})
    said = worker.receive("described")["description"]["nodes"]
    nodes = {node["name"]: node for node in said}
    assert [node["name"] for node in said][-1] == "publish"
    assert nodes["raw"] == {
        "name": "raw",
        "target": "tables:app#raw",
        "doc": "Some rows.",
        "code": nodes["raw"]["code"],
        "needs": [],
        "declared": True,
        "takes": ["args"],
        "retries": None,
        "timeout_s": None,
        "cache": None,
    }
    assert nodes["checked"]["needs"] == ["counted"]
    assert nodes["publish"]["needs"] == ["picture", "checked", "thing"]
    assert "tables.raw" in nodes["raw"]["code"]["parts"]
    assert "tables.raw" not in nodes["checked"]["code"]["parts"], "another node's code is no part of it"


@pytest.mark.slow
def test_tables_bytes_and_data_go_from_node_to_node(worker: WorkerClient, tmp_path: Path) -> None:
    first = asked(worker, "raw", tmp_path, {}, args={"rows": 5})
    assert (first["status"], first["codec"], first["value_type"]) == (
        "succeeded",
        "parquet",
        "polars.DataFrame",
    )
    table = value_of(first)
    polars.testing.assert_frame_equal(table, pl.DataFrame({"x": [0, 1, 2, 3, 4]}))

    counted = asked(worker, "counted", tmp_path, {"raw": table})
    assert counted["value"] == {"rows": 5}
    assert counted["metrics"]["value"] == [5.0]
    checked = asked(
        worker, "checked", tmp_path, {"counted": {"rows": 5}}
    )  # an annotation makes a model of it
    assert checked["value"] == 5
    assert asked(worker, "checked", tmp_path, {"counted": {"rows": 2}})["reason"] == "too few"

    picture = asked(worker, "picture", tmp_path, {"raw": table})
    assert picture["codec"] == "bytes"
    assert value_of(picture) == b"x\n0\n1\n2\n3\n4\n"
    assert picture["value_size"] == 12
    figure = {"artifacts": {"figure": [["", str(tmp_path / "a.png")]]}}
    last = asked(worker, "publish", tmp_path, {"picture": b"xyz", "checked": 5}, also=figure)
    assert last["value"] == {"bytes": 3, "figures": [""]}


@pytest.mark.slow
def test_what_cannot_be_handed_on_fails_the_node_and_says_what_to_do(
    worker: WorkerClient, tmp_path: Path
) -> None:
    done = asked(worker, "thing", tmp_path, {"raw": pl.DataFrame({"x": [1]})})
    assert done["status"] == "failed"
    assert done["error"]["code"] == "AGI-RUN-102"
    assert done["error"]["what"] == "what thing returned cannot be handed over"
    assert done["error"]["try"] == "frame.collect()"
    wrong = asked(worker, "checked", tmp_path, {"counted": {"rows": "many"}})
    assert wrong["error"]["code"] == "AGI-ARGS-002"
    assert wrong["error"]["what"].startswith("what counted gives checked: rows")
    lost = asked(worker, "counted", tmp_path, {})
    assert lost["error"]["code"] == "AGI-RUN-101", "a need that nobody handed over"


@pytest.mark.slow
def test_equal_results_have_equal_digests_whichever_worker_made_them(
    worker: WorkerClient, tmp_path: Path
) -> None:
    digests = set()
    for _ in range(2):
        done = asked(worker, "raw", tmp_path, {}, args={"rows": 2_000})
        digests.add(sha256_file(Path(done["staging"]) / done["value_file"]))
    assert len(digests) == 1
