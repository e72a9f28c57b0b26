"""`agilab store prune`: which runs may go, and what goes with them.

A run is pruned only if it is neither among the newest of its app nor of the last days. Never pruned: a run with a
mark (`promoted`, `keep`), one that has not ended or that a process owns, and the parent of a rerun that has not ended
(it may still read what the parent left). The parent of a rerun that has ended may go: what the rerun used again is in
its own log, and its objects stay for as long as that log does. Of every pruned run the store remembers the head of
its chain and the digest of its manifest, by which an export of it can be told from any other.

What frees most and needs least room comes first: seals and folders, then objects, then rows, then the database file. So
a prune also helps on a disk that is nearly full, and whatever it had no room for is the next one's.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from filelock import FileLock, Timeout

from agi_node.errors import ENVIRONMENT, AgiError
from agilab.store.alone import PATIENCE_SECONDS, holders
from agilab.store.garbage import Collected, Tally, collect, would_collect
from agilab.store.leftovers import half_pruned, owned, remains
from agilab.store.log import now_us
from agilab.store.looking import open_to_look
from agilab.store.removal import OWNED, damage, remove_folder, remove_rows, seal_run, tidy
from agilab.store.room import Room, give_back
from agilab.store.seal import Seal, manifest_of
from agilab.store.store import Store
from agilab.store.workspace import Workspace

KEEP_RUNS = 50
KEEP_DAYS = 30
ROOM_BYTES = 4 * 2**20
"""A prune writes what it does to SQLite's log, which takes so much before it is used again."""
_DAY_US = 86_400 * 10**6
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
        collected: Objects and folders of source that nobody needed any more, and those that had to stay.
        bytes: What all of that sets free on disk, the database not counted.
        room: What became of the room that rows left in the database file; for a dry run nothing is known of that.
        holders: The other processes that have the workspace open, in words.
    """

    runs: tuple[Seal, ...]
    left: tuple[tuple[str, str], ...]
    kept: int
    finished: tuple[str, ...]
    leftovers: tuple[str, ...]
    collected: Collected
    bytes: int
    room: Room
    holders: tuple[str, ...]
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
            **asdict(self.collected),
            "bytes": self.bytes,
            "database": self.room.to_plain(),
            "holders": list(self.holders),
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
            "AGI-STORE-023", f"the database refuses: {problem}", _room_or_rights(workspace)
        ) from problem
    except sqlite3.DatabaseError as problem:
        raise _stopped(
            "AGI-STORE-022", f"the database is damaged: {problem}", "agilab store check"
        ) from problem
    except OSError as problem:
        place = f" ({problem.filename})" if problem.filename else ""
        found = f"{problem.strerror or problem}{place}"
        raise _stopped("AGI-STORE-023", found, _room_or_rights(workspace)) from problem
    except AgiError as problem:
        if problem.code != "AGI-STORE-005" or _has_room(workspace):
            raise
        raise _stopped("AGI-STORE-023", problem.what, _room_or_rights(workspace)) from problem


def _has_room(workspace: Workspace) -> bool:
    try:
        return shutil.disk_usage(workspace.home).free >= ROOM_BYTES
    except OSError:  # there is no such folder
        return True


def _room_or_rights(workspace: Workspace) -> str:
    if _has_room(workspace):
        return "check permissions and free space"
    return f"agilab env prune, or free {ROOM_BYTES // 2**20} MiB on this disk (a prune writes before it can remove)"


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
            tidied = tuple(tidy(store, tally))
            begun = tuple(half_pruned(store.db, workspace))
            doomed, why, kept = _choose(store, keep, at)
            for number, seal in enumerate(doomed, start=1):
                say(f"pruning run {number:,} of {len(doomed):,}")
                why[seal.run_id] = seal_run(store, seal, at)
            for run_id in half_pruned(store.db, workspace):
                remove_folder(store, run_id, tally)
        say("looking for objects that nobody needs")
        collected = collect(workspace, tally)
        with Store(workspace) as store:
            for number, run_id in enumerate(half_pruned(store.db, workspace), start=1):
                say(f"removing the rows of run {number:,}: {run_id}")
                if not remove_rows(store, run_id):
                    why[run_id] = OWNED
        # Who was in the way of the objects a moment ago is not waited for again.
        room = give_back(workspace, patience_s=0.0 if collected.waiting else PATIENCE_SECONDS)
    left = _left(why)
    stay = dict(left)
    pruned = tuple(seal for seal in doomed if seal.run_id not in stay)
    return Pruning(
        runs=pruned,
        left=left,
        kept=kept + len(doomed) - len(pruned),
        finished=tuple(run_id for run_id in begun if run_id not in stay),
        leftovers=tidied,
        collected=collected,
        bytes=tally.bytes,
        room=room,
        holders=holders(workspace) if collected.waiting or room.why else (),
        dry_run=False,
    )


# -- choosing ------------------------------------------------------------------------------------------------


def _choose(store: Store, keep: Retention, now: int) -> tuple[list[Seal], dict[str, str], int]:
    """The runs that may go, oldest first, why others of their age may not, and how many stay.

    A run that was imported counts as ended when it came.
    """
    where, parameters = ("WHERE app=?", [keep.app]) if keep.app else ("", [])
    rows = store.db.execute(
        "SELECT run_id, app, state, created_us, finished_us, head, event_count, mark,"
        " (SELECT at_us FROM imported WHERE imported.run_id=run.run_id) FROM run"
        f" {where} ORDER BY run_id DESC",
        parameters,
    ).fetchall()
    parents = {row[0] for row in store.db.execute("SELECT parent_run_id FROM run WHERE state='running'")}
    newer: dict[str, int] = {}
    doomed, why = [], {}
    for run_id, app, state, created, finished, head, count, mark, imported in rows:
        newer[app] = newer.get(app, 0) + 1
        ended = max(finished if finished is not None else created, imported or 0)
        if mark or newer[app] <= keep.runs or not now - ended > keep.days * _DAY_US:
            continue
        if run_id in parents:
            why[run_id] = "a rerun of it has not ended"
        elif state != "running":
            manifest = manifest_of(store.db, run_id)
            doomed.append(Seal(run_id, app, state, created, finished, head, count, manifest))
        elif not owned(store.workspace.run_folder(run_id)):
            why[run_id] = f"it was interrupted (agilab runs resume {run_id}, or cancel)"
    return doomed[::-1], why, len(rows) - len(doomed)


def _foreseen(store: Store, keep: Retention, now: int) -> Pruning:
    tally = Tally()
    begun = tuple(half_pruned(store.db, store.workspace))
    doomed, why, kept = _choose(store, keep, now)
    why |= {seal.run_id: _in_the_way(store, seal) for seal in doomed}
    left = _left(why)
    stay = dict(left)
    going = tuple(seal for seal in doomed if seal.run_id not in stay)
    for run_id in (*begun, *(seal.run_id for seal in going)):
        tally.count(store.workspace.run_folder(run_id))
    tidied = tuple(remains(store))
    for one in tidied:
        if one.path:
            tally.count(one.path)
    collected = would_collect(store, tally, without={seal.run_id for seal in going})
    return Pruning(
        runs=going,
        left=left,
        kept=kept + len(doomed) - len(going),
        finished=begun,
        leftovers=tuple(one.what for one in tidied),
        collected=collected,
        bytes=tally.bytes,
        room=Room(),
        holders=holders(store.workspace),
        dry_run=True,
    )


def _left(why: dict[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple((run_id, reason) for run_id, reason in why.items() if reason)


def _in_the_way(store: Store, seal: Seal) -> str:
    """Why a run cannot go although its age is right; empty where nothing is in the way."""
    if owned(store.workspace.run_folder(seal.run_id)):
        return OWNED
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
