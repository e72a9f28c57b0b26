"""Executor `local`: warm worker processes of the app's own environment, on this machine."""

from __future__ import annotations

import heapq
import selectors
import signal
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agi_node.errors import AgiError
from agilab.engine.executor import Capabilities, Holder, Report, Task, Wanted
from agilab.engine.order import execute_order, past_timeout
from agilab.envs.worker_process import WorkerProcess, WorkerSpec, dead_on_arrival

AHEAD_SECONDS = 0.020
MAX_AHEAD = 64
LONG_UNIT_SECONDS = 0.1
KILL_GRACE_SECONDS = 2.0
MAX_STARTS = 3
MAX_KILLED_STARTS = 10
MAX_DISMISSED = 4


@dataclass
class _Flight:
    """A task that a worker has been given."""

    task: Task
    began: float | None = None
    ended_by: str | None = None


@dataclass
class _Seat:
    """One worker's place: its process, and what it has been given, in order."""

    name: str
    environment: str
    worker: WorkerProcess | None = None
    flights: deque[_Flight] = field(default_factory=deque)
    opened: bool = False
    failed_starts: int = 0
    kill_at: float | None = None
    spent_by: str | None = None
    """The node whose settings its process keeps: units of others need another process."""
    written: int = 0
    """How long the log of its units was when it was done with the last one."""


class LocalExecutor:
    """A fixed number of worker processes for each environment, started when first needed, kept warm.

    As many of them work at a time as one environment may have: the others wait, and keep what they have imported.
    Tiny units travel several ahead, so that a worker never waits for the manager: as many as take about
    20 ms by what their node has taken so far. A worker that dies loses only the unit it was at; the ones
    behind it had not begun and are simply ready again.
    """

    name = "local"
    in_user_code = False
    capabilities = Capabilities(timeout=True, kill=True, crash_isolation=True, own_environment=True)

    def __init__(self, specs: Mapping[str, WorkerSpec], *, workers: int, logs: Path) -> None:
        self._specs = specs
        self._logs = logs
        self._workers = workers
        self._seats = [
            _Seat(f"w{at * workers + number}", environment)
            for at, environment in enumerate(specs)
            for number in range(workers)
        ]
        self._by_name = {seat.name: seat for seat in self._seats}
        self._selector = selectors.DefaultSelector()
        self._mean_s: dict[str, float] = {}
        self._backlog: list[Report] = []
        self._dismissed: list[WorkerProcess] = []
        self._cancelling = False

    def start(self) -> None:
        """Start the workers of the first environment now, so that they import while the manager plans."""
        for seat in self._seats[: self._workers]:
            self._staff(seat)

    def offers(self, wanted: Sequence[Wanted]) -> Sequence[Holder | None]:
        if self._cancelling:
            return []
        # The least loaded seat next, so that the first units go to different workers.
        free: dict[str, list[tuple[int, int, _Seat]]] = {environment: [] for environment in self._specs}
        for number, seat in enumerate(self._seats):
            if seat.kill_at is None:
                free[seat.environment].append((len(seat.flights), number, seat))
        for seats in free.values():
            heapq.heapify(seats)
        idle = self._workers - sum(bool(seat.flights) for seat in self._seats)
        pinned = {seat.name: taken for seats in free.values() for taken, _, seat in seats}
        offers: list[Holder | None] = []
        for unit in wanted:
            ahead = self._ahead(unit.node)
            if unit.worker is not None:
                fits = pinned.get(unit.worker, ahead) < ahead
                if fits:
                    pinned[unit.worker] += 1
                offers.append(self._holder(self._by_name[unit.worker], unit.node) if fits else None)
                continue
            # No name means the environment that there is, as for graphs of plain functions.
            seats = free.get(unit.environment) or next(iter(free.values()))
            if not seats or seats[0][0] >= ahead or (seats[0][0] == 0 and idle <= 0):
                if len(free) == 1:
                    break
                offers.append(None)
                continue
            taken, number, seat = seats[0]
            idle -= taken == 0
            heapq.heapreplace(seats, (taken + 1, number, seat))
            offers.append(self._holder(seat, unit.node))
        return offers

    def _holder(self, seat: _Seat, node: str) -> Holder:
        if seat.worker and not seat.flights and seat.spent_by not in (None, node):
            self._selector.unregister(seat.worker)
            seat.worker.send({"type": "shutdown"})
            self._dismissed.append(seat.worker)
            seat.worker = None
            if len(self._dismissed) > MAX_DISMISSED:  # the first of them has gone by now
                self._dismissed.pop(0).close()
        worker = self._staff(seat)
        return Holder(seat.name, worker.pid, worker.pid_started)

    def submit(self, tasks: Sequence[tuple[Task, str]]) -> None:
        for task, name in tasks:
            seat = self._by_name[name]
            seat.flights.append(_Flight(task))
            try:
                self._staff(seat).send(execute_order(task, self._log(seat)))
            except AgiError as problem:
                seat.flights.pop()
                self._backlog.append(
                    Report("failed", task.unit_id, task.attempt_id, {"error": problem.to_plain()})
                )

    def poll(self, timeout_s: float) -> list[Report]:
        reports, self._backlog = self._backlog, []
        wait = 0.0 if reports else self._until_deadline(timeout_s)
        for key, _ in self._selector.select(wait):
            reports.extend(self._hear(key.data))
        reports.extend(self._enforce_deadlines())
        return reports

    def cancel(self, *, grace_s: float) -> None:
        self._cancelling = True
        for seat in self._seats:
            if seat.flights and seat.worker:
                for flight in seat.flights:
                    flight.ended_by = flight.ended_by or "cancel"
                seat.worker.signal_group(signal.SIGTERM if grace_s else signal.SIGKILL)
                seat.kill_at = time.monotonic() + grace_s

    def dismiss(self) -> None:
        """Tell the workers that nothing more will come, without waiting for them to go."""
        for seat in self._seats:
            if seat.worker and not seat.worker.ended:
                seat.worker.send({"type": "shutdown"})

    def close(self) -> None:
        self.dismiss()
        for seat in self._seats:
            if seat.worker:
                self._selector.unregister(seat.worker)
                seat.worker.close()
                seat.worker = None
        for worker in self._dismissed:
            worker.close()
        self._selector.close()

    # -- workers -------------------------------------------------------------------------------------------

    def _staff(self, seat: _Seat) -> WorkerProcess:
        if seat.worker is None:
            spec = self._specs[seat.environment]
            seat.worker = WorkerProcess(spec, seat.name, self._logs / f"worker_{seat.name}.log")
            seat.opened, seat.written, seat.spent_by = False, self._length(seat), None
            self._selector.register(seat.worker, selectors.EVENT_READ, seat)
        return seat.worker

    def _hear(self, seat: _Seat) -> list[Report]:
        worker = seat.worker
        if worker is None:
            return []
        reports = []
        for frame in worker.frames():
            kind = frame["type"]
            if kind == "opened":
                seat.opened, seat.failed_starts = True, 0
            elif kind in ("failed", "refused"):
                raise AgiError.from_plain(
                    frame.get("error")
                    or {"code": "AGI-ENV-122", "what": frame.get("why", "the worker refused")}
                )
            elif kind == "began":
                self._flight(seat, frame["attempt_id"]).began = time.monotonic()
                reports.append(self._report("began", seat, frame))
            elif kind in ("progress", "metrics"):
                reports.append(self._report(kind, seat, frame))
            elif kind == "done":
                reports.append(self._done(seat, frame))
        if worker.ended:
            reports.extend(self._bury(seat, worker))
        return reports

    def _done(self, seat: _Seat, frame: dict[str, Any]) -> Report:
        flight = self._flight(seat, frame["attempt_id"])
        seat.flights.remove(flight)
        seat.written = max(seat.written, *frame.get("log_span", ()))
        seat.spent_by = flight.task.node if frame.get("spent") else seat.spent_by
        node, took = flight.task.node, frame.get("duration_us", 0) / 1e6
        mean = self._mean_s.get(node, took)
        self._mean_s[node] = mean + 0.2 * (took - mean)
        data = {**frame, "staging": flight.task.staging, "worker": seat.name}
        return Report(frame["status"], flight.task.unit_id, flight.task.attempt_id, data)

    def _bury(self, seat: _Seat, worker: WorkerProcess) -> list[Report]:
        """A worker is gone: tell what it held, and leave the seat for a new one."""
        self._selector.unregister(worker)
        why = worker.why_it_ended()
        seat.worker, seat.kill_at = None, None
        flights, seat.flights = list(seat.flights), deque()
        if not seat.opened:
            seat.failed_starts += 1
            # A start that somebody killed says less about the environment than one that ended by itself.
            killed = (worker.process.returncode or 0) < 0
            if seat.failed_starts >= (MAX_KILLED_STARTS if killed else MAX_STARTS):
                raise dead_on_arrival(worker, why)
        # What came since it was done with the last one is of the one that it was at; the others had not begun.
        printed = [seat.written, self._length(seat)]
        return [self._loss(flight, seat, why, printed) for flight in flights]

    def _loss(self, flight: _Flight, seat: _Seat, why: str, printed: list[int]) -> Report:
        task, began = flight.task, flight.began is not None
        body: dict[str, Any] = {"log_span": printed} if began else {}
        if flight.ended_by == "cancel":
            return Report("cancelled", task.unit_id, task.attempt_id, {**body, "worker": seat.name})
        if flight.ended_by == "timeout":
            error = past_timeout(task.unit_id, task.timeout_s or 0.0).to_plain()
            body |= {"error": error, "worker": seat.name}
            return Report("failed", task.unit_id, task.attempt_id, body)
        body |= {"reason": f"worker {seat.name}: {why}", "began": began}
        return Report("lost", task.unit_id, task.attempt_id, body)

    def _log(self, seat: _Seat) -> Path:
        """Where what a worker's units print goes."""
        return self._logs / f"units_{seat.name}.log"

    def _length(self, seat: _Seat) -> int:
        try:
            return self._log(seat).stat().st_size
        except OSError:  # nothing was printed yet
            return 0

    # -- time ----------------------------------------------------------------------------------------------

    def _ahead(self, node: str) -> int:
        """How many units of a node a worker may hold: one, until it is known how long they take."""
        mean = self._mean_s.get(node)
        if mean is None or mean > LONG_UNIT_SECONDS:
            return 1
        # One more than fills the time ahead: a worker at a short unit finds the next one waiting.
        return min(MAX_AHEAD, 1 + max(1, int(AHEAD_SECONDS / max(mean, 1e-5))))

    def _until_deadline(self, timeout_s: float) -> float:
        now = time.monotonic()
        for seat in self._seats:
            if seat.kill_at is not None:
                timeout_s = min(timeout_s, max(0.0, seat.kill_at - now))
            for flight in seat.flights:
                if flight.began is not None and flight.task.timeout_s is not None:
                    timeout_s = min(timeout_s, max(0.0, flight.began + flight.task.timeout_s - now))
        return timeout_s

    def _enforce_deadlines(self) -> list[Report]:
        now = time.monotonic()
        reports: list[Report] = []
        for seat in self._seats:
            worker = seat.worker
            if worker is None:
                continue
            for flight in seat.flights:
                limit = flight.task.timeout_s
                late = flight.began is not None and limit is not None and now >= flight.began + limit
                if late and flight.ended_by is None:
                    flight.ended_by = "timeout"
                    worker.signal_group(signal.SIGTERM)
                    seat.kill_at = now + KILL_GRACE_SECONDS
            if seat.kill_at is not None and now >= seat.kill_at:
                worker.signal_group(signal.SIGKILL)
                reports.extend(self._hear(seat))
                if seat.worker is worker:
                    reports.extend(self._bury(seat, worker))
        return reports

    def _flight(self, seat: _Seat, attempt_id: str) -> _Flight:
        for flight in seat.flights:
            if flight.task.attempt_id == attempt_id:
                return flight
        raise AgiError(
            "AGI-PROTO-102",
            f"worker {seat.name} speaks of an attempt that it was not given",
            found=attempt_id,
            whose="agilab",
            exit_code=1,
        )

    def _report(self, kind: str, seat: _Seat, frame: dict[str, Any]) -> Report:
        flight = self._flight(seat, frame["attempt_id"])
        return Report(kind, flight.task.unit_id, flight.task.attempt_id, {**frame, "worker": seat.name})
