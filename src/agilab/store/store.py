"""Reading the workspace: runs, nodes, units, events and artifacts, in pages."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from types import TracebackType
from typing import Any

from agi_node.errors import AgiError
from agilab.store.database import connect
from agilab.store.events import Event, body_text
from agilab.store.log import RunLog, now_us
from agilab.store.objects import ObjectStore
from agilab.store.rows import ArtifactRow, LeaseRow, NodeRow, RunRow, UnitRow
from agilab.store.workspace import Workspace

_RUN = (
    "run_id, app, parent_run_id, state, paused, created_us, finished_us, plan_digest, source_digest, environment, "
    "head, event_count, mark"
)
_UNIT = (
    "unit_id, node, key, label, position, cost, state, attempt_id, attempts, retries, losses, not_before_us, worker, "
    "started_us, ended_us, duration_us, done_seq"
)
_EVENT = "run_id, run_seq, at_us, kind, unit_id, attempt_id, body, sha256"


class Store:
    """One workspace's database and objects. Use as a context manager.

    Anybody may read. Writing goes through `log(run_id)`, and belongs to the process that holds the run's lock.
    """

    def __init__(self, workspace: Workspace, *, readonly: bool = False, migrate: bool = True) -> None:
        self.workspace = workspace
        self.db: sqlite3.Connection = connect(workspace.db, readonly=readonly, migrate=migrate)
        self.objects = ObjectStore(workspace.objects)

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self.db.close()

    def log(self, run_id: str) -> RunLog:
        """The writing end of a run's log."""
        return RunLog(self.db, self.objects, run_id)

    def runs(self, *, app: str | None = None, limit: int = 50, offset: int = 0) -> list[RunRow]:
        """Runs, newest first (run ids sort by time)."""
        where, parameters = ("WHERE app=?", [app]) if app else ("", [])
        rows = self.db.execute(
            f"SELECT {_RUN} FROM run {where} ORDER BY run_id DESC LIMIT ? OFFSET ?",
            [*parameters, limit, offset],
        )
        return [_run(row) for row in rows]

    def run(self, name: str) -> RunRow:
        """The run with this id, or with an id that this text begins or ends uniquely; `last` is the newest.

        Raises AGI-RUN-001 where there is none, AGI-RUN-002 where the text fits several, AGI-STORE-021 for a run that
        was pruned.
        """
        if name == "last":
            rows = self.db.execute(f"SELECT {_RUN} FROM run ORDER BY run_id DESC LIMIT 1").fetchall()
        else:
            pattern = name.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
            rows = self.db.execute(
                f"SELECT {_RUN} FROM run WHERE run_id=? OR run_id LIKE ? ESCAPE '\\' OR run_id LIKE ? ESCAPE '\\'"
                " ORDER BY run_id=? DESC, run_id DESC LIMIT 9",
                (name, pattern + "%", "%" + pattern, name),
            ).fetchall()
        if not rows:
            from agilab.store.seal import pruned_as

            pruned = pruned_as(self.db, name) if len(name) >= 4 and name != "last" else None
            raise pruned or AgiError(
                "AGI-RUN-001", "there is no such run", found=name, try_="agilab runs list", exit_code=1
            )
        if len(rows) > 1 and rows[0][0] != name:
            raise AgiError(
                "AGI-RUN-002",
                "several runs fit",
                found=f"{name}: {', '.join(row[0] for row in rows[:4])}{' …' if len(rows) > 4 else ''}",
                allowed="enough of the id to name one run",
                try_="agilab runs list",
                exit_code=1,
            )
        return _run(rows[0])

    def nodes(self, run_id: str) -> list[NodeRow]:
        """The run's nodes in plan order, with their units counted by state."""
        counts: dict[str, dict[str, int]] = {}
        for node, state, count in self.db.execute(
            "SELECT node, state, count(*) FROM unit WHERE run_id=? GROUP BY node, state", (run_id,)
        ):
            counts.setdefault(node, {})[state] = count
        rows = self.db.execute(
            "SELECT node, position, state, target, total, started_us, finished_us FROM node WHERE run_id=?"
            " ORDER BY position",
            (run_id,),
        )
        return [
            NodeRow(node, position, state, target, total, started, finished, counts.get(node, {}))
            for node, position, state, target, total, started, finished in rows
        ]

    def units(
        self,
        run_id: str,
        *,
        node: str | None = None,
        state: str | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> Iterator[UnitRow]:
        """Units in plan order, filtered by node and state, in pages."""
        where, parameters = ["run_id=?"], [run_id]
        for column, value in (("node", node), ("state", state)):
            if value is not None:
                where.append(f"{column}=?")
                parameters.append(value)
        rows = self.db.execute(
            f"SELECT {_UNIT} FROM unit WHERE {' AND '.join(where)} ORDER BY node, position LIMIT ? OFFSET ?",
            [*parameters, -1 if limit is None else limit, offset],
        )
        return (UnitRow(*row) for row in rows)

    def unit(self, run_id: str, unit_id: str) -> UnitRow:
        """One unit. Raises AGI-RUN-003 where the run has none of that name."""
        row = self.db.execute(
            f"SELECT {_UNIT} FROM unit WHERE run_id=? AND unit_id=?", (run_id, unit_id)
        ).fetchone()
        if row is None:
            raise AgiError(
                "AGI-RUN-003",
                f"run {run_id} has no such unit",
                found=unit_id,
                allowed="NODE or NODE[KEY]",
                try_=f"agilab runs show {run_id}",
                exit_code=1,
            )
        return UnitRow(*row)

    def created(self, run_id: str) -> dict[str, Any]:
        """What a run's first event says: what it was made of and for. Empty where the log has no such event."""
        return next((event.data for event in self.events(run_id, kinds=("run_created",))), {})

    def events(self, run_id: str, *, after: int = 0, kinds: tuple[str, ...] = ()) -> Iterator[Event]:
        """The run's events with `run_seq` greater than `after`, in order: the one cursor that every view uses."""
        chosen = f" AND kind IN ({','.join('?' * len(kinds))})" if kinds else ""
        rows = self.db.execute(
            f"SELECT {_EVENT} FROM event WHERE run_id=? AND run_seq>?{chosen} ORDER BY run_seq",
            [run_id, after, *kinds],
        )
        return (Event(*row) for row in rows)

    def event(self, run_id: str, run_seq: int) -> Event:
        """One event by position; KeyError where the log has none of that number."""
        row = self.db.execute(
            f"SELECT {_EVENT} FROM event WHERE run_id=? AND run_seq=?", (run_id, run_seq)
        ).fetchone()
        if row is None:
            raise KeyError((run_id, run_seq))
        return Event(*row)

    def verdict(self, run: RunRow) -> str | None:
        """The verdict of the manifest that was written for a finished run, in one word; None where there is none."""
        if run.state == "running":
            return None
        # From the end on, and no further than the run's own end: notes may have been written after it.
        found = self.db.execute(
            "SELECT kind, body FROM event WHERE run_id=? AND kind IN ('manifest_written', 'run_finished')"
            " ORDER BY run_seq DESC LIMIT 1",
            (run.run_id,),
        ).fetchone()
        return json.loads(found[1]).get("verdict") if found and found[0] == "manifest_written" else None

    def story(self, run_id: str, unit_id: str) -> list[Event]:
        """Everything that happened to one unit."""
        rows = self.db.execute(
            f"SELECT {_EVENT} FROM event WHERE run_id=? AND unit_id=? ORDER BY run_seq", (run_id, unit_id)
        )
        return [Event(*row) for row in rows]

    def artifacts(self, run_id: str) -> list[ArtifactRow]:
        """What the run's recorded successes left behind, by unit and name."""
        rows = self.db.execute(
            "SELECT unit_id, name, kind, media_type, size, digest, file FROM artifact WHERE run_id=?"
            " ORDER BY unit_id, name",
            (run_id,),
        )
        return [ArtifactRow(*row) for row in rows]

    def leases(self, run_id: str) -> list[LeaseRow]:
        """Which processes held attempts of this run."""
        rows = self.db.execute(
            "SELECT attempt_id, worker, pid, pid_started, boot, expires_s FROM lease WHERE run_id=?",
            (run_id,),
        )
        return [LeaseRow(*row) for row in rows]

    def results(self, run_id: str, node: str) -> Iterator[tuple[UnitRow, dict[str, Any]]]:
        """Each finished unit of a node with the body of the event that finished it, in key order."""
        rows = self.db.execute(
            f"SELECT {', '.join('u.' + name for name in _UNIT.split(', '))}, e.body FROM unit u"
            " JOIN event e ON e.run_id=u.run_id AND e.run_seq=u.done_seq WHERE u.run_id=? AND u.node=?"
            " ORDER BY u.key",
            (run_id, node),
        )
        return ((UnitRow(*row[:-1]), json.loads(row[-1])) for row in rows)

    def result(self, run_id: str, unit_id: str) -> dict[str, Any]:
        """The body of the event that finished a unit; empty where none did, or there is no such unit."""
        row = self.db.execute(
            "SELECT e.body FROM unit u JOIN event e ON e.run_id=u.run_id AND e.run_seq=u.done_seq"
            " WHERE u.run_id=? AND u.unit_id=?",
            (run_id, unit_id),
        ).fetchone()
        found: dict[str, Any] = json.loads(row[0]) if row else {}
        return found

    def commands(self, run_id: str) -> list[tuple[int, str, dict[str, Any]]]:
        """What people asked of the run's owner and it has not taken up yet: (id, verb, body), oldest first."""
        rows = self.db.execute(
            "SELECT command_id, verb, body FROM command WHERE run_id=? ORDER BY command_id", (run_id,)
        )
        return [(number, verb, json.loads(body)) for number, verb, body in rows]

    def command(self, run_id: str, verb: str, **body: Any) -> int:
        """Ask something of the run's owner, whichever process that is; returns the id of the wish."""
        cursor = self.db.execute(
            "INSERT INTO command(run_id, verb, body, at_us) VALUES(?,?,?,?)",
            (run_id, verb, body_text(body), now_us()),
        )
        return int(cursor.lastrowid or 0)

    def withdraw(self, command_id: int) -> bool:
        """Take a wish back; False where the owner has taken it up already."""
        return self.db.execute("DELETE FROM command WHERE command_id=?", (command_id,)).rowcount == 1

    def value(self, body: dict[str, Any]) -> Any:
        """The (tagged) value in the body of an `attempt_succeeded`, from the log or from its object."""
        if "value_digest" in body:
            return json.loads(self.objects.read(body["value_digest"]))
        return body.get("value")


def _run(row: tuple[Any, ...]) -> RunRow:
    run_id, app, parent, state, paused, *rest = row
    return RunRow(run_id, app, parent, state, bool(paused), *rest)
