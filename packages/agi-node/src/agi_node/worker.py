"""The worker: `python -P -m agi_node.worker --channel 3 --log FILE`. Its contract is docs/worker-protocol.md.

Three threads. The main one executes, since signals and many libraries want it. The reader takes frames, so that a
cancellation arrives while user code runs, and ends the process group when the manager is gone. The pulse says
once in a while that the process lives, and sends what the running unit logged.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import queue
import signal
import sys
import threading
import time
from typing import Any

from agi_node import __version__
from agi_node.channel import Channel, ManagerGone
from agi_node.console import Console
from agi_node.errors import FAILED, AgiError
from agi_node.failure import failure
from agi_node.group import end_group, leave, leave_in_order
from agi_node.protocol import PROTOCOL, Execute, Message, Open, unknown
from agi_node.session import Session

HEARTBEAT_SECONDS = 2.0
FLUSH_SECONDS = 1.0
REFUSED = 3


class UnitFeed:
    """Sends the news of the unit that runs; what comes later (from a thread left behind) is dropped."""

    def __init__(self, channel: Channel, attempt_id: str) -> None:
        self.channel = channel
        self.attempt_id = attempt_id
        self.open = True

    def metrics(self, columns: dict[str, list[Any]]) -> None:
        """Send a batch of points."""
        self._send({"type": "metrics", "attempt_id": self.attempt_id, "metrics": columns})

    def progress(self, done: float, total: float | None, message: str) -> None:
        """Send the latest progress."""
        news = {"done": done, "total": total, "message": message}
        self._send({"type": "progress", "attempt_id": self.attempt_id, **news})

    def _send(self, message: Message) -> None:
        if self.open:
            try:
                self.channel.send(message)
            except ManagerGone:
                end_group()


class Worker:
    """Answers one manager until it says `shutdown` or goes away."""

    def __init__(self, channel: Channel, console: Console) -> None:
        self.channel = channel
        self.console = console
        self.session = Session()
        self._inbox: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._state = threading.Lock()
        self._queued: set[str] = set()
        self._cancelled: set[str] = set()
        self._running: Any = None  # the execute.Unit in work; that module is imported on first need
        self._leaving = False
        self._spent_by = ""  # the target of a stage that left settings in this process
        self._spent = False

    def serve(self) -> int:
        """Answer until the end; returns the exit status."""
        first = self.channel.receive()
        if first is None:
            return 0
        if first["type"] != "hello" or first.get("protocol") != PROTOCOL:
            found = (
                f"protocol {first.get('protocol')!r}"
                if first["type"] == "hello"
                else f"a {first['type']} message"
            )
            why = f"this worker speaks protocol {PROTOCOL} and wants hello first; found {found:.80}"
            self.channel.send({"type": "refused", "protocol": PROTOCOL, "why": why})
            return REFUSED
        self.channel.send(
            {
                "type": "hello",
                "protocol": PROTOCOL,
                "agi_node": __version__,
                "python": platform.python_version(),
                "pid": os.getpid(),
            }
        )
        signal.signal(signal.SIGINT, self._interrupt)
        for loop in (self._read, self._pulse):
            threading.Thread(target=loop, name=f"agi-node{loop.__name__}", daemon=True).start()
        while True:
            message = self._next()
            if message["type"] == "shutdown":
                self.channel.flush()
                return 0
            self._answer(message)
            if self._spent:
                self._leaving = True
                self.channel.flush()
                return 0

    def _next(self) -> Message:
        try:
            return self._inbox.get_nowait()
        except queue.Empty:
            # Nothing to do is the moment to send what waited for company.
            self.channel.flush()
            return self._inbox.get()

    def _answer(self, message: Message) -> None:
        try:
            if message["type"] == "execute":
                self._execute(Execute.read(message))
                return
            self.channel.flush()
            if message["type"] == "open":
                self.session.open(Open.read(message))
                self.channel.send({"type": "opened"})
                self._import_ahead()
            elif message["type"] == "describe":
                from agi_node.describe import describe

                self.channel.send({"type": "described", "description": describe(self.session)})
            else:
                raise unknown(message)
        except ManagerGone:
            raise
        except BaseException as error:  # describe imports the author's module, which may raise anything
            self.channel.send(_failed(error, str(message["type"]), self.session))

    def _import_ahead(self) -> None:
        """Import the app while there is nothing else to do, so that no unit pays for it.

        What goes wrong here goes wrong again, and is told, where the app is needed.
        """
        if self.session.app_name is not None:
            with contextlib.suppress(BaseException):
                import agi_node.execute
                import agi_node.payload  # noqa: F401

                self.session.app()

    def _execute(self, order: Execute) -> None:
        from agi_node.execute import Unit

        if self._spent_by not in ("", order.target):
            self._spent = True  # what was not begun the manager gives to another process
            return
        feed = UnitFeed(self.channel, order.attempt_id)
        unit = Unit(order, self.session, feed)
        with self._state:
            self._queued.discard(order.attempt_id)
            cancelled = order.attempt_id in self._cancelled
            self._cancelled.discard(order.attempt_id)
            self._running = None if cancelled else unit
        if cancelled:
            self.channel.send(_unstarted(order, "cancelled", None))
            return
        try:
            start = self.console.enter(order.log)
        except OSError as error:
            fault = AgiError(
                "AGI-NODE-006",
                f"the log of {unit.subject} cannot be written",
                found=f"{type(error).__name__}: {error}"[:300],
                whose="environment",
                exit_code=FAILED,
            )
            self._running = None
            self.channel.send(_unstarted(order, "failed", failure(fault, unit.subject, None)))
            return
        self.channel.send({"type": "began", "attempt_id": order.attempt_id})
        worker = os.getpid()
        done = unit.done()
        if os.getpid() != worker:
            # The author forked, and this is the child coming back into our loop. It has no business here.
            self.console.flush()
            leave(0)
        with self._state:
            self._running = None
        feed.open = False
        done["log_span"] = [start, self.console.leave()]
        if unit.run._spent:
            self._spent_by, done["spent"] = order.target, True
        try:
            self.channel.send(done, hold=True)
        except AgiError as error:
            reason = failure(error, unit.subject, None)
            self.channel.send({**_unstarted(order, "failed", reason), "log_span": done["log_span"]})

    def _read(self) -> None:
        status = 1
        try:
            while (message := self.channel.receive()) is not None:
                kind = message["type"]
                if kind == "cancel":
                    self._cancel(str(message.get("attempt_id")))
                    continue
                with self._state:
                    if kind == "execute":
                        self._queued.add(str(message.get("attempt_id")))
                    elif kind == "shutdown" and self._running is None and not self._queued:
                        self._leaving = True
                self._inbox.put(message)
        except AgiError as error:
            print(f"{error}", file=sys.__stderr__, flush=True)
            status = REFUSED
            if error.code != "AGI-PROTO-002":
                with contextlib.suppress(ManagerGone):
                    self.channel.send({"type": "failed", "error": failure(error, "the channel", None)})
        finally:
            # Whatever ended this thread: without it nobody would notice that the manager is gone.
            if not self._leaving:
                end_group(status)

    def _cancel(self, attempt_id: str) -> None:
        with self._state:
            if attempt_id in self._queued:
                self._cancelled.add(attempt_id)
            elif self._running is not None and self._running.order.attempt_id == attempt_id:
                self._running.run.request_cancel()

    def _pulse(self) -> None:
        heartbeat_at = time.monotonic()
        try:
            while True:
                time.sleep(FLUSH_SECONDS)
                unit = self._running
                if unit is not None:
                    unit.run._recording.flush()
                if time.monotonic() - heartbeat_at >= HEARTBEAT_SECONDS - FLUSH_SECONDS / 2:
                    heartbeat_at = time.monotonic()
                    attempt_id = None if unit is None else unit.order.attempt_id
                    self.channel.send({"type": "heartbeat", "attempt_id": attempt_id, "rss": _rss()})
        except ManagerGone:
            return  # the reader sees the same end, and acts on it

    def _interrupt(self, number: int, frame: object) -> None:
        if self._running is not None:
            self._running.interrupt()


def _unstarted(order: Execute, status: str, error: dict[str, Any] | None) -> Message:
    return {
        "type": "done",
        "attempt_id": order.attempt_id,
        "status": status,
        "reason": "cancelled before it began" if status == "cancelled" else None,
        "value": None,
        "value_file": None,
        "artifacts": [],
        "metrics": {"name": [], "value": [], "step": [], "at_ms": []},
        "params": {},
        "validations": [],
        "error": error,
        "log_span": [0, 0],
        "duration_us": 0,
        "cpu_us": 0,
        "max_rss": 0,
    }


def _failed(error: BaseException, subject: str, session: Session) -> Message:
    return {"type": "failed", "error": failure(error, subject, session.source)}


def _rss() -> int:
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main(arguments: list[str] | None = None) -> int:
    """The command line of a worker."""
    parser = argparse.ArgumentParser(
        prog="agi_node.worker", description="Executes units of an app for a manager."
    )
    parser.add_argument("--channel", type=int, required=True, help="descriptor of an inherited stream socket")
    parser.add_argument("--log", required=True, help="file for the worker's own output")
    options = parser.parse_args(arguments)
    try:
        channel = Channel(options.channel)
    except OSError as error:
        parser.error(f"--channel {options.channel} is no connected socket: {error}")
    console = Console(options.log)
    try:
        status = Worker(channel, console).serve()
    except ManagerGone:
        end_group()
    except AgiError as error:  # the first frame was none
        print(f"{error}", file=sys.stderr)
        return REFUSED
    console.flush()
    leave_in_order()
    return status


if __name__ == "__main__":
    sys.exit(main())
