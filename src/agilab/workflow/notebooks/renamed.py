"""Files that a notebook names anew in each run, by the clock or at random: paired with those of the stages by the rest.

That it does so its own second run shows: it leaves files that the first did not, whose names differ in digits alone.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

ANEW = "the notebook itself names it anew each time"
_VARIES = re.compile(
    r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|\d{2,}(?:[-_:. T]\d{2,})*|\d", re.IGNORECASE
)
"""What a name may have of its run: a UUID, a date or a time (numbers of two digits or more, side by side), a number."""


@dataclass(frozen=True)
class Renamed:
    """What became of the files whose names no run repeats.

    Attributes:
        pairs: For a file of the notebook its name in the second run, and that of the stages.
        apart: Names, of the notebook and of stages, that belong together and not one to one.
    """

    pairs: dict[str, tuple[str, str]] = field(default_factory=dict)
    apart: frozenset[str] = frozenset()


def renamed(first: Collection[str], second: Collection[str], mine: Iterable[str]) -> Renamed:
    """Pair what a notebook wrote in two runs with what only its stages left.

    `a1_0930.png`, of which the second run says `a1_0931.png`, is a stage's `a1_0935.png`, and not `a2_0935.png`.

    >>> renamed({"a_0930.png", "b.png"}, {"a_0931.png", "b.png"}, {"a_0935.png", "c_0935.png"}).pairs
    {'a_0930.png': ('a_0931.png', 'a_0935.png')}
    """
    once, again = _by_rest(set(first) - set(second)), _by_rest(set(second) - set(first))
    stages = _by_rest(set(mine) - set(first))
    pairs: dict[str, tuple[str, str]] = {}
    apart: set[str] = set()
    for rest, names in once.items():
        theirs, ours = again.get(rest, []), stages.get(rest, [])
        if not ours:
            continue
        rows = list(zip(names, theirs, ours, strict=False))
        if len(names) == len(theirs) == len(ours) and all(_fits(*row) for row in rows):
            pairs |= {one: (two, other) for one, two, other in rows}
        elif len(names) != len(theirs) or len(names) == len(ours):
            apart |= {*names, *ours}
    return Renamed(pairs, frozenset(apart))


def _by_rest(names: Iterable[str]) -> dict[str, list[str]]:
    """Names by what is left of them without what varies, each row in the order of its numbers."""
    found: dict[str, list[str]] = {}
    for name in sorted(names, key=_in_order):
        found.setdefault(_VARIES.sub("#", name), []).append(name)
    return found


def _in_order(name: str) -> list[tuple[int, str]]:
    return [(len(number), number) for number in re.findall(r"\d+", name)]


def _fits(one: str, two: str, other: str) -> bool:
    """Whether what two names of the notebook have in common is in the stages' too."""
    rows = zip(_VARIES.findall(one), _VARIES.findall(two), _VARIES.findall(other), strict=False)
    return all(left == mine for left, right, mine in rows if left == right)
