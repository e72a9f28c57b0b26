"""`agilab store prune`: which runs may go, and what goes with them.

A run is pruned only if it is neither among the newest of its app nor of the last days. Never pruned: a run with a
mark (`promoted`, `keep`), one that has not ended or that a process owns, and the parent of a rerun that has not ended
(it may still read what the parent left). The parent of a rerun that has ended may go: what the rerun used again is in
its own log, and its objects stay for as long as that log does. Of every pruned run the store remembers the head of
its chain and the digest of its manifest, by which an export of it can be told from any other.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from filelock import FileLock, Timeout

from agi_node.errors import ENVIRONMENT, AgiError
from agilab.store.events import Event
from agilab.store.garbage import Tally, collect, would_collect
from agilab.store.leftovers import half_pruned, leftovers, owned
from agilab.store.log import now_us
from agilab.store.looking import open_to_look
from agilab.store.removal import damage, remove_run, take_away, tidy
from agilab.store.seal import Seal
from agilab.store.store import Store
from agilab.store.workspace import Workspace

KEEP_RUNS = 50
KEEP_DAYS = 30
Say = Callable[[str], None]


@dataclass(frozen=True)
class Retention:
    """What stays.

    Attributes:
        runs: So many of the newest runs of each app.
        days: Every run that ended within so many days.
        app: Only runs of this app are looked at.
    """

    runs: int = KEEP_RUNS
    days: float = KEEP_DAYS
    app: str | None = None


@dataclass(frozen=True)
class Pruning:
    """What a prune did, or would do.

    Attributes:
        runs: Runs that went, oldest first.
        left: (run id, why) of runs that would have gone by their age and had to stay.
        kept: How many runs stay.
        finished: Runs that an earlier, interrupted prune had begun to take away.
        leftovers: In words, what else was removed.
        objects: How many objects nobody needed any more.
        snapshots: How many folders of source nobody needed any more.
        waiting: Objects and snapshots that nobody needs and that had to stay because the workspace is in use.
        bytes: What all of that sets free on disk, the database not counted: its room is used again by new runs.
    """

    runs: tuple[Seal, ...]
    left: tuple[tuple[str, str], ...]
    kept: int
    finished: tuple[str, ...]
    leftovers: tuple[str, ...]
    objects: int
    snapshots: int
    waiting: int
    bytes: int
    dry_run: bool

    def to_plain(self) -> dict[str, Any]:
        """The same as JSON."""
        return {
            "status": "succeeded",
            "dry_run": self.dry_run,
            "runs": [run.to_plain() for run in self.runs],
            "left": [{"run_id": run_id, "why": why} for run_id, why in self.left],
            "kept": self.kept,
            "finished": list(self.finished),
            "leftovers": list(self.leftovers),
            "objects": self.objects,
            "snapshots": self.snapshots,
            "waiting": self.waiting,
            "bytes": self.bytes,
        }


def prune(
    workspace: Workspace,
    keep: Retention = Retention(),
    *,
    dry_run: bool = False,
    now: int | None = None,
    say: Say = lambda text: None,
) -> Pruning:
    """Take away what is not kept, finish what an earlier prune began, and remove what nobody needs then.

    With `dry_run` nothing is changed, and the answer is what would be. `now` is in microseconds since the epoch.
    Objects are only removed while no other process (and no other `Store` of this one) has the workspace open.

    Raises AGI-STORE-020 where another prune is at work, AGI-STORE-022 where the database is damaged, AGI-STORE-023
    where a file or the disk refuses; what is not yet taken away then stays, and the next prune goes on from there.
    """
    at = now_us() if now is None else now
    try:
        return _prune(workspace, keep, dry_run=dry_run, at=at, say=say)
    except sqlite3.OperationalError as problem:
        raise _stopped(
            "AGI-STORE-023", f"the database refuses: {problem}", "check permissions and free space"
        ) from problem
    except sqlite3.DatabaseError as problem:
        raise _stopped(
            "AGI-STORE-022", f"the database is damaged: {problem}", "agilab store check"
        ) from problem
    except OSError as problem:
        place = f" ({problem.filename})" if problem.filename else ""
        found = f"{problem.strerror or problem}{place}"
        raise _stopped("AGI-STORE-023", found, "check permissions and free space") from problem


def _stopped(code: str, found: str, try_: str) -> AgiError:
    return AgiError(
        code,
        "the prune stopped; what it had not yet taken away is as it was",
        found=found,
        allowed="a whole database and files that you may remove",
        try_=f"{try_}, then: agilab store prune",
        whose="environment",
        exit_code=ENVIRONMENT,
    )


def _prune(workspace: Workspace, keep: Retention, *, dry_run: bool, at: int, say: Say) -> Pruning:
    if dry_run or not workspace.db.exists():  # without a database, opening it for reading says what to do
        with open_to_look(workspace) as store:
            return _foreseen(store, keep, at)
    with _only_one(workspace):
        tally = Tally()
        with Store(workspace) as store:
            finished = tuple(half_pruned(store.db, workspace))
            for run_id in finished:
                take_away(store, run_id, tally)
            tidied = tuple(tidy(store, tally))
            doomed, kept = _choose(store, keep, at)
            pruned, left = [], []
            for number, seal in enumerate(doomed, start=1):
                say(f"pruning run {number:,} of {len(doomed):,}")
                why = remove_run(store, seal, at, tally)
                if why:
                    left.append((seal.run_id, why))
                else:
                    pruned.append(seal)
        say("looking for objects that nobody needs")
        collected = collect(workspace, tally)
    return Pruning(
        tuple(pruned),
        tuple(left),
        kept + len(left),
        finished,
        tidied,
        collected.objects,
        collected.snapshots,
        collected.waiting,
        tally.bytes,
        dry_run=False,
    )


# -- choosing ------------------------------------------------------------------------------------------------


def _choose(store: Store, keep: Retention, now: int) -> tuple[list[Seal], int]:
    """The runs that may go, oldest first, and how many stay."""
    since = now - int(timedelta(days=keep.days) / timedelta(microseconds=1))
    where, parameters = ("WHERE app=?", [keep.app]) if keep.app else ("", [])
    rows = store.db.execute(
        "SELECT run_id, app, state, created_us, finished_us, head, event_count, mark FROM run"
        f" {where} ORDER BY run_id DESC",
        parameters,
    ).fetchall()
    parents = {
        row[0]
        for row in store.db.execute(
            "SELECT parent_run_id FROM run WHERE state='running' AND parent_run_id<>''"
        )
    }
    newer: dict[str, int] = {}
    doomed = []
    for run_id, app, state, created, finished, head, count, mark in rows:
        newer[app] = newer.get(app, 0) + 1
        ended = finished if finished is not None else created
        if newer[app] <= keep.runs or ended >= since or mark or state == "running" or run_id in parents:
            continue
        doomed.append(Seal(run_id, app, state, created, finished, head, count, _manifest(store, run_id)))
    return doomed[::-1], len(rows) - len(doomed)


def _manifest(store: Store, run_id: str) -> str | None:
    """The digest of the manifest that was written last, as the log has it."""
    found: Event | None = None
    for found in store.events(run_id, kinds=("manifest_written",)):  # noqa: B007 (the last one)
        pass
    try:
        return str(found.data["digest"]) if found else None
    except (ValueError, KeyError, TypeError):
        return None


def _foreseen(store: Store, keep: Retention, now: int) -> Pruning:
    tally = Tally()
    finished = tuple(half_pruned(store.db, store.workspace))
    doomed, kept = _choose(store, keep, now)
    left = [(seal.run_id, why) for seal in doomed if (why := _in_the_way(store, seal))]
    stay = {run_id for run_id, _ in left}
    going = tuple(seal for seal in doomed if seal.run_id not in stay)
    for run_id in (*finished, *(seal.run_id for seal in going)):
        tally.count(store.workspace.run_folder(run_id))
    tidied = []
    for one in leftovers(store):
        if one.run_id not in finished:
            tidied.append(one.what)
            if one.path:
                tally.count(one.path)
    collected = would_collect(store, tally, without={seal.run_id for seal in going})
    return Pruning(
        going,
        tuple(left),
        kept + len(left),
        finished,
        tuple(tidied),
        collected.objects,
        collected.snapshots,
        0,
        tally.bytes,
        dry_run=True,
    )


def _in_the_way(store: Store, seal: Seal) -> str:
    """Why a run cannot go although its age is right; empty where nothing is in the way."""
    if owned(store.workspace.run_folder(seal.run_id)):
        return "a process is at it"
    return damage(store, seal)


@contextmanager
def _only_one(workspace: Workspace) -> Iterator[None]:
    """Two prunes at once would each wonder at what the other takes away."""
    lock = FileLock(workspace.home / "prune.lock", thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise AgiError(
            "AGI-STORE-020",
            "another prune of this workspace is at work",
            found=str(workspace.home),
            allowed="one at a time",
            try_="agilab store prune --dry-run",
            exit_code=1,
        ) from None
    try:
        yield
    finally:
        lock.release()
