"""The order of the stages of two sides, of which one or both moved some."""

from __future__ import annotations

from collections.abc import Sequence


def woven(first: Sequence[str], second: Sequence[str]) -> list[str]:
    """The names of the first, and each that only the second has behind the one that it stands behind there.

    >>> woven("ac", "abc"), woven("ba", "axb")
    (['a', 'b', 'c'], ['b', 'a', 'x'])
    """
    found = list(first)
    at = 0
    for name in second:
        if name in first:
            at = found.index(name) + 1
        else:
            found.insert(at, name)
            at += 1
    return found


def moved(names: Sequence[str], others: Sequence[str], before: Sequence[str]) -> bool:
    """Whether names, as far as the others and those before are these too, stand otherwise than before.

    >>> moved("bxa", "ab", "abc"), moved("axb", "ba", "abc")
    (True, False)
    """
    common = {*names} & {*others} & {*before}
    return [one for one in names if one in common] != [one for one in before if one in common]
