"""Ten thousand metrics: what they cost whoever logs them, and how long until MLflow has them."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from agilab.engine.graph import Graph, Node
from agilab.projects.finish import write_payload
from agilab.store.metrics import metric_tables
from agilab.store.store import Store
from agilab.store.workspace import Workspace
from agilab.tracking import Delivery
from benchmarks.bench import BENCHMARKS, PYTHON, Bench
from benchmarks.case import Case, Limit, Measured
from benchmarks.equality import Unequal, assert_same
from benchmarks.samples import Side, alternate
from benchmarks.units import run_graph, values, warm_workers

POINTS = 10_000
SINGLE = 200
"""How many calls of MLflow's `log_metric` stand for all: each takes milliseconds, and each the same."""

PATIENCE_SECONDS = 120.0
LOGGING = Graph((Node("log", "plain:log_points", args={"count": POINTS}),))


class Mlflow:
    """MLflow as its users use it, in a process that stays warm (`mlflow_calls.py`)."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self._process = process
        self._errors = folder / "errors.log"
        self.uri = f"sqlite:///{folder}/mlflow.db"

    def ask(self, do: str, **request: Any) -> dict[str, Any]:
        """One request, one answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": do, **request}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            last = self._errors.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
            raise RuntimeError(f"the MLflow process ended at {do}: {' '.join(last)}")
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextmanager
def mlflow(bench: Bench) -> Iterator[Mlflow]:
    """A warm MLflow process with a database of its own."""
    folder = bench.new_folder("mlflow")
    # Its migrations talk a great deal; what matters is told where the process ends too early.
    with (
        (folder / "errors.log").open("wb") as errors,
        subprocess.Popen(
            [PYTHON, BENCHMARKS / "mlflow_calls.py"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            cwd=folder,
            env=bench.environment,
        ) as process,
    ):
        child = Mlflow(process, folder)
        child.ask("open", uri=child.uri)
        yield child


@contextmanager
def delivery(bench: Bench) -> Iterator[tuple[Delivery, str]]:
    """A deliverer that is warm, as it is when a run that lasted a few seconds ends; and its store."""
    home = bench.new_folder("home")
    uri = f"sqlite:///{home}/mlflow/mlflow.db"
    with Delivery.start(uri, home, experiment="bench") as child:
        until = time.monotonic() + PATIENCE_SECONDS
        while child.stage != "ready":
            if time.monotonic() > until or child.pid is None:
                raise RuntimeError(f"the deliverer did not come up: {child.stage}")
            time.sleep(0.02)
        yield child, uri


def caller(bench: Bench, rounds: int) -> Measured:
    """Seconds that 10,000 calls take from the code that makes them, in a unit of a warm worker.

    Raises Unequal where our log then holds other points than MLflow.
    """
    child = bench.keep("mlflow", partial(mlflow, bench))
    workers = bench.keep("workers", partial(warm_workers, bench))
    held: dict[str, list[list[float]]] = {}
    batch_name = "log_batch of 1,000"

    def ours() -> float:
        with Store(Workspace(bench.new_folder("home"))) as store:
            run_id = run_graph(store, LOGGING, workers)
            (seconds,) = values(store, run_id, "log")
            tables = [table for _, table in metric_tables(store, run_id)]
        held["ours"] = sorted(
            [step, value]
            for table in tables
            for step, value in zip(table["step"], table["value"], strict=True)
        )
        return float(seconds)

    def theirs(do: str, points: int) -> float:
        answer = child.ask(do, points=points)
        held[do] = child.ask("read", uri=child.uri, run=answer["run"], name="loss")["points"]
        return float(answer["seconds"]) * (POINTS / points)

    sides: dict[str, Side] = {
        "ours": ours,
        "reference": partial(theirs, "log_metric", SINGLE),
        batch_name: partial(theirs, "log_batch", POINTS),
    }
    taken = alternate(sides, rounds)
    assert_same(held["ours"], held["log_batch"])
    assert_same(held["ours"][:SINGLE], held["log_metric"])
    return Measured(taken["ours"], taken["reference"], {batch_name: taken[batch_name]})


def arrival(bench: Bench, rounds: int) -> Measured:
    """Seconds from the log of a run that ended to its 10,000 points in MLflow, beside MLflow's own `log_batch`.

    Ours reads the log, writes and hands over the payload, makes the parent and the nested run and says when all of
    it is there. Raises Unequal where MLflow then holds other points than the reference.
    """
    child = bench.keep("mlflow", partial(mlflow, bench))
    workers = bench.keep("workers", partial(warm_workers, bench))
    deliverer, uri = bench.keep("delivery", partial(delivery, bench))
    made: dict[str, str] = {}
    whole: list[float] = []

    def ours() -> float:
        with Store(Workspace(bench.new_folder("home"))) as store:
            run_id = run_graph(store, LOGGING, workers)
            store.workspace.run_folder(run_id).mkdir(parents=True, exist_ok=True)
            started = time.perf_counter()
            deliverer.deliver(write_payload(store, run_id, []))
            outcome = deliverer.wait(PATIENCE_SECONDS)
            seconds = time.perf_counter() - started
        if not outcome.delivered:
            raise Unequal(f"the points did not arrive: {outcome.reason}")
        made["ours"] = outcome.nodes["log"]
        return seconds

    def batch() -> float:
        answer = child.ask("log_batch", points=POINTS)
        made["reference"] = answer["run"]
        whole.append(answer["whole"])
        return float(answer["seconds"])

    def with_run() -> float:
        return whole[-1]

    around = "log_batch, run made and ended"
    taken = alternate({"ours": ours, "reference": batch, around: with_run}, rounds)
    theirs = child.ask("read", uri=child.uri, run=made["reference"], name="loss")["points"]
    found = child.ask("read", uri=uri, run=made["ours"], name="loss")["points"]
    if len(theirs) != POINTS:
        raise Unequal(f"the reference holds {len(theirs):,} points")
    assert_same(found, theirs)
    return Measured(taken["ours"], taken["reference"], {around: taken[around]})


CASES = (
    Case(
        "metrics-caller",
        "metrics",
        f"{POINTS:,} tracker.log_metric, for the caller",
        f"mlflow.log_metric, {SINGLE} calls scaled to {POINTS:,}",
        "s",
        Limit(plus=0.2),
        5,
        caller,
    ),
    Case(
        "metrics-arrival",
        "metrics",
        f"{POINTS:,} metrics from our log to MLflow",
        "MLflow's log_batch of 1,000, ten times",
        "s",
        Limit(times=1.5),
        5,
        arrival,
    ),
)
