"""Time: clocks that step, workers that stall past their lease, words about units that are over."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path

import psutil
import pytest

from agilab.engine.coordinator import Coordinator
from agilab.engine.executor import Capabilities, Holder, Report, Task, Wanted
from agilab.engine.graph import Graph, Node, Policy
from agilab.engine.tasks import FunctionTasks
from agilab.store.log import RunLog
from agilab.store.store import Store
from agilab.store.workspace import Workspace
from tests.engine.conftest import begin, values
from tests.engine.traps.conftest import Life, Local, problems
from tests.engine.traps.life import carry_on, executor_of

HOUR_US = 3_600_000_000


class SteppingStore(Store):
    """A store whose wall clock steps back an hour after every few events."""

    def log(self, run_id: str) -> RunLog:
        return RunLog(self.db, self.objects, run_id, clock=partial(next, _stepping()))


def _stepping() -> Iterator[int]:
    moment = time.time_ns() // 1000
    while True:
        for _ in range(5):
            moment += 1_000
            yield moment
        moment -= HOUR_US


def test_a_wall_clock_that_steps_back_disturbs_neither_order_nor_durations_nor_retries(
    tmp_path: Path,
) -> None:
    (tmp_path / "calls").mkdir()
    graph = Graph(
        (
            Node(
                "each",
                "mischief:fails_first",
                foreach=list(range(20)),
                args={"folder": str(tmp_path / "calls")},
                policy=Policy(max_retries=1, delay_s=0.01),
            ),
        )
    )
    with SteppingStore(Workspace(tmp_path / "home")) as store:
        begin(store, "r1", graph)
        assert carry_on(store, "r1", executor_of("inline", tmp_path)) == "succeeded"
        moments = [event.at_us for event in store.events("r1")]
        assert any(later < earlier for earlier, later in pairwise(moments)), "it did step"
        assert [event.run_seq for event in store.events("r1")] == list(range(1, len(moments) + 1))
        assert all((unit.duration_us or 0) >= 0 for unit in store.units("r1"))
        assert all(event.data.get("elapsed_us", 0) >= 0 for event in store.events("r1"))
        assert problems(store, "r1") == []


def test_a_retry_that_a_clock_ahead_put_into_the_far_future_is_due_when_its_policy_says(
    store: Store, tmp_path: Path
) -> None:
    """The owner's clock was an hour ahead; the next owner's is right again."""
    graph = Graph((Node("n", "mischief:square", foreach=[3], policy=Policy(max_retries=1, max_delay_s=0.2)),))
    begin(store, "r1", graph)
    log = store.log("r1")
    row = {"unit_id": "n[3]", "key": "3", "cost": 1.0, "payload": 3}
    log.append("node_expanded", node="n", count=1, items=[row])
    log.append("unit_ready", "n[3]")
    attempt = log.append("attempt_started", "n[3]", worker="w0", number=1).attempt_id
    due = time.time_ns() // 1000 + HOUR_US
    log.append("attempt_failed", "n[3]", attempt, to="up_for_retry", error={}, not_before_us=due)
    log.flush()
    began = time.monotonic()
    assert carry_on(store, "r1", executor_of("inline", tmp_path)) == "succeeded"
    assert time.monotonic() - began < 5
    assert values(store, "n") == {"3": 9}
    assert problems(store, "r1") == []


@pytest.mark.faults
def test_a_worker_that_stalls_past_its_lease_and_wakes_when_the_run_has_another_owner_reports_to_nobody(
    store: Store, life: Life, tmp_path: Path
) -> None:
    """Stopped like a laptop that sleeps: its owner dies, the next one ends it and does the unit again."""
    graph = Graph((Node("n", "mischief:once_slow", foreach=[1], args={"folder": str(tmp_path)}),))
    begin(store, "r1", graph)
    first = life("r1", "local")
    worker = int(_read(tmp_path / "first"))
    (lease,) = store.leases("r1")
    assert lease.pid == worker
    os.kill(worker, signal.SIGSTOP)
    first.kill()
    first.wait()
    # As if it had slept through it: nobody renews the lease of a run that has no owner.
    store.db.execute("UPDATE lease SET expires_s=0")
    second = life("r1", "local")
    assert second.communicate(timeout=30)[0] == "succeeded\n"
    assert not psutil.pid_exists(worker) or psutil.Process(worker).status() == psutil.STATUS_ZOMBIE
    assert values(store, "n") == {"1": "second"}
    assert [event.kind for event in store.story("r1", "n[1]")] == [
        "attempt_started",
        "attempt_lost",
        "attempt_started",
        "attempt_succeeded",
    ]
    assert problems(store, "r1") == []
    assert store.leases("r1") == []


@pytest.mark.faults
def test_a_worker_that_stalls_past_its_timeout_is_ended_although_it_hears_no_signal(
    store: Store, local: Local, tmp_path: Path
) -> None:
    policy = Policy(timeout_s=0.5, max_retries=1, delay_s=0.01)
    node = Node("n", "mischief:once_slow", foreach=[1], args={"folder": str(tmp_path)}, policy=policy)
    begin(store, "r1", Graph((node,)))

    def stop(run: Coordinator, report: Report | None) -> None:
        mark = tmp_path / "first"
        if report is None and mark.exists() and mark.read_text() and not (tmp_path / "stopped").exists():
            (tmp_path / "stopped").touch()
            os.kill(int(mark.read_text()), signal.SIGSTOP)

    graph = Graph((node,))
    run = Coordinator(store, "r1", graph, FunctionTasks(store, "r1", graph), local(), observer=stop)
    assert run.execute() == "succeeded"
    assert (tmp_path / "stopped").exists()
    assert values(store, "n") == {"1": "second"}
    (failed,) = store.events("r1", kinds=("attempt_failed",))
    assert failed.data["error"]["code"] == "AGI-RUN-110"
    assert problems(store, "r1") == []


def test_a_thread_that_talks_on_when_its_unit_is_over_changes_nothing(store: Store, local: Local) -> None:
    graph = Graph(
        (
            Node("talks", "mischief:talks_on", foreach=list(range(4))),
            Node("then", "mischief:slow_square", ("talks",), foreach=list(range(40))),
        )
    )
    begin(store, "r1", graph)
    assert carry_on(store, "r1", local(1)) == "succeeded"
    assert values(store, "talks") == {str(n): n for n in range(4)}
    assert not list(store.events("r1", kinds=("run_stopping",)))
    ends = {event.unit_id: event.run_seq for event in store.events("r1", kinds=("attempt_succeeded",))}
    late = [
        event.unit_id
        for event in store.events("r1", kinds=("metrics_logged",))
        if event.run_seq > ends[event.unit_id]
    ]
    assert late == [], "nothing is recorded of a unit that is over"
    assert problems(store, "r1") == []


class Garrulous:
    """An executor that goes on about an attempt which it has reported done."""

    name = "garrulous"
    in_user_code = False
    capabilities = Capabilities(timeout=False, kill=False, crash_isolation=False, own_environment=False)

    def __init__(self) -> None:
        self.waiting: list[Task] = []

    def offers(self, wanted: Sequence[Wanted]) -> Sequence[Holder | None]:
        return [] if self.waiting else [Holder("w0", 1, 0.0)]

    def submit(self, tasks: Sequence[tuple[Task, str]]) -> None:
        self.waiting += [task for task, _ in tasks]

    def poll(self, timeout_s: float) -> list[Report]:
        tasks, self.waiting = self.waiting, []
        kinds: tuple[tuple[str, dict[str, object]], ...] = (
            ("succeeded", {"value": 1}),
            ("began", {}),
            ("progress", {"done": 1, "total": 2, "message": "late"}),
            ("metrics", {"metrics": {"name": ["m"], "value": [1], "step": [0], "at_ms": [0]}}),
            ("lost", {"reason": "its lease ran out", "began": True}),
            ("failed", {"error": {"code": "AGI-RUN-101"}}),
        )
        return [Report(kind, task.unit_id, task.attempt_id, data) for task in tasks for kind, data in kinds]

    def cancel(self, *, grace_s: float) -> None: ...

    def dismiss(self) -> None: ...

    def close(self) -> None: ...


def test_a_heartbeat_after_completion_moves_nothing_and_a_second_end_is_no_end(store: Store) -> None:
    graph = Graph((Node("n", "n", foreach=[1, 2, 3]),))
    begin(store, "r1", graph)
    tasks = FunctionTasks(store, "r1", graph)
    assert Coordinator(store, "r1", graph, tasks, Garrulous()).execute() == "succeeded"
    assert {unit.state for unit in store.units("r1")} == {"succeeded"}
    kinds = {event.kind for event in store.events("r1") if event.unit_id}
    assert kinds == {"attempt_started", "attempt_succeeded"}
    assert problems(store, "r1") == []


def _read(mark: Path, patience_s: float = 20.0) -> str:
    deadline = time.monotonic() + patience_s
    while not (mark.exists() and mark.read_text()):
        assert time.monotonic() < deadline, f"nobody wrote {mark.name}"
        time.sleep(0.01)
    return mark.read_text()
