"""Flows of plain functions: what arrives where, what comes back, what is recorded."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections import namedtuple
from enum import StrEnum
from typing import Any

import numpy as np
import pandas as pd
import pytest

from agi_node import Results, RunContext, Skip
from agi_node.errors import AgiError
from agilab.evidence.verify import verify
from agilab.flow import Nested, RunFailed, product, zipped
from agilab.store.check import chain_problems, projection_problems
from agilab.store.store import Store
from agilab.store.workspace import Workspace
from tests.flow.conftest import MakeFlow, states

WORKERS = [None, pytest.param(2, marks=pytest.mark.slow)]
Point = namedtuple("Point", "x y")


class Colour(StrEnum):
    RED = "red"


@pytest.mark.parametrize("workers", WORKERS)
def test_a_map_and_a_reduce_of_it_give_what_python_gives(make: MakeFlow, workers: int | None) -> None:
    flow = make()

    @flow.node(foreach=range(12))
    def square(n: int, plus: int = 0) -> int:
        return n * n + plus

    @flow.node
    def total(square: list[int]) -> list[int]:
        return [*square, sum(square)]

    run = flow.run(plus=1, workers=workers)
    assert run["total"] == total([square(n, plus=1) for n in range(12)])
    assert run["square"] == [n * n + 1 for n in range(12)], "in the order of the list, not of texts"
    assert run.values("square")["11"] == 122
    assert (run.ok, run.state, run.failures) == (True, "succeeded", ())


@pytest.mark.parametrize("workers", WORKERS)
def test_a_run_is_recorded_with_everything_that_verify_wants(
    make: MakeFlow, home: Workspace, workers: int | None
) -> None:
    flow = make()

    @flow.node
    def reduce(rate: float = 0.5, deep: float = float("nan")) -> dict[str, float]:
        return {"rate": rate}

    run = flow.run(workers=workers)
    with Store(home) as store:
        findings = verify(store, run.run_id)
        assert [problem for finding in findings for problem in finding.problems] == []
        assert store.run(run.run_id).app == "flow:tried"
    manifest = json.loads((run.folder / "run_manifest.json").read_text())
    assert manifest["args"] == {"rate": 0.5, "deep": "nan"}
    assert manifest["execution"]["executor"] == ("local" if workers else "inline")
    assert manifest["verdict"]["status"] == "succeeded"
    assert all(check["passed"] for check in manifest["verdict"]["validations"])
    assert manifest["environment"]["interpreter"]["implementation"] == "CPython"
    assert not (run.folder / "functions.pickle").exists()


@pytest.mark.parametrize("workers", WORKERS)
def test_objects_travel_by_reference_and_are_loaded_where_they_are_asked_for(
    make: MakeFlow, home: Workspace, workers: int | None
) -> None:
    flow = make()

    @flow.node
    def table() -> pd.DataFrame:
        return pd.DataFrame({"x": [1, 2, 3]})

    @flow.node(foreach=[1, 10])
    def scaled(factor: int, table: pd.DataFrame) -> pd.DataFrame:
        table["x"] *= factor  # what one unit does to its input, no other sees
        return table

    @flow.node(foreach=scaled)
    def top(frame: pd.DataFrame) -> Any:
        return frame["x"].max()  # a scalar of numpy

    @flow.node
    def together(scaled: list[pd.DataFrame], top: list[int], table: pd.DataFrame) -> np.ndarray:
        return np.array([*(int(frame["x"].sum()) for frame in scaled), *top, int(table["x"].sum())])

    run = flow.run(workers=workers)
    assert run["together"].tolist() == [6, 60, 3, 30, 6]
    assert run["top"] == [3, 30]
    assert type(run["top"][0]) is int
    pd.testing.assert_frame_equal(run["table"], table())
    with Store(home) as store:
        body = store.result(run.run_id, "table")
    assert (body["codec"], body["value_type"]) == ("pickle", "pandas.DataFrame")
    assert body["value_size"] > 100
    assert "value" not in body


def test_a_results_parameter_sees_failures_and_reads_objects_one_at_a_time(make: MakeFlow) -> None:
    flow = make()

    @flow.node(foreach=[3, 0, 1])
    def inverse(n: int) -> Any:
        return {1 / n}  # a set is no plain data

    @flow.node(require="any")
    def told(inverse: Results) -> list[Any]:
        return [
            [result.key, result.status, sorted(result.value) if result.good else None] for result in inverse
        ]

    run = flow.run()
    assert run["told"] == [["3", "succeeded", [1 / 3]], ["0", "failed", None], ["1", "succeeded", [1.0]]]
    assert run.ok
    (failure,) = run.failures
    assert failure.unit == "inverse[0]"
    assert "ZeroDivisionError" in failure.what
    assert run["inverse"] == [{1 / 3}, {1.0}]


def test_what_keeps_being_itself_is_pickled_and_the_rest_is_plain(make: MakeFlow, home: Workspace) -> None:
    given: dict[str, Any] = {
        "named": Point(1, 2),
        "enum": Colour.RED,
        "numbers": {1: "a"},
        "nothing": None,
        "big": 2**70,
        "dollar": "$x",
        "half": np.float32(0.5),
        "deep": {"b": [np.int64(3), True], "a": float("inf")},
        "bytes": b"\x00",
    }
    flow = make()
    for name, value in given.items():
        flow.node(lambda value=value: value, name=name)
    run = flow.run()
    for name, value in given.items():
        assert run[name] == value
        assert type(run[name]) is (float if name == "half" else type(value)), name
    with Store(home) as store:
        pickled = {name for name in given if "codec" in store.result(run.run_id, name)}
    assert pickled == {"named", "enum", "numbers", "bytes"}


def test_products_zips_and_nested_maps_are_seen_in_the_order_of_their_lists(make: MakeFlow) -> None:
    flow = make()

    @flow.node
    def seeds() -> list[int]:
        return [10, 9]

    @flow.node(foreach=product(lr=[0.2, 0.1], seed=seeds))
    def train(lr: float, seed: int) -> float:
        return lr * seed

    @flow.node(foreach=zipped(a=[1, 2], b="seeds"))
    def pair(a: int, b: int) -> list[int]:
        return [a, b]

    @flow.node(foreach=["y", "x"])
    def year(name: str) -> list[str]:
        return [f"{name}2", f"{name}10", f"{name}1"]

    @flow.node(foreach=Nested(year))
    def month(item: str) -> str:
        return item.upper()

    @flow.node
    def all_of_them(train: list[float], pair: list[Any], month: list[str]) -> list[Any]:
        return [train, pair, month]

    run = flow.run()
    assert run["all_of_them"] == [
        [2.0, 1.8, 1.0, 0.9],
        [[1, 10], [2, 9]],
        ["Y2", "Y10", "Y1", "X2", "X10", "X1"],
    ]
    assert run["month"] == ["Y2", "Y10", "Y1", "X2", "X10", "X1"]
    assert list(run.values("month")) == ["y/y2", "y/y10", "y/y1", "x/x2", "x/x10", "x/x1"]
    assert list(run.values("train")) == ["lr=0.2,seed=10", "lr=0.2,seed=9", "lr=0.1,seed=10", "lr=0.1,seed=9"]


def test_a_skip_keeps_its_key_and_passes_on(make: MakeFlow, home: Workspace) -> None:
    flow = make()

    @flow.node(foreach=[1, 2])
    def odd(n: int) -> Any:
        return n if n % 2 else Skip("even")

    @flow.node(foreach=odd)
    def next_one(n: int) -> int:
        return n + 1

    run = flow.run()
    assert states(home, run.run_id) == {
        "next_one[1]": "succeeded",
        "next_one[2]": "skipped",
        "odd[1]": "succeeded",
        "odd[2]": "skipped",
    }
    assert run.values("next_one") == {"1": 2}


def test_retries_are_the_policy_s(make: MakeFlow) -> None:
    flow = make()
    calls: list[int] = []

    @flow.node(retries=2, policy=flow_policy())
    def flaky() -> int:
        calls.append(1)
        if len(calls) < 3:
            raise OSError("not yet")
        return len(calls)

    assert flow.run()["flaky"] == 3


def flow_policy() -> Any:
    from agilab import Policy

    return Policy(delay_s=0.01)


def test_the_run_context_is_there_for_who_asks(make: MakeFlow, home: Workspace) -> None:
    flow = make()

    @flow.node
    def measured(run: RunContext) -> int:
        run.log_metric("loss", 0.5)
        run.save_json("notes", {"a": 1})
        return run.attempt

    run = flow.run()
    assert run["measured"] == 1
    assert json.loads((run.folder / "artifacts" / "measured" / "notes.json").read_text()) == {"a": 1}


@pytest.mark.parametrize("workers", WORKERS)
def test_a_failing_run_raises_with_the_author_s_traceback(make: MakeFlow, workers: int | None) -> None:
    flow = make()

    @flow.node
    def bad() -> int:
        return 1 // 0

    @flow.node
    def after(bad: int) -> int:
        return bad

    with pytest.raises(RunFailed, match=r"flow tried failed: bad raised ZeroDivisionError: ") as caught:
        flow.run(workers=workers)
    error = caught.value
    assert error.code == "AGI-RUN-101"
    assert error.whose == "author"
    assert "return 1 // 0" in error.__notes__[0]
    assert "execute.py" not in error.__notes__[0]
    assert not error.run.ok
    with pytest.raises(AgiError, match="AGI-FLOW-008.*node after left no value"):
        _ = error.run["after"]
    looked = flow.run(workers=workers, check=False)
    assert looked.state == "failed"
    assert "ZeroDivisionError" in repr(looked)


def test_a_result_that_nothing_can_write_fails_its_unit(make: MakeFlow) -> None:
    flow = make()

    @flow.node
    def lock() -> Any:
        return {1: threading.Lock()}

    with pytest.raises(RunFailed, match=r"AGI-RUN-112.*what lock returned") as caught:
        flow.run()
    assert "cannot pickle" in str(caught.value)


def test_mapping_over_objects_says_what_to_do_instead(make: MakeFlow) -> None:
    flow = make()

    @flow.node
    def frames() -> list[pd.DataFrame]:
        return [pd.DataFrame()]

    @flow.node(foreach=frames)
    def size(frame: pd.DataFrame) -> int:
        return len(frame)

    with pytest.raises(RunFailed, match=r"node size maps over what frames returned, which is no plain data"):
        flow.run()


def test_ctrl_c_records_a_cancelled_run_and_interrupts(make: MakeFlow, home: Workspace) -> None:
    flow = make()

    @flow.node
    def slow() -> None:
        signal.raise_signal(signal.SIGINT)
        time.sleep(5)

    with pytest.raises(KeyboardInterrupt, match="was cancelled and is recorded"):
        flow.run()
    with Store(home) as store:
        (run,) = store.runs()
        assert run.state == "cancelled"
        assert list(chain_problems(store, run.run_id)) == []
        assert list(projection_problems(store, run.run_id)) == []
    assert (home.run_folder(run.run_id) / "run_manifest.json").exists()
    assert flow.run(check=False).state == "cancelled"


def test_a_run_can_be_looked_at_in_a_notebook_and_at_a_prompt(make: MakeFlow) -> None:
    flow = make("shown")

    @flow.node(foreach=["<a>", "b"])
    def each(item: str) -> str:
        return item

    run = flow.run()
    assert repr(run).splitlines()[0].startswith("✓ shown succeeded in ")
    assert repr(run).splitlines()[1:] == ["  ✓ each  2 succeeded"]
    assert "<code>each</code>" in run._repr_html_()
    assert repr(flow) == "<Flow shown: each>"


def test_declared_functions_stay_what_they_are(make: MakeFlow) -> None:
    flow = make()

    def double(n: int) -> int:
        return 2 * n

    assert flow.node(double) is double
    assert flow.nodes == {"double": double}


@pytest.mark.slow
def test_closures_and_lambdas_and_classes_of_a_notebook_travel_to_workers(make: MakeFlow) -> None:
    flow = make()
    factor = 3

    class Box:
        def __init__(self, inside: int) -> None:
            self.inside = inside

    flow.node(lambda: Box(factor), name="box")
    flow.node(lambda box: box.inside * factor, name="opened")
    run = flow.run(workers=1)
    assert run["opened"] == 9
    assert isinstance(run["box"], Box), "a class comes back as the one that it was here"


@pytest.mark.slow
def test_what_cannot_travel_is_no_run(make: MakeFlow, home: Workspace) -> None:
    flow = make()
    lock = threading.Lock()

    @flow.node
    def locked() -> bool:
        return lock.locked()

    with pytest.raises(AgiError, match=r"AGI-RUN-112.*the function of tried:locked"):
        flow.run(workers=1)
    with Store(home) as store:
        assert store.runs() == []


@pytest.mark.slow
def test_a_large_value_has_one_digest_whoever_made_it(make: MakeFlow, home: Workspace) -> None:
    def digest(workers: int | None) -> str:
        flow = make()
        flow.node(lambda: [0.5 * n for n in range(20_000)], name="many")
        flow.node(total_of)
        run = flow.run(workers=workers)
        assert run["total_of"] == sum(run["many"]) == sum(0.5 * n for n in range(20_000))
        with Store(home) as store:
            return str(store.result(run.run_id, "many")["value_digest"])

    assert digest(None) == digest(1)


@pytest.mark.slow
def test_a_timeout_does_not_count_what_the_functions_import(make: MakeFlow) -> None:
    flow = make()

    @flow.node(timeout=5.0)
    def quick() -> str:
        return pd.__name__

    assert flow.run(workers=1)["quick"] == "pandas"
    with Store(flow.workspace) as store:
        (run,) = store.runs()
        (unit,) = store.units(run.run_id)
        assert (unit.duration_us or 0) < 500_000


@pytest.mark.slow
def test_a_unit_that_runs_too_long_is_ended(make: MakeFlow) -> None:
    flow = make()

    @flow.node(timeout=0.3)
    def endless() -> None:
        time.sleep(60)

    (failure,) = flow.run(workers=1, check=False).failures
    assert failure.error["code"] == "AGI-RUN-110"


def total_of(many: list[float]) -> float:
    return sum(many)


def test_nodes_that_map_over_the_same_list_are_tied_item_by_item(make: MakeFlow) -> None:
    flow = make()
    items = ["x", "yyy"]

    @flow.node(foreach=items)
    def size(item: str) -> int:
        return len(item)

    @flow.node(foreach=items)
    def label(item: str, size: int) -> str:
        return f"{item}:{size}"

    assert flow.run()["label"] == ["x:1", "yyy:3"]


def test_a_run_that_an_operator_cancels_is_a_failure_and_no_interrupt(
    make: MakeFlow, home: Workspace
) -> None:
    flow = make()

    @flow.node(foreach=range(20))
    def each(n: int, run: RunContext) -> int:
        if n == 0:
            with Store(home) as store:  # as `agilab runs cancel` does from another process
                store.command(run.run_id, "cancel", reason="enough", by="somebody")
        time.sleep(0.03)
        return n

    with pytest.raises(RunFailed, match=r"AGI-RUN-012.*flow tried cancelled") as caught:
        flow.run()
    assert 0 < len(caught.value.run["each"]) < 20


@pytest.mark.slow
def test_the_commands_about_runs_know_what_a_flow_left(
    make: MakeFlow, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow = make("known")
    monkeypatch.setenv("AGILAB_HOME", str(flow.workspace.home))

    def agilab(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "agilab", *words], capture_output=True, text=True, check=False
        )

    @flow.node
    def table() -> pd.DataFrame:
        return pd.DataFrame({"x": [1]})

    @flow.node(foreach=["a"])
    def part(name: str, table: pd.DataFrame) -> set[str]:
        return {name}

    flow.run()
    for command, shown in (
        (["runs", "list"], "known"),
        (["runs", "show", "last"], "flow:known"),
        (["runs", "verify", "last"], "every byte is as it was written"),
        (["runs", "explain", "last", "part[a]"], "table"),
        (["runs", "tail", "last"], "succeeded"),
    ):
        done = agilab(*command)
        assert (done.returncode, shown in done.stdout) == (0, True), (command, done)
