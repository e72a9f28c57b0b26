"""`--verify` that is ended from outside: its kernel, what that has started, and its folder end with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from agilab.store.workspace import Workspace
from agilab.workflow.notebooks.cut_off import before_the_end, scratch_folder
from tests.workflow.studies import study
from tests.workflow.test_verification import imported

SLEEPING = study(
    "one that sleeps",
    """
# %%
import os, subprocess, time
# %% [markdown]
## Sleep
# %%
if os.environ["ASLEEP"] == ("kernel" if "ipykernel" in os.sys.modules else "stage"):
    child = subprocess.Popen(["sleep", "600"]).pid
    with open(os.environ["TOLD"], "a") as file:
        print(os.getpid(), child, file=file, flush=True)
    time.sleep(600)
""",
)
VERIFIES = """
import signal, sys
from pathlib import Path
from agilab.cli.boundary import run
signal.signal(signal.SIGINT, signal.default_int_handler)  # where tests run behind a `&`, it is ignored
sys.exit(run(["notebook", "import", sys.argv[1], "--verify", "--yes", "--no-lock"]))
"""


def until(holds: Callable[[], object], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "that did not come"
        time.sleep(0.05)


def lives(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


@pytest.mark.slow
@pytest.mark.faults
@pytest.mark.parametrize(
    ("name", "asleep"),
    [*((name, "kernel") for name in ("SIGTERM", "SIGHUP", "SIGINT", "SIGKILL")), ("SIGINT", "stage")],
)
def test_a_kernel_or_stage_ends_with_who_verifies_and_so_does_what_it_started(
    name: str, asleep: str, tmp_path: Path, workspace: Workspace
) -> None:
    (tmp_path / "study").mkdir()
    (tmp_path / "scratch").mkdir()
    preview, _ = imported(SLEEPING, tmp_path / "study")
    told = tmp_path / "told"
    environ = {"AGILAB_HOME": str(workspace.home), "TMPDIR": str(tmp_path / "scratch"), "TOLD": str(told)}
    process = subprocess.Popen(
        [sys.executable, "-c", VERIFIES, str(preview.notebooks[0])],
        env={**os.environ, **environ, "ASLEEP": asleep},
        start_new_session=True,
    )
    until(lambda: told.exists() and told.read_text().endswith("\n"), 120)
    pids = [int(word) for word in told.read_text().split()]
    assert all(map(lives, pids))

    process.send_signal(getattr(signal, name))
    code = process.wait(20)
    assert code == (130 if name == "SIGINT" else -getattr(signal, name)), "as it would have ended"
    until(lambda: not any(map(lives, pids)), 5)
    if name != "SIGKILL":
        assert list((tmp_path / "scratch").glob("agilab-verify-*")) == []


def test_what_a_killed_process_left_behind_goes_with_the_next_and_what_somebody_holds_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    for name in ("x-left", "x-young", "x-other"):
        (tmp_path / name / "once" / "room-0" / "work" / "work").mkdir(parents=True)
        (tmp_path / name / "once" / "room-0" / "work" / "work").chmod(0)
    (tmp_path / "x-left" / "owner.lock").touch()
    (tmp_path / "x-young" / "owner.lock").touch()
    os.utime(tmp_path / "x-left" / "owner.lock", (0, 0))
    with scratch_folder("x-") as held:
        os.utime(held / "owner.lock", (0, 0))
        with scratch_folder("x-") as second:
            assert {one.name for one in tmp_path.iterdir()} == {
                *("x-young", "x-other"),
                *(held.name, second.name),
            }
    assert {one.name for one in tmp_path.iterdir()} == {"x-young", "x-other"}


def test_what_is_called_before_the_end_is_called_from_within(tmp_path: Path) -> None:
    text = """
import os, signal
from agilab.workflow.notebooks.cut_off import before_the_end
with before_the_end(lambda: print("outer", flush=True)):
    with before_the_end(lambda: print("gone by", flush=True)):
        pass
    with before_the_end(lambda: print("inner", flush=True)):
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        finally:
            print("no code goes on")
"""
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("inner\nouter\n", -signal.SIGTERM)


def test_a_signal_that_is_ignored_stays_so() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with before_the_end(lambda: pytest.fail("nobody ended")):
            os.kill(os.getpid(), signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
