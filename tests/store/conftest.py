"""A real workspace in a temporary folder, and a run in it that went through every kind of ending."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agilab.store.store import Store
from agilab.store.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "home")


@pytest.fixture
def store(workspace: Workspace) -> Iterator[Store]:
    with Store(workspace) as store:
        yield store


@pytest.fixture
def finished_run(store: Store) -> str:
    """A run of two nodes: one unit succeeded with an artifact after a retry, one failed."""
    log = store.log("r1")
    log.append("run_created", app="demo", args={})
    log.append(
        "plan_recorded", plan_digest=store.objects.put(b"{}"), nodes=[{"name": "work", "target": "m:f"}]
    )
    items = [{"unit_id": f"work[{key}]", "key": key, "cost": 1.0, "payload": None} for key in "ab"]
    log.append("node_expanded", node="work", count=2, items=items)
    for key in "ab":
        log.append("unit_ready", f"work[{key}]")
    first = log.append("attempt_started", "work[a]", worker="w0", number=1)
    log.append(
        "attempt_failed", "work[a]", first.attempt_id, to="up_for_retry", error={"code": "X"}, not_before_us=5
    )
    log.append("retry_due", "work[a]")
    second = log.append("attempt_started", "work[a]", worker="w0", number=2)
    artifact = {"name": "t", "kind": "json", "media_type": "application/json", "size": 2, "file": "t.json"}
    log.append(
        "attempt_succeeded",
        "work[a]",
        second.attempt_id,
        value=1,
        duration_us=10,
        artifacts=[{**artifact, "digest": store.objects.put(b"42")}],
    )
    third = log.append("attempt_started", "work[b]", worker="w1", number=1)
    log.append("attempt_failed", "work[b]", third.attempt_id, to="failed", error={"code": "Y"})
    log.append("node_finished", node="work", state="failed")
    log.append("run_finished", state="failed")
    log.flush(durable=True)
    return "r1"
