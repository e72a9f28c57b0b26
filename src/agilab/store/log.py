"""Writing a run's log: one owner, events in groups, projections moved in the same transaction."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from typing import Any

from agi_node.errors import ENVIRONMENT, AgiError
from agilab.store import transitions as t
from agilab.store.events import GENESIS, Event, body_text, link
from agilab.store.objects import ObjectStore
from agilab.store.projection import statements

GROUP_EVENTS = 50
GROUP_SECONDS = 0.020
_INSERT = "INSERT INTO event(run_id, run_seq, at_us, kind, unit_id, attempt_id, body, sha256) VALUES(?,?,?,?,?,?,?,?)"


def now_us() -> int:
    """Wall clock in microseconds since the epoch."""
    return time.time_ns() // 1000


class RunLog:
    """The log of one run, in the hands of the one process that owns the run.

    Responsible for: order, the hash chain, groups (at most 50 events or 20 ms), and the projections
    moving with the events or not at all. Not responsible for: whether an event is a good idea.

    `append` only promises that the event will be in the next group; `flush` promises that it is in the
    file. Flush before work leaves this process and before anything is acknowledged to a person.
    """

    def __init__(
        self,
        db: sqlite3.Connection,
        objects: ObjectStore,
        run_id: str,
        *,
        clock: Callable[[], int] = now_us,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.run_id = run_id
        self._db = db
        self._objects = objects
        self._clock = clock
        self._monotonic = monotonic
        row = db.execute("SELECT head, event_count, state FROM run WHERE run_id=?", (run_id,)).fetchone()
        self.head: str = row[0] if row else GENESIS
        self.seq: int = row[1] if row else 0
        self._stored = self.seq
        self._running = bool(row) and row[2] == "running"
        self._group: list[tuple[Event, dict[str, Any]]] = []
        self._beside: list[tuple[str, tuple[Any, ...]]] = []
        self._group_since = 0.0

    def append(
        self, kind: str, unit_id: str | None = None, attempt_id: str | None = None, **data: Any
    ) -> Event:
        """Add an event to the group at hand. `attempt_started` gets its attempt id here: `a<run_seq>`."""
        return self._append(kind, unit_id, attempt_id, data, data)

    def append_expansion(self, rows: list[dict[str, Any]], **data: Any) -> Event:
        """Add a `node_expanded` whose units are at hand, so that they are not read again where an object holds them."""
        return self._append("node_expanded", None, None, data, {**data, "items": rows})

    def _append(
        self,
        kind: str,
        unit_id: str | None,
        attempt_id: str | None,
        data: dict[str, Any],
        known: dict[str, Any],
    ) -> Event:
        seq = self.seq + 1
        if kind == "attempt_started":
            attempt_id = f"a{seq}"
        at_us, body = self._clock(), body_text(data)
        digest = link(self.head, self.run_id, seq, at_us, kind, unit_id, attempt_id, body)
        event = Event(self.run_id, seq, at_us, kind, unit_id, attempt_id, body, digest)
        self.seq, self.head = seq, digest
        if not self._group:
            self._group_since = self._monotonic()
        self._group.append((event, known))
        return event

    def lease(
        self, attempt_id: str, worker: str, pid: int, pid_started: float, boot: str, expires_s: float
    ) -> None:
        """Note, with the next group, which process holds an attempt; the reaper of a later owner reads it."""
        self._beside.append(
            (
                "INSERT INTO lease(run_id, attempt_id, worker, pid, pid_started, boot, expires_s)"
                " VALUES(?,?,?,?,?,?,?)",
                (self.run_id, attempt_id, worker, pid, pid_started, boot, expires_s),
            )
        )

    def release(self, attempt_id: str) -> None:
        """Drop an attempt's lease with the next group."""
        self._beside.append(("DELETE FROM lease WHERE run_id=? AND attempt_id=?", (self.run_id, attempt_id)))

    def take(self, command_id: int) -> None:
        """Drop an operator's wish with the next group: it is taken up when what it led to is written, or not at all."""
        self._beside.append(("DELETE FROM command WHERE command_id=?", (command_id,)))

    def renew(self, expires_s: float) -> None:
        """Push the expiry of all leases of this run; their processes are known to live."""
        self._beside.append(("UPDATE lease SET expires_s=? WHERE run_id=?", (expires_s, self.run_id)))

    def flush_if_due(self) -> None:
        """Flush a group that is full or old enough."""
        if self._group and (
            len(self._group) >= GROUP_EVENTS or self._monotonic() - self._group_since >= GROUP_SECONDS
        ):
            self.flush()

    def flush(self, *, durable: bool = False) -> None:
        """Write the group in one transaction; `durable` also survives a power cut from here on.

        Raises AGI-STORE-008 where another process has appended to this run, AGI-STORE-009 where an event is
        not legal in the state that the projection holds, AGI-STORE-005 where the disk refuses. In each case the
        file is as it was before.
        """
        if not self._group and not self._beside and not durable:
            return
        self._objects.sync()
        db = self._db
        try:
            if durable:
                db.execute("PRAGMA synchronous=FULL")
            db.execute("BEGIN IMMEDIATE")
            try:
                running = self._write()
                db.execute("COMMIT")
            except BaseException:
                # A full disk makes SQLite roll back by itself; a second time would hide what was wrong.
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise
        except sqlite3.IntegrityError as problem:
            # Somebody appended an event of the same number between our reading and our writing.
            raise _two_owners(self.run_id) from problem
        except sqlite3.OperationalError as problem:
            raise AgiError(
                "AGI-STORE-005",
                f"the run's log cannot be written: {problem}",
                found=f"run {self.run_id}, {len(self._group)} events waiting",
                allowed="a writable disk with room",
                try_=f"make room, then: agilab runs resume {self.run_id}",
                whose="environment",
                exit_code=ENVIRONMENT,
            ) from problem
        finally:
            if durable:
                db.execute("PRAGMA synchronous=NORMAL")
        self._stored, self._running = self.seq, running
        self._group.clear()
        self._beside.clear()

    def _write(self) -> bool:
        """Write what waits; returns whether the run still runs after it."""
        # One cursor for all: a statement of the connection's own makes one for each call.
        cursor, running = self._db.cursor(), self._running
        if self._group:
            cursor.executemany(_INSERT, [event for event, _ in self._group])
            for event, data in self._group:
                if event.kind == "run_created":
                    running = True
                elif not running and event.kind not in t.AFTER_THE_END:
                    raise _illegal(event)
                if event.kind == "node_expanded":
                    self._expand(cursor, event, data)
                    continue
                for sql, parameters, one in statements(event, self._objects.read, data):
                    if cursor.execute(sql, parameters).rowcount != 1 and one:
                        raise _illegal(event)
                if event.kind == "run_finished":
                    running = False
            moved = cursor.execute(
                "UPDATE run SET head=?, event_count=? WHERE run_id=? AND event_count=?",
                (self.head, self.seq, self.run_id, self._stored),
            )
            if moved.rowcount != 1:
                raise _two_owners(self.run_id)
        for sql, parameters in self._beside:
            cursor.execute(sql, parameters)
        return running

    def _expand(self, cursor: sqlite3.Cursor, event: Event, data: dict[str, Any]) -> None:
        """An expansion: one guarded update, and then one insert for each unit, all of them in one call."""
        (sql, parameters, _), *inserts = statements(event, self._objects.read, data)
        if cursor.execute(sql, parameters).rowcount != 1:
            raise _illegal(event)
        if inserts:
            cursor.executemany(inserts[0][0], [row for _, row, _ in inserts])


def _illegal(event: Event) -> AgiError:
    return AgiError(
        "AGI-STORE-009",
        f"event {event.kind} is not legal for {event.unit_id or event.run_id} in its present state",
        found=f"event {event.run_seq}, attempt {event.attempt_id or '-'}: {event.body:.200}",
        whose="agilab",
        exit_code=1,
    )


def _two_owners(run_id: str) -> AgiError:
    return AgiError(
        "AGI-STORE-008",
        f"another process has written to the log of run {run_id}",
        allowed="one coordinator per run",
        try_=f"agilab runs show {run_id}",
        whose="agilab",
        exit_code=1,
    )
