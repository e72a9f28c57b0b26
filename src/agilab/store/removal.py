"""How a run leaves the store: sealed first, then taken away in small steps, so that dying in between is safe.

In one transaction the run gets its seal and leaves the list. Then its folder goes, and its rows in batches, so that
live runs never wait long. Whoever dies after the seal leaves a run that is in no list, and whose rest the next prune
takes away. Each step is done as the owner of the run, so that an import of the very same run is never undone.
"""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from agi_node.errors import AgiError
from agilab.store.garbage import Tally
from agilab.store.leftovers import TABLES, remains
from agilab.store.locks import LOCK, NOTE, RunLock
from agilab.store.seal import Seal, put_seal, sealed
from agilab.store.store import Store

BATCH_ROWS = 2_000
BREATH_SECONDS = 0.002
"""Between two batches: whoever waits for the writer's lock gets it, as SQLite keeps no queue."""
OWNED = "a process is at it"
_KEYS = {
    "event": "run_seq",
    "unit": "unit_id",
    "node": "node",
    "artifact": "unit_id",
    "cached": "unit_id",
    "lease": "attempt_id",
    "command": "command_id",
}


def seal_run(store: Store, seal: Seal, at_us: int) -> str:
    """Seal a run and take it from the list; returns why it had to stay, or nothing."""
    with _owner(store, seal.run_id) as mine:
        # Whoever would write to the run (a note, a delivery) owns it while doing so.
        if not mine:
            return OWNED
        if why := damage(store, seal):
            return why
        with transaction(store.db):
            gone = store.db.execute(
                "DELETE FROM run WHERE run_id=? AND head=? AND mark='' AND state<>'running'"
                " AND NOT EXISTS (SELECT 1 FROM run AS child"
                " WHERE child.parent_run_id=run.run_id AND child.state='running')",
                (seal.run_id, seal.head),
            )
            if gone.rowcount != 1:
                return "it was changed, or is being run again, meanwhile"
            put_seal(store.db, seal, at_us)
    return ""


def remove_folder(store: Store, run_id: str, tally: Tally) -> bool:
    """Remove the folder of a sealed run that is in no list; False where a process is at it, or it came back."""
    with _owner(store, run_id) as mine:
        if mine := mine and _is_gone(store, run_id):
            folder = store.workspace.run_folder(run_id)
            for entry in sorted(folder.iterdir()):
                if entry.name not in (LOCK, NOTE):
                    tally.count(entry)
            shutil.rmtree(folder)
    return mine


def remove_rows(store: Store, run_id: str) -> bool:
    """Remove what the tables still have of a sealed run that is in no list; False as `remove_folder`."""
    with _owner(store, run_id) as mine:
        if mine := mine and _is_gone(store, run_id):
            for table in TABLES:
                _delete_rows(store.db, table, run_id)
            shutil.rmtree(store.workspace.run_folder(run_id))  # which its lock has made again
    return mine


def damage(store: Store, seal: Seal) -> str:
    """A log that does not end where its run says is evidence of something, and stays until somebody looked at it."""
    last = store.db.execute(
        "SELECT run_seq, sha256 FROM event WHERE run_id=? ORDER BY run_seq DESC LIMIT 1", (seal.run_id,)
    ).fetchone()
    return "" if last == (seal.event_count, seal.head) else "its log is damaged (agilab store check)"


def tidy(store: Store, tally: Tally) -> Iterator[str]:
    """Remove what dead processes left (see `leftovers.remains`), and say what it was."""
    for one in list(remains(store)):
        if one.path is None:
            with transaction(store.db):
                store.db.execute(
                    "DELETE FROM lease WHERE run_id=? AND run_id NOT IN (SELECT run_id FROM run WHERE state='running')",
                    (one.run_id,),
                )
        else:
            tally.count(one.path)
            if one.path.is_dir():
                shutil.rmtree(one.path, ignore_errors=True)
            else:
                one.path.unlink(missing_ok=True)
        yield one.what


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """One short write, whole or not at all."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:  # a full disk makes SQLite roll back by itself
            db.execute("ROLLBACK")
        raise


@contextmanager
def _owner(store: Store, run_id: str) -> Iterator[bool]:
    """Own a run, if nobody else does."""
    with ExitStack() as stack:
        try:
            stack.enter_context(RunLock(store.workspace.run_folder(run_id)))
            mine = True
        except AgiError as problem:
            if problem.code != "AGI-RUN-010":
                raise
            mine = False
        yield mine


def _is_gone(store: Store, run_id: str) -> bool:
    listed = store.db.execute("SELECT 1 FROM run WHERE run_id=?", (run_id,)).fetchone()
    return listed is None and sealed(store.db, run_id) is not None


def _delete_rows(db: sqlite3.Connection, table: str, run_id: str) -> None:
    key = _KEYS[table]
    batch = f"SELECT {key} FROM {table} WHERE run_id=? ORDER BY {key} LIMIT 1 OFFSET {BATCH_ROWS}"
    while last := db.execute(batch, (run_id,)).fetchone():
        with transaction(db):
            db.execute(f"DELETE FROM {table} WHERE run_id=? AND {key}<=?", (run_id, last[0]))
        time.sleep(BREATH_SECONDS)
    with transaction(db):
        db.execute(f"DELETE FROM {table} WHERE run_id=?", (run_id,))
