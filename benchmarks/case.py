"""One line of the table: what is measured, beside what, and how much it may cost."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from agi_node.errors import AgiError
from benchmarks.bench import Bench
from benchmarks.samples import Samples

UNITS = {"s": 1.0, "ms": 1e3, "MB": 1.0}
"""How many of a unit make a second; megabytes are taken as they are."""


@dataclass(frozen=True)
class Measured:
    """What came out of a case, in seconds.

    Attributes:
        also: Other things timed in the same rounds, by what they are.
        start_up: Our own command with nothing to do, where the limit speaks of it.
        items: How many items are worked, where items per second say something.
    """

    ours: Samples
    reference: Samples
    also: Mapping[str, Samples] = field(default_factory=dict)
    start_up: Samples | None = None
    items: int | None = None


@dataclass(frozen=True)
class Limit:
    """How long ours may take: so many times the reference, plus so many seconds, plus our start-up.

    >>> Limit(times=1.3, plus=1.0).text("s")
    '1.3 x reference + 1 s'
    >>> Limit(plus=0.08).text("ms")
    '80 ms'
    """

    times: float = 0.0
    plus: float = 0.0
    start_up: bool = False

    def seconds(self, measured: Measured) -> float:
        """The limit in this sitting. Raises ValueError where it needs a start-up that nobody measured."""
        limit = self.times * measured.reference.median + self.plus
        if not self.start_up:
            return limit
        if measured.start_up is None:
            raise ValueError("the limit speaks of a start-up that was not measured")
        return limit + measured.start_up.median

    def text(self, unit: str) -> str:
        """The rule, for a person."""
        parts = [f"{self.times:g} x reference"] if self.times else []
        parts += [f"{self.plus * UNITS[unit]:g} {unit}"] if self.plus else []
        return " + ".join([*parts, "start-up"] if self.start_up else parts)


@dataclass(frozen=True)
class Case:
    """Something that is measured side by side with a reference.

    Attributes:
        name: By which one asks for it.
        family: Of several; one may ask for all of them.
        ours: What is measured, in words.
        reference: What it is measured against, in words.
        unit: In which it is shown.
        rounds: How often each side is timed unless one says otherwise.
        measure: Times both sides in that many rounds and makes sure that they do the same.
    """

    name: str
    family: str
    ours: str
    reference: str
    unit: str
    limit: Limit
    rounds: int
    measure: Callable[[Bench, int], Measured]


def choose(cases: Iterable[Case], wanted: Iterable[str]) -> list[Case]:
    """The cases of these names or families, all of them for none. Raises AGI-ARGS-120 for a word that is neither."""
    every = list(cases)
    known = list(dict.fromkeys([case.name for case in every] + [case.family for case in every]))
    words = set(wanted)
    for word in sorted(words - set(known)):
        close = difflib.get_close_matches(word, known, n=3, cutoff=0.4)
        raise AgiError(
            "AGI-ARGS-120",
            "there is no such benchmark",
            found=word,
            allowed=", ".join(close or known),
            try_=f"python -m benchmarks --only {close[0]}" if close else "python -m benchmarks --list",
        )
    return [case for case in every if not words or case.name in words or case.family in words]
