"""What the unit of a stage told of itself besides its values, and how a run lists it in a sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agilab.store.store import Store

Value = tuple[str, str]
"""A stage, and the name of what it gives on."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a person should know of a stage after its run."""

    stage: str
    sentence: str


def told_by(store: Store, body: dict[str, object]) -> Mapping[str, Any]:
    """What a stage's worker reported, from the event that finished the unit; nothing of a unit that is no stage's.

    What an app's node returned may be written in another form than a report.
    """
    value = None if "codec" in body else store.value(body)
    return value if isinstance(value, dict) and "item" in value else {}


def all_told(store: Store, run_id: str, node: str, field: str) -> list[Any]:
    """What the units of a stage reported under one name, one after another."""
    return [each for _, body in store.results(run_id, node) for each in told_by(store, body).get(field, ())]


def listed(names: Sequence[str], most: int | None = None) -> str:
    """Names in a sentence.

    >>> listed(["a"]), listed(["a", "b", "c"]), listed(["a", "b", "c", "d"], 2)
    ('a', 'a, b and c', 'a, b and 2 more')
    """
    if most is not None and len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
