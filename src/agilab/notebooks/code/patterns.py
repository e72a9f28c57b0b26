"""Paths and patterns of paths, as `glob` takes them: which of them may mean the same file."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase


def meets(one: str, other: str) -> bool:
    """Whether two paths or patterns may mean the same file.

    >>> meets("out/*.csv", "out/a.csv"), meets("out/*.csv", "out/b/a.csv"), meets("a*.csv", "*_b.csv")
    (True, False, True)
    """
    if "*" in one and "*" in other:
        pairs = list(zip(one.split("/"), other.split("/"), strict=False))
        alike = "**" in one or "**" in other or one.count("/") == other.count("/")
        return alike and all(_alike(*pair) for pair in pairs if "**" not in pair)
    return matches(one, other) or matches(other, one)


def meeting(paths: Iterable[str], path: str) -> list[str]:
    """Those of many paths and patterns that may mean the same file as one; quick where most are plain names.

    >>> meeting(["out/a.csv", "out/*.csv", "b.csv"], "out/a.csv")
    ['out/a.csv', 'out/*.csv']
    """
    if any(letter in path for letter in _MAGIC):
        return [one for one in paths if meets(one, path)]
    return [
        one for one in paths if one == path or (("*" in one or "?" in one or "[" in one) and meets(one, path))
    ]


_MAGIC = "*?["


def goes_with(made: str, removed: str) -> bool:
    """Whether a file, or a pattern, goes with what is removed.

    >>> goes_with("out/a.csv", "out"), goes_with("out/a.csv", "out/*.csv"), goes_with("outer.csv", "out")
    (True, True, False)
    """
    return made == removed or made.startswith(f"{removed}/") or matches(removed, made)


def _alike(one: str, other: str) -> bool:
    """Whether some name fits both patterns, as far as their beginnings and ends say it."""
    if "*" not in one or "*" not in other:
        return fnmatchcase(one, other) or fnmatchcase(other, one)
    (left, *_, right), (begin, *_, end) = one.split("*"), other.split("*")
    return (left.startswith(begin) or begin.startswith(left)) and (right.endswith(end) or end.endswith(right))


def matches(pattern: str, path: str) -> bool:
    """Whether a path is one that `glob` finds by a pattern.

    >>> matches("data/**/*.csv", "data/a.csv"), matches("data/*.csv", "data/b/a.csv")
    (True, False)
    >>> matches("data/**", "data/b/a.csv"), matches("data/**", "other/a.csv")
    (True, False)
    """
    return _matches(pattern.split("/"), path.split("/"))


def _matches(pattern: list[str], path: list[str]) -> bool:
    if not pattern or not path:
        return not pattern and not path
    if pattern[0] == "**":
        return pattern == ["**"] or _matches(pattern[1:], path) or _matches(pattern, path[1:])
    return fnmatchcase(path[0], pattern[0]) and _matches(pattern[1:], path[1:])
