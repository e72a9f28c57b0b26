"""What processes that died left lying about: found by `store check`, removed by `store prune`.

None of it is part of any run's evidence. Something that a living process may still be at is not a leftover: its
run has an owner, or it is younger than an hour.
"""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from agilab.contracts.identifiers import RUN_ID
from agilab.store.locks import has_owner
from agilab.store.references import logs
from agilab.store.snapshot import UNFINISHED
from agilab.store.store import Store
from agilab.store.workspace import Workspace

MANIFEST = "run_manifest.json"
YOUNG_SECONDS = 3_600.0
TABLES = ("cached", "event", "unit", "node", "artifact", "lease", "command")
"""Tables with rows of runs, beside `run` itself and `pruned`, in the order in which a prune empties them: nobody shall
find a result whose event is gone."""


@dataclass(frozen=True)
class Leftover:
    """Something that nobody needs.

    Attributes:
        what: In words.
        path: The file or folder; None for rows of the database.
        run_id: Whose it was, where that is known.
    """

    what: str
    path: Path | None = None
    run_id: str | None = None


def leftovers(store: Store, *, now_s: float | None = None) -> Iterator[Leftover]:
    """Everything in the workspace that an ended process should have taken away."""
    for run_id in half_pruned(store.db, store.workspace):
        yield Leftover(f"the rest of run {run_id}, which is being pruned", run_id=run_id)
    yield from remains(store, now_s=now_s)


def remains(store: Store, *, now_s: float | None = None) -> Iterator[Leftover]:
    """The same without the runs that an interrupted prune left."""
    now = time.time() if now_s is None else now_s
    states = dict(store.db.execute("SELECT run_id, state FROM run"))
    leased = store.db.execute(
        "SELECT DISTINCT run_id FROM lease WHERE run_id NOT IN (SELECT run_id FROM pruned) ORDER BY run_id"
    ).fetchall()
    for (run_id,) in leased:
        if states.get(run_id) != "running":
            yield Leftover(f"leases of run {run_id}, which is over", run_id=run_id)
    yield from _staging(store.workspace, states)
    yield from _unknown(store, states, now)
    imported = [run_id for (run_id,) in store.db.execute("SELECT run_id FROM imported ORDER BY run_id")]
    yield from _temporaries(store.workspace, imported, now)


def half_pruned(db: sqlite3.Connection, workspace: Workspace) -> Iterator[str]:
    """Runs that were sealed and taken from the list, and of which rows or files are still here."""
    sealed = "SELECT run_id FROM pruned WHERE run_id NOT IN (SELECT run_id FROM run) ORDER BY run_id"
    for (run_id,) in db.execute(sealed).fetchall():
        rows = any(
            db.execute(f"SELECT 1 FROM {table} WHERE run_id=? LIMIT 1", (run_id,)).fetchone()
            for table in TABLES
        )
        if rows or workspace.run_folder(run_id).exists():
            yield run_id


def strangers(store: Store) -> Iterator[str]:
    """Rows and folders of runs that the store does not know, and has not pruned: something is missing here."""
    known = {
        run_id for (run_id,) in store.db.execute("SELECT run_id FROM run UNION SELECT run_id FROM pruned")
    }
    for table in TABLES[:-1]:
        for run_id in logs(store.db, table):
            if run_id not in known:
                yield f"table {table} has rows of run {run_id}, which is not in the list of runs"
    for folder in _folders(store.workspace.runs):
        if folder.name not in known and (folder / MANIFEST).exists() and not owned(folder):
            yield f"runs/{folder.name} holds a manifest, and the store knows no such run"


def owned(folder: Path) -> bool:
    """Whether a process owns the run; on a disk where no lock can be taken, nobody of this machine does."""
    try:
        return has_owner(folder)
    except OSError:
        return False


def _staging(workspace: Workspace, states: dict[str, str]) -> Iterator[Leftover]:
    for folder in _folders(workspace.runs):
        staging = folder / "staging"
        # A run that was interrupted may be resumed, and adopts what was staged for it.
        if staging.is_dir() and states.get(folder.name, "") not in ("running", "") and not owned(folder):
            yield Leftover(f"what run {folder.name} staged and never recorded", staging, folder.name)


def _unknown(store: Store, states: dict[str, str], now: float) -> Iterator[Leftover]:
    """Folders of runs that died before they were written down, or never came in whole."""
    pruned = {run_id for (run_id,) in store.db.execute("SELECT run_id FROM pruned")}
    for folder in _folders(store.workspace.runs):
        if folder.name in states or folder.name in pruned or (folder / MANIFEST).exists():
            continue
        if not re.fullmatch(RUN_ID, folder.name):
            continue  # somebody's own, though runs/ is an odd place for it
        if _age(folder, now) > YOUNG_SECONDS and not owned(folder):
            yield Leftover("the folder of a run that never began", folder, folder.name)


def _temporaries(workspace: Workspace, imported: list[str], now: float) -> Iterator[Leftover]:
    """What was to be renamed once it is whole: by the object store, by a snapshot, by an import into a run's folder."""
    places = [(workspace.objects, "[0-9a-f][0-9a-f]/.put-*")]
    places += [(folder, f"{UNFINISHED}*") for folder in (workspace.snapshots, workspace.builds)]
    places += [(workspace.run_folder(run_id), "**/.put-import-*") for run_id in imported]
    for folder, pattern in places:
        for path in sorted(folder.glob(pattern)):
            if _age(path, now) > YOUNG_SECONDS:
                yield Leftover("a file or folder that its writer never finished", path)


def _age(path: Path, now: float) -> float:
    try:
        return now - path.lstat().st_mtime
    except OSError:
        return 0.0


def _folders(root: Path) -> list[Path]:
    return sorted(path for path in root.iterdir() if path.is_dir()) if root.is_dir() else []
