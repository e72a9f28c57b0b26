"""Sharing: workers of one host have its cores in common, so more of them than cores do not do more.

A unit that computes all the time uses one core, one that waits (for a disk, a service) less. Both is measured: the
processor time of a unit stands beside its duration in the log.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import fsum

from agilab.projects.observations import Observation

LEAST_S = 0.005
"""Clocks of processor time tick; what takes less is not told from nothing."""
LEAST_READINGS = 5
QUIET = 0.9
"""Of all readings the one that this share of them does not exceed: others are of units that something else held up."""
WAITING = 0.2
"""Who uses less of a core waits. Who uses more may have been held up by other work of the machine: both look alike."""
FULL = 0.8
"""The share of the cores in use from which on units are taken to have waited for one."""


def core_use(observations: Sequence[Observation]) -> float:
    """The part of a core that a unit keeps busy: one, but for units that are seen to wait nearly all the time."""
    found = sorted(
        seen.cpu / seen.seconds for seen in observations if seen.cpu is not None and seen.seconds >= LEAST_S
    )
    if len(found) < LEAST_READINGS:
        return 1.0
    use = found[int(QUIET * (len(found) - 1))]
    return max(0.01, use) if use < WAITING else 1.0


def capacity_of_each(workers: int, use: float, cores: int) -> float:
    """What each of so many workers has of the speed that one alone would have.

    >>> capacity_of_each(2, 1.0, 2), capacity_of_each(8, 1.0, 2), capacity_of_each(8, 0.25, 2)
    (1.0, 0.25, 1.0)
    """
    return min(1.0, cores / (workers * use))


def alone_and_together(speeds: Mapping[str, float]) -> tuple[dict[str, float], float | None]:
    """What workers of these capacities could do alone, and what they can do together where that is less.

    They share where none has a whole core.
    """
    most = max(speeds.values(), default=1.0)
    if most >= 1.0:
        return dict(speeds), None
    return {name: speed / most for name, speed in speeds.items()}, fsum(speeds.values())


def as_if_alone(
    observations: Sequence[Observation], cores: int
) -> tuple[list[Observation], list[Observation]]:
    """What units would have taken with a core each; and those of them that tell how much of one they use.

    Units of a run with more workers than cores took longer the more there were, where they kept the cores busy.
    """
    runs: dict[int, list[Observation]] = {}
    for seen in observations:
        runs.setdefault(seen.run, []).append(seen)
    found: list[Observation] = []
    telling: list[Observation] = []
    for mine in runs.values():
        workers = len({seen.worker for seen in mine})
        if workers > cores and _kept_busy(mine, workers, cores):
            stretched = cores / workers
            found += [replace(seen, seconds=max(seen.cpu or 0.0, seen.seconds * stretched)) for seen in mine]
        else:
            found += mine
            telling += mine
    return found, telling


def _kept_busy(observations: Sequence[Observation], workers: int, cores: int) -> bool:
    measured = [seen for seen in observations if seen.cpu is not None]
    took = sum(seen.seconds for seen in measured)
    return took > 0 and workers * sum(seen.cpu or 0.0 for seen in measured) / took >= FULL * cores
