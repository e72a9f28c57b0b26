"""The same thing timed several times, turn by turn with what it is compared to."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Side = Callable[[], float]
"""Does one thing once and returns the seconds that it took."""


@dataclass(frozen=True)
class Samples:
    """Seconds that the same thing took, in the order in which it was done.

    >>> Samples((3.0, 1.0, 2.0)).median
    2.0
    """

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def least(self) -> float:
        return min(self.seconds)

    @property
    def most(self) -> float:
        return max(self.seconds)

    def times(self, factor: float) -> Samples:
        """Each sample multiplied, for a part that stands for the whole."""
        return Samples(tuple(second * factor for second in self.seconds))


def alternate(sides: Mapping[str, Side], rounds: int, *, warm_ups: int = 1) -> dict[str, Samples]:
    """Time every side once a round, in turn: A B A B.

    What a machine does meanwhile (other people, heat) then meets both, and the ratio of medians keeps.
    The warm-ups are rounds that do not count: they fill caches and write bytecode.
    """
    taken: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(warm_ups + rounds):
        for name, side in sides.items():
            seconds = side()
            if turn >= warm_ups:
                taken[name].append(seconds)
    return {name: Samples(tuple(seconds)) for name, seconds in taken.items()}
