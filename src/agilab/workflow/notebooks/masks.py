"""What no two processes may have in common, by its look: addresses, times, folders for a while, the order of a set.

The look of a text decides nothing. It says what a difference may be made of, so that a notebook that runs once more is
asked whether it repeats it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from agilab.workflow.notebooks.likeness import NUMBERED, THREADS

TIMED = r"\d[\d.,]*(?:e-?\d+)?"
UNITS = r"(?:ns|us|µs|μs|ms|s|secs?|seconds?|mins?|minutes?|hours?|it/s|s/it)"
_ABOUT_TIME = re.compile(
    r"\b(took|elapsed|runtime|time taken|execution time|wall[ -]?(?:time|clock)|finished in)\b", re.I
)
TIMES, MEASURED = "times", "measured times"
"""What times that differ are called: a number with a unit of time may as well be a result, which every run repeats."""
COUNTED = "numbers of objects, counted up in each process,"
ORDER = "the order within a set"
SHORT = 2
"""Digits of a measured time that two runs may have in common by chance."""


def _without(pattern: str) -> Callable[[str], str]:
    found = re.compile(pattern)
    return lambda line: found.sub("…", line)


def without_numbers(line: str) -> str:
    """A line that speaks of how long something took, without numbers; any other as it is."""
    return re.sub(TIMED, "…", line) if _ABOUT_TIME.search(line) else line


def _without_count(line: str) -> str:
    line = THREADS.sub(r"\1…", line)
    return NUMBERED.sub("[…]", line) if line.startswith("<") else line


def sets_in_order(line: str) -> str:
    """A line with the members of each set that it shows in the order of their texts; dicts stay as they are.

    >>> sets_in_order("{'b', 'a'} {'b': 1, 'a': {2, 1}}")
    "{'a', 'b'} {'b': 1, 'a': {1, 2}}"
    """
    if "{" not in line:
        return line
    text, _ = _group(line, 0, "")
    return text


_CLOSES = {"{": "}", "[": "]", "(": ")"}


def _group(line: str, at: int, closing: str) -> tuple[str, int]:
    """The text of a bracket's inside up to its end, and where that is."""
    parts, part = [], ""
    is_dict = False
    while at < len(line):
        sign = line[at]
        if sign == closing:
            break
        if sign in "'\"":
            end = _quoted(line, at)
            part, at = part + line[at:end], end
            continue
        if sign in _CLOSES:
            inner, at = _group(line, at + 1, _CLOSES[sign])
            part += sign + inner + line[at : at + 1]
        elif sign == ",":
            parts.append(part)
            part = ""
        else:
            is_dict = is_dict or sign == ":"
            part += sign
        at += 1
    parts.append(part)
    if closing == "}" and not is_dict and at < len(line):
        return ", ".join(sorted(one.strip() for one in parts)), at
    return ",".join(parts), at


def _quoted(line: str, at: int) -> int:
    """Where a quoted text ends; one that does not is a lone apostrophe."""
    end = at + 1
    while end < len(line):
        if line[end] == "\\":
            end += 1
        elif line[end] == line[at]:
            return end + 1
        end += 1
    return at + 1


_without_durations = _without(rf"\b{TIMED}\s?{UNITS}\b")
NEVER_ALIKE: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("addresses in memory", _without(r"\b0x[0-9a-fA-F]{5,}\b")),
    (MEASURED, without_numbers),
    (TIMES, _without(rf"\b{TIMED}\s?{UNITS}\b|\b\d{{1,2}}:\d\d(?::\d\d(?:\.\d+)?)?\b")),
    ("paths of temporary folders", _without(r"/(?:tmp|var/folders)/[^\s'\":,)]*")),
    (COUNTED, _without_count),
    (ORDER, sets_in_order),
)


def named(why: str) -> frozenset[str]:
    """What alone two texts differ in, of what no two runs may have in common; empty where that is not so."""
    names = why.partition("; ")[0].removeprefix("only ").removesuffix(" differ").split(" and ")
    known = {name for name, _ in NEVER_ALIKE}
    good = why.startswith("only ") and known.issuperset(names)
    return frozenset(names) if good else frozenset()


def by_chance(one: list[str], other: list[str]) -> bool:
    """Whether two texts are alike but for measured times, so short that runs may have them in common by chance."""
    return len(one) == len(other) and one != other and all(map(_line_by_chance, one, other))


def _line_by_chance(one: str, other: str) -> bool:
    if one == other:
        return True
    short = all(len(number.replace(".", "").lstrip("0")) <= SHORT for number in _numbers(one))
    return short and any(masked(one) == masked(other) for masked in (without_numbers, _without_durations))


def _numbers(line: str) -> Iterator[str]:
    return (found[0] for found in re.finditer(r"\d[\d.]*", line))
