"""Operators act on runs from other processes: the owner takes it up, and without an owner the wish is done anyway."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agilab.store.check import chain_problems, projection_problems
from agilab.store.store import Store
from agilab.store.workspace import Workspace
from tests.faults.test_killed_runs import agilab, app, gone, holders, home, known, until

__all__ = ["app", "home"]
pytestmark = [pytest.mark.faults, pytest.mark.xdist_group("killed")]
Running = tuple[subprocess.Popen[str], str]


UNITS = 150


@pytest.fixture
def running(home: Path, app: Path) -> Iterator[Running]:
    """A run of many units of 0.1 s that has done five of them: longer than a command takes on a busy machine."""
    before = known(home)
    words = ("run", str(app), "--count", str(UNITS), "--workers", "2", "--no-track", "--json")
    process = agilab(home, *words)
    assert until(lambda: bool(known(home) - before))
    (run_id,) = known(home) - before
    assert until(lambda: done(home, run_id) >= 5)
    yield process, run_id
    if process.poll() is None:
        process.kill()
    process.communicate()


def succeed(home: Path, *words: str) -> dict[str, object]:
    process = agilab(home, *words, "--json")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    found: dict[str, object] = json.loads(out)
    return found


def done(home: Path, run_id: str) -> int:
    with Store(Workspace(home), readonly=True) as store:
        return sum(1 for _ in store.units(run_id, node="work", state="succeeded"))


def whole(home: Path, run_id: str) -> None:
    with Store(Workspace(home), readonly=True) as store:
        assert list(chain_problems(store, run_id)) == []
        assert list(projection_problems(store, run_id)) == []
        assert store.commands(run_id) == []


def test_a_run_is_cancelled_from_another_process_with_reason_and_manifest(
    home: Path, running: Running
) -> None:
    process, run_id = running
    said = succeed(home, "runs", "cancel", run_id, "--reason", "wrong data")
    assert said["by_owner"] is True
    assert said["state"] == "cancelled"
    process.communicate(timeout=30)
    assert process.returncode == 130, "cancelled, by whomever"
    with Store(Workspace(home), readonly=True) as store:
        (event,) = store.events(run_id, kinds=("cancel_requested",))
    assert event.data["reason"] == "wrong data"
    assert event.data["by"]
    manifest = json.loads((Workspace(home).run_folder(run_id) / "run_manifest.json").read_text())
    assert manifest["verdict"]["status"] == "cancelled"
    whole(home, run_id)


def test_a_paused_run_starts_nothing_until_it_is_unpaused_and_then_ends_well(
    home: Path, running: Running
) -> None:
    process, run_id = running
    assert succeed(home, "runs", "pause", run_id)["paused"] is True
    time.sleep(0.5)
    before = done(home, run_id)
    time.sleep(0.7)
    assert done(home, run_id) == before < UNITS
    assert process.poll() is None
    succeed(home, "runs", "note", run_id, "looking at the data meanwhile")
    assert succeed(home, "runs", "unpause", run_id)["paused"] is False
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert json.loads(out)["status"] == "succeeded"
    with Store(Workspace(home), readonly=True) as store:
        kinds = [event.kind for event in store.events(run_id)]
    assert kinds.index("run_paused") < kinds.index("note_added") < kinds.index("run_unpaused")
    whole(home, run_id)


def test_an_interrupted_run_is_closed_by_whoever_cancels_it(home: Path, running: Running) -> None:
    process, run_id = running
    workers = holders(home, run_id)
    process.send_signal(signal.SIGKILL)
    process.wait()
    said = succeed(home, "runs", "cancel", run_id)
    assert said["by_owner"] is False
    assert said["state"] == "cancelled"
    assert until(lambda: all(gone(pid) for pid in workers), 6)
    manifest = json.loads((Workspace(home).run_folder(run_id) / "run_manifest.json").read_text())
    assert manifest["written_by"] == "cancel"
    verify = agilab(home, "runs", "verify", run_id)
    out, err = verify.communicate()
    assert verify.returncode == 0, out + err
    again = agilab(home, "runs", "cancel", run_id)
    assert "has ended; there is nothing to cancel" in again.communicate()[1]
    assert again.returncode == 1
    whole(home, run_id)


def test_a_run_that_died_while_it_was_paused_goes_on_when_it_is_resumed(home: Path, running: Running) -> None:
    process, run_id = running
    succeed(home, "runs", "pause", run_id)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    refused = agilab(home, "runs", "unpause", run_id)
    err = refused.communicate()[1]
    assert refused.returncode == 1
    assert f"agilab runs resume {run_id}" in err
    assert succeed(home, "runs", "resume", run_id)["status"] == "succeeded"
    whole(home, run_id)


def test_what_failed_is_run_again_in_a_child_and_the_rest_is_used_again(home: Path, running: Running) -> None:
    process, run_id = running
    succeed(home, "runs", "cancel", run_id)
    process.communicate(timeout=30)
    before = done(home, run_id)
    shown = succeed(home, "runs", "rerun", run_id, "--failed", "--dry-run")
    assert len(shown["reuse"]) == before
    assert len(shown["execute"]) == UNITS - before + 1  # and the plan, which looks at what is there now
    stale = agilab(home, "runs", "rerun", run_id, "--failed", "--expect", "0" * 16)
    err = stale.communicate()[1]
    assert stale.returncode == 1
    assert "AGI-RUN-043" in err
    result = succeed(
        home, "runs", "rerun", run_id, "--failed", "--expect", str(shown["digest"]), "--no-track"
    )
    assert result["status"] == "succeeded"
    assert json.loads(Path(str(result["reduce"])).read_text())["payload"] == {"n": UNITS}
    child = str(result["run_id"])
    with Store(Workspace(home), readonly=True) as store:
        assert store.run(child).parent_run_id == run_id
        started = {str(event.unit_id) for event in store.events(child, kinds=("attempt_started",))}
        reused = {str(event.unit_id) for event in store.events(child, kinds=("unit_reused",))}
    assert started == {*shown["execute"], "reduce"}
    assert reused == set(shown["reuse"])
    manifest = json.loads((Workspace(home).run_folder(child) / "run_manifest.json").read_text())
    assert manifest["parent_run_id"] == run_id
    verify = agilab(home, "runs", "verify", child)
    out, err = verify.communicate()
    assert verify.returncode == 0, out + err
    whole(home, child)


def test_one_unit_is_run_again_and_no_sibling_is_touched(home: Path, app: Path) -> None:
    first = succeed(home, "run", str(app), "--count", "6", "--workers", "1", "--no-track")
    result = succeed(home, "runs", "rerun", str(first["run_id"]), "--unit", "work[003]", "--no-track")
    with Store(Workspace(home), readonly=True) as store:
        started = {
            str(event.unit_id) for event in store.events(str(result["run_id"]), kinds=("attempt_started",))
        }
    assert started == {"plan", "work[003]", "reduce"}


def test_after_a_change_of_the_code_only_what_depends_on_it_runs(home: Path, app: Path) -> None:
    first = succeed(home, "run", str(app), "--count", "5", "--workers", "1", "--no-track")
    again = succeed(home, "runs", "rerun", str(first["run_id"]), "--no-track")
    with Store(Workspace(home), readonly=True) as store:
        started = {str(e.unit_id) for e in store.events(str(again["run_id"]), kinds=("attempt_started",))}
    # A plan looks at the world, so it always runs; its items are the same, so nothing else does.
    assert started == {"plan"}
    source = app / "src/demo/__init__.py"
    kept = source.read_text()
    source.write_text(kept.replace("return Count(n=1)", "return Count(n=2)  # twice as much"))
    try:
        shown = succeed(home, "runs", "rerun", str(first["run_id"]), "--dry-run")
        changed = succeed(home, "runs", "rerun", str(first["run_id"]), "--no-track")
    finally:
        source.write_text(kept)
    assert {why for unit, why in shown["execute"].items() if unit.startswith("work")} == {"code changed"}
    assert json.loads(Path(str(changed["reduce"])).read_text())["payload"] == {"n": 10}
