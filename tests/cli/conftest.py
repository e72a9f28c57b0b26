"""The command line as people and scripts use it: real processes, a real home, a real terminal where it matters."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fcntl import ioctl
from pathlib import Path
from typing import Any

import pytest

from agilab.envs import Uv
from agilab.envs.interpreter import own_interpreter

PATIENCE = 120.0
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07|\r")

_IN_CONTROL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""
"""Makes the terminal the controlling one, without which Ctrl-C is only a character, and becomes the command."""

TIDES = '''\
"""Tides at a harbour, made up.

Each item is one hour.
"""

import sys
import time
from typing import Literal

from pydantic import Field

from agi_node import App, Args, Moments, Partial, Sum, WorkItem


class TidesArgs(Args):
    """What to compute."""

    hours: int = Field(4, ge=1, description="How many hours.")
    seconds: float = Field(0.0, ge=0, description="How long each takes.")
    unit: Literal["m", "ft"] = Field("m", description="Unit of height.")
    loud: bool = Field(False, description="Print a line for each hour.")
    break_at: str = Field("", description="The hour that fails.")
    timeout: int = Field(9, description="Has the name of an option.")


class Tides(Partial):
    hours: Sum[int]
    height: Moments
    timeouts: Sum[int]


app = App("tides", args=TidesArgs, partial=Tides)


@app.plan
def hours(args):
    for hour in range(args.hours):
        yield WorkItem(key=f"h{hour}", payload=hour, cost=1 + hour)


@app.work
def one(hour: int, args, run):
    if args.loud:
        print(f"hour {hour} begins")
        run.log_param("gauge", f"north {args.unit}")
        for centimetres in (12, 40, 31):
            run.log_metric("height_cm", centimetres)
        run.log_metric("ebb", 0.25)
    for step in range(10):
        run.progress(step, 10, "rising")
        time.sleep(args.seconds / 10)
    if args.break_at == f"h{hour}":
        print("about to fail", file=sys.stderr)
        raise ValueError(f"the gauge of hour {hour} is dry")
    run.save_json("height", {"hour": hour})
    return Tides(hours=1, height=Moments.of([float(hour)]), timeouts=args.timeout)
'''


@dataclass(frozen=True)
class Answer:
    """What a command said and how it ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document on stdout."""
        return json.loads(self.out)


Agilab = Callable[..., Answer]


def _environment(home: Path, **more: str) -> dict[str, str]:
    environ = {
        key: value for key, value in os.environ.items() if not key.startswith(("MLFLOW", "AGILAB", "CI"))
    }
    environ.pop("PYTHONDONTWRITEBYTECODE", None)
    environ.pop("NO_COLOR", None)
    environ.pop("FORCE_COLOR", None)
    return environ | {"AGILAB_HOME": str(home), "UV_PYTHON_DOWNLOADS": "never", "TZ": "UTC"} | more


def call(home: Path, *words: str, cwd: Path | None = None, **more: str) -> Answer:
    """Run `agilab WORDS` as a process of its own, with pipes; `more` are environment variables."""
    done = subprocess.run(
        [sys.executable, "-m", "agilab", *words],
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        env=_environment(home, **more),
        stdin=subprocess.DEVNULL,
        cwd=cwd,
        timeout=PATIENCE,
        check=False,
    )
    return Answer(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An AGILab home that does not exist yet."""
    return tmp_path / "home"


@pytest.fixture
def agilab(home: Path) -> Agilab:
    """Runs `agilab` in the test's own home."""
    return lambda *words, **more: call(home, *words, **more)


@dataclass(frozen=True)
class Lab:
    """A home with an app of one's own, both installed once for all tests; tests add runs to it."""

    home: Path
    app: Path

    def __call__(self, *words: str, **more: str) -> Answer:
        return call(self.home, *words, **more)


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """The app `tides` with its environment. Runs there are not tracked: settings say so."""
    folder = tmp_path_factory.mktemp("apps") / "tides"
    (folder / "src" / "tides").mkdir(parents=True)
    (folder / "src" / "tides" / "__init__.py").write_text(TIDES)
    (folder / "pyproject.toml").write_text(
        '[project]\nname = "tides"\nversion = "0.1.0"\ndescription = "Tides, made up."\n'
        'requires-python = ">=3.11"\ndependencies = ["pydantic>=2.9"]\n[tool.agilab]\napp = "tides:app"\n'
    )
    Uv.found().run(
        "lock", "--python", own_interpreter().path, cwd=folder, doing="lock tides", try_="look at uv"
    )
    home = tmp_path_factory.mktemp("lab")
    (home / "settings.toml").write_text("[tracking]\nenabled = false\n")
    answer = call(home, "app", "install", str(folder), "--json")
    assert answer.code == 0, answer.err
    return Lab(home, folder)


@pytest.fixture(scope="session")
def proof(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Answer]:
    """A first proof from nothing, tracked: the home, and what `agilab first-proof --json` said."""
    home = tmp_path_factory.mktemp("proof")
    return home, call(home, "first-proof", "--json", "--workers", "2")


@pytest.fixture
def spoiled(proof: tuple[Path, Answer], tmp_path: Path) -> Path:
    """A copy of the proof's home, without environments, which a test may damage."""
    target = tmp_path / "spoiled"
    return Path(
        shutil.copytree(proof[0], target, symlinks=True, ignore=shutil.ignore_patterns("envs", "cache"))
    )


class Terminal:
    """A process in a terminal of a given size; what it shows is read as it comes."""

    def __init__(self, home: Path, *words: str, columns: int, **more: str) -> None:
        ours, theirs = pty.openpty()
        ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        self._ours = ours
        self.raw = ""
        self.process = subprocess.Popen(
            [sys.executable, "-c", _IN_CONTROL, sys.executable, "-m", "agilab", *words],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=_environment(home, **{"TERM": "xterm-256color", **more}),
            start_new_session=True,
        )
        os.close(theirs)

    @property
    def text(self) -> str:
        """Everything shown so far, without colours and cursor movements."""
        return _ANSI.sub("", self.raw)

    def read_until(self, words: str, seconds: float = PATIENCE) -> str:
        """Wait until these words were shown; the words that come after the end fail the test."""
        until = time.monotonic() + seconds
        while words not in self.text:
            assert time.monotonic() < until, f"{words!r} was never shown:\n{self.text}"
            if not self._read(0.2):
                assert words in self.text, f"{words!r} was never shown:\n{self.text}"
        return self.text

    def finish(self, seconds: float = PATIENCE) -> int:
        """Read to the end and return the exit code."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and self._read(0.2):
            pass
        return self.process.wait(max(1.0, until - time.monotonic()))

    def press_ctrl_c(self) -> None:
        os.write(self._ours, b"\x03")

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        os.close(self._ours)

    def _read(self, seconds: float) -> bool:
        ready, _, _ = select.select([self._ours], [], [], seconds)
        if not ready:
            return self.process.poll() is None
        try:
            data = os.read(self._ours, 65536)
        except OSError:  # Linux: the other end is closed
            return False
        self.raw += data.decode("utf-8", "replace")
        return bool(data)


@pytest.fixture
def terminal() -> Iterator[Callable[..., Terminal]]:
    """Starts `agilab` in a terminal, and ends it when the test is over."""
    started: list[Terminal] = []

    def start(home: Path, *words: str, columns: int = 100, **more: str) -> Terminal:
        started.append(Terminal(home, *words, columns=columns, **more))
        return started[-1]

    yield start
    for one in started:
        one.close()
