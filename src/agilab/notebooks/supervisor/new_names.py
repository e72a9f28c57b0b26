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
        followed = naming(stage, now)
        if followed is not stage:
            found[stage.id] = followed
    return found


def naming(stage: Stage, now: Mapping[str, str]) -> Stage:
    """A stage with other names for what it names; itself where it names none of these."""
    fields: dict[str, Any] = {
        "needs": tuple(now.get(name, name) for name in stage.needs),
        "uses": _uses(stage, now),
        "inputs": tuple(_followed(one, now) for one in stage.inputs),
    }
    changes = {name: value for name, value in fields.items() if value != getattr(stage, name)}
    return stage.with_changes(**changes) if changes else stage


def _uses(stage: Stage, now: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """What it uses of each stage, together where two names are one stage's by now."""
    found: dict[str, tuple[str, ...]] = {}
    for name, names in stage.uses.items():
        before = found.get(now.get(name, name), ())
        found[now.get(name, name)] = (*before, *(one for one in names if one not in before))
    return found


def _followed(one: str | Input, now: Mapping[str, str]) -> str | Input:
    if isinstance(one, str) or one.source is None or one.source not in now:
        return one
    return one.with_changes(source=now[one.source])
