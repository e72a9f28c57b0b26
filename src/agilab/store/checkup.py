"""`agilab store check`: the whole store looked at afresh, run by run, whatever state it is in."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from agi_node.canonical import sha256_file
from agi_node.errors import AgiError
from agilab.store.check import chain_problems, object_problems, projection_problems
from agilab.store.leftovers import MANIFEST, leftovers, owned, strangers
from agilab.store.seal import manifest_of
from agilab.store.store import Store

TOLD = 20
WORKSPACE = "workspace"
Say = Callable[[int, int, str], None]
"""Told how many runs were looked at, of how many, and which one is next."""


@dataclass(frozen=True)
class Look:
    """One thing that was looked at.

    Attributes:
        subject: A run's id, or `workspace` for what belongs to none.
        problems: What differs, in words, the first twenty; empty where all is as it should be.
        notes: What is no damage, and may be taken away.
    """

    subject: str
    name: str
    looked_at: str
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        return not self.problems

    def to_plain(self) -> dict[str, Any]:
        """The same as JSON."""
        return {
            "subject": self.subject,
            "name": self.name,
            "looked_at": self.looked_at,
            "passed": self.passed,
            "problems": list(self.problems),
            "notes": list(self.notes),
        }


def check_store(
    store: Store,
    names: Sequence[str] = (),
    *,
    objects: bool = True,
    say: Say = lambda done, total, run_id: None,
) -> Iterator[Look]:
    """Look at every run, or at those named (as `Store.run` takes them), and at what surrounds them.

    Each run is read in one snapshot, so that one that is live is judged as it was at an instant. `objects` also reads
    every byte of every object that a run refers to, once however many runs share it; without it their presence is
    looked at. Raises AGI-RUN-001 for a name that is no run, AGI-STORE-021 for a pruned one.
    """
    runs = [store.run(name).run_id for name in names]
    if not names:
        yield _looked(WORKSPACE, "database", "every page of the file", _integrity(store.db))
        try:
            runs = [row[0] for row in store.db.execute("SELECT run_id FROM run ORDER BY run_id")]
        except sqlite3.DatabaseError as problem:
            yield Look(WORKSPACE, "runs", "the list of runs", (f"it cannot be read: {problem}",))
            return
    seen: dict[str, str] = {}
    for number, run_id in enumerate(runs):
        say(number, len(runs), run_id)
        yield from _run(store, run_id, objects=objects, seen=seen)
    if not names:
        yield _looked(WORKSPACE, "belonging", "rows and folders of unknown runs", strangers(store))
        yield _remains(store)


def _run(store: Store, run_id: str, *, objects: bool, seen: dict[str, str]) -> Iterator[Look]:
    store.db.execute("BEGIN")
    try:
        count = store.db.execute("SELECT event_count FROM run WHERE run_id=?", (run_id,)).fetchone()
        if count is None:
            return  # pruned since the list was read
        yield _looked(run_id, "log", f"{count[0]:,} links of the hash chain", chain_problems(store, run_id))
        yield _looked(
            run_id, "projection", "tables against a fold of the log", projection_problems(store, run_id)
        )
        yield _looked(run_id, "manifest", "its digest against the log", _manifest(store, run_id))
        words = "every object by its digest" if objects else "presence of every object"
        yield _looked(run_id, "objects", words, object_problems(store, run_id, content=objects, seen=seen))
    except sqlite3.DatabaseError as problem:
        yield Look(run_id, "log", "rows of the run", (f"they cannot be read: {problem}",))
    finally:
        if store.db.in_transaction:  # SQLite ends one by itself where the file is damaged
            store.db.execute("ROLLBACK")


def _manifest(store: Store, run_id: str) -> Iterator[str]:
    """The manifest shown is the one that the log says was written last; nothing is said of a run that is owned."""
    written = manifest_of(store.db, run_id)
    folder = store.workspace.run_folder(run_id)
    if written is None or owned(folder):
        return
    if not (folder / MANIFEST).is_file():
        yield f"runs/{run_id}/{MANIFEST} is missing"
    elif sha256_file(folder / MANIFEST) != written:
        yield f"runs/{run_id}/{MANIFEST} has other bytes than the log says were written"


def _looked(subject: str, name: str, looked_at: str, found: Iterable[str]) -> Look:
    """Look for problems until the first twenty; a table that cannot be read is one of them."""
    problems: list[str] = []
    try:
        problems.extend(islice(found, TOLD))
    except (sqlite3.DatabaseError, OSError, AgiError, ValueError) as problem:
        problems.append(f"cannot be read: {problem.what if isinstance(problem, AgiError) else problem}")
    return Look(subject, name, looked_at, tuple(problems))


def _remains(store: Store) -> Look:
    looked_at = "what processes that died left lying about"
    try:
        found = list(islice(leftovers(store), TOLD))
    except (sqlite3.DatabaseError, OSError) as problem:
        return Look(WORKSPACE, "leftovers", looked_at, (f"cannot be read: {problem}",))
    home = store.workspace.home
    notes = [f"{one.what}{f': {one.path.relative_to(home)}' if one.path else ''}" for one in found]
    return Look(WORKSPACE, "leftovers", looked_at, (), tuple(notes))


def _integrity(db: sqlite3.Connection) -> Iterator[str]:
    for (line,) in db.execute(f"PRAGMA integrity_check({TOLD})"):
        if line != "ok":
            yield str(line)
