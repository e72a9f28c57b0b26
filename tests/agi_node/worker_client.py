"""A small manager for tests: one real worker process, its frames, and nothing that hides them."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any

from agi_node.protocol import Decoder, Message, encode

PATIENCE = 20.0
"""Seconds after which a message that has not come is a failure of the test."""

CHATTER = ("heartbeat", "metrics", "progress", "began")


class WorkerClient:
    """Starts `python -P -m agi_node.worker` in a session of its own and speaks to it over a socket pair."""

    def __init__(self, folder: Path, *, cwd: Path | None = None, greet: bool = True) -> None:
        self.folder = folder
        self.log = folder / "worker.log"
        self.chatter: list[Message] = []
        self._attempts = 0
        self._decoder = Decoder()
        self._ready: list[Message] = []
        ours, theirs = socket.socketpair()
        self.socket = ours
        environment = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-P",
                "-m",
                "agi_node.worker",
                "--channel",
                str(theirs.fileno()),
                "--log",
                str(self.log),
            ],
            pass_fds=[theirs.fileno()],
            start_new_session=True,
            cwd=cwd or folder,
            env=environment,
        )
        theirs.close()
        if greet:
            self.send({"type": "hello", "protocol": 1})
            self.hello = self.receive("hello")

    def __enter__(self) -> WorkerClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.close()
        self.process.wait(PATIENCE)

    def send(self, *messages: Message) -> None:
        self.socket.sendall(b"".join(encode(message) for message in messages))

    def receive(self, *kinds: str) -> Message:
        """The next message of one of these kinds; chatter before it is kept in `chatter`, anything else is an error."""
        while True:
            message = self.next()
            if message["type"] in kinds:
                return message
            assert message["type"] in CHATTER, message
            self.chatter.append(message)

    def next(self) -> Message:
        deadline = time.monotonic() + PATIENCE
        while not self._ready:
            self.socket.settimeout(max(0.01, deadline - time.monotonic()))
            data = self.socket.recv(1 << 16)
            if not data:
                raise EOFError("the worker is gone")
            self._ready.extend(self._decoder.feed(data))
        return self._ready.pop(0)

    def open(self, source: Path | None, app: str | None = None, **fields: Any) -> Message:
        order = {
            "source": None if source is None else str(source),
            "app": app,
            "roots": {},
            "threads": 1,
            "env": {},
        }
        self.send({"type": "open", **order, **fields})
        return self.receive("opened", "failed")

    def order(self, target: str, **fields: Any) -> Message:
        """An execute message with everything a unit needs, in folders of its own."""
        self._attempts += 1
        attempt = fields.pop("attempt_id", f"a{self._attempts}")
        return {
            "type": "execute",
            "attempt_id": attempt,
            "run_id": "r1",
            "unit_id": "work[k]",
            "node": "work",
            "key": "k",
            "attempt": 1,
            "target": target,
            "args": {},
            "payload": None,
            "inputs": None,
            "staging": str(self.folder / "staging" / attempt),
            "log": str(self.folder / "logs" / f"{attempt}.log"),
            **fields,
        }

    def execute(self, target: str, **fields: Any) -> Message:
        """Run one unit and return its done message."""
        self.send(self.order(target, **fields))
        return self.receive("done")

    def metrics(self, done: Message) -> dict[str, list[Any]]:
        """All metrics of a unit: those that were flushed while it ran, then those that came with its end."""
        batches = [
            m["metrics"]
            for m in self.chatter
            if m["type"] == "metrics" and m["attempt_id"] == done["attempt_id"]
        ]
        return {
            name: [v for batch in [*batches, done["metrics"]] for v in batch[name]]
            for name in done["metrics"]
        }

    def output(self, done: Message, log: Path | None = None) -> bytes:
        """The bytes that `log_span` says are the unit's."""
        start, end = done["log_span"]
        path = log or self.folder / "logs" / f"{done['attempt_id']}.log"
        return path.read_bytes()[start:end]

    def staged(self, done: Message) -> Path:
        return self.folder / "staging" / str(done["attempt_id"])


def write_source(folder: Path, **modules: str) -> Path:
    """A source folder with `src/<name>.py` for each module."""
    source = folder / "source"
    for name, text in modules.items():
        path = source / "src" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return source


def write_lines(path: Path, units: Iterable[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(unit) + "\n" for unit in units), encoding="utf-8")
    return str(path)


def alive(pid: int) -> bool:
    """Whether a process still runs; a zombie does not."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        return not Path("/proc").is_dir()
    return status.rpartition(")")[2].split()[0] != "Z"


def gone(pid: int, within: float) -> bool:
    """Whether a process ends within so many seconds."""
    deadline = time.monotonic() + within
    while alive(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
