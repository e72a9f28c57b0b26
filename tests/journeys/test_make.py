"""The two commands of the README, in a copy of the checkout whose path has a space."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("make")]
ROOT = Path(__file__).parents[2]


def make(checkout: Path, *words: str, **extra: str) -> subprocess.CompletedProcess[str]:
    environment = {
        key: value
        for key, value in os.environ.items()
        if key not in ("VENV", "PYTHON", "MAKEFLAGS", "MAKELEVEL")
    }
    return subprocess.run(
        ["make", *words],
        cwd=checkout,
        env={**environment, **extra},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("make") is None or shutil.which("git") is None:
        pytest.skip("make or git is not here")
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True
    ).stdout.decode()
    copy = tmp_path_factory.mktemp("a place") / "a checkout"
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).exists():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
    return copy


def test_help_lists_every_target_with_what_it_does(checkout: Path) -> None:
    said = make(checkout, "help").stdout
    for target in ("setup", "proof", "test", "fast", "lint", "bench", "clean"):
        assert f"make {target} " in said, said


def test_setup_needs_nothing_and_the_second_time_does_nothing(checkout: Path) -> None:
    first = make(checkout, "setup", PYTHONDONTWRITEBYTECODE="1", VIRTUAL_ENV="/somebody/elses")
    assert first.returncode == 0, first.stdout + first.stderr
    version = subprocess.run(
        [str(checkout / ".venv/bin/agilab"), "--version"], capture_output=True, text=True, check=True
    ).stdout
    assert version.startswith("agilab ")
    before = {path: path.stat().st_mtime_ns for path in (checkout / ".venv").glob(".setup-*")}
    assert before
    second = make(checkout, "setup")
    assert second.returncode == 0
    assert {path: path.stat().st_mtime_ns for path in (checkout / ".venv").glob(".setup-*")} == before
    assert "Resolved" not in second.stdout + second.stderr
    assert not (checkout / ".venv/bin/pytest").exists(), "the proof does not need what developers need"


def test_the_runtime_is_smaller_than_200_megabytes(checkout: Path) -> None:
    seen: set[int] = set()
    size = 0
    for path in (checkout / ".venv").rglob("*"):
        fact = path.lstat()
        if fact.st_ino not in seen:
            seen.add(fact.st_ino)
            size += fact.st_blocks * 512
    assert size < 200_000_000, f"{size / 1e6:.0f} MB"


def test_an_interpreter_that_does_not_fit_is_refused_by_name(checkout: Path) -> None:
    refused = make(checkout, "setup", PYTHON="/no/such/python", VENV=".venv-other")
    assert refused.returncode != 0
    assert "/no/such/python" in refused.stdout + refused.stderr
