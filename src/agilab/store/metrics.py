"""Metrics as the log has them: tables, not one event each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from agilab.store.store import Store


def metric_tables(store: Store, run_id: str) -> Iterator[tuple[str, dict[str, list[Any]]]]:
    """(unit id, table with name, value, step, at_ms) for every batch of metrics in the log that counts.

    Batches of attempts that were lost or failed stay in the log and count nowhere.
    """
    current = {
        row.attempt_id
        for row in store.units(run_id)
        if row.attempt_id and row.state in ("succeeded", "skipped", "running")
    }
    for event in store.events(run_id, kinds=("attempt_succeeded", "metrics_logged")):
        if '"metrics' in event.body and event.attempt_id in current:
            data = event.data
            if "metrics_digest" in data:
                yield event.unit_id or "", json.loads(store.objects.read(data["metrics_digest"]))
            elif "metrics" in data:
                yield event.unit_id or "", data["metrics"]
