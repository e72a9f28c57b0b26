"""Planning: a hundred thousand items on sixty-four workers, beside a sort and one heap."""

from __future__ import annotations

import heapq
import random
import time
from functools import partial

from agilab.engine.placement import place
from benchmarks.bench import Bench
from benchmarks.case import Case, Limit, Measured
from benchmarks.equality import Unequal
from benchmarks.samples import alternate

ITEMS = 100_000
WORKERS = 64
SEED = 20261123
ALLOWED = 4 / 3
"""How many times the lower bound the makespan may be."""


def costs_of(count: int) -> dict[str, float]:
    """Costs with a long tail, as file sizes have."""
    dice = random.Random(SEED)
    return {f"item-{number}": dice.paretovariate(1.5) for number in range(count)}


def measure(bench: Bench, rounds: int, *, alike: bool) -> Measured:
    """Our planner with its bound, against the largest first into one heap of loads.

    The reference knows nothing of capacities, names or bounds. Raises Unequal where our makespan is more than 4/3 of
    the lower bound, an item has no worker, or workers of equal capacity end later than by the reference.
    """
    costs = costs_of(ITEMS)
    capacities = {f"w{number}": 1.0 if alike else 0.5 + number / WORKERS for number in range(WORKERS)}
    last: dict[str, float] = {}

    def ours() -> float:
        began = time.perf_counter()
        placed = place(costs, capacities)
        seconds = time.perf_counter() - began
        if placed.ratio > ALLOWED:
            raise Unequal(f"the makespan is {placed.ratio:.3f} times the lower bound, more than 4/3")
        if placed.assigned.keys() != costs.keys():
            raise Unequal(f"{len(placed.assigned):,} of {len(costs):,} items have a worker")
        last["ours"] = placed.makespan
        return seconds

    def reference() -> float:
        began = time.perf_counter()
        loads = [0.0] * WORKERS
        for cost in sorted(costs.values(), reverse=True):
            heapq.heapreplace(loads, loads[0] + cost)
        last["reference"] = max(loads)
        return time.perf_counter() - began

    taken = alternate({"ours": ours, "reference": reference}, rounds)
    if alike and last["ours"] > last["reference"] * (1 + 1e-9):
        raise Unequal(f"ours ends at {last['ours']:g}, the reference at {last['reference']:g}")
    return Measured(taken["ours"], taken["reference"])


def _case(name: str, workers: str, alike: bool) -> Case:
    return Case(
        name,
        "planning",
        f"{ITEMS:,} items placed on {WORKERS} workers {workers}, with the bound",
        "a sort and one heap of loads",
        "s",
        Limit(plus=1.0),
        5,
        partial(measure, alike=alike),
    )


CASES = (
    _case("planning-equal", "of one capacity", alike=True),
    _case("planning-uneven", "of different capacities", alike=False),
)
