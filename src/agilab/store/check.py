"""Is a run what the store claims it to be? Chain, projection and objects, each looked at afresh.

Every function here says in words what differs, goes on after the first finding, and needs the same memory for a
run of ten units as for one of a hundred thousand. A row that makes no sense is a finding, never an exception.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing

from agi_node.errors import AgiError
from agilab.store.database import PROJECTIONS, create_schema
from agilab.store.events import Event, broken_links
from agilab.store.projection import Loader, statements
from agilab.store.store import Store

LOOKED_AT = 1_000
"""A table that differs in more rows than this differs altogether: no reader wants the rest."""
EVENTS_TOLD = 10
OBJECTS_OF_EVENTS = (
    "value_digest",
    "metrics_digest",
    "items_digest",
    "plan_digest",
    "source_digest",
    "distribution_digest",
    "codes_digest",
    "preview_digest",
)
"""Fields of an event's body whose value names an object that must be here as long as the event is."""
SENSELESS = (
    *(KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError),
    *(AgiError, sqlite3.Error),
)
"""What an event of somebody who forged it may end in: a number beyond SQLite's, nesting beyond Python's, and so on."""


def chain_problems(store: Store, run_id: str) -> Iterator[str]:
    """Events that are missing or changed, and a run row whose head is not the chain's."""
    yield from broken_links(run_id, store.events(run_id))
    run = store.run(run_id)
    last = store.db.execute(
        "SELECT run_seq, sha256 FROM event WHERE run_id=? ORDER BY run_seq DESC LIMIT 1", (run_id,)
    ).fetchone() or (0, "")
    if last != (run.event_count, run.head):
        yield f"the log of {run_id} ends at event {last[0]}, the run says {run.event_count}"


def projection_problems(store: Store, run_id: str) -> Iterator[str]:
    """Rows that differ from a fold of the log made here and now."""
    with closing(scratch()) as fresh:
        yield from fold(fresh, store.events(run_id), store.objects.read)
        found = (problem for table in PROJECTIONS for problem in _differences(store.db, fresh, table, run_id))
        for count, problem in enumerate(found):
            if count == LOOKED_AT:
                yield f"more than {LOOKED_AT:,} rows differ; looked no further"
                return
            yield problem


def scratch(place: str = "") -> sqlite3.Connection:
    """An empty database of the newest schema to fold a log into: by default a temporary file that nobody sees."""
    fresh = sqlite3.connect(place, isolation_level=None)
    fresh.execute("PRAGMA synchronous=OFF")
    create_schema(fresh)
    return fresh


def fold(fresh: sqlite3.Connection, events: Iterable[Event], load: Loader) -> Iterator[str]:
    """Apply a log to an empty database in one transaction; says which events are not legal or make no sense."""
    fresh.execute("BEGIN")
    run_id, head, count, wrong = "", "", 0, 0
    for event in events:
        run_id, head, count = event.run_id, event.sha256, event.run_seq
        problem = _applied(fresh, event, load)
        wrong += problem is not None
        if problem and wrong <= EVENTS_TOLD:
            yield f"event {event.run_seq} ({' '.join(filter(None, (event.kind, event.unit_id)))}) {problem}"
    if wrong > EVENTS_TOLD:
        yield f"and {wrong - EVENTS_TOLD:,} more events, of which most will follow from the first"
    fresh.execute("UPDATE run SET head=?, event_count=? WHERE run_id=?", (head, count, run_id))
    fresh.execute("COMMIT")


def _applied(fresh: sqlite3.Connection, event: Event, load: Loader) -> str | None:
    try:
        for sql, parameters, one in statements(event, load):
            if fresh.execute(sql, parameters).rowcount != 1 and one:
                return "is not legal where it stands"
    except SENSELESS as problem:
        return f"makes no sense: {_told(problem)}"
    return None


def object_problems(
    store: Store, run_id: str, *, content: bool = True, seen: dict[str, str] | None = None
) -> Iterator[str]:
    """Artifacts, values, plan and source of the run whose bytes are gone or changed, a line for each. See `amiss`."""
    for digest, what, problem in amiss(store, run_id, content=content, seen=seen):
        yield f"{what}: object {digest[:12]} {problem}"


def amiss(
    store: Store, run_id: str, *, content: bool = True, seen: dict[str, str] | None = None
) -> Iterator[tuple[str, str, str]]:
    """(digest, what it is, what is wrong) of each object that the run needs and that is gone or changed.

    Without `content` only their presence is looked at. `seen` holds what was found of an object before, for another
    run, and what is found is added to it: an object that several runs share is read once and told for each.
    """
    looked: dict[str, str] = {} if seen is None else seen
    told = set[str]()
    for digest, what in _needed(store, run_id):
        if digest in told:
            continue
        told.add(digest)
        if digest not in looked:
            looked[digest] = _object_problem(store, digest, content=content)
        if looked[digest]:
            yield digest, what, looked[digest]


def _object_problem(store: Store, digest: str, *, content: bool) -> str:
    if not store.objects.path(digest).is_file():
        return "is missing"
    return "has other bytes than its digest says" if content and not store.objects.is_whole(digest) else ""


def objects_of(event: Event) -> Iterator[tuple[str, str]]:
    """(digest, what it is) of each object that an event's body names; nothing where the body makes no sense."""
    if (
        '_digest":"' not in event.body
        and '"artifacts"' not in event.body
        and event.kind != "manifest_written"
    ):
        return
    try:
        data = event.data
        named = [(data[name], name) for name in OBJECTS_OF_EVENTS if data.get(name)]
        named += [(artifact["digest"], artifact["name"]) for artifact in data.get("artifacts", ())]
    except SENSELESS:
        return  # the chain says that this event was changed, the fold that it cannot be read
    if event.kind == "manifest_written" and data.get("digest"):
        named.append((data["digest"], "manifest"))
    for digest, what in named:
        yield str(digest), f"{event.kind} {event.unit_id or ''} {what}".replace("  ", " ")


def _needed(store: Store, run_id: str) -> Iterator[tuple[str, str]]:
    """(digest, what it is) of every object that the run cannot do without."""
    for row in store.db.execute("SELECT digest, unit_id, name FROM artifact WHERE run_id=?", (run_id,)):
        yield str(row[0]), f"{row[1]} {row[2]}"
    for event in store.events(run_id):
        yield from objects_of(event)
    tree = store.run(run_id).source_digest
    if tree and tree in store.objects:
        yield from objects_of_tree(store.objects.read(tree))


def objects_of_tree(data: bytes) -> Iterator[tuple[str, str]]:
    """(digest, what it is) of each file that a source tree lists; nothing of one that makes no sense."""
    try:
        files = dict(json.loads(data))
    except SENSELESS:
        return  # its own digest says that it was changed, or whoever made it made no run of ours
    for name, digest in files.items():
        yield str(digest), f"source {name}"


def _differences(
    store: sqlite3.Connection, fresh: sqlite3.Connection, table: str, run_id: str
) -> Iterator[str]:
    """Rows of one table that differ, found by walking through both in the order of their keys."""
    columns = fresh.execute(f"PRAGMA table_info({table})").fetchall()
    names = [column[1] for column in columns]
    keys = [column[1] for column in sorted(columns, key=lambda column: column[5]) if column[5]]
    query = f"SELECT {', '.join(names)} FROM {table} WHERE run_id=? ORDER BY {', '.join(keys)}"
    at = [names.index(key) for key in keys]
    kept, folded = store.execute(query, (run_id,)), fresh.execute(query, (run_id,))
    left, right = kept.fetchone(), folded.fetchone()
    while left is not None or right is not None:
        left_key = tuple(left[i] for i in at) if left is not None else None
        right_key = tuple(right[i] for i in at) if right is not None else None
        key = min(one for one in (left_key, right_key) if one is not None)
        here, there = (left if left_key == key else None), (right if right_key == key else None)
        if here != there:
            name = " ".join(map(str, key[1:])) or run_id
            yield f"{table} {name}: {_difference(names, here, there)}"
        left = kept.fetchone() if here is not None else left
        right = folded.fetchone() if there is not None else right


def _difference(names: list[str], here: tuple[object, ...] | None, there: tuple[object, ...] | None) -> str:
    if here is None or there is None:
        return (
            "the table has no such row, the log says one"
            if here is None
            else "the table has one, the log none"
        )
    parts = [(name, mine, its) for name, mine, its in zip(names, here, there, strict=True) if mine != its]
    told = "; ".join(f"{name} is {mine!r:.60}, the log says {its!r:.60}" for name, mine, its in parts[:3])
    return f"the table has it otherwise: {told}"


def _told(problem: Exception) -> str:
    if isinstance(problem, KeyError):
        return f"{problem.args[0]!r:.80} is missing or unknown"
    return f"{problem.what if isinstance(problem, AgiError) else problem!s:.160}"
