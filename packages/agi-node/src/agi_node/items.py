"""Work items: what a plan yields, and how it is checked before anybody relies on its keys."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from agi_node.errors import FAILED, AgiError


@dataclass(frozen=True, slots=True)
class WorkItem:
    """One unit of work.

    Attributes:
        key: Names the unit within its node: unique in the plan, not empty, any text. Positions may change
            between two runs; the key is what makes a unit the same one.
        payload: Plain JSON data or a `FileRef` (also inside lists and dicts); handed to `work`.
        cost: Any non-negative measure that is proportional to the expected time; the largest start first.

    >>> WorkItem("LFPG", {"year": 2024}, cost=12)
    WorkItem(key='LFPG', payload={'year': 2024}, cost=12)
    """

    key: str
    payload: Any = None
    cost: float = 1.0


@dataclass(frozen=True, slots=True)
class Skip:
    """Returned by `work` for a unit that has nothing to contribute: it keeps its key, and the reason is kept.

    >>> Skip("fewer than two positions").reason
    'fewer than two positions'
    """

    reason: str


def plan_items(yielded: Iterable[object], subject: str = "plan") -> list[dict[str, Any]]:
    """What a plan yielded as plain `{"key", "payload", "cost"}` objects, in its order.

    Raises AGI-RUN-104 for something that is no work item (position and type), AGI-RUN-105 for a key that comes twice
    (both positions), AGI-RUN-106 for a key or cost that cannot be one, AGI-RUN-102 for a payload that is not plain.
    """
    from agi_node.values import plain

    if not isinstance(yielded, Iterable) or isinstance(yielded, (str, bytes, dict)):
        raise _refusal(
            "AGI-RUN-104",
            f"{subject} returned no work items",
            _kind(yielded),
            "an iterable of WorkItem: yield them",
        )
    first: dict[str, int] = {}
    out: list[dict[str, Any]] = []
    for position, item in enumerate(yielded):
        if not isinstance(item, WorkItem):
            raise _refusal(
                "AGI-RUN-104",
                f"{subject} yielded something that is no work item, at position {position}",
                _kind(item),
                "WorkItem(key, payload, cost)",
            )
        where = f"item {position} of {subject}"
        if not isinstance(item.key, str) or not item.key:
            raise _refusal("AGI-RUN-106", f"{where} has no key", _kind(item.key), "text that is not empty")
        key = plain(item.key, f"the key of {where}")
        if key in first:
            raise _refusal(
                "AGI-RUN-105",
                f"{subject} yielded one key twice, at positions {first[key]} and {position}",
                repr(key)[:200],
                "one item for each key: keys identify units from run to run",
            )
        first[key] = position
        out.append(
            {
                "key": key,
                "payload": plain(item.payload, f"the payload of {where}"),
                "cost": _cost(item, where),
            }
        )
    return out


def _cost(item: WorkItem, where: str) -> float:
    try:
        cost = float("nan") if isinstance(item.cost, (str, bool)) else float(item.cost)
    except (TypeError, ValueError, OverflowError):
        cost = float("nan")
    if not math.isfinite(cost) or cost < 0:
        raise _refusal(
            "AGI-RUN-106",
            f"{where} ({item.key!r:.60}) has no usable cost",
            repr(item.cost)[:100],
            "a number, 0 or more",
        )
    return cost


def _kind(value: object) -> str:
    return f"{value!r:.80} ({type(value).__name__})"


def _refusal(code: str, what: str, found: str, allowed: str) -> AgiError:
    return AgiError(code, what, found=found, allowed=allowed, whose="author", exit_code=FAILED)
