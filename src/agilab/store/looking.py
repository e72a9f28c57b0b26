"""Reading a store as it lies there: on a disk that cannot be written to, or of an older version."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from agi_node.errors import AgiError
from agilab.store.database import SCHEMA_VERSION, header
from agilab.store.objects import ObjectStore
from agilab.store.store import Store
from agilab.store.workspace import Workspace


@contextmanager
def open_to_look(workspace: Workspace) -> Iterator[Store]:
    """The store for reading, whatever state it is in; nothing of it is changed.

    SQLite wants to write beside a database of this kind even to read it, and an older database would have to be
    migrated. In both cases a temporary copy of the database is read in its place, and the objects and folders where
    they are. Raises what opening a store raises.
    """
    try:
        store = Store(workspace, readonly=True, migrate=False)
    except AgiError as problem:
        if problem.code != "AGI-STORE-005" or not _is_a_database(workspace.db):
            raise
        with _copy(workspace, None) as store:
            yield store
        return
    with store:
        if store.db.execute("PRAGMA user_version").fetchone()[0] == SCHEMA_VERSION:
            yield store
        else:
            with _copy(workspace, store.db) as migrated:
                yield migrated


@contextmanager
def _copy(workspace: Workspace, db: sqlite3.Connection | None) -> Iterator[Store]:
    """A store over a copy of the database: through SQLite where that can read it, else file by file."""
    with tempfile.TemporaryDirectory(prefix="agilab-look-") as made:
        place = Path(made)
        if db is not None:
            with closing(sqlite3.connect(place / workspace.db.name)) as copy:
                db.backup(copy)
        else:
            for suffix in ("", "-wal"):
                file = workspace.db.with_name(workspace.db.name + suffix)
                if file.exists():
                    shutil.copyfile(file, place / file.name)
        with Store(Workspace(place)) as store:
            store.workspace, store.objects = workspace, ObjectStore(workspace.objects)
            store.db.execute("PRAGMA query_only=ON")
            yield store


def _is_a_database(path: Path) -> bool:
    return header(path)[:16] == b"SQLite format 3\x00"
