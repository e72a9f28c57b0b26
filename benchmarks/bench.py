"""One sitting at the bench: a folder and an AGILab home of its own, and commands run in a clean environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

T = TypeVar("T")

ROOT = Path(__file__).parents[1]
BENCHMARKS = ROOT / "benchmarks"
PYTHON = Path(sys.executable)
AGILAB = PYTHON.with_name("agilab")

_FOREIGN = ("PYTHON", "AGILAB_", "MLFLOW_", "VIRTUAL_ENV", "COVERAGE_")
_LAST_LINES = 12


class Missing(Exception):
    """A case cannot be measured here; the text says what it needs."""


class CommandFailed(Exception):
    """A command that was to be timed did not succeed; the text holds its last words."""


def clean_environment(home: Path) -> dict[str, str]:
    """The environment of this process without what would slow, redirect or instrument a command.

    Above all without PYTHONDONTWRITEBYTECODE, with which every start compiles everything again.
    """
    kept = {name: text for name, text in os.environ.items() if not name.startswith(_FOREIGN)}
    return kept | {"AGILAB_HOME": str(home), "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}


class Bench:
    """Where cases run.

    Responsible for: a temporary folder, the environment of commands, timing them from start to end.
    Not responsible for: what is compared with what.
    """

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._kept: dict[str, Any] = {}
        self._folders = 0

    def __enter__(self) -> Bench:
        self.folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="agilab-bench-")))
        self.home = self.folder / "home"
        self.environment = clean_environment(self.home)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def new_folder(self, name: str) -> Path:
        """An empty folder that nobody else uses."""
        self._folders += 1
        folder = self.folder / f"{name}-{self._folders}"
        folder.mkdir()
        return folder

    def keep(self, name: str, make: Callable[[], AbstractContextManager[T]]) -> T:
        """What `make` opens, once for the whole sitting: for parts that are dear to make and serve several cases."""
        if name not in self._kept:
            self._kept[name] = self._stack.enter_context(make())
        kept: T = self._kept[name]
        return kept

    def command(self, *words: str | Path) -> tuple[float, str]:
        """Run a command to its end; returns its seconds and its standard output. Raises CommandFailed."""
        started = time.perf_counter()
        done = subprocess.run(
            [str(word) for word in words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            cwd=self.folder,
            env=self.environment,
            check=False,
        )
        seconds = time.perf_counter() - started
        if done.returncode != 0:
            said = (done.stderr or done.stdout).strip().splitlines()[-_LAST_LINES:]
            called = " ".join(Path(word).name if i < 2 else str(word) for i, word in enumerate(words))
            raise CommandFailed(f"{called} ended with {done.returncode}:\n" + "\n".join(said))
        return seconds, done.stdout

    def agilab(self, *words: str | Path) -> tuple[float, dict[str, Any]]:
        """Run `agilab … --json`; returns its seconds and what it printed."""
        seconds, text = self.command(AGILAB, *words, "--json")
        document: dict[str, Any] = json.loads(text)
        return seconds, document

    def script(self, name: str, *words: str | Path) -> tuple[float, dict[str, Any]]:
        """Run a reference script of this folder; returns its seconds and the payload that it printed."""
        seconds, text = self.command(PYTHON, BENCHMARKS / name, *words)
        payload: dict[str, Any] = json.loads(text)["payload"]
        return seconds, payload


def reduced(result: dict[str, Any]) -> dict[str, Any]:
    """The payload of the reduce artefact that a run result names."""
    document = json.loads(Path(result["reduce"]).read_text(encoding="utf-8"))
    payload: dict[str, Any] = document["payload"]
    return payload
