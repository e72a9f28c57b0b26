"""Runs as a prune, a check or an export meets them: of some app, some days old, with objects of their own."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

from agilab.contracts.identifiers import new_run_id
from agilab.store.checkup import check_store
from agilab.store.log import RunLog
from agilab.store.looking import open_to_look
from agilab.store.store import Store
from agilab.store.workspace import Workspace

DAY_US = 86_400_000_000


def days_ago(days: float) -> int:
    """A moment in the past, in microseconds since the epoch."""
    return time.time_ns() // 1000 - int(days * DAY_US)


def make_run(
    store: Store,
    *,
    app: str = "demo",
    days: float = 0.0,
    units: int = 3,
    shared: bytes = b"of every run",
    ended: bool = True,
    files: bool = True,
    **created: Any,
) -> str:
    """A run that ended so many days ago: each unit left an artifact of its own and one that others left too."""
    run_id = new_run_id(app, datetime.now(UTC) - timedelta(days=days))
    log = RunLog(store.db, store.objects, run_id, clock=lambda: days_ago(days))
    log.append("run_created", app=app, args={}, **created)
    plan = store.objects.put(b'{"nodes":[]}')
    log.append("plan_recorded", plan_digest=plan, nodes=[{"name": "work", "target": "m:f"}])
    items = [
        {"unit_id": f"work[{key}]", "key": str(key), "cost": 1.0, "payload": None} for key in range(units)
    ]
    log.append("node_expanded", node="work", count=units, items=items)
    for key in range(units):
        unit = f"work[{key}]"
        log.append("unit_ready", unit)
        attempt = log.append("attempt_started", unit, worker="w0")
        if not ended:
            continue
        kept = [("own", f"{run_id} {key}".encode()), ("shared", shared)] if files else []
        artifacts = [
            {
                "name": name,
                "kind": "bytes",
                "media_type": "text/plain",
                "size": len(data),
                "digest": store.objects.put(data),
                "file": f"{name}.txt",
            }
            for name, data in kept
        ]
        log.append("attempt_succeeded", unit, attempt.attempt_id, value=key, artifacts=artifacts)
    if ended:
        log.append("node_finished", node="work", state="succeeded")
        log.append("run_finished", state="succeeded")
    log.flush(durable=True)
    folder = store.workspace.run_folder(run_id)
    for row in store.artifacts(run_id):
        store.objects.link(row.digest, folder / row.place)
    return run_id


def own_objects(store: Store, run_id: str, units: int = 3) -> list[str]:
    """The digests that no other run refers to."""
    from agi_node.canonical import sha256_bytes

    return [sha256_bytes(f"{run_id} {key}".encode()) for key in range(units)]


def whole(workspace: Workspace) -> bool:
    """Whether `store check` has nothing to say against the workspace."""
    with open_to_look(workspace) as store:
        return all(look.passed for look in check_store(store))


def older(workspace: Workspace) -> None:
    """A database as it was made before files kept account of their free pages."""
    with Store(workspace):
        pass
    with closing(sqlite3.connect(workspace.db)) as db:
        db.executescript("PRAGMA auto_vacuum=0; VACUUM")
        assert db.execute("PRAGMA auto_vacuum").fetchone() == (0,)
