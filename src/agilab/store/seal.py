"""What the store remembers of a run that was pruned: enough to know its export again."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from typing import Any

from agi_node.errors import AgiError
from agilab.store.rows import iso

_COLUMNS = "run_id, app, state, created_us, finished_us, head, event_count, manifest_digest"


@dataclass(frozen=True)
class Seal:
    """A run that was pruned, or is about to be: what will be known of it. Times in microseconds since the epoch."""

    run_id: str
    app: str
    state: str
    created_us: int
    finished_us: int | None
    head: str
    event_count: int
    manifest_digest: str | None

    def to_plain(self) -> dict[str, Any]:
        """The same as JSON."""
        return {
            "run_id": self.run_id,
            "app": self.app,
            "state": self.state,
            "created_at": iso(self.created_us),
            "finished_at": iso(self.finished_us),
            "head": self.head,
            "events": self.event_count,
            "manifest_digest": self.manifest_digest,
        }


def manifest_of(db: sqlite3.Connection, run_id: str) -> str | None:
    """The digest of the manifest that was written last, as the log has it: None where none was, empty for nonsense."""
    row = db.execute(
        "SELECT body FROM event WHERE run_id=? AND kind='manifest_written' ORDER BY run_seq DESC LIMIT 1",
        (run_id,),
    ).fetchone()
    try:
        return str(json.loads(row[0])["digest"]) if row else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""


def sealed(db: sqlite3.Connection, run_id: str) -> Seal | None:
    """What is remembered of a run that was pruned, or None."""
    row = db.execute(f"SELECT {_COLUMNS} FROM pruned WHERE run_id=?", (run_id,)).fetchone()
    return Seal(*row) if row else None


def pruned_as(db: sqlite3.Connection, name: str) -> AgiError | None:
    """The error for a run of this name that was pruned, or None where no seal (or more than one) fits."""
    rows = db.execute(f"SELECT {_COLUMNS} FROM pruned").fetchall()
    found = [Seal(*row) for row in rows if row[0].startswith(name) or row[0].endswith(name)]
    if len(found) != 1:
        return None
    (seal,) = found
    return AgiError(
        "AGI-STORE-021",
        f"run {seal.run_id} was pruned: only its seal is here",
        found=f"{seal.state} {iso(seal.finished_us)}, {seal.event_count:,} events, head {seal.head}",
        allowed="a run whose log is here",
        try_=f"agilab store import {seal.run_id}.zip, if it was exported",
        exit_code=1,
    )


def put_seal(db: sqlite3.Connection, seal: Seal, at_us: int) -> None:
    """Remember a run; from here on its events may be deleted. Within the caller's transaction."""
    drop_seal(db, seal.run_id)
    db.execute(
        f"INSERT INTO pruned({_COLUMNS}, pruned_us) VALUES(?,?,?,?,?,?,?,?,?)",
        (
            seal.run_id,
            seal.app,
            seal.state,
            seal.created_us,
            seal.finished_us,
            seal.head,
            seal.event_count,
            seal.manifest_digest,
            at_us,
        ),
    )


def drop_seal(db: sqlite3.Connection, run_id: str) -> None:
    """The run is here (again). Within the caller's transaction."""
    db.execute("DELETE FROM pruned WHERE run_id=?", (run_id,))
