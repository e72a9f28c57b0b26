"""A life in a process of its own, disks that can be small or read-only, and what must hold afterwards."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agilab.engine.executor import Executor
from agilab.store.check import chain_problems, object_problems, projection_problems
from agilab.store.store import Store
from agilab.store.workspace import Workspace
from tests.engine.traps.life import executor_of

ROOT = Path(__file__).parents[3]
Life = Callable[..., "subprocess.Popen[str]"]
Local = Callable[..., Executor]


@pytest.fixture
def life(store: Store) -> Iterator[Life]:
    """Start a process that owns a run: run id, executor and moment as `life.py` takes them."""
    started: list[subprocess.Popen[str]] = []

    def start(*words: str, workspace: Workspace = store.workspace) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.engine.traps.life", str(workspace.home), *words]
        pipes = subprocess.PIPE
        started.append(subprocess.Popen(command, cwd=ROOT, stdout=pipes, stderr=pipes, text=True))
        return started[-1]

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Local]:
    made: list[Executor] = []

    def make(workers: int = 1) -> Executor:
        made.append(executor_of("local", tmp_path / "logs", workers))
        return made[-1]

    yield make
    for executor in made:
        executor.close()


class Disk:
    """A file system of its own in memory, which can be made larger, or read-only."""

    def __init__(self, place: Path, mebibytes: int) -> None:
        self.place = place
        place.mkdir()
        self._mount("-t", "tmpfs", "-o", f"size={mebibytes}m", "tmpfs")

    def resize(self, mebibytes: int) -> None:
        self._mount("-o", f"remount,size={mebibytes}m")

    def freeze(self) -> None:
        self._mount("-o", "remount,ro")

    def remove(self) -> None:
        subprocess.run(["umount", "-l", str(self.place)], check=True)

    def _mount(self, *words: str) -> None:
        done = subprocess.run(["mount", *words, str(self.place)], capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"this machine lets nobody mount: {done.stderr.strip()}")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Callable[[int], Disk]]:
    if os.geteuid() != 0 or sys.platform != "linux":
        pytest.skip("a disk of its own wants root on Linux")
    made: list[Disk] = []

    def make(mebibytes: int) -> Disk:
        made.append(Disk(tmp_path / "disk", mebibytes))
        return made[-1]

    yield make
    for one in made:
        one.remove()


def problems(store: Store, run_id: str) -> list[str]:
    """What is wrong with a run: chain, projection, objects, and units that succeeded twice."""
    found = [
        *chain_problems(store, run_id),
        *projection_problems(store, run_id),
        *object_problems(store, run_id),
    ]
    succeeded = [event.unit_id for event in store.events(run_id, kinds=("attempt_succeeded",))]
    found += [f"{unit} succeeded twice" for unit in set(succeeded) if succeeded.count(unit) > 1]
    return found
