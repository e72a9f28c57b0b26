"""What a unit logged: its parameters, and each metric with its last point and the range of all."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from agi_node.canonical import untag
from agilab.store.events import Event
from agilab.store.rows import UnitRow
from agilab.store.store import Store


@dataclass(frozen=True)
class Logged:
    """The points of one metric of a unit.

    Attributes:
        least: The smallest of them, NaN left out; NaN where all are.
        greatest: The largest of them, likewise.
    """

    name: str
    points: int
    last: float
    least: float
    greatest: float


def params_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of a unit by name, from what ended it; a unit that was used again has those of its source."""
    return {name: untag(value) for name, value in (body.get("params") or {}).items()}


def metrics_of(store: Store, unit: UnitRow, story: Iterable[Event]) -> list[Logged]:
    """The metrics that the last attempt of a unit logged so far, in the order in which they first came."""
    values: dict[str, list[float]] = {}
    for event in story:
        if event.attempt_id != unit.attempt_id or '"metrics' not in event.body:
            continue
        table = event.data.get("metrics") or {}
        if digest := event.data.get("metrics_digest"):
            table = json.loads(store.objects.read(digest))
        for name, value in zip(table.get("name", ()), table.get("value", ()), strict=True):
            values.setdefault(name, []).append(untag(value))
    return [_logged(name, points) for name, points in values.items()]


def _logged(name: str, points: list[float]) -> Logged:
    numbers = [value for value in points if value == value] or points[-1:]
    return Logged(name, len(points), points[-1], min(numbers), max(numbers))
