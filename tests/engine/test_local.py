"""Units in real worker processes: results, retries, death, timeouts, cancellation, orphans."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from agilab.engine.coordinator import Coordinator
from agilab.engine.graph import Graph, Node, Policy
from agilab.engine.invariants import validate
from agilab.engine.local import LocalExecutor
from agilab.engine.tasks import FunctionTasks
from agilab.envs.worker_process import WorkerSpec
from agilab.store.check import chain_problems, projection_problems
from agilab.store.store import Store
from tests.engine.conftest import Run, begin, values

SOURCE = """
import ctypes, os, subprocess, sys, time
from pathlib import Path

def numbers(count=4):
    return list(range(count))

def square(n):
    print("squaring", n)
    return n * n

def total(square):
    return sum(square)

def who(n):
    time.sleep(0.05)
    return os.getpid()

def fails_once(marker):
    path = Path(marker)
    if not path.exists():
        path.write_text("tried")
        raise OSError("the first time always fails")
    return "second time lucky"

def dies_once(marker):
    path = Path(marker)
    if not path.exists():
        path.write_text("tried")
        os._exit(7)
    return "alive"

def exits(n, warm=None):
    os._exit(3)

def segfaults(n):
    ctypes.string_at(0)

def sleeps(n):
    time.sleep(60)

def ignores_everything(n):
    import signal
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    Path(os.environ.get("MARK", "/dev/null")).write_text("running")
    while True:
        try:
            time.sleep(60)
        except BaseException:
            pass

def leaves_a_child(marker):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(120)"])
    Path(marker).write_text(str(child.pid))
    return child.pid

def shouts(n):
    for _ in range(64):
        os.write(1, b"\\xff\\xfe\\x00" * 350_000)
    return "hoarse"

def noop(n):
    return None
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "app"
    (folder / "src").mkdir(parents=True)
    (folder / "src/lab.py").write_text(textwrap.dedent(SOURCE))
    return folder


Make = Callable[..., LocalExecutor]


@pytest.fixture
def local(source: Path, tmp_path: Path) -> Iterator[Make]:
    made: list[LocalExecutor] = []

    def make(workers: int = 2) -> LocalExecutor:
        spec = WorkerSpec(Path(sys.executable), source, None, {}, 1)
        made.append(LocalExecutor({"": spec}, workers=workers, logs=tmp_path / "logs"))
        return made[-1]

    yield make
    for executor in made:
        executor.close()


def mapped(function: str, count: int = 4, **policy: Any) -> Graph:
    return Graph(
        (
            Node("numbers", "lab:numbers", args={"count": count}),
            Node(
                "each",
                f"lab:{function}",
                ("numbers",),
                foreach="numbers",
                policy=Policy(delay_s=0.01, **policy),
            ),
        )
    )


def single(function: str, *, args: dict[str, Any] | None = None, **policy: Any) -> Graph:
    return Graph((Node("n", f"lab:{function}", args=args or {}, policy=Policy(delay_s=0.01, **policy)),))


def error_of(store: Store, unit_id: str) -> dict[str, Any]:
    error: dict[str, Any] = store.event("r1", store.unit("r1", unit_id).done_seq or 0).data["error"]
    return error


def test_a_map_reduce_in_processes_gives_what_it_gives_inline(
    run_graph: Run, local: Make, store: Store
) -> None:
    graph = Graph(
        (
            Node("numbers", "lab:numbers", args={"count": 20}),
            Node("square", "lab:square", ("numbers",), foreach="numbers"),
            Node("total", "lab:total", ("square",)),
        )
    )
    assert run_graph(graph, executor=local(3)).state.final == "succeeded"
    assert values(store, "total") == {"": sum(n * n for n in range(20))}
    assert list(projection_problems(store, "r1")) == []
    assert store.leases("r1") == []


def test_several_workers_share_the_units(run_graph: Run, local: Make, store: Store) -> None:
    run_graph(mapped("who", 8), executor=local(2))
    assert len(set(values(store, "each").values())) == 2
    assert os.getpid() not in values(store, "each").values()


def test_what_a_unit_prints_is_in_its_own_span_of_the_log(
    run_graph: Run, local: Make, store: Store, tmp_path: Path
) -> None:
    run_graph(mapped("square", 3), executor=local(1))
    for unit, body in store.results("r1", "each"):
        start, end = body["log_span"]
        assert (tmp_path / f"logs/units_{unit.worker}.log").read_bytes()[
            start:end
        ] == f"squaring {unit.key}\n".encode()


def test_a_unit_that_fails_is_tried_again(run_graph: Run, local: Make, store: Store, tmp_path: Path) -> None:
    marker = str(tmp_path / "marker")
    assert (
        run_graph(single("fails_once", args={"marker": marker}, max_retries=1), executor=local()).state.final
        == "succeeded"
    )
    assert store.unit("r1", "n").retries == 1


def test_a_lost_process_has_a_budget_of_its_own(
    run_graph: Run, local: Make, store: Store, tmp_path: Path
) -> None:
    marker = str(tmp_path / "marker")
    run = run_graph(
        single("dies_once", args={"marker": marker}, max_retries=0, max_losses=1), executor=local()
    )
    assert run.state.final == "succeeded"
    unit = store.unit("r1", "n")
    assert (unit.retries, unit.losses) == (0, 1)
    (lost,) = store.events("r1", kinds=("attempt_lost",))
    assert "exit code 7" in lost.data["reason"]


@pytest.mark.parametrize(("function", "how"), [("exits", "exit code 3"), ("segfaults", "SIGSEGV")])
def test_a_unit_that_kills_its_process_fails_alone_and_says_how(
    run_graph: Run, local: Make, store: Store, function: str, how: str
) -> None:
    run = run_graph(single(function, args={"n": 1}, max_losses=1), executor=local())
    assert run.state.final == "failed"
    last = list(store.events("r1", kinds=("attempt_lost",)))[-1]
    assert how in last.data["reason"]
    assert last.data["to"] == "failed"


@pytest.mark.slow
def test_units_behind_one_that_dies_have_not_begun_and_lose_nothing(
    run_graph: Run, local: Make, store: Store
) -> None:
    graph = Graph(
        (
            Node("numbers", "lab:numbers", args={"count": 12}),
            Node("warm", "lab:noop", ("numbers",), foreach="numbers"),
            Node("each", "lab:exits", ("warm", "numbers"), foreach="numbers", policy=Policy(max_losses=0)),
        ),
        keep_going=True,
    )
    run = run_graph(graph, executor=local(1))
    assert run.state.final == "failed"
    units = list(store.units("r1", node="each"))
    assert [(unit.state, unit.losses) for unit in units] == [("failed", 1)] * 12


def test_a_unit_past_its_timeout_is_ended_and_named(run_graph: Run, local: Make, store: Store) -> None:
    began = time.monotonic()
    run = run_graph(single("sleeps", args={"n": 1}, timeout_s=0.3), executor=local())
    assert run.state.final == "failed"
    assert time.monotonic() - began < 10
    assert error_of(store, "n")["what"] == "n ran longer than its timeout"


@pytest.mark.slow
def test_a_unit_that_ignores_signals_is_killed_after_the_grace(
    run_graph: Run, local: Make, store: Store
) -> None:
    run = run_graph(single("ignores_everything", args={"n": 1}, timeout_s=0.3), executor=local(1))
    assert run.state.final == "failed"
    assert error_of(store, "n")["code"] == "AGI-RUN-110"


def test_a_child_that_outlives_its_parent_is_gone_when_the_run_is(
    run_graph: Run, local: Make, store: Store, tmp_path: Path
) -> None:
    executor = local(1)
    run_graph(single("leaves_a_child", args={"marker": str(tmp_path / "pid")}), executor=executor)
    child = int((tmp_path / "pid").read_text())
    executor.close()
    assert gone(child)


def test_megabytes_of_bytes_that_are_no_text_do_no_harm(
    run_graph: Run, local: Make, store: Store, tmp_path: Path
) -> None:
    assert run_graph(single("shouts", args={"n": 1}), executor=local(1)).state.final == "succeeded"
    ((_, body),) = store.results("r1", "n")
    assert body["log_span"][1] - body["log_span"][0] == 64 * 350_000 * 3


def test_a_cancelled_run_ends_its_units_and_says_cancelled(store: Store, local: Make) -> None:
    graph = mapped("sleeps", 6)
    begin(store, "r1", graph)
    coordinator = Coordinator(store, "r1", graph, FunctionTasks(store, "r1", graph, max_units=10), local(2))
    coordinator._observer = lambda run, report: (
        run.cancel("enough") if run.state.running == 2 and run.state.nodes["each"].running else None
    )
    assert coordinator.execute() == "cancelled"
    validate(coordinator.state)
    counts = {node.node: node.counts for node in store.nodes("r1")}
    assert counts["each"] == {"cancelled": 6}
    assert list(projection_problems(store, "r1")) == []


def test_an_interrupt_from_the_keyboard_is_a_cancel(store: Store, local: Make) -> None:
    graph = mapped("sleeps", 3)
    begin(store, "r1", graph)
    coordinator = Coordinator(store, "r1", graph, FunctionTasks(store, "r1", graph, max_units=10), local(2))
    timer = threading.Timer(1.5, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    assert coordinator.execute() == "cancelled"
    timer.join()


def test_a_target_that_does_not_exist_is_the_authors_error(run_graph: Run, local: Make, store: Store) -> None:
    assert run_graph(single("no_such_function"), executor=local(1)).state.final == "failed"
    error = error_of(store, "n")
    assert "no_such_function" in str(error)


def test_an_interpreter_that_cannot_start_is_the_environments_error(
    store: Store, source: Path, tmp_path: Path
) -> None:
    graph = single("noop", args={"n": 1})
    begin(store, "r1", graph)
    spec = WorkerSpec(tmp_path / "no/python", source, None)
    executor = LocalExecutor({"": spec}, workers=1, logs=tmp_path / "logs")
    run = Coordinator(store, "r1", graph, FunctionTasks(store, "r1", graph, max_units=10), executor)
    assert run.execute() == "failed"
    (stopping,) = store.events("r1", kinds=("run_stopping",))
    assert stopping.data["error"]["code"] == "AGI-ENV-120"
    assert stopping.data["error"]["whose"] == "environment"


def test_workers_that_never_come_up_end_the_run_and_say_what_they_said(
    store: Store, source: Path, tmp_path: Path
) -> None:
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(bare)], check=True)
    graph = single("noop", args={"n": 1})
    begin(store, "r1", graph)
    executor = LocalExecutor(
        {"": WorkerSpec(bare / "bin/python", source, None)}, workers=2, logs=tmp_path / "logs"
    )
    run = Coordinator(store, "r1", graph, FunctionTasks(store, "r1", graph, max_units=10), executor)
    assert run.execute() == "failed"
    executor.close()
    (stopping,) = store.events("r1", kinds=("run_stopping",))
    assert "agi_node" in stopping.data["error"]["found"]
    assert list(projection_problems(store, "r1")) == []


COORDINATOR = """
import sys
from pathlib import Path
from agilab.engine.coordinator import Coordinator
from agilab.engine.graph import Graph
from agilab.engine.local import LocalExecutor
from agilab.engine.tasks import FunctionTasks
from agilab.envs.worker_process import WorkerSpec
from agilab.store.locks import RunLock
from agilab.store.store import Store
from agilab.store.workspace import Workspace
import json
home, source = map(Path, sys.argv[1:3])
with Store(Workspace(home)) as store, RunLock(store.workspace.run_folder("r1")):
    graph = Graph.from_bytes(store.objects.read(store.run("r1").plan_digest))
    executor = LocalExecutor({"": WorkerSpec(Path(sys.executable), source, None)}, workers=2, logs=home / "logs")
    tasks = FunctionTasks(store, "r1", graph, max_units=1000)
    print(Coordinator(store, "r1", graph, tasks, executor).execute(), flush=True)
    executor.close()
"""


def test_after_kill_9_of_the_coordinator_the_next_owner_finishes_the_run_and_no_worker_is_left(
    store: Store, source: Path
) -> None:
    graph = mapped("who", 60)
    begin(store, "r1", graph)
    command = [sys.executable, "-c", COORDINATOR, str(store.workspace.home), str(source)]
    first = subprocess.Popen(command)
    deadline = time.monotonic() + 20
    while (
        not sum(1 for _ in store.units("r1", node="each", state="succeeded")) >= 5
        and time.monotonic() < deadline
    ):
        time.sleep(0.02)
    holders = {lease.pid for lease in store.leases("r1")}
    assert holders
    first.kill()
    first.wait()
    before = {unit.unit_id: unit.attempt_id for unit in store.units("r1", node="each", state="succeeded")}
    second = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert second.stdout == "succeeded\n"
    after = {unit.unit_id: unit.attempt_id for unit in store.units("r1", node="each", state="succeeded")}
    assert len(after) == 60
    assert before.items() <= after.items(), "a recorded success was done again"
    successes = [event.unit_id for event in store.events("r1", kinds=("attempt_succeeded",))]
    assert len(successes) == len(set(successes))
    assert list(chain_problems(store, "r1")) == []
    assert list(projection_problems(store, "r1")) == []
    assert all(gone(pid) for pid in holders)


def gone(pid: int, patience_s: float = 5.0) -> bool:
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.05)
    return False
