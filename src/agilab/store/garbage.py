"""Objects and snapshots that no run needs any more: found without stopping anybody, removed while nobody is there.

An object is written once and then only referred to. A process may therefore rely on one that it did not write (the
same bytes were put before, or a result is used again) and record that a moment, or a long environment build, later.
No age of a file and no state of a run tells how long. So objects are removed only while no other process has the
workspace open (see `store.alone`). Everyone who puts an object opened the database before. While we hold it for
ourselves, what the logs do not name is needed by nobody, provably; and whoever comes meanwhile waits for the two
seconds that we hold it at most.

What cannot be removed now, because somebody works, stays for the next time. That costs room, never a result.
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from agilab.store.alone import OPEN_ELSEWHERE, PATIENCE_SECONDS, PAUSE_SECONDS, alone
from agilab.store.leftovers import strangers
from agilab.store.objects import ObjectStore
from agilab.store.references import References
from agilab.store.snapshot import discard
from agilab.store.store import Store
from agilab.store.workspace import Workspace

HELD_SECONDS = 2.0


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
        waiting_bytes: What removing them would set free.
        why: Why they had to stay, or why nothing was looked for; empty where nothing was in the way.
    """

    objects: int
    snapshots: int
    waiting: int = 0
    waiting_bytes: int = 0
    why: str = ""


def would_collect(store: Store, tally: Tally, *, without: Collection[str]) -> Collected:
    """What `collect` would remove if the runs in `without` were gone; nothing is changed."""
    if lost := next(strangers(store), ""):
        return Collected(0, 0, why=lost)
    found = References(store.objects, store.objects.digests())
    found.read(store.db, without=without)
    found.read_documents(store.workspace)
    snapshots = list(_unneeded(store.workspace, found))
    _count(tally, [*map(store.objects.path, found.unnamed), *snapshots])
    return Collected(len(found.unnamed), len(snapshots))


def collect(workspace: Workspace, tally: Tally, *, patience_s: float = PATIENCE_SECONDS) -> Collected:
    """Remove what nobody needs, while nobody else has the workspace open; the caller must not have it open either.

    Logs and documents are read while others may work; under the lock only what came since is read again. Where there
    are runs that the database does not know, it is not the one that these objects were written with (it was moved away
    or put back from a backup), and says nothing about who needs them: nothing is removed then.
    """
    objects = ObjectStore(workspace.objects)
    found = References(objects, objects.digests())
    with Store(workspace, readonly=True) as store:
        if lost := next(strangers(store), ""):
            return Collected(0, 0, why=lost)
        found.read(store.db)
    found.read_documents(workspace)
    gone, folders = set[str](), 0
    while True:
        todo = [*map(objects.path, sorted(found.unnamed - gone)), *_unneeded(workspace, found)]
        if not todo:
            return Collected(len(gone), folders)
        with alone(workspace, patience_s=patience_s) as db:
            if db is None:
                return Collected(len(gone), folders, len(todo), _count(Tally(), todo), OPEN_ELSEWHERE)
            until = time.monotonic() + HELD_SECONDS
            found.read(db)
            found.read_documents(workspace)
            for digest in sorted(found.unnamed - gone):
                if time.monotonic() > until:
                    break
                tally.count(objects.path(digest))
                objects.path(digest).unlink(missing_ok=True)
                gone.add(digest)
            for folder in list(_unneeded(workspace, found)):
                if time.monotonic() > until:
                    break
                tally.count(folder)
                discard(folder)
                folders += 1
        time.sleep(PAUSE_SECONDS)  # whoever waited for us comes first


def _count(tally: Tally, paths: Collection[Path]) -> int:
    return sum(tally.count(path) for path in paths)


def _unneeded(workspace: Workspace, found: References) -> Iterator[Path]:
    """Folders that show the source of no remaining run: as snapshots, and as compiled apps built them."""
    for room in (workspace.snapshots, workspace.builds):
        for folder in sorted(room.iterdir()) if room.is_dir() else ():
            # A build is called after its snapshot first, and then after its environment.
            if not folder.name.startswith(".") and folder.name.partition("-")[0] not in found.trees:
                yield folder
