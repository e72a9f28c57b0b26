"""A creation that is killed leaves nothing that anybody takes for an environment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from agilab.envs import doctor, ensure, list_environments, prune

Kill = Callable[[str, Path, Path], None]

pytestmark = pytest.mark.faults


@pytest.mark.parametrize("step", ["checking", "creating", "installing", "adding", "recording"])
def test_a_kill_at_any_step_leaves_no_environment(
    step: str, app: Path, tmp_path: Path, kill_while: Kill
) -> None:
    kill_while(step, app, tmp_path)
    assert list_environments(tmp_path) == []
    made = ensure(app, tmp_path, offline=True)
    assert made.created
    assert "agi-node" in made.packages
    # What the killed process left was cleared away by the next one that needed the place.
    assert [name for name in os.listdir(tmp_path / "envs") if name.startswith(".building")] == []


def test_a_kill_from_outside_that_takes_uv_with_it_leaves_no_environment(app: Path, tmp_path: Path) -> None:
    code = (
        "import sys\nfrom agilab.envs import ensure\n"
        "ensure(sys.argv[1], sys.argv[2], on_step=lambda text: print(text, flush=True))\n"
    )
    victim = subprocess.Popen(
        [sys.executable, "-c", code, app, tmp_path], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert victim.stdout is not None
    for line in victim.stdout:
        if line.startswith("installing"):
            break
    # Into the middle of uv's work, which takes some hundred milliseconds.
    time.sleep(0.05)
    os.killpg(victim.pid, signal.SIGKILL)
    assert victim.wait(timeout=30) == -signal.SIGKILL
    victim.stdout.close()
    assert list_environments(tmp_path) == []
    assert ensure(app, tmp_path, offline=True).created


def test_what_a_kill_left_is_reported_and_pruned(app: Path, tmp_path: Path, kill_while: Kill) -> None:
    kill_while("adding", app, tmp_path)
    (warned,) = [finding for finding in doctor(tmp_path) if finding.code == "AGI-ENV-105"]
    assert warned.try_ == "agilab env prune"
    (removed,) = prune(tmp_path, older_than=timedelta(days=30))
    assert removed.reason == "left by an interrupted process"
    assert removed.bytes > 0
    assert not removed.path.exists()
