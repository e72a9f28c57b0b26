"""What a unit logged, from a log that has points in its last event, before it, and in a file of their own."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agi_node.canonical import tag
from agilab.store.store import Store
from agilab.store.workspace import Workspace
from agilab.views.logged import Logged, metrics_of, params_of


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(Workspace(tmp_path / "home").ensure()) as store:
        yield store


def points(name: str, *values: float) -> dict[str, list[Any]]:
    none: list[Any] = [None] * len(values)
    told = [value if math.isfinite(value) else tag(value) for value in values]
    return {"name": [name] * len(values), "value": told, "step": none, "at_ms": [1] * len(values)}


def test_every_point_of_the_last_attempt_counts_and_none_of_an_earlier_one(store: Store) -> None:
    log = store.log("r1")
    log.append("run_created", app="demo", args={})
    nodes = [{"name": "train", "target": "m:f"}]
    log.append("plan_recorded", plan_digest=store.objects.put(b"{}"), nodes=nodes)
    item = {"unit_id": "train", "key": "", "cost": 1.0, "payload": None}
    log.append("node_expanded", node="train", count=1, items=[item])
    log.append("unit_ready", "train")
    first = log.append("attempt_started", "train", worker="w0", number=1)
    log.append("metrics_logged", "train", first.attempt_id, metrics=points("loss", 99.0))
    log.append(
        "attempt_failed", "train", first.attempt_id, to="up_for_retry", error={"code": "X"}, not_before_us=5
    )
    log.append("retry_due", "train")
    second = log.append("attempt_started", "train", worker="w0", number=2)
    log.append("metrics_logged", "train", second.attempt_id, metrics=points("loss", 4.0, math.nan, 1.0))
    kept = store.objects.put(json.dumps(points("loss", 2.5)).encode())
    log.append("metrics_logged", "train", second.attempt_id, metrics_digest=kept)
    log.append(
        "attempt_succeeded",
        "train",
        second.attempt_id,
        value=1,
        duration_us=10,
        metrics=points("lost", math.nan),
        params={"depth": 3, "rate": tag(math.inf), "name": "oak"},
    )
    log.append("node_finished", node="train", state="succeeded")
    log.append("run_finished", state="succeeded")
    log.flush()
    loss, lost = metrics_of(store, store.unit("r1", "train"), store.story("r1", "train"))
    assert loss == Logged("loss", 4, 2.5, 1.0, 4.0)
    assert (lost.name, lost.points) == ("lost", 1)
    assert math.isnan(lost.last)
    assert math.isnan(lost.least)
    assert params_of(store.result("r1", "train")) == {"depth": 3, "rate": math.inf, "name": "oak"}
    assert params_of({}) == {}
