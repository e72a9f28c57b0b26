"""The workspace for ourselves: whether anybody else has it open, who that is, and keeping it while nobody does.

SQLite keeps a shared lock on the database for as long as any process has it open, for reading or for writing, and
refuses an exclusive one until all are gone, however they end. Whoever comes while we have the exclusive one waits for
it, up to the thirty seconds of `database.BUSY_TIMEOUT_S`: keep it for a few at most.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from agilab.store.workspace import Workspace

PAUSE_SECONDS = 0.05
PATIENCE_SECONDS = 2.0
OPEN_ELSEWHERE = "the workspace is open elsewhere"
"""Why something has to wait that is only done alone."""
_TOLD = 60


@contextmanager
def alone(
    workspace: Workspace, *, patience_s: float = PATIENCE_SECONDS
) -> Iterator[sqlite3.Connection | None]:
    """The database for ourselves until this ends, outside of any transaction; None where somebody keeps it open."""
    until = time.monotonic() + patience_s
    while True:
        with closing(sqlite3.connect(workspace.db, isolation_level=None, timeout=0)) as db:
            # In this mode a lock that was taken once is kept until the connection is closed.
            db.execute("PRAGMA locking_mode=EXCLUSIVE")
            if _taken(db):
                yield db
                return
        if time.monotonic() > until:
            yield None
            return
        time.sleep(PAUSE_SECONDS)


def _taken(db: sqlite3.Connection) -> bool:
    try:
        db.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as problem:
        if problem.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise
        return False
    db.execute("ROLLBACK")
    return True


def holders(workspace: Workspace) -> tuple[str, ...]:
    """Which other processes have the database open, in words, as far as this user may see them."""
    import psutil

    place, found = os.path.realpath(workspace.db), []
    for process in psutil.process_iter(["pid", "cmdline"]):
        with suppress(psutil.Error, OSError):
            if process.pid != os.getpid() and any(file.path == place for file in process.open_files()):
                found.append(f"process {process.pid} ({_command(process.info['cmdline'] or [])})")
    return tuple(found)


def _command(words: list[str]) -> str:
    """A command line as a person typed it: without the interpreter, and without where the program lies."""
    if len(words) > 1 and Path(words[0]).name.startswith("python") and not words[1].startswith("-"):
        words = words[1:]
    told = " ".join(" ".join([Path(words[0]).name, *words[1:]]).split()) if words else "unknown"
    return told if len(told) <= _TOLD else f"{told[:_TOLD]}…"
