"""A warm worker: a process of an app's environment that executes units over a framed channel.

The channel is a socket pair whose one end the worker inherits; standard output stays with user code. The
frames are described in `docs/worker-protocol.md`.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import struct
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agi_node.errors import ENVIRONMENT, AgiError
from agi_node.protocol import MAX_FRAME, PROTOCOL

_HEADER = struct.Struct(">I")
_NOT_INHERITED = ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__")


@dataclass(frozen=True)
class WorkerSpec:
    """What a worker is started with.

    Attributes:
        python: Interpreter of the app's environment.
        source: Folder of the source snapshot; the only place that app code is imported from.
        app: `module:object` of the app, or None for plain functions.
        roots: Absolute folders behind the named roots of file references.
        threads: Native threads that this worker may use: its share of the cores.
        functions: File of pickled functions (`agi_node.codec`), for graphs of functions that are in no source folder.
        environ: Variables that its process begins with besides those of this one.
    """

    python: Path
    source: Path | None
    app: str | None
    roots: Mapping[str, str] = field(default_factory=dict)
    threads: int = 1
    functions: Path | None = None
    environ: Mapping[str, str] = field(default_factory=dict)


def _activated(python: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """What activating an environment says, so that the `python` and the programs that code calls are its own."""
    if not (python.parent.parent / "pyvenv.cfg").is_file():
        return {}
    path = environment.get("PATH", os.defpath)
    return {
        "PATH": os.pathsep.join([str(python.parent), path]),
        "VIRTUAL_ENV": str(python.parent.parent),
    }


class WorkerProcess:
    """One worker process, seen from the manager.

    Responsible for: starting it in a process group of its own, frames in both directions, ending the group.
    Not responsible for: which unit it gets.
    """

    def __init__(self, spec: WorkerSpec, name: str, log: Path) -> None:
        self.spec = spec
        self.name = name
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        ours, theirs = socket.socketpair()
        errors = log.open("ab")
        environment = {key: value for key, value in os.environ.items() if key not in _NOT_INHERITED}
        environment |= _activated(spec.python, environment) | dict(spec.environ)
        try:
            self.process = subprocess.Popen(
                [
                    str(spec.python),
                    "-P",
                    "-m",
                    "agi_node.worker",
                    "--channel",
                    str(theirs.fileno()),
                    "--log",
                    str(log),
                ],
                pass_fds=[theirs.fileno()],
                start_new_session=True,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                env=environment,
                cwd=log.parent,
            )
        except OSError as problem:
            ours.close()
            raise AgiError(
                "AGI-ENV-120",
                f"a worker cannot be started: {problem.strerror}",
                found=str(spec.python),
                try_="agilab env doctor",
                whose="environment",
                exit_code=ENVIRONMENT,
            ) from problem
        finally:
            theirs.close()
            errors.close()
        ours.setblocking(False)
        self.channel = ours
        self.pid = self.process.pid
        self.pid_started = _start_time(self.pid)
        self._received = bytearray()
        self._ended = False
        self.send({"type": "hello", "protocol": PROTOCOL})
        self.send(
            {
                "type": "open",
                "source": str(spec.source) if spec.source else None,
                "app": spec.app,
                "roots": dict(spec.roots),
                "threads": spec.threads,
                "env": {},
                **({"functions": str(spec.functions)} if spec.functions else {}),
            }
        )

    def fileno(self) -> int:
        return self.channel.fileno()

    def send(self, frame: Mapping[str, Any]) -> None:
        """Write a frame; waits where the worker is slow to read. A worker that is gone is noticed by `frames`."""
        data = json.dumps(frame, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
        if len(data) > MAX_FRAME:
            raise AgiError(
                "AGI-PROTO-101",
                "a task is too large for one frame",
                found=f"{len(data):,} bytes for {frame.get('unit_id', frame['type'])}",
                allowed=f"{MAX_FRAME:,} bytes; larger inputs belong into files",
                whose="author",
                exit_code=1,
            )
        self.channel.setblocking(True)
        try:
            self.channel.sendall(_HEADER.pack(len(data)) + data)
        except OSError:
            self._ended = True
        finally:
            self.channel.setblocking(False)

    def frames(self) -> list[dict[str, Any]]:
        """Every whole frame that has arrived. Sets `ended` where the channel is closed."""
        while True:
            try:
                chunk = self.channel.recv(1 << 20)
            except (BlockingIOError, InterruptedError):
                break
            except OSError:
                chunk = b""
            if not chunk:
                self._ended = True
                break
            self._received += chunk
        found: list[dict[str, Any]] = []
        start = 0
        while len(self._received) - start >= _HEADER.size:
            (length,) = _HEADER.unpack_from(self._received, start)
            end = start + _HEADER.size + length
            if length > MAX_FRAME:
                self._ended = True
                break
            if len(self._received) < end:
                break
            found.append(json.loads(self._received[start + _HEADER.size : end]))
            start = end
        del self._received[:start]
        return found

    @property
    def ended(self) -> bool:
        """Whether no further frame can come."""
        return self._ended

    def why_it_ended(self) -> str:
        """How the process ended, in words; waits a moment for it, and ends what is left of its group."""
        gone = self._await_exit(2.0)
        self.kill()
        if not gone:
            return "it closed its channel and did not end"
        code = self.process.returncode
        if code >= 0:
            return f"it ended itself with exit code {code}"
        try:
            return f"killed by {signal.Signals(-code).name}"
        except ValueError:
            return f"killed by signal {-code}"

    def last_words(self, lines: int = 8) -> str:
        """The end of the worker's own log."""
        try:
            text = self.log.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
        return "\n".join(text.splitlines()[-lines:])

    def signal_group(self, number: int) -> None:
        """Signal the worker and everything it started."""
        # As long as nobody has waited for the worker, its id cannot belong to anyone else, even if it is dead.
        if self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)

    def close(self, *, grace_s: float = 0.5) -> None:
        """Ask it to shut down, and end its group: what user code left behind, and itself after `grace_s`."""
        if self.process.returncode is None:
            self.send({"type": "shutdown"})
            self._await_exit(grace_s)
        self.kill()

    def kill(self) -> None:
        """End the whole process group now."""
        self.signal_group(signal.SIGKILL)
        self.process.wait()
        self.channel.close()

    def _await_exit(self, timeout_s: float) -> bool:
        """Wait for the worker to end without reaping it, so that its id stays its own."""
        until = time.monotonic() + timeout_s
        while not self._has_exited():
            if time.monotonic() >= until:
                return False
            time.sleep(0.002)
        return True

    def _has_exited(self) -> bool:
        if self.process.returncode is not None:
            return True
        if not hasattr(os, "waitid"):  # macOS before Python 3.13
            import psutil

            try:
                return psutil.Process(self.pid).status() == psutil.STATUS_ZOMBIE
            except psutil.NoSuchProcess:
                return True
        state = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        return state is not None


def describe(spec: WorkerSpec, log: Path, *, timeout_s: float = 60.0) -> dict[str, Any]:
    """Ask a fresh worker what the app is. Raises the app's own import error as the author's."""
    answer = ask(spec, log, {"type": "describe"}, "described", timeout_s=timeout_s)
    return answer["description"]  # type: ignore[no-any-return]  # a message is untyped by nature


def ask(
    spec: WorkerSpec, log: Path, question: Mapping[str, Any], answer: str, *, timeout_s: float = 60.0
) -> dict[str, Any]:
    """Start a worker for one question. Raises AGI-ENV-121 where it ends or stays silent instead."""
    worker = WorkerProcess(spec, "one-question", log)
    try:
        worker.send(question)
        until = time.monotonic() + timeout_s
        while time.monotonic() < until:
            for frame in worker.frames():
                if frame["type"] in ("failed", "refused"):
                    raise AgiError.from_plain(frame.get("error") or {"what": frame.get("why", "refused")})
                if frame["type"] == answer:
                    return frame
            if worker.ended:
                raise dead_on_arrival(worker)
            _wait_readable(worker, until)
        raise dead_on_arrival(worker, f"no answer within {timeout_s:.0f} s")
    finally:
        worker.kill()


def dead_on_arrival(worker: WorkerProcess, why: str | None = None) -> AgiError:
    """The error for a worker that never came up."""
    return AgiError(
        "AGI-ENV-121",
        f"a worker of {worker.spec.app or 'plain functions'} never came up: {why or worker.why_it_ended()}",
        found=worker.last_words() or "it said nothing",
        try_="agilab env doctor",
        whose="environment",
        exit_code=ENVIRONMENT,
    )


def _wait_readable(worker: WorkerProcess, until: float) -> None:
    import select

    select.select([worker], [], [], max(0.0, min(1.0, until - time.monotonic())))


def _start_time(pid: int) -> float:
    import psutil

    try:
        return float(psutil.Process(pid).create_time())
    except psutil.NoSuchProcess:
        return 0.0
