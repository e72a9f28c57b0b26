"""Room inside the database file: rows that were pruned leave free pages, which only this gives back to the disk."""

from __future__ import annotations

import shutil
import sqlite3
import time
from dataclasses import dataclass
from typing import Any

from agilab.store.alone import OPEN_ELSEWHERE, PATIENCE_SECONDS, alone
from agilab.store.store import Store
from agilab.store.workspace import Workspace

STEP_PAGES = 2_000
BREATH_SECONDS = 0.002
WORTH_BYTES = 2**20
WORTH_SHARE = 0.1
"""Less free room than this (and than this share of the file) is soon used again by new runs, and is left there."""
REWRITE_BYTES = 256 * 2**20
"""A file with more than this in it is not rewritten: whoever opens the workspace meanwhile would wait for too long."""
_INCREMENTAL = 2


@dataclass(frozen=True)
class Room:
    """What became of the free room in the database file.

    Attributes:
        given_back: Bytes by which the file shrank.
        kept: Bytes that are free inside the file, for new runs.
        why: Why so many stay, and what to do; empty where they are few.
    """

    given_back: int = 0
    kept: int = 0
    why: str = ""

    def to_plain(self) -> dict[str, Any]:
        """The same as JSON."""
        return {"given_back": self.given_back, "kept": self.kept, "why": self.why}


def give_back(workspace: Workspace, *, patience_s: float = PATIENCE_SECONDS) -> Room:
    """Shrink the database file by its free pages; the caller must not have it open.

    A file that keeps account of its pages (`auto_vacuum`) shrinks in small steps, whoever else has it open. Any other
    is rewritten once so that it does from then on: only while nobody else has it open, and only where that is quick.
    """
    with Store(workspace) as store:
        whole, free = _sizes(store.db)
        if free < max(WORTH_BYTES, WORTH_SHARE * whole):
            return Room(kept=free)
        if store.db.execute("PRAGMA auto_vacuum").fetchone()[0] == _INCREMENTAL:
            _in_steps(store.db)
            store.db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            left, kept = _sizes(store.db)
            return Room(whole - left, kept)
    live = whole - free
    if live > REWRITE_BYTES:
        how = f"sqlite3 '{workspace.db}' 'PRAGMA auto_vacuum=2; VACUUM'"
        return Room(kept=free, why=f"rewriting {live:,} bytes takes too long to do it unasked: {how}")
    # SQLite writes the new file to its temporary folder first, and from there to the log beside the database.
    if shutil.disk_usage(workspace.home).free < 2 * live + WORTH_BYTES:
        return Room(kept=free, why=f"rewriting the file needs {2 * live:,} bytes of free disk")
    return _rewritten(workspace, free, patience_s)


def _rewritten(workspace: Workspace, free: int, patience_s: float) -> Room:
    with alone(workspace, patience_s=patience_s) as db:
        if db is None:
            return Room(kept=free, why=OPEN_ELSEWHERE)
        before, _ = _sizes(db)
        try:
            db.execute(f"PRAGMA auto_vacuum={_INCREMENTAL}")
            db.execute("VACUUM")
        except sqlite3.OperationalError as problem:  # what it says then is that a disk is full
            return Room(kept=free, why=f"the file could not be rewritten: {problem}")
        after, kept = _sizes(db)
    return Room(before - after, kept)


def _in_steps(db: sqlite3.Connection) -> None:
    while (left := _sizes(db)[1]) > 0:
        db.executescript(f"PRAGMA incremental_vacuum({STEP_PAGES})")  # `execute` would free one page and stop
        if _sizes(db)[1] >= left:
            return
        time.sleep(BREATH_SECONDS)


def _sizes(db: sqlite3.Connection) -> tuple[int, int]:
    """Bytes of the database, and how many of them are free."""
    page, count, free = (
        int(db.execute(f"PRAGMA {name}").fetchone()[0])
        for name in ("page_size", "page_count", "freelist_count")
    )
    return page * count, page * free
