"""A batch inside a Dask worker: units that one child executes in order, and the news of them."""

from __future__ import annotations

import json
import secrets
import signal
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agi_node.errors import AgiError
from agilab.engine.dask.seats import Seat, name_of, spec_of
from agilab.engine.order import past_timeout
from agilab.envs.worker_process import WorkerProcess, dead_on_arrival

COMPANY_SECONDS = 0.002
FLUSH_SECONDS = 0.005
WATCH_SECONDS = 0.1
KILL_GRACE_SECONDS = 2.0
MAX_STARTS = 3
LARGEST_EVENT = 64 * 1024
"""Bytes that may travel as an event, which the scheduler remembers; more goes through a file that both sides see."""


class News:
    """What is to be told of a batch, sent in company: that a unit began waits a moment, since it may end at once."""

    def __init__(self, worker: Any, topic: str, batch: str, place: str, spool: Path) -> None:
        self._worker = worker
        self._topic = topic
        self._batch = batch
        self._place = place
        self._spool = spool
        self._items: list[list[Any]] = []
        self._due = 0.0

    def add(self, kind: str, *what: Any) -> None:
        if not self._items:
            self._due = max(self._due, time.monotonic() + COMPANY_SECONDS)
        self._items.append([kind, *what])

    def wait(self, longest: float) -> float:
        """How long one may wait before the next flush is due."""
        return max(0.0, min(longest, self._due - time.monotonic())) if self._items else longest

    def flush(self, *, now: bool = False) -> None:
        moment = time.monotonic()
        if not self._items or (moment < self._due and not now):
            return
        items, self._items = self._items, []
        data = json.dumps(
            {"batch": self._batch, "place": self._place, "news": items}, separators=(",", ":")
        ).encode()
        if len(data) > LARGEST_EVENT:
            file = self._spool / f"news-{self._batch}-{secrets.token_hex(4)}.json"
            file.write_bytes(data)
            data = json.dumps({"file": str(file)}).encode()
        self._worker.log_event(self._topic, data)
        self._due = moment + FLUSH_SECONDS


class Batch:
    """Units that one child executes in order.

    Responsible for: their time limits, the end of a child, cancellation, telling which of them had begun.
    Not responsible for: trying again; the engine does.
    """

    def __init__(self, order: Mapping[str, Any], seat: Seat, worker: Any, key: Any) -> None:
        self.seat = seat
        self.spec = spec_of(order["spec"])
        self.environment = order["environment"]
        self.logs = Path(order["logs"])
        self.limits: Mapping[str, float] = order["limits"]
        self.frames: list[dict[str, Any]] = order["frames"]
        # Dask may execute a task twice, so what an execution stages is its own.
        self.nonce = secrets.token_hex(4)
        self.news = News(worker, order["topic"], order["batch"], seat.name, Path(order["spool"]))
        self.waiting: deque[dict[str, Any]] = deque()
        self.began: dict[str, float] = {}
        self.late: str | None = None
        self.stopping: str | None = None
        self.kill_at: float | None = None
        self._worker = worker
        self._key = key
        self._look_again = time.monotonic() + WATCH_SECONDS

    def run(self) -> None:
        try:
            if self.seat.session.kill_at is not None:
                for frame in self.frames:
                    self.news.add("cancelled", frame["attempt_id"])
                return
            known = self.seat.children.get(name_of(self.spec))
            self.child = self.seat.staff(self.spec, self.logs)
            if known is not self.child:
                self._tell_child(self.child.process)
            self._send()
            while self.waiting:
                if self.child.selector.select(self._patience()):
                    self._hear()
                if not self.waiting:
                    break
                if self.child.process.ended:
                    self._bury()
                else:
                    self._watch()
                self.news.flush()
        except AgiError as problem:
            self._broken(problem)
        finally:
            self.seat.used = time.monotonic()
            self.news.flush(now=True)

    def _send(self) -> None:
        for frame in self.frames:
            staging = f"{frame['staging']}/{self.nonce}"
            order = {**frame, "staging": staging}
            try:
                self.child.process.send(order)
            except AgiError as problem:  # too large for a frame
                self.news.add("done", {**_done(order), "status": "failed", "error": problem.to_plain()})
                continue
            self.waiting.append(order)

    def _hear(self) -> None:
        for frame in self.child.frames():
            kind = frame["type"]
            if kind == "began":
                self.seat.failed_starts = 0
                self.began[frame["attempt_id"]] = time.monotonic()
                self.news.add("began", frame["attempt_id"])
            elif kind in ("progress", "metrics"):
                self.news.add(kind, frame)
            elif kind == "done":
                order = next(
                    (order for order in self.waiting if order["attempt_id"] == frame["attempt_id"]), None
                )
                if order is not None:
                    self.waiting.remove(order)
                    self.news.add("done", {**_lean(frame), "staging": order["staging"]})

    # -- time ----------------------------------------------------------------------------------------------

    def _patience(self) -> float:
        now = time.monotonic()
        wait = min(WATCH_SECONDS, *(at - now for at in self._deadlines()), WATCH_SECONDS)
        return self.news.wait(max(0.0, wait))

    def _deadlines(self) -> list[float]:
        found = [] if self.kill_at is None else [self.kill_at]
        if self.stopping is None and self.waiting:
            attempt = self.waiting[0]["attempt_id"]
            if attempt in self.began and attempt in self.limits:
                found.append(self.began[attempt] + self.limits[attempt])
        return found

    def _watch(self) -> None:
        now = time.monotonic()
        first = self.waiting[0]["attempt_id"]
        limit = self.limits.get(first)
        session = self.seat.session
        if session.kill_at is not None and self.stopping != "cancel":
            self._stop("cancel", session.kill_at)
        elif session.kill_at is not None:
            self.kill_at = session.kill_at  # a second wish may be more urgent
        elif self.stopping is None and limit is not None and now >= self.began.get(first, now) + limit:
            self.late = first
            self._stop("timeout", now + KILL_GRACE_SECONDS)
        if self.stopping is None and now >= self._look_again:
            self._look_again = now + WATCH_SECONDS
            if self._nobody_waits():
                self._stop("abandoned", now + KILL_GRACE_SECONDS)
        if self.kill_at is not None and now >= self.kill_at:
            self.child.process.signal_group(signal.SIGKILL)
            self._hear()
            if self.waiting:
                self._bury()

    def _stop(self, why: str, kill_at: float) -> None:
        self.stopping, self.kill_at = why, kill_at
        urgent = kill_at <= time.monotonic()
        self.child.process.signal_group(signal.SIGKILL if urgent else signal.SIGTERM)

    def _nobody_waits(self) -> bool:
        """Whether Dask has given the task up: its client cancelled it, or is gone."""
        task = self._worker.state.tasks.get(self._key)
        return task is None or task.state == "cancelled" or self._worker.status.name in ("closing", "closed")

    # -- ends ----------------------------------------------------------------------------------------------

    def _bury(self) -> None:
        """The child is gone: tell what becomes of its units, and have the next child ready."""
        process = self.child.process
        why = process.why_it_ended()
        if not self.child.opened and self.stopping is None:
            self.seat.failed_starts += 1
            if self.seat.failed_starts >= MAX_STARTS:
                raise dead_on_arrival(process, why)
        self.seat.drop(self.spec)
        self.kill_at = None
        while self.waiting:
            attempt = self.waiting.popleft()["attempt_id"]
            if self.stopping == "cancel":
                self.news.add("cancelled", attempt)
            elif self.late == attempt:
                frame = next(frame for frame in self.frames if frame["attempt_id"] == attempt)
                error = past_timeout(frame["unit_id"], self.limits[attempt])
                self.news.add("done", {**_done(frame), "status": "failed", "error": error.to_plain()})
            else:
                self.news.add("lost", attempt, why, attempt in self.began)
        if self.stopping in (None, "timeout"):
            self._tell_child(self.seat.child(self.spec, self.logs))

    def _broken(self, problem: AgiError) -> None:
        """No child comes up here: nothing more can be done on this worker."""
        self.seat.drop(self.spec)
        for order in self.waiting or self.frames:
            self.news.add("lost", order["attempt_id"], problem.what, order["attempt_id"] in self.began)
        self.news.add("broken", problem.to_plain())

    def _tell_child(self, child: WorkerProcess) -> None:
        self.news.add("child", self.environment, child.pid, child.pid_started)


def _done(frame: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "done", "attempt_id": frame["attempt_id"], "staging": frame["staging"]}


def _lean(frame: Mapping[str, Any]) -> dict[str, Any]:
    """A `done` frame without the fields that say nothing: a thousand of them pass through the scheduler."""
    metrics = frame.get("metrics") or {}
    return {
        key: what
        for key, what in frame.items()
        # An empty list is a value, too.
        if key == "value" or (what not in (None, [], {}) and (key != "metrics" or metrics.get("name")))
    }
