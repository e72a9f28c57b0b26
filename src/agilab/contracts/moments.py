"""Where a lab's TOML has dates and times, for files that cannot say so: metadata of notebooks, and texts of a model.

A *tree of kinds* says of each place in a document whether a date, a datetime or a time stands there:
`{"lab": {"params": {"day": "date"}}, "stages": {"load": {"args": {"days": {"0": "date"}}}}}`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from datetime import date, time
from typing import Any

from agi_node.canonical import MOMENTS
from agilab.contracts.lab_stages import LabStages
from agilab.contracts.syntax import BOM


def kinds_in(text: str) -> dict[str, Any]:
    """The tree of kinds of a lab's document; empty for one that is no TOML."""
    try:
        plain = tomllib.loads(text.removeprefix(BOM))
    except tomllib.TOMLDecodeError:
        return {}
    return kinds_of(plain)


def kinds_of(plain: Mapping[str, Any]) -> dict[str, Any]:
    """The tree of kinds of a document as TOML reads it."""
    stages = plain.get("stages")
    listed = [one for one in stages if isinstance(one, Mapping)] if isinstance(stages, list) else []
    found = {
        "lab": _kinds(plain.get("lab")),
        "stages": {str(one.get("id")): kinds for one in listed if (kinds := _kinds(one))},
    }
    return {name: kinds for name, kinds in found.items() if kinds}


def dated(plain: Mapping[str, Any], kinds: Mapping[str, Any]) -> dict[str, Any]:
    """A document's plain data with a date or time wherever its kind is said and the text is still one.

    >>> dated({"lab": {"params": {"a": "2026-03-02", "b": "soon"}}}, {"lab": {"params": {"a": "date", "b": "date"}}})
    {'lab': {'params': {'a': datetime.date(2026, 3, 2), 'b': 'soon'}}}
    """
    found = dict(plain)
    if "lab" in found:
        found["lab"] = dated_as(found["lab"], kinds.get("lab"))
    if isinstance(of_stages := kinds.get("stages"), Mapping) and "stages" in found:
        found["stages"] = [dated_as(stage, of_stages.get(stage.get("id"))) for stage in found["stages"]]
    return found


Dated = tuple[LabStages, Mapping[str, Any]]
"""A lab and its tree of kinds."""


def kinds_between(one: Dated, other: Dated) -> list[tuple[str, str, str]]:
    """(place, kind, other kind) of what is in both labs and is a date or time in one of them alone."""
    left, right = (dict(places(kinds_of(dated(_plain(lab), kinds)))) for lab, kinds in (one, other))
    found = [place for place in sorted({*left, *right}) if left.get(place) != right.get(place)]
    there = [place for place in found if all(_has(_plain(lab), place) for lab, _ in (one, other))]
    return [
        (".".join(place), *(f"a {kinds.get(place, 'text')}" for kinds in (left, right)))  # type: ignore[misc]
        for place in there
    ]


def _plain(lab: LabStages) -> dict[str, Any]:
    return lab.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude_none=True)


def _has(plain: Mapping[str, Any], place: tuple[str, ...]) -> bool:
    """Whether a document has a text at a place of a tree of kinds."""
    first, *rest = place
    value: Any = plain.get(first)
    for at, name in enumerate(rest):
        if at == 0 and first == "stages":
            value = next((stage for stage in value or () if stage.get("id") == name), None)
        elif isinstance(value, list):
            value = value[int(name)] if name.isdigit() and int(name) < len(value) else None
        else:
            value = value.get(name) if isinstance(value, Mapping) else None
    return isinstance(value, str)


def places(kinds: Mapping[str, Any], where: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Each place of a tree with its kind.

    >>> list(places({"lab": {"params": {"a": "date"}}}))
    [(('lab', 'params', 'a'), 'date')]
    """
    for name, kind in kinds.items():
        if isinstance(kind, Mapping):
            yield from places(kind, (*where, name))
        else:
            yield (*where, name), str(kind)


def _kinds(value: Any) -> Any:
    if type(value).__name__ in MOMENTS and isinstance(value, date | time):
        return type(value).__name__
    items = (
        value.items()
        if isinstance(value, Mapping)
        else enumerate(value)
        if isinstance(value, list | tuple)
        else ()
    )
    return {str(key): kinds for key, item in items if (kinds := _kinds(item))}


def dated_as(value: Any, kinds: Any) -> Any:
    """A value with a date or time wherever the tree of its kinds says so and the text is still one."""
    if isinstance(kinds, str) and isinstance(value, str):
        return _moment(value, kinds)
    if not isinstance(kinds, Mapping):
        return value
    if isinstance(value, Mapping):
        return {name: dated_as(item, kinds.get(name)) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(dated_as(item, kinds.get(str(at))) for at, item in enumerate(value))
    return value


def _moment(text: str, kind: str) -> Any:
    """The date or time that a text is, the text where it is none as this document would spell it."""
    try:
        found: Any = MOMENTS[kind].fromisoformat(text)
    except (KeyError, ValueError):
        return text
    zoned_time = kind == "time" and found.tzinfo is not None
    return text if zoned_time or found.isoformat() != text else found
