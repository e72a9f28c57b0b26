"""Starts: the first unit of a worker also pays for what the app loads when it is first used.

That is a cost of the worker, once, and none of the item that happened to come first.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from agilab.projects.observations import Observation

NOISE_S = 0.05
"""A busy machine makes a unit that much longer now and then."""
WARM_AFTER = 5
"""Units after a first one from which on a run tells what a first one costs."""
Line = Callable[[Sequence[Observation]], tuple[float, float]]
"""Seconds at no cost, and seconds for a unit of cost, by a line through observations."""


def without_starts(observations: Sequence[Observation], line: Line) -> tuple[list[Observation], float]:
    """What the items themselves took, and what a worker takes to start; 0 where nothing tells.

    The start of a run is the least that any of its first units took beyond what its item takes elsewhere: warm in any
    run, or else by its cost. First units are left out, but for one that took far longer than starts do: without the
    start it is an item that takes long.
    """
    runs: dict[int, list[Observation]] = {}
    warm: dict[str, list[Observation]] = {}
    for seen in observations:
        runs.setdefault(seen.run, []).append(seen)
        if not seen.first:
            warm.setdefault(seen.key, []).append(seen)
    found: list[Observation] = []
    starts: list[float] = []
    for mine in runs.values():
        units = Counter(seen.worker for seen in mine)
        usual = [seen for seen in mine if not seen.first]
        first = [seen for seen in mine if seen.first and units[seen.worker] > 1]
        if len(usual) < WARM_AFTER or not first:
            found += mine
            continue
        over = [seen.seconds - _expected(seen, warm, line(usual)) for seen in first]
        start = max(0.0, min(over))
        starts.append(start if start >= NOISE_S else 0.0)
        long = [
            replace(seen, seconds=seen.seconds - start)
            for seen, more in zip(first, over, strict=True)
            if more > 2 * start + NOISE_S
        ]
        found += [*usual, *long, *(seen for seen in mine if seen.first and units[seen.worker] == 1)]
    return found, statistics.median(starts) if starts else 0.0


def _expected(first: Observation, warm: dict[str, list[Observation]], line: tuple[float, float]) -> float:
    alike = [
        seen.seconds
        for seen in warm.get(first.key, ())
        if seen.payload == first.payload or seen.cost == first.cost
    ]
    return statistics.median(alike) if alike else line[0] + line[1] * first.cost
