"""Who owns a run: two at once, eight runs side by side, one that died between two tries of a unit."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest

from agilab.engine.coordinator import Coordinator
from agilab.engine.executor import Report
from agilab.engine.graph import Graph, Node, Policy
from agilab.engine.tasks import FunctionTasks
from agilab.store.store import Store
from tests.engine.conftest import begin, values
from tests.engine.traps.conftest import Life, Local, problems

pytestmark = pytest.mark.faults


def squares(count: int, function: str = "square") -> Graph:
    return Graph(
        (
            Node("numbers", "mischief:numbers", args={"count": count}),
            Node("squares", f"mischief:{function}", foreach="numbers"),
            Node("total", "mischief:total", ("squares",)),
        )
    )


def test_of_four_coordinators_for_one_run_one_runs_it_and_the_others_name_it(
    store: Store, life: Life
) -> None:
    begin(store, "r1", squares(60, "slow_square"))
    four = [life("r1", "inline") for _ in range(4)]
    ends = [(process.pid, *process.communicate(timeout=60), process.returncode) for process in four]
    (winner,) = [pid for pid, out, _, code in ends if code == 0 and out == "succeeded\n"]
    for pid, _, err, code in ends:
        if pid != winner:
            assert code == 1
            assert "AGI-RUN-010" in err
            assert f"process {winner}" in err
    assert not list(store.events("r1", kinds=("coordinator_took_over",)))
    assert values(store, "total") == {"": sum(n * n for n in range(60))}
    assert problems(store, "r1") == []


def test_eight_runs_at_once_share_the_store_and_each_ends_whole(store: Store, life: Life) -> None:
    names = [f"r{number}" for number in range(8)]
    for name in names:
        begin(store, name, squares(150))
    eight = [life(name, "inline") for name in names]
    assert [process.communicate(timeout=120)[0] for process in eight] == ["succeeded\n"] * 8
    for name in names:
        assert values(store, "total", name) == {"": sum(n * n for n in range(150))}
        assert problems(store, name) == []
    assert store.db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"


def test_a_retry_does_not_make_the_engine_forget_siblings_that_never_started(
    store: Store, life: Life, tmp_path: Path
) -> None:
    """One unit at a time, the first fails, its owner dies while it waits: the others had never been started."""
    policy = Policy(max_retries=1, delay_s=30.0, max_delay_s=1.0, max_parallel=1)
    args = {"folder": str(tmp_path)}
    node = Node("n", "mischief:fails_first", foreach=list(range(50)), args=args, policy=policy)
    begin(store, "r1", Graph((node,)))
    first = life("r1", "local")
    deadline = time.monotonic() + 20
    while store.db.execute("SELECT count(*) FROM unit WHERE state='up_for_retry'").fetchone()[0] == 0:
        assert time.monotonic() < deadline
        time.sleep(0.001)
    first.kill()
    first.wait()
    never = {unit.unit_id for unit in store.units("r1") if unit.attempts == 0}
    assert never, "some siblings had never started"
    assert store.unit("r1", "n[0]").state == "up_for_retry"
    assert life("r1", "local").communicate(timeout=60)[0] == "succeeded\n"
    assert values(store, "n") == {str(n): n * n for n in range(50)}
    assert (store.unit("r1", "n[0]").retries, store.unit("r1", "n[0]").attempts) == (1, 2)
    assert problems(store, "r1") == []
    calls = Counter((tmp_path / "calls").read_text().split())
    assert calls["0"] == 2
    assert all(calls[unit.split("[")[1][:-1]] == 1 for unit in never), "a sibling was done twice"


def test_a_worker_that_is_killed_while_it_starts_costs_the_run_nothing(store: Store, local: Local) -> None:
    """An out-of-memory killer does not ask whether a process has come up yet."""
    graph = squares(30)
    begin(store, "r1", graph)
    killed: list[int] = []

    def kill_at_birth(run: Coordinator, report: Report | None) -> None:
        # Before its first word: the process is there, and has not even imported what it needs.
        for child in psutil.Process().children():
            with contextlib.suppress(psutil.NoSuchProcess):  # which a dead one that nobody waited for is, too
                if "agi_node.worker" in child.cmdline() and child.pid not in killed and len(killed) < 4:
                    killed.append(child.pid)
                    os.kill(child.pid, signal.SIGKILL)

    tasks = FunctionTasks(store, "r1", graph)
    run = Coordinator(store, "r1", graph, tasks, local(1), observer=kill_at_birth)
    assert run.execute() == "succeeded"
    assert len(killed) == 4
    assert {unit.losses for unit in store.units("r1")} == {0}, "what had not begun loses nothing"
    assert values(store, "total") == {"": sum(n * n for n in range(30))}
    assert problems(store, "r1") == []
