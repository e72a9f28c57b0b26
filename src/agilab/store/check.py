"""Is the store what it claims to be? Chain, projection and objects, each looked at afresh."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator

from agilab.store.database import PROJECTIONS, create_schema
from agilab.store.events import broken_links
from agilab.store.projection import statements
from agilab.store.store import Store


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
    """Rows that differ from a fold of the log made here and now, in memory."""
    fresh = sqlite3.connect(":memory:", isolation_level=None)
    try:
        create_schema(fresh)
        head, count = "", 0
        for event in store.events(run_id):
            for sql, parameters, one in statements(event, store.objects.read):
                if fresh.execute(sql, parameters).rowcount != 1 and one:
                    yield f"event {event.run_seq} ({event.kind} {event.unit_id or ''}) is not legal where it stands"
            head, count = event.sha256, event.run_seq
        fresh.execute("UPDATE run SET head=?, event_count=? WHERE run_id=?", (head, count, run_id))
        for table in PROJECTIONS:
            query = f"SELECT * FROM {table} WHERE run_id=?"
            width = 3 if table == "artifact" else 2 if table != "run" else 1
            kept = {row[:width]: row for row in store.db.execute(query, (run_id,))}
            folded = {row[:width]: row for row in fresh.execute(query, (run_id,))}
            for key in sorted(kept.keys() | folded.keys()):
                if kept.get(key) != folded.get(key):
                    name = " ".join(map(str, key[1:])) or run_id
                    yield f"{table} {name}: the table has {kept.get(key)}, the log says {folded.get(key)}"
    finally:
        fresh.close()


def object_problems(store: Store, run_id: str) -> Iterator[str]:
    """Artifacts and values of the run whose bytes are gone or changed."""
    wanted: dict[str, str] = {}
    for row in store.artifacts(run_id):
        wanted.setdefault(row.digest, f"{row.unit_id} {row.name}")
    for event in store.events(run_id):
        if '_digest":"' in event.body:
            for name, value in event.data.items():
                if name in ("value_digest", "metrics_digest", "items_digest", "plan_digest", "source_digest"):
                    wanted.setdefault(
                        str(value), f"{event.kind} {event.unit_id or ''} {name}".replace("  ", " ")
                    )
    tree = store.run(run_id).source_digest
    if tree and tree in store.objects:
        for name, digest in json.loads(store.objects.read(tree)).items():
            wanted.setdefault(digest, f"source {name}")
    for digest, what in wanted.items():
        if not store.objects.path(digest).exists():
            yield f"{what}: object {digest[:12]} is missing"
        elif not store.objects.is_whole(digest):
            yield f"{what}: object {digest[:12]} has other bytes than its digest says"
