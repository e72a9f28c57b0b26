"""How a run leaves the store: sealed first, then taken away in small steps, so that dying in between is safe.

The seal is a transaction of its own. Then the run leaves the list; its rows go in batches, so that live runs never wait
long; its folder goes last. Whoever dies after the seal leaves a whole run; whoever dies later, a run that is in no
list and whose rest the next prune takes away.
"""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager

from agi_node.errors import AgiError
from agilab.store.garbage import Tally
from agilab.store.leftovers import TABLES, leftovers
from agilab.store.locks import RunLock
from agilab.store.seal import Seal, drop_seal, put_seal
from agilab.store.store import Store

BATCH_ROWS = 2_000
BREATH_SECONDS = 0.002
"""Between two batches: whoever waits for the writer's lock gets it, as SQLite keeps no queue."""
_KEYS = {
    "event": "run_seq",
    "unit": "unit_id",
    "node": "node",
    "artifact": "unit_id",
    "cached": "unit_id",
    "lease": "attempt_id",
    "command": "command_id",
}


def remove_run(store: Store, seal: Seal, at_us: int, tally: Tally) -> str:
    """Seal a run and take it away; returns why it had to stay, or nothing."""
    try:
        # Whoever would write to the run (a note, a delivery) owns it while doing so.
        with RunLock(store.workspace.run_folder(seal.run_id)):
            if why := damage(store, seal):
                return why
            with transaction(store.db):
                put_seal(store.db, seal, at_us)
            with transaction(store.db):
                gone = store.db.execute(
                    "DELETE FROM run WHERE run_id=? AND head=? AND mark='' AND state<>'running'",
                    (seal.run_id, seal.head),
                )
                if gone.rowcount != 1:
                    # It was written to since it was chosen: it is no longer the run that the seal speaks of.
                    drop_seal(store.db, seal.run_id)
                    return "it was changed meanwhile"
            _delete_rows(store.db, seal.run_id)
    except AgiError as problem:
        if problem.code != "AGI-RUN-010":
            raise
        return "a process is at it"
    take_away(store, seal.run_id, tally)
    return ""


def take_away(store: Store, run_id: str, tally: Tally) -> None:
    """What is left of a sealed run that is in no list: rows, then its folder."""
    _delete_rows(store.db, run_id)
    folder = store.workspace.run_folder(run_id)
    if folder.exists():
        tally.count(folder)
        shutil.rmtree(folder)


def damage(store: Store, seal: Seal) -> str:
    """A log that does not end where its run says is evidence of something, and stays until somebody looked at it."""
    last = store.db.execute(
        "SELECT run_seq, sha256 FROM event WHERE run_id=? ORDER BY run_seq DESC LIMIT 1", (seal.run_id,)
    ).fetchone()
    return "" if last == (seal.event_count, seal.head) else "its log is damaged (agilab store check)"


def tidy(store: Store, tally: Tally) -> Iterator[str]:
    """Remove what dead processes left (see `leftovers`), and say what it was.

    A run that was sealed and is still in the list is whole: its seal goes, and whether it goes is decided afresh.
    """
    with transaction(store.db):
        store.db.execute("DELETE FROM pruned WHERE run_id IN (SELECT run_id FROM run)")
    for one in list(leftovers(store)):
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
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def _delete_rows(db: sqlite3.Connection, run_id: str) -> None:
    for table in TABLES:
        key = _KEYS[table]
        while True:
            last = db.execute(
                f"SELECT {key} FROM {table} WHERE run_id=? ORDER BY {key} LIMIT 1 OFFSET {BATCH_ROWS}",
                (run_id,),
            ).fetchone()
            with transaction(db):
                if last:
                    db.execute(f"DELETE FROM {table} WHERE run_id=? AND {key}<=?", (run_id, last[0]))
                else:
                    db.execute(f"DELETE FROM {table} WHERE run_id=?", (run_id,))
            if last is None:
                break
            time.sleep(BREATH_SECONDS)
