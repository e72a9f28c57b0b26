"""Which value is which in two versions of a document: equal as TOML means it, and the tables of a list paired."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from datetime import date, time
from typing import Any


def equal(old: Any, new: Any) -> bool:
    """Whether two values mean the same in TOML, where 1, 1.0 and true are three; a date equals its text."""
    if isinstance(old, list) and isinstance(new, list):
        return len(old) == len(new) and all(map(equal, old, new))
    if isinstance(old, dict) and isinstance(new, dict):
        return old.keys() == new.keys() and all(equal(old[key], new[key]) for key in old)
    if isinstance(old, date | time):
        return old.isoformat() == (new.isoformat() if isinstance(new, date | time) else new)
    return type(old) is type(new) and (bool(old == new) or repr(old) == repr(new))  # nan


def matched(old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]]) -> list[int | None]:
    """For each new table the old one that it is: by id, else as an equal, else by having most in common."""
    found: list[int | None] = [None] * len(new)
    free = list(range(len(old)))

    def pair(number: int, source: int) -> None:
        found[number] = source
        free.remove(source)

    names = {one["id"]: number for number, one in enumerate(old) if isinstance(one.get("id"), str)}
    for number, one in enumerate(new):
        name = one.get("id")
        if isinstance(name, str) and names.get(name) in free:
            pair(number, names[name])
    for alike in (equal, _much_alike):
        for number, one in enumerate(new):
            if found[number] is None:
                close = next((source for source in free if alike(old[source], one)), None)
                if close is not None:
                    pair(number, close)
    return found


def _much_alike(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """A table of another id that says mostly the same: renamed, not another one."""
    same = [value for key, value in old.items() if key in new and equal(value, new[key])]
    telling = any(isinstance(value, str) and len(value) > 20 for value in same)
    return telling or 2 * len(same) >= max(len(old), len(new))


def longest_rise(numbers: Sequence[int | None]) -> set[int]:
    """A longest rising subsequence (Schensted 1961): the elements that need not move."""
    tails: list[int] = []
    ends: list[int] = []
    before: dict[int, int | None] = {}
    for number in numbers:
        if number is None:
            continue
        place = bisect_left(tails, number)
        before[number] = ends[place - 1] if place else None
        tails[place : place + 1] = [number]
        ends[place : place + 1] = [number]
    found: set[int] = set()
    last: int | None = ends[-1] if ends else None
    while last is not None:
        found.add(last)
        last = before[last]
    return found
