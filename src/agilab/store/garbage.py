"""Objects and snapshots that no run needs any more: found without stopping anybody, removed while nobody is there.

An object is written once and then only referred to. A process may therefore rely on one that it did not write (the
same bytes were put before, or a result is used again) and record that a moment, or a long environment build, later.
No age of a file and no state of a run tells how long. So objects are removed only while no other process has the
workspace open: SQLite keeps a shared lock on the database for as long as any process has it open, for reading or for
writing, and refuses an exclusive one until all are gone, however they end. Everyone who puts an object opened the
database before. While we hold it for ourselves, what the logs do not name is needed by nobody, provably; and whoever
comes meanwhile waits for the two seconds that we hold it at most.

What cannot be removed now, because somebody works, stays for the next time. That costs room, never a result.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from agilab.store.objects import ObjectStore
from agilab.store.references import References
from agilab.store.store import Store
from agilab.store.workspace import Workspace

HELD_SECONDS = 2.0
PAUSE_SECONDS = 0.05
PATIENCE_SECONDS = 2.0


class Tally:
    """Counts the bytes that removing paths sets free: those of a file count with the last of its names."""

    def __init__(self) -> None:
        self.bytes = 0
        self._links: dict[tuple[int, int], int] = {}

    def count(self, path: Path) -> int:
        """Count a file, or all files below a folder, as removed; returns what that alone sets free."""
        before = self.bytes
        if path.is_dir() and not path.is_symlink():
            for root, _, names in os.walk(path):
                for name in names:
                    self._count(Path(root, name))
        else:
            self._count(path)
        return self.bytes - before

    def _count(self, path: Path) -> None:
        try:
            stat = path.lstat()
        except OSError:
            return
        if stat.st_nlink == 1:
            self.bytes += stat.st_size
            return
        file = (stat.st_dev, stat.st_ino)
        left = self._links.get(file, stat.st_nlink) - 1
        self._links[file] = left
        if left == 0:
            self.bytes += stat.st_size


@dataclass(frozen=True)
class Collected:
    """What was removed, or would be.

    Attributes:
        waiting: Objects and snapshots that nobody needs and that had to stay, because others have the workspace open.
    """

    objects: int
    snapshots: int
    waiting: int = 0


def would_collect(store: Store, tally: Tally, *, without: Collection[str]) -> Collected:
    """What `collect` would remove if the runs in `without` were gone; nothing is changed."""
    found = References(store.objects, store.objects.digests())
    found.read(store.db, without=without)
    found.read_documents(store.workspace)
    snapshots = list(_unneeded(store.workspace, found))
    for digest in found.unnamed:
        tally.count(store.objects.path(digest))
    for folder in snapshots:
        tally.count(folder)
    return Collected(len(found.unnamed), len(snapshots))


def collect(workspace: Workspace, tally: Tally, *, patience_s: float = PATIENCE_SECONDS) -> Collected:
    """Remove what nobody needs, while nobody else has the workspace open; the caller must not have it open either.

    Logs are read while others may work; under the lock only what came since is read again.
    """
    objects = ObjectStore(workspace.objects)
    found = References(objects, objects.digests())
    with Store(workspace, readonly=True) as store:
        found.read(store.db)
    found.read_documents(workspace)
    gone, folders = set[str](), 0
    while True:
        todo = found.unnamed - gone
        if not todo and not any(_unneeded(workspace, found)):
            return Collected(len(gone), folders)
        with _alone(workspace, patience_s) as db:
            if db is None:
                return Collected(len(gone), folders, len(todo) + len(list(_unneeded(workspace, found))))
            until = time.monotonic() + HELD_SECONDS
            found.read(db)
            for digest in sorted(found.unnamed - gone):
                if time.monotonic() > until:
                    break
                path = objects.path(digest)
                tally.count(path)
                path.unlink(missing_ok=True)
                gone.add(digest)
            else:
                for folder in list(_unneeded(workspace, found)):
                    if time.monotonic() > until:
                        break
                    tally.count(folder)
                    shutil.rmtree(folder)
                    folders += 1
        time.sleep(PAUSE_SECONDS)  # whoever waited for us comes first


@contextmanager
def _alone(workspace: Workspace, patience_s: float) -> Iterator[sqlite3.Connection | None]:
    """The database for ourselves, as a transaction; None where somebody else keeps it open."""
    until = time.monotonic() + patience_s
    while True:
        with closing(sqlite3.connect(workspace.db, isolation_level=None, timeout=0)) as db:
            db.execute("PRAGMA locking_mode=EXCLUSIVE")
            try:
                db.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                pass
            else:
                yield db
                db.execute("ROLLBACK")
                return
        if time.monotonic() > until:
            yield None
            return
        time.sleep(PAUSE_SECONDS)


def _unneeded(workspace: Workspace, found: References) -> Iterator[Path]:
    """Snapshot folders that show the source of no remaining run."""
    if workspace.snapshots.is_dir():
        for folder in sorted(workspace.snapshots.iterdir()):
            if not folder.name.startswith(".") and folder.name not in found.trees:
                yield folder
