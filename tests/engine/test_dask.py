"""Units on Dask: a running scheduler with workers in processes of their own, and a local cluster."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from agi_node.errors import AgiError
from agilab.engine.coordinator import Coordinator
from agilab.engine.dask import DaskExecutor, cluster
from agilab.engine.dask.batch import LARGEST_EVENT
from agilab.engine.executor import Report, Task, Wanted
from agilab.engine.graph import Graph, Node, Policy
from agilab.engine.invariants import validate
from agilab.engine.tasks import FunctionTasks
from agilab.envs.extras import how_to_get
from agilab.envs.worker_process import WorkerSpec
from agilab.store.check import chain_problems, projection_problems
from agilab.store.store import Store
from tests.engine.conftest import Run, begin, values

pytest.importorskip("distributed", reason="the extra `dask` is not installed")
# One scheduler serves them all, so they belong into one test process.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("dask")]

SOURCE = """
import ctypes, os, signal, subprocess, sys, time
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
    return [os.getpid(), os.getppid()]

def interpreter():
    return sys.prefix

def noop(n):
    return None

def large(n):
    return [n] * 20_000

def saves(n, run):
    run.save_json("twice", {"n": 2 * n})
    return n

def counts(run):
    for step in range(5):
        run.log_metric("loss", 1 / (step + 1), step=step)
        run.progress(step + 1, 5, "counting")
        time.sleep(0.3)
    return "counted"

def logs_much(run):
    for step in range(4_000):
        run.log_metric("loss", step / 3, step=step)
    return "logged"

def length(numbers):
    return len(numbers)

def raises(n):
    raise ValueError(f"no luck with {n}")

def fails_once(marker):
    path = Path(marker)
    if not path.exists():
        path.write_text("tried")
        raise OSError("the first time always fails")
    return "second time lucky"

def exits(n, warm=None):
    os._exit(3)

def segfaults(n):
    ctypes.string_at(0)

def sleeps(n):
    time.sleep(60)

def says_who_and_sleeps(marker):
    Path(marker).write_text(str(os.getpid()))
    time.sleep(60)

def ignores_everything(n):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        try:
            time.sleep(60)
        except BaseException:
            pass

def kills_its_host_once(marker, square=None):
    path = Path(marker)
    if not path.exists():
        path.write_text(str(os.getpid()))
        time.sleep(0.2)
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(60)
    return "alive"

def kills_its_host(n):
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(60)

def leaves_a_child(marker):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(120)"])
    Path(marker).write_text(str(child.pid))
    return child.pid
"""

Make = Callable[..., DaskExecutor]


# -- a scheduler and workers -----------------------------------------------------------------------------


def dask(*arguments: str, python: str = sys.executable) -> subprocess.Popen[str]:
    """A process of Dask's own command line, as somebody else would have started it."""
    environment = {**os.environ, "DASK_DISTRIBUTED__ADMIN__SYSTEM_MONITOR__DISK": "false"}
    return subprocess.Popen(
        [python, "-m", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


@contextmanager
def scheduler() -> Iterator[tuple[str, subprocess.Popen[str]]]:
    process = dask("distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard",
                   "--dashboard-address", "127.0.0.1:0")  # fmt: skip
    assert process.stderr is not None
    found = None
    for line in process.stderr:
        found = re.search(r"Scheduler at:\s+(tcp://\S+)", line)
        if found:
            break
    assert found, "no scheduler came up"
    drain = threading.Thread(target=process.stderr.read, daemon=True)
    drain.start()
    try:
        yield found[1], process
    finally:
        process.kill()
        process.wait()
        drain.join()
        process.stderr.close()


@contextmanager
def dask_workers(
    address: str, folder: Path, *names: str, threads: int = 1, python: str = sys.executable
) -> Iterator[dict[str, int]]:
    """Dask workers by name, each with its pid; they have joined when this begins."""
    processes = {
        name: dask(
            "distributed.cli.dask_worker",
            address,
            "--name",
            name,
            "--nthreads",
            str(threads),
            "--host",
            "127.0.0.1",
            "--no-dashboard",
            "--no-nanny",
            "--memory-limit",
            "0",
            "--local-directory",
            str(folder / name),
            python=python,
        )
        for name in names
    }
    drains = []
    try:
        for process in processes.values():
            assert process.stderr is not None
            assert any("Registered to" in line for line in process.stderr), "no worker came up"
            drains.append(threading.Thread(target=process.stderr.read, daemon=True))
            drains[-1].start()
        yield {name: process.pid for name, process in processes.items()}
    finally:
        for process in processes.values():
            process.kill()
            process.wait()
        for drain in drains:
            drain.join()
        for process in processes.values():
            assert process.stderr is not None
            process.stderr.close()


@pytest.fixture(scope="module")
def hub() -> Iterator[str]:
    """The address of a scheduler that has no worker yet."""
    with scheduler() as (address, _):
        yield address


@pytest.fixture(scope="module")
def address(hub: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a scheduler with two workers of one thread."""
    with dask_workers(hub, tmp_path_factory.mktemp("dask"), "alpha", "beta"):
        yield hub


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "app"
    (folder / "src").mkdir(parents=True)
    (folder / "src/lab.py").write_text(textwrap.dedent(SOURCE))
    return folder


@pytest.fixture
def make(source: Path, tmp_path: Path) -> Iterator[Make]:
    made: list[DaskExecutor] = []

    def make(address: str | None, **options: Any) -> DaskExecutor:
        spec = WorkerSpec(Path(sys.executable), source, None, {}, 1)
        logs = tmp_path / "logs"
        logs.mkdir(exist_ok=True)
        made.append(DaskExecutor(**{"specs": {"": spec}, "logs": logs, "address": address, **options}))
        return made[-1]

    yield make
    for executor in made:
        executor.close()


@pytest.fixture
def remote(make: Make, address: str) -> DaskExecutor:
    return make(address)


def mapped(function: str, count: int = 4, **policy: Any) -> Graph:
    each = Policy(delay_s=0.01, **policy)
    return Graph(
        (
            Node("numbers", "lab:numbers", args={"count": count}),
            Node("each", f"lab:{function}", ("numbers",), foreach="numbers", policy=each),
        )
    )


def single(function: str, *, args: dict[str, Any] | None = None, **policy: Any) -> Graph:
    return Graph((Node("n", f"lab:{function}", args=args or {}, policy=Policy(delay_s=0.01, **policy)),))


def error_of(store: Store, unit_id: str) -> dict[str, Any]:
    error: dict[str, Any] = store.event("r1", store.unit("r1", unit_id).done_seq or 0).data["error"]
    return error


def stop_of(store: Store) -> dict[str, Any]:
    (stopping,) = store.events("r1", kinds=("run_stopping",))
    error: dict[str, Any] = stopping.data["error"]
    return error


def gone(pid: int, patience_s: float = 6.0) -> bool:
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.05)
    return False


def written(path: Path, patience_s: float = 20.0) -> str:
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        if path.exists() and path.read_text():
            return path.read_text()
        time.sleep(0.02)
    raise AssertionError(f"nothing was written to {path}")


def task(attempt: str, function: str, tmp_path: Path, **options: Any) -> Task:
    return Task("r1", f"n[{attempt}]", "n", attempt, attempt, 1, f"lab:{function}", "",
                staging=str(tmp_path / "staging" / attempt), **options)  # fmt: skip


def offered(executor: DaskExecutor, wanted: list[Wanted], patience_s: float = 20.0) -> list[Any]:
    """Offers for these, as soon as there is a worker at all."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        offers = list(executor.offers(wanted))
        if any(offers):
            return offers
        assert executor.poll(0.05) == []
    raise AssertionError("no place was offered")


def until(executor: DaskExecutor, kind: str, patience_s: float = 20.0) -> list[Report]:
    """All reports up to the first of a kind."""
    reports: list[Report] = []
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        reports += executor.poll(0.1)
        if any(report.kind == kind for report in reports):
            return reports
    raise AssertionError(f"no {kind} came, only {reports}")


# -- what units do ---------------------------------------------------------------------------------------


def test_a_map_reduce_on_dask_gives_what_it_gives_inline(
    run_graph: Run, remote: DaskExecutor, store: Store, tmp_path: Path
) -> None:
    graph = Graph(
        (
            Node("numbers", "lab:numbers", args={"count": 40}),
            Node("square", "lab:square", ("numbers",), foreach="numbers"),
            Node("total", "lab:total", ("square",)),
        )
    )
    assert run_graph(graph, executor=remote).state.final == "succeeded"
    assert values(store, "total") == {"": sum(n * n for n in range(40))}
    assert list(projection_problems(store, "r1")) == []
    assert list(chain_problems(store, "r1")) == []
    assert store.leases("r1") == []
    for unit, body in store.results("r1", "square"):
        start, end = body["log_span"]
        log = (tmp_path / f"logs/units_{unit.worker}.log").read_bytes()
        assert log[start:end] == f"squaring {unit.key}\n".encode()


def test_units_run_in_children_of_both_dask_workers(
    run_graph: Run, remote: DaskExecutor, store: Store
) -> None:
    run_graph(mapped("who", 8), executor=remote)
    children, hosts = zip(*values(store, "each").values(), strict=True)
    assert (len(set(children)), len(set(hosts))) == (2, 2)
    assert {unit.worker for unit in store.units("r1", node="each")} == {"w0", "w1"}
    started = {event.data["worker"] for event in store.events("r1", kinds=("attempt_started",))}
    assert started == {"w0", "w1"}


def test_a_thousand_tiny_units_travel_in_batches(remote: DaskExecutor, tmp_path: Path) -> None:
    offered(remote, [Wanted("n")])
    left = [task(f"a{number}", "noop", tmp_path, payload=number) for number in range(1000)]
    ended: list[Report] = []
    while len(ended) < 1000:
        places = remote.offers([Wanted("n")] * min(64, len(left)))
        chosen, left = left[: len(places)], left[len(places) :]
        pairs = zip(chosen, places, strict=True)
        sent = [(each, place.worker) for each, place in pairs if place is not None]
        left = [each for each, place in zip(chosen, places, strict=True) if place is None] + left
        remote.submit(sent)
        ended += [report for report in remote.poll(0.1) if report.kind == "succeeded"]
    assert len({report.attempt_id for report in ended}) == 1000
    assert remote._sent < 500


def test_a_unit_that_fails_tells_the_authors_traceback(
    run_graph: Run, remote: DaskExecutor, store: Store
) -> None:
    assert run_graph(mapped("raises", 2), executor=remote).state.final == "failed"
    error = error_of(store, "each[0]")
    assert error["code"] == "AGI-RUN-101"
    assert error["type"] == "ValueError"
    assert "no luck with 0" in error["what"]
    assert "src/lab.py" in error["traceback"]


def test_a_retry_is_the_engines_and_happens_once(
    run_graph: Run, remote: DaskExecutor, store: Store, tmp_path: Path
) -> None:
    graph = single("fails_once", args={"marker": str(tmp_path / "marker")}, max_retries=1)
    assert run_graph(graph, executor=remote).state.final == "succeeded"
    unit = store.unit("r1", "n")
    assert (unit.retries, unit.losses, unit.attempts) == (1, 0, 2)


def test_large_values_and_artifacts_come_by_reference_and_are_whole(
    run_graph: Run, remote: DaskExecutor, store: Store
) -> None:
    graph = Graph(
        (
            Node("numbers", "lab:numbers", args={"count": 3}),
            Node("large", "lab:large", ("numbers",), foreach="numbers"),
            Node("saves", "lab:saves", ("numbers",), foreach="numbers"),
        )
    )
    assert run_graph(graph, executor=remote).state.final == "succeeded"
    assert values(store, "large") == {str(n): [n] * 20_000 for n in range(3)}
    for unit, body in store.results("r1", "saves"):
        (artifact,) = body["artifacts"]
        assert store.objects.is_whole(artifact["digest"])
        assert json.loads(store.objects.read(artifact["digest"])) == {"n": 2 * int(unit.key)}
    for _, body in store.results("r1", "large"):
        assert store.objects.is_whole(body["value_digest"])


def test_what_is_too_large_for_the_scheduler_goes_through_a_file(
    run_graph: Run, remote: DaskExecutor, store: Store, tmp_path: Path
) -> None:
    graph = Graph(
        (
            Node("logs", "lab:logs_much"),
            Node("counts", "lab:length", args={"numbers": list(range(100_000))}),
        )
    )
    (tmp_path / "logs").mkdir(exist_ok=True)
    assert run_graph(graph, executor=remote).state.final == "succeeded"
    assert values(store, "counts") == {"": 100_000}
    ((_, body),) = store.results("r1", "logs")
    logged = [event.data for event in store.events("r1", kinds=("metrics_logged",))]
    tables = [
        each["metrics"] if "metrics" in each else json.loads(store.objects.read(each["metrics_digest"]))
        for each in [*logged, body]
        if "metrics" in each or "metrics_digest" in each
    ]
    assert sum(len(table["step"]) for table in tables) == 4_000
    assert list(remote._spool.glob("news-*")) == [], "news that was read is kept"
    events = [event for _, event in remote._cluster._client.get_events(remote._cluster.topic)]
    assert max(len(event) for event in events if isinstance(event, bytes)) <= LARGEST_EVENT
    assert len(list(remote._spool.glob("order-*"))) == 1


def test_progress_and_metrics_come_while_the_unit_runs(store: Store, remote: DaskExecutor) -> None:
    graph = single("counts")
    begin(store, "r1", graph)
    seen: list[tuple[float, str, Any]] = []
    coordinator = Coordinator(
        store, "r1", graph, FunctionTasks(store, "r1", graph, max_units=10), remote,
        observer=lambda _, report: report and seen.append((time.monotonic(), report.kind, report.data)),
    )  # fmt: skip
    assert coordinator.execute() == "succeeded"
    end = time.monotonic()
    kinds = [kind for _, kind, _ in seen]
    assert kinds[0] == "began"
    assert kinds.count("progress") >= 4
    first = next(when for when, kind, _ in seen if kind == "progress")
    assert end - first > 0.8, "progress came with the result"
    assert seen[-1][2]["done"] == 5
    batches = [event.data["metrics"]["value"] for event in store.events("r1", kinds=("metrics_logged",))]
    assert batches, "no metrics while it ran"
    rest = next(body for _, body in store.results("r1", "n"))["metrics"]["value"]
    assert sorted([*(value for batch in batches for value in batch), *rest]) == sorted(
        1 / (step + 1) for step in range(5)
    )


# -- ends ------------------------------------------------------------------------------------------------


@pytest.mark.faults
@pytest.mark.parametrize(("function", "how"), [("exits", "exit code 3"), ("segfaults", "SIGSEGV")])
def test_a_unit_that_kills_its_process_fails_alone_and_says_how(
    run_graph: Run, remote: DaskExecutor, store: Store, function: str, how: str
) -> None:
    run = run_graph(single(function, args={"n": 1}, max_losses=1), executor=remote)
    assert run.state.final == "failed"
    last = list(store.events("r1", kinds=("attempt_lost",)))[-1]
    assert re.match(rf"worker w\d: .*{how}", last.data["reason"])
    assert (last.data["to"], last.data["began"]) == ("failed", True)


@pytest.mark.faults
def test_units_behind_one_that_dies_have_not_begun_and_lose_nothing(
    run_graph: Run, make: Make, address: str, store: Store
) -> None:
    graph = Graph(
        (
            Node("numbers", "lab:numbers", args={"count": 12}),
            Node("warm", "lab:noop", ("numbers",), foreach="numbers"),
            Node("each", "lab:exits", ("warm", "numbers"), foreach="numbers", policy=Policy(max_losses=0)),
        ),
        keep_going=True,
    )
    executor = make(address)
    executor._places.learn("each", 0.001)  # as if they had been quick before: they travel together
    run = run_graph(graph, executor=executor)
    assert run.state.final == "failed"
    assert [(unit.state, unit.losses) for unit in store.units("r1", node="each")] == [("failed", 1)] * 12
    not_begun = [event for event in store.events("r1", kinds=("attempt_lost",)) if not event.data["began"]]
    assert not_begun, "every unit travelled alone"


def test_a_unit_past_its_timeout_is_ended_and_named(
    run_graph: Run, remote: DaskExecutor, store: Store
) -> None:
    began = time.monotonic()
    run = run_graph(single("sleeps", args={"n": 1}, timeout_s=0.3), executor=remote)
    assert run.state.final == "failed"
    assert time.monotonic() - began < 10
    assert error_of(store, "n")["what"] == "n ran longer than its timeout"
    assert error_of(store, "n")["code"] == "AGI-RUN-110"


def test_a_unit_that_ignores_signals_is_killed_after_the_grace(
    run_graph: Run, remote: DaskExecutor, store: Store
) -> None:
    run = run_graph(single("ignores_everything", args={"n": 1}, timeout_s=0.3), executor=remote)
    assert run.state.final == "failed"
    assert error_of(store, "n")["code"] == "AGI-RUN-110"


def test_a_cancelled_run_ends_its_units_and_says_cancelled(store: Store, remote: DaskExecutor) -> None:
    graph = mapped("sleeps", 6)
    begin(store, "r1", graph)
    coordinator = Coordinator(store, "r1", graph, FunctionTasks(store, "r1", graph, max_units=10), remote)
    coordinator._observer = lambda run, report: (
        run.cancel("enough") if run.state.running == 2 and report and report.kind == "began" else None
    )
    began = time.monotonic()
    assert coordinator.execute() == "cancelled"
    assert time.monotonic() - began < 8
    validate(coordinator.state)
    assert {node.node: node.counts for node in store.nodes("r1")}["each"] == {"cancelled": 6}
    assert list(projection_problems(store, "r1")) == []


def test_a_second_wish_to_cancel_does_not_wait_for_the_grace(remote: DaskExecutor, tmp_path: Path) -> None:
    (place,) = offered(remote, [Wanted("n")])
    remote.submit([(task("a1", "ignores_everything", tmp_path, args={"n": 1}), place.worker)])
    until(remote, "began")
    time.sleep(0.2)
    remote.cancel(grace_s=60)
    time.sleep(0.3)
    assert remote.poll(0.1) == []
    remote.cancel(grace_s=0)
    assert [report.kind for report in until(remote, "cancelled", 3)] == ["cancelled"]


@pytest.mark.faults
def test_when_a_dask_worker_is_killed_its_unit_is_lost_and_the_run_goes_on_with_the_others(
    run_graph: Run, hub: str, make: Make, store: Store, tmp_path: Path
) -> None:
    with scheduler() as (own, _), dask_workers(own, tmp_path, "one", "two"):
        marker = tmp_path / "marker"
        graph = Graph(
            (
                Node("numbers", "lab:numbers", args={"count": 30}),
                Node("kills", "lab:kills_its_host_once", args={"marker": str(marker)}),
                Node("each", "lab:who", ("numbers",), foreach="numbers"),
            )
        )
        run = run_graph(graph, executor=make(own))
        assert run.state.final == "succeeded"
        lost = [event for event in store.events("r1", kinds=("attempt_lost",)) if event.data["began"]]
        assert [event.unit_id for event in lost] == ["kills"]
        assert "its Dask worker is gone" in lost[0].data["reason"]
        assert gone(int(marker.read_text())), "the child outlived its Dask worker"
    assert list(projection_problems(store, "r1")) == []


@pytest.mark.faults
def test_a_worker_that_comes_later_takes_the_place_that_was_left(make: Make, tmp_path: Path) -> None:
    with scheduler() as (own, _):
        executor = make(own)
        with dask_workers(own, tmp_path, "one") as pids:
            (place,) = offered(executor, [Wanted("n")])
            executor.submit([(task("a1", "sleeps", tmp_path, args={"n": 1}), place.worker)])
            until(executor, "began")
            os.kill(pids["one"], signal.SIGKILL)
            (lost,) = [report for report in until(executor, "lost") if report.kind == "lost"]
            assert lost.data["began"] is True
            assert list(executor.offers([Wanted("n")])) == []
        with dask_workers(own, tmp_path, "another"):
            (again,) = offered(executor, [Wanted("n", "w0")])
            assert again.worker == "w0"
            executor.submit([(task("a2", "noop", tmp_path, args={"n": 1}), "w0")])
            assert until(executor, "succeeded")[-1].attempt_id == "a2"


def test_what_a_worker_still_does_when_it_is_given_up_is_ended_there(
    remote: DaskExecutor, tmp_path: Path
) -> None:
    marker = tmp_path / "marker"
    place, _ = offered(remote, [Wanted("n", "w0"), Wanted("n", "w1")])
    remote.submit([(task("a1", "says_who_and_sleeps", tmp_path, args={"marker": str(marker)}), place.worker)])
    busy = int(written(marker))
    until(remote, "began")
    address = remote._places.by_name[place.worker].address or ""
    (lost,) = remote._refuse(address, AgiError("AGI-ENV-121", "no worker comes up there"))
    assert (lost.kind, lost.data["began"]) == ("lost", True)
    assert gone(busy)
    assert remote.poll(0.2) == []
    assert [offer and offer.worker for offer in remote.offers([Wanted("m"), Wanted("m")])] == ["w1"]


@pytest.mark.faults
def test_a_scheduler_that_goes_ends_the_run_with_the_reason(store: Store, make: Make, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    graph = single("says_who_and_sleeps", args={"marker": str(marker)})
    begin(store, "r1", graph)
    with scheduler() as (own, process), dask_workers(own, tmp_path, "one"):
        coordinator = Coordinator(
            store, "r1", graph, FunctionTasks(store, "r1", graph, max_units=10), make(own)
        )
        threading.Thread(target=lambda: (written(marker), process.kill()), daemon=True).start()
        assert coordinator.execute() == "failed"
        assert stop_of(store)["code"] == "AGI-ENV-133"
        assert "scheduler is gone" in stop_of(store)["what"]
        assert gone(int(marker.read_text())), "a unit went on that nobody waits for"
    assert list(projection_problems(store, "r1")) == []


@pytest.mark.faults
def test_when_the_manager_is_killed_its_units_end_and_idle_children_do_too(
    hub: str, address: str, source: Path, tmp_path: Path
) -> None:
    (tmp_path / "logs").mkdir()
    program = f"""
import sys
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from tests.engine.test_dask import *
executor = DaskExecutor({{"": WorkerSpec(Path(sys.executable), Path({str(source)!r}), None, {{}}, 1)}},
                        logs=Path({str(tmp_path)!r}) / "logs", address={address!r}, idle_s=0.5)
places = offered(executor, [Wanted("n"), Wanted("n")])
executor.submit([(task("a1", "says_who_and_sleeps", Path({str(tmp_path)!r}),
                       args={{"marker": {str(tmp_path / "marker")!r}}}), "w0")])
until(executor, "began")
while not executor._places.by_name["w1"].children: executor.poll(0.1)
print(executor._places.by_name["w1"].children[""][0], flush=True)
time.sleep(60)
"""
    manager = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    try:
        assert manager.stdout is not None
        idle = int(manager.stdout.readline())
        busy = int(written(tmp_path / "marker"))
    finally:
        manager.kill()
        manager.wait()
        assert manager.stdout is not None
        manager.stdout.close()
    assert gone(busy), "a unit went on that nobody waits for"
    assert gone(idle, 12), "an idle child was kept for a manager that is dead"


def test_what_a_unit_left_behind_and_every_child_is_gone_after_close(
    run_graph: Run, make: Make, address: str, store: Store, tmp_path: Path
) -> None:
    executor = make(address)
    run_graph(single("leaves_a_child", args={"marker": str(tmp_path / "pid")}), executor=executor)
    children = [pid for place in executor._places.by_name.values() for pid, _ in place.children.values()]
    assert len(children) == 2
    executor.close()
    executor.close()
    assert gone(int((tmp_path / "pid").read_text()))
    assert all(gone(pid) for pid in children)
    assert list((tmp_path / "logs").glob(".dask-*")) == []


# -- environments and hosts ------------------------------------------------------------------------------


def test_each_unit_runs_in_the_environment_of_its_node(
    run_graph: Run, make: Make, address: str, store: Store, source: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(other)], check=True)
    (packages,) = (other / "lib").glob("python*/site-packages")
    import agi_node

    (packages / "here.pth").write_text(
        f"{Path(agi_node.__file__).parents[1]}\n{Path(psutil.__file__).parents[1]}\n"
    )
    specs = {
        "e1": WorkerSpec(Path(sys.executable), source, None),
        "e2": WorkerSpec(other / "bin/python", source, None),
    }
    graph = Graph(
        (
            Node("ours", "lab:interpreter", environment="e1"),
            Node("theirs", "lab:interpreter", environment="e2"),
        )
    )
    assert run_graph(graph, executor=make(address, specs=specs)).state.final == "succeeded"
    assert values(store, "ours") == {"": sys.prefix}
    assert values(store, "theirs") == {"": str(other)}


@pytest.mark.parametrize("lacking", ["interpreter", "source", "shared"])
def test_a_host_that_lacks_what_the_run_needs_is_refused_by_name(
    store: Store, make: Make, address: str, source: Path, tmp_path: Path, lacking: str
) -> None:
    spec = WorkerSpec(
        tmp_path / "no/python" if lacking == "interpreter" else Path(sys.executable),
        tmp_path / "nowhere" if lacking == "source" else source,
        None,
    )
    shared = [tmp_path / "no/objects"] if lacking == "shared" else []
    executor = make(address, specs={"": spec}, shared=shared)
    graph = single("noop", args={"n": 1})
    begin(store, "r1", graph)
    run = Coordinator(store, "r1", graph, FunctionTasks(store, "r1", graph, max_units=10), executor)
    assert run.execute() == "failed"
    error = stop_of(store)
    assert (error["code"], error["whose"], error["exit_code"]) == ("AGI-ENV-135", "environment", 3)
    assert os.uname().nodename in error["what"]
    what = {"interpreter": tmp_path / "no/python", "source": tmp_path / "nowhere", "shared": tmp_path / "no"}
    assert str(what[lacking]) in error["found"]
    assert len(executor.refused) == 2
    assert "AGI-ENV-135" in (tmp_path / "logs/dask.log").read_text()


def test_a_dask_worker_without_agilab_is_refused_and_the_others_are_used(
    run_graph: Run, make: Make, store: Store, tmp_path: Path
) -> None:
    import distributed

    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(bare)], check=True)
    (packages,) = (bare / "lib").glob("python*/site-packages")
    # Dask and what it needs; AGILab is installed by a link that only its own environment follows.
    (packages / "dask.pth").write_text(f"{Path(distributed.__file__).parents[1]}\n")
    probe = [str(bare / "bin/python"), "-c", "import distributed, agilab"]
    if (
        "No module named 'agilab'"
        not in subprocess.run(probe, check=False, capture_output=True, text=True).stderr
    ):
        pytest.skip("AGILab is installed beside Dask here, not linked")
    with scheduler() as (own, _), dask_workers(own, tmp_path, "without", python=str(bare / "bin/python")):
        executor = make(own)
        with pytest.raises(AgiError, match="has no AGILab") as refused:
            offered(executor, [Wanted("n")])
        assert refused.value.code == "AGI-ENV-136"
        assert "No module named 'agilab'" in (refused.value.found or "")
        with dask_workers(own, tmp_path, "with"):
            executor = make(own)
            assert run_graph(mapped("square"), executor=executor).state.final == "succeeded"
            assert {place.dask_name for place in executor._places.by_name.values()} == {"with"}
            assert [error.code for error in executor.refused.values()] == ["AGI-ENV-136"]


def test_a_host_that_sees_another_file_system_is_refused(make: Make, address: str, tmp_path: Path) -> None:
    executor = make(address)
    executor.start()
    # What a host without the shared folder finds at that path: something else, or nothing.
    (executor._spool / "token").write_text("of another file system")
    with pytest.raises(AgiError, match="lacks what the run needs") as refused:
        offered(executor, [Wanted("n")])
    assert str(tmp_path) in (refused.value.found or "")


def test_workers_that_never_come_up_end_the_run_and_say_what_they_said(
    store: Store, make: Make, address: str, source: Path, tmp_path: Path
) -> None:
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(bare)], check=True)
    graph = single("noop", args={"n": 1})
    begin(store, "r1", graph)
    executor = make(address, specs={"": WorkerSpec(bare / "bin/python", source, None)})
    run = Coordinator(store, "r1", graph, FunctionTasks(store, "r1", graph, max_units=10), executor)
    assert run.execute() == "failed"
    error = stop_of(store)
    assert error["code"] == "AGI-ENV-121"
    assert "agi_node" in error["found"]
    assert list(projection_problems(store, "r1")) == []


def test_no_scheduler_at_the_address_is_said_with_the_address(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 1.0)
    executor = make("tcp://127.0.0.1:9")
    with pytest.raises(AgiError, match="no Dask scheduler answers at tcp://127.0.0.1:9") as refused:
        offered(executor, [Wanted("n")])
    assert refused.value.code == "AGI-ENV-132"


def test_without_the_extra_the_error_says_how_to_install_it(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(AgiError, match="which is not installed") as missing:
        make(None).offers([Wanted("n")])
    assert (missing.value.code, missing.value.try_) == ("AGI-ENV-130", how_to_get("dask"))


# -- places ----------------------------------------------------------------------------------------------


def test_places_are_threads_named_in_the_order_of_the_workers_names(
    run_graph: Run, make: Make, store: Store, tmp_path: Path
) -> None:
    with scheduler() as (own, _), dask_workers(own, tmp_path, "n10", "n9", threads=2):
        executor = make(own)
        offers = offered(executor, [Wanted("n")] * 5)
        assert [offer.worker for offer in offers if offer] == ["w0", "w1", "w2", "w3"]
        names = {name: place.dask_name for name, place in executor._places.by_name.items()}
        assert names == {"w0": "n9", "w1": "n9", "w2": "n10", "w3": "n10"}
        assert run_graph(mapped("who", 12), executor=executor).state.final == "succeeded"
        children, hosts = zip(*values(store, "each").values(), strict=True)
        assert (len(set(children)), len(set(hosts))) == (4, 2)
        few = make(own, workers=3)
        assert len([offer for offer in offered(few, [Wanted("n")] * 5) if offer]) == 3


def test_a_holder_is_the_child_on_this_machine(remote: DaskExecutor) -> None:
    offered(remote, [Wanted("n")])
    while not all(place.children for place in remote._places.by_name.values()):
        remote.poll(0.1)
    for holder in remote.offers([Wanted("n"), Wanted("n")]):
        assert holder is not None
        process = psutil.Process(holder.pid)
        assert abs(process.create_time() - holder.pid_started) < 0.05
        until = time.monotonic() + 10
        while not process.cmdline() and time.monotonic() < until:
            time.sleep(0.01)  # it has none while it becomes the worker
        assert "agi_node.worker" in process.cmdline()


def test_a_plan_says_where_a_unit_runs_and_a_place_that_is_not_there_pins_nothing(
    remote: DaskExecutor, tmp_path: Path
) -> None:
    wanted = [Wanted("n", "w1"), Wanted("n", "w1"), Wanted("n", "w9"), Wanted("n", "w0")]
    first, second, third = offered(remote, wanted)  # and then all are taken
    assert first.worker == "w1"
    assert second is None, "a unit of unknown length waits for its place"
    assert third.worker == "w0"


# -- a cluster of our own --------------------------------------------------------------------------------


def _words(process: psutil.Process) -> list[str]:
    """The command of a process; of one that has just ended nobody knows it any more."""
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:  # a zombie as well
        return []


@pytest.mark.faults
def test_a_local_cluster_works_outlives_a_worker_and_leaves_nothing(
    run_graph: Run, make: Make, store: Store, tmp_path: Path
) -> None:
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    executor = make(None, workers=1)
    graph = Graph(
        (
            Node("numbers", "lab:numbers", args={"count": 20}),
            Node("square", "lab:square", ("numbers",), foreach="numbers"),
            Node("kills", "lab:kills_its_host_once", ("square",), args={"marker": str(tmp_path / "marker")}),
        )
    )
    # The only worker is killed, and Dask's nanny starts another, which takes its place.
    assert run_graph(graph, executor=executor).state.final == "succeeded"
    assert values(store, "kills") == {"": "alive"}
    assert {unit.worker for unit in store.units("r1")} == {"w0"}
    listening = [each.laddr.ip for each in psutil.Process().net_connections() if each.status == "LISTEN"]
    assert set(listening) <= {"127.0.0.1"}
    mine = {child.pid: _words(child) for child in psutil.Process().children(recursive=True)}
    executor.close()
    for pid in mine.keys() - before:
        # Python's own book-keeper of semaphores ends with this process.
        assert "resource_tracker" in str(mine[pid]) or gone(pid), mine[pid]
    assert list((tmp_path / "logs").glob(".dask-*")) == []


@pytest.mark.faults
def test_a_unit_that_always_kills_its_host_is_not_tried_for_ever(
    run_graph: Run, make: Make, store: Store
) -> None:
    run = run_graph(single("kills_its_host", args={"n": 1}, max_losses=1), executor=make(None, workers=1))
    assert run.state.final == "failed"
    lost = [event.data["began"] for event in store.events("r1", kinds=("attempt_lost",))]
    assert lost.count(True) == 2


COORDINATOR = """
import json, sys
from pathlib import Path
from agilab.engine.coordinator import Coordinator
from agilab.engine.dask import DaskExecutor
from agilab.engine.graph import Graph
from agilab.engine.tasks import FunctionTasks
from agilab.envs.worker_process import WorkerSpec
from agilab.store.locks import RunLock
from agilab.store.store import Store
from agilab.store.workspace import Workspace
home, source = map(Path, sys.argv[1:3])
with Store(Workspace(home)) as store, RunLock(store.workspace.run_folder("r1")):
    graph = Graph.from_plain(json.loads(store.objects.read(store.run("r1").plan_digest)))
    spec = WorkerSpec(Path(sys.executable), source, None)
    executor = DaskExecutor({"": spec}, workers=2, logs=home / "logs")
    tasks = FunctionTasks(store, "r1", graph, max_units=1000)
    print(Coordinator(store, "r1", graph, tasks, executor).execute(), flush=True)
    executor.close()
"""


def coordinator(store: Store, source: Path) -> subprocess.Popen[str]:
    """A process that carries run r1 on, with a local cluster, in a process group as a terminal makes it."""
    command = [sys.executable, "-c", COORDINATOR, str(store.workspace.home), str(source)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def wait_for(store: Store, node: str, state: str, count: int, patience_s: float = 30.0) -> None:
    deadline = time.monotonic() + patience_s
    while sum(1 for _ in store.units("r1", node=node, state=state)) < count:
        assert time.monotonic() < deadline, f"never {count} units {state}"
        time.sleep(0.02)


@pytest.mark.faults
def test_after_kill_9_of_the_coordinator_the_next_owner_finishes_and_nothing_is_left(
    store: Store, source: Path
) -> None:
    begin(store, "r1", mapped("who", 60))
    first = coordinator(store, source)
    wait_for(store, "each", "succeeded", 5)
    processes = psutil.Process(first.pid).children(recursive=True)
    first.kill()
    first.communicate()
    before = {unit.unit_id: unit.attempt_id for unit in store.units("r1", node="each", state="succeeded")}
    second = coordinator(store, source)
    told, complaints = second.communicate(timeout=60)
    assert (told, complaints) == ("succeeded\n", "")
    after = {unit.unit_id: unit.attempt_id for unit in store.units("r1", node="each", state="succeeded")}
    assert len(after) == 60
    assert before.items() <= after.items(), "a recorded success was done again"
    assert list(chain_problems(store, "r1")) == []
    assert list(projection_problems(store, "r1")) == []
    assert all(gone(process.pid) for process in processes)


@pytest.mark.faults
def test_an_interrupt_from_the_keyboard_cancels_and_is_no_loss(store: Store, source: Path) -> None:
    begin(store, "r1", mapped("sleeps", 4))
    process = coordinator(store, source)
    wait_for(store, "each", "running", 2)
    time.sleep(0.5)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does it: to every process of the group
    told, complaints = process.communicate(timeout=30)
    assert (told, complaints) == ("cancelled\n", "")
    assert {node.node: node.counts for node in store.nodes("r1")}["each"] == {"cancelled": 4}
    assert list(store.events("r1", kinds=("attempt_lost",))) == []


def test_closing_while_the_cluster_still_starts_leaves_nothing(make: Make, tmp_path: Path) -> None:
    before = psutil.Process().children(recursive=True)
    executor = make(None, workers=1)
    executor.start()
    assert executor.poll(0.05) == []
    executor.close()
    started = [each for each in psutil.Process().children(recursive=True) if each not in before]
    assert [each.cmdline() for each in started if "resource_tracker" not in str(each.cmdline())] == []
    assert list((tmp_path / "logs").glob(".dask-*")) == []


def test_nobody_else_gets_into_a_local_cluster(make: Make) -> None:
    import distributed

    executor = make(None, workers=1)
    offered(executor, [Wanted("n")])
    address = executor._cluster._cluster.scheduler_address
    assert address.startswith("tls://127.0.0.1:")
    with pytest.raises(OSError, match="Timed out|closed|lost"):
        distributed.Client(address.replace("tls://", "tcp://"), timeout=1, set_as_default=False)
