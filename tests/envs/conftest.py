"""Real apps, real locks, real environments: made once for the session where a test only looks at them."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from agilab.envs import Environment, Uv, ensure
from agilab.envs.interpreter import candidates, own_interpreter

PACKAGES = ("pydantic>=2.9", "iniconfig")

WriteApp = Callable[..., Path]
Lock = Callable[..., Path]


def _write_app(
    folder: Path,
    dependencies: tuple[str, ...] = PACKAGES,
    *,
    requires_python: str = ">=3.11",
    extra: str = "",
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pyproject.toml").write_text(
        f'[project]\nname = "{folder.name}"\nversion = "0.1.0"\nrequires-python = "{requires_python}"\n'
        f"dependencies = {json.dumps(dependencies)}\n{extra}"
    )
    return folder


def _lock(folder: Path, python: Path | None = None) -> Path:
    chosen = python or own_interpreter().path
    Uv.found().run("lock", "--python", chosen, cwd=folder, doing=f"lock {folder.name}", try_="look at uv")
    return folder


@pytest.fixture(scope="session")
def write_app() -> WriteApp:
    """Writes the pyproject.toml of an app that is named after its folder."""
    return _write_app


@pytest.fixture(scope="session")
def lock() -> Lock:
    """Runs the real `uv lock` in an app."""
    return _lock


@pytest.fixture(scope="session")
def locked_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An app with pydantic and iniconfig that no test changes."""
    return _lock(_write_app(tmp_path_factory.mktemp("apps") / "flight"))


@pytest.fixture
def app(locked_once: Path, tmp_path: Path) -> Path:
    """A copy of that app, which a test may spoil."""
    return Path(shutil.copytree(locked_once, tmp_path / "apps" / "flight"))


@pytest.fixture(scope="session")
def shared_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The workspace of `installed`, to which tests only add."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def installed(locked_once: Path, shared_home: Path) -> Environment:
    """The environment of `locked_once` in `shared_home`, which no test changes."""
    return ensure(locked_once, shared_home)


@pytest.fixture(scope="session")
def newer_python() -> Path:
    """A Python of a later minor version than this one; skips where there is none."""
    own = tuple(map(int, own_interpreter().version.split(".")[:2]))
    for version, path in candidates():
        if tuple(map(int, version.split(".")[:2])) > own:
            return path
    pytest.skip("this machine has no Python newer than the one that runs the tests")


@pytest.fixture(scope="session")
def run_in() -> Callable[[Environment, str], str]:
    """Runs a program in an environment and returns what it prints."""

    def run(environment: Environment, code: str) -> str:
        return subprocess.check_output(
            [str(environment.python), "-I", "-c", code], text=True, timeout=60
        ).strip()

    return run


@pytest.fixture(scope="session")
def kill_while() -> Callable[[str, Path, Path], None]:
    """Runs `ensure` in a process of its own and ends it with SIGKILL when a step begins."""

    def kill(step: str, app: Path, home: Path) -> None:
        code = (
            "import os, signal, sys\nfrom agilab.envs import ensure\n"
            "def on_step(text):\n"
            "    if text.startswith(sys.argv[1]): os.kill(os.getpid(), signal.SIGKILL)\n"
            "ensure(sys.argv[2], sys.argv[3], on_step=on_step)\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, step, app, home], capture_output=True, check=False, timeout=60
        )
        assert done.returncode == -signal.SIGKILL, f"it was over before the step {step!r}: {done.stderr!r}"

    return kill
