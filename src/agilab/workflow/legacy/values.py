"""Values that TOML has and JSON has not (dates, `nan`), as text, with a note of what they were."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time
from typing import Any

from agilab.contracts.toml_matching import equal

_READ: dict[str, Callable[[str], Any]] = {
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
    "time": time.fromisoformat,
    "float": float,
}


def undated(value: Any) -> tuple[Any, list[list[Any]]]:
    """A value as plain JSON, and for each place that was none: the steps to it, then what it was.

    >>> undated({"a": [1, date(2026, 1, 31)]})
    ({'a': [1, '2026-01-31']}, [['a', 1, 'date']])
    """
    odd: list[list[Any]] = []

    def plain(here: Any, path: list[Any]) -> Any:
        if isinstance(here, Mapping):
            return {key: plain(inner, [*path, key]) for key, inner in here.items()}
        if isinstance(here, (list, tuple)):
            return [plain(inner, [*path, number]) for number, inner in enumerate(here)]
        if isinstance(here, (date, time)):
            odd.append([*path, type(here).__name__])
            return here.isoformat()
        if isinstance(here, float) and not math.isfinite(here):
            odd.append([*path, "float"])
            return str(here)
        return here

    return plain(value, []), odd


def dated(value: Any, odd: Sequence[Sequence[Any]]) -> Any:
    """The value as it was before `undated`. A place that is gone, or holds something else now, is left alone."""
    if not odd:
        return value
    found = _copied(value)
    for *path, kind in odd:
        try:
            here = found
            for part in path[:-1]:
                here = here[part]
            if isinstance(here[path[-1]], str):
                here[path[-1]] = _READ[kind](here[path[-1]])
        except (LookupError, TypeError, ValueError):
            continue
    return found


def exactly(one: Any, other: Any) -> bool:
    """Whether two values are the same in TOML, dates as dates."""
    if isinstance(one, date | time) or isinstance(other, date | time):
        return type(one) is type(other) and bool(one == other) and one.isoformat() == other.isoformat()
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(exactly, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(exactly(one[key], other[key]) for key in one)
    return equal(one, other)


def _copied(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _copied(inner) for key, inner in value.items()}
    return [_copied(inner) for inner in value] if isinstance(value, (list, tuple)) else value
