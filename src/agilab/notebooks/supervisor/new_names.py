"""What stages say of others by name, where a notebook calls these otherwise: most of it no cell shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from agilab.contracts.lab_stages import Input, Stage


def names_followed(stages: Iterable[Stage], came: Mapping[str, str]) -> Mapping[str, Stage]:
    """The stages, by id, that named one by what it is not called any more, with the name that it has now.

    `came` says what stages were called. A name that some stage has is not touched.
    """
    stages = list(stages)
    ids = {stage.id for stage in stages}
    now = {old: new for new, old in came.items() if old not in ids}
    found = {}
    for stage in stages if now else ():
        changes = _changes(stage, now)
        if changes:
            found[stage.id] = stage.with_changes(**changes)
    return found


def _changes(stage: Stage, now: Mapping[str, str]) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "needs": tuple(now.get(name, name) for name in stage.needs),
        "uses": {now.get(name, name): names for name, names in stage.uses.items()},
        "inputs": tuple(_followed(one, now) for one in stage.inputs),
    }
    return {name: value for name, value in fields.items() if value != getattr(stage, name)}


def _followed(one: str | Input, now: Mapping[str, str]) -> str | Input:
    if isinstance(one, str) or one.source is None or one.source not in now:
        return one
    return one.with_changes(source=now[one.source])
