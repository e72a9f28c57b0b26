"""Processes that die in the middle of a run: nothing recorded is lost, nothing is left running, nothing pretends."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import psutil
import pytest

from agilab.store.check import chain_problems, projection_problems
from agilab.store.store import Store
from agilab.store.workspace import Workspace
from tests.projects.conftest import write_app

pytestmark = [pytest.mark.faults, pytest.mark.xdist_group("killed")]

SLOW = """
import time
from agi_node import App, Args, Partial, Sum, WorkItem
class SlowArgs(Args):
    count: int = 40
class Count(Partial):
    n: Sum[int] = 0
app = App("slow", args=SlowArgs, partial=Count)
@app.plan
def plan(args):
    return [WorkItem(key=f"{k:03}", payload=k) for k in range(args.count)]
@app.work
def work(k: int, args, run):
    time.sleep(0.1)
    return Count(n=1)
"""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_app(tmp_path_factory.mktemp("apps") / "slow_project", SLOW)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, app: Path) -> Path:
    home = tmp_path_factory.mktemp("home")
    agilab(home, "app", "install", str(app)).communicate()
    return home


def agilab(home: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "agilab", *words],
        env={**os.environ, "AGILAB_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def until(condition: Callable[[], bool], seconds: float = 20) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


@pytest.fixture
def running(home: Path, app: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A run of forty units of 0.1 s that has done five of them."""
    before = known(home)
    process = agilab(home, "run", str(app), "--workers", "2", "--no-track", "--json")
    assert until(lambda: bool(known(home) - before))
    (run_id,) = known(home) - before

    def five() -> bool:
        with Store(Workspace(home), readonly=True) as store:
            return sum(1 for _ in store.units(run_id, node="work", state="succeeded")) >= 5

    assert until(five)
    yield process, run_id
    if process.poll() is None:
        process.kill()
    process.communicate()


def known(home: Path) -> set[str]:
    if not Workspace(home).db.exists():
        return set()
    with Store(Workspace(home), readonly=True) as store:
        return {run.run_id for run in store.runs(limit=1000)}


def holders(home: Path, run_id: str) -> set[int]:
    with Store(Workspace(home), readonly=True) as store:
        return {lease.pid for lease in store.leases(run_id)}


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_a_run_whose_manager_was_killed_is_interrupted_and_leaves_no_process(
    home: Path, running: tuple[subprocess.Popen[str], str]
) -> None:
    process, run_id = running
    workers = holders(home, run_id)
    assert workers
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert until(lambda: all(gone(pid) for pid in workers), 6), "a worker outlived its manager"
    listed = json.loads(agilab(home, "runs", "list", "--json").communicate()[0])
    (mine,) = [run for run in listed if run["run_id"] == run_id]
    assert mine["state"] == "interrupted"
    with Store(Workspace(home), readonly=True) as store:
        assert list(chain_problems(store, run_id)) == []
        assert list(projection_problems(store, run_id)) == []
    verify = agilab(home, "runs", "verify", run_id)
    out, err = verify.communicate()
    assert verify.returncode == 1
    assert "manifest" in out + err


def test_a_killed_run_is_resumed_does_only_what_is_left_and_gets_its_manifest(
    home: Path, app: Path, running: tuple[subprocess.Popen[str], str]
) -> None:
    process, run_id = running
    process.send_signal(signal.SIGKILL)
    process.wait()
    source = app / "src/demo/__init__.py"
    kept = source.read_text()
    source.write_text(kept.replace("n=1", "n=1000"))  # the run goes on with the source that it began with
    try:
        with Store(Workspace(home), readonly=True) as store:
            before = {unit.unit_id: unit.attempt_id for unit in store.units(run_id, state="succeeded")}
        resumed = agilab(home, "runs", "resume", run_id, "--json")
        out, err = resumed.communicate(timeout=60)
    finally:
        source.write_text(kept)
    assert resumed.returncode == 0, err
    assert json.loads(Path(json.loads(out)["reduce"]).read_text())["payload"] == {"n": 40}
    with Store(Workspace(home), readonly=True) as store:
        after = {unit.unit_id: unit.attempt_id for unit in store.units(run_id, state="succeeded")}
        assert before.items() <= after.items(), "a recorded success was done again"
        assert list(projection_problems(store, run_id)) == []
    manifest = json.loads((Workspace(home).run_folder(run_id) / "run_manifest.json").read_text())
    assert manifest["written_by"] == "resume"
    assert manifest["execution"]["timing"]["duration_seconds"] is None, "no process lived through all of it"
    verify = agilab(home, "runs", "verify", run_id)
    out, err = verify.communicate()
    assert verify.returncode == 0, out + err
    again = agilab(home, "runs", "resume", run_id)
    assert "has ended" in again.communicate()[1]
    assert again.returncode == 1


def test_a_live_run_cannot_be_taken_over(home: Path, running: tuple[subprocess.Popen[str], str]) -> None:
    process, run_id = running
    process.send_signal(signal.SIGSTOP)  # so that it does not end meanwhile; it lives all the same
    try:
        intruder = agilab(home, "runs", "resume", run_id)
        err = intruder.communicate()[1]
    finally:
        process.send_signal(signal.SIGCONT)
    assert intruder.returncode == 1
    assert "already has a coordinator" in err
    assert f"process {process.pid}" in err
    assert process.wait(timeout=60) == 0


def test_a_run_survives_the_death_of_a_worker_and_says_so(
    home: Path, running: tuple[subprocess.Popen[str], str]
) -> None:
    process, run_id = running
    os.kill(next(iter(holders(home, run_id))), signal.SIGKILL)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    result = json.loads(out)
    assert json.loads(Path(result["reduce"]).read_text())["payload"] == {"n": 40}
    with Store(Workspace(home), readonly=True) as store:
        (lost,) = [event for event in store.events(run_id, kinds=("attempt_lost",)) if event.data["began"]]
        assert "SIGKILL" in lost.data["reason"]
        successes = [event.unit_id for event in store.events(run_id, kinds=("attempt_succeeded",))]
        assert len(successes) == len(set(successes))


def test_an_interrupted_run_is_cancelled_whole_with_a_manifest(
    home: Path, running: tuple[subprocess.Popen[str], str]
) -> None:
    process, run_id = running
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert json.loads(out)["status"] == "cancelled"
    manifest = json.loads((Workspace(home).run_folder(run_id) / "run_manifest.json").read_text())
    assert manifest["verdict"]["status"] == "cancelled"
    verify = agilab(home, "runs", "verify", run_id)
    out, err = verify.communicate()
    assert verify.returncode == 0, out + err


def test_two_runs_at_once_share_the_workspace(home: Path, app: Path) -> None:
    both = [
        agilab(home, "run", str(app), "--count", "10", "--workers", "1", "--no-track", "--json")
        for _ in range(4)
    ]
    results = [json.loads(process.communicate(timeout=90)[0]) for process in both]
    assert [result["status"] for result in results] == ["succeeded"] * 4
    assert len({result["run_id"] for result in results}) == 4
    with Store(Workspace(home), readonly=True) as store:
        for result in results:
            assert list(projection_problems(store, result["run_id"])) == []


def events(home: Path, run_id: str, kind: str) -> int:
    with Store(Workspace(home), readonly=True) as store:
        return sum(1 for _ in store.events(run_id, kinds=(kind,)))


def test_a_run_that_is_killed_again_and_again_ends_whole_and_verifies(
    home: Path, running: tuple[subprocess.Popen[str], str]
) -> None:
    process, run_id = running
    chance = random.Random(11)
    seen: dict[str, str | None] = {}
    for _ in range(4):
        process.send_signal(signal.SIGKILL)
        process.communicate()
        with Store(Workspace(home), readonly=True) as store:
            assert list(chain_problems(store, run_id)) == []
            assert list(projection_problems(store, run_id)) == []
            now = {unit.unit_id: unit.attempt_id for unit in store.units(run_id, state="succeeded")}
        assert seen.items() <= now.items(), "a recorded success was lost or done again"
        seen, moment = now, events(home, run_id, "attempt_succeeded") + chance.randint(1, 7)
        process = agilab(home, "runs", "resume", run_id, "--json")
        reached = partial(lambda last: events(home, run_id, "attempt_succeeded") >= last, moment)
        assert until(reached)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert json.loads(Path(json.loads(out)["reduce"]).read_text())["payload"] == {"n": 40}
    verify = agilab(home, "runs", "verify", run_id)
    out, err = verify.communicate()
    assert verify.returncode == 0, out + err


def test_a_run_that_is_killed_between_its_end_and_its_manifest_gets_it_when_it_is_resumed(
    home: Path, running: tuple[subprocess.Popen[str], str]
) -> None:
    process, run_id = running
    assert until(lambda: events(home, run_id, "run_finished") == 1)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    manifest = Workspace(home).run_folder(run_id) / "run_manifest.json"
    if not manifest.exists():  # otherwise it was faster than the kill, and there is nothing to mend
        resumed = agilab(home, "runs", "resume", run_id)
        out, err = resumed.communicate(timeout=60)
        assert resumed.returncode == 0, out + err
    assert json.loads(manifest.read_text())["verdict"]["status"] == "succeeded"
    verify = agilab(home, "runs", "verify", run_id)
    out, err = verify.communicate()
    assert verify.returncode == 0, out + err
