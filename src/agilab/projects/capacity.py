"""Capacity: how fast each worker is beside the others, where earlier runs prove a difference.

Workers of one machine are alike unless shown otherwise. Noise must not unbalance a plan, so a difference counts only
where the same items took longer on one worker than on others, by much more than they vary, in more than one run.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agilab.projects.costs import History
from agilab.projects.observations import Observation

KEYS = 2_000
"""Items that are compared at most."""
LEAST_S = 0.05
"""What takes less measures the machine's other work, not the worker."""
ROUNDS = 8
LEAST_UNITS = 20
LEAST_EFFECT = math.log(1.1)
"""A tenth faster or slower; less is not worth an uneven plan."""
SIGNIFICANT = 4.0
"""Standard errors; with dozens of workers one in a thousand plans would be uneven by chance at three."""
STEP = 0.05


@dataclass(frozen=True, slots=True)
class _Reading:
    """The logarithm of what an item took, in a run, on a worker."""

    key: str
    run: int
    worker: str
    value: float


def capacities(workers: Sequence[str], history: History) -> dict[str, float]:
    """The speed of each of these workers; 1.0 is the usual one, and of those of which nothing is proved.

    Only items that several workers did are compared. What an item, a run and a worker contribute to the logarithm of a
    duration is told apart by median polish (Tukey, 1977).
    """
    found = dict.fromkeys(workers, 1.0)
    readings = _comparable(history.observations)
    if not readings:
        return found
    effects, rest = _polished(readings)
    for worker in workers:
        mine = [
            (reading, left) for reading, left in zip(readings, rest, strict=True) if reading.worker == worker
        ]
        if worker in effects and _is_proved(effects[worker], mine):
            found[worker] = max(STEP, round(math.exp(-effects[worker]) / STEP) * STEP)
    return {worker: round(capacity, 2) for worker, capacity in found.items()}


def _comparable(observations: Sequence[Observation]) -> list[_Reading]:
    by_key: dict[str, list[Observation]] = {}
    for seen in observations:
        if seen.seconds >= LEAST_S and seen.worker:
            by_key.setdefault(seen.key, []).append(seen)
    readings: list[_Reading] = []
    keys = 0
    for key, group in by_key.items():
        newest = group[0]
        alike = [seen for seen in group if seen.payload == newest.payload]
        if len({seen.worker for seen in alike}) > 1:
            readings += [_Reading(key, seen.run, seen.worker, math.log(seen.seconds)) for seen in alike]
            keys += 1
            if keys == KEYS:
                break
    return readings


def _polished(readings: Sequence[_Reading]) -> tuple[dict[str, float], list[float]]:
    """What each worker adds to a logarithm, and what is left of each reading when all three effects are taken out."""
    rest = [reading.value for reading in readings]
    effects: dict[str, float] = {}
    for _ in range(ROUNDS):
        _sweep([reading.key for reading in readings], rest)
        _sweep([str(reading.run) for reading in readings], rest)
        for worker, change in _sweep([reading.worker for reading in readings], rest).items():
            effects[worker] = effects.get(worker, 0.0) + change
    # What is common to all workers went into items and runs, more or less of it; the usual worker is the zero.
    usual = statistics.median(effects.values())
    return {worker: effect - usual for worker, effect in effects.items()}, rest


def _sweep(labels: Sequence[str], rest: list[float]) -> Mapping[str, float]:
    """Take the median of each label's values out of them, in place; returns the medians."""
    groups: dict[str, list[float]] = {}
    for label, value in zip(labels, rest, strict=True):
        groups.setdefault(label, []).append(value)
    medians = {label: statistics.median(group) for label, group in groups.items()}
    for position, label in enumerate(labels):
        rest[position] -= medians[label]
    return medians


def _is_proved(effect: float, mine: Sequence[tuple[_Reading, float]]) -> bool:
    """Whether a worker's effect is large, far beyond chance, and there in each of several runs."""
    if len(mine) < LEAST_UNITS or abs(effect) < LEAST_EFFECT:
        return False
    # A normal sample's deviation is 1.4826 median absolute deviations, its median's error 1.2533 of the mean's.
    spread = 1.4826 * statistics.median(abs(left) for _, left in mine)
    if abs(effect) < SIGNIFICANT * 1.2533 * spread / math.sqrt(len(mine)):
        return False
    by_run: dict[int, list[float]] = {}
    for reading, left in mine:
        by_run.setdefault(reading.run, []).append(effect + left)
    steady = [statistics.median(group) for group in by_run.values() if len(group) >= LEAST_UNITS / 4]
    return len(steady) > 1 and all(value * effect > 0 for value in steady)
