"""Placement: which worker does which item, before anything runs.

Longest processing time first (Graham, 1969): items from the dearest down, each to the worker where it would end first.
A few swaps between the last worker to end and the others follow, which helps where there are few items. Pure, and never
more than n log n in the items and linear in the number of different capacities.

Workers of one host share its cores. Where they are more than those, all that work have an equal part of the whole, none
more than it could use alone, and who is done leaves its part to the others (processor sharing, Kleinrock, 1967). A long
item that many hold up ends late, so that fewer workers may end earlier: some numbers of them are tried.
"""

from __future__ import annotations

import heapq
import math
from bisect import bisect_left, insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from agi_node.errors import AgiError
from agilab.engine.bounds import check_sum, least

GOOD_ENOUGH = 1.001
"""Times the bound: nearer than that no cost is known."""
LOOKS = 20_000
"""How many items the search for swaps looks at in all, so that its time is bounded whatever the plan."""
COUNTS = 8
"""How many numbers of workers are tried where they share cores."""
SIMILAR = 0.98
"""Items of at least this much of the dearest are a stretch that shares one order of the workers."""


@dataclass(frozen=True)
class Placement:
    """Who does what, and how long each worker has.

    Attributes:
        assigned: The worker of each item.
        loads: When each worker ends: the costs of its items divided by its capacity, later where cores are shared.
        bound: What no placement whatever can end before (`bounds.lower_bound`).
    """

    assigned: Mapping[str, str]
    loads: Mapping[str, float]
    bound: float

    @property
    def makespan(self) -> float:
        """When the last worker ends."""
        return max(self.loads.values())

    @property
    def ratio(self) -> float:
        """The makespan by the bound; 1.0 where it cannot be beaten, or where there is nothing to do."""
        return self.makespan / self.bound if self.bound else 1.0


def place(
    costs: Mapping[str, float],
    capacities: Mapping[str, float],
    *,
    cores: float | None = None,
    start: float = 0.0,
    all_work: bool = False,
) -> Placement:
    """Give every item to one worker so that the last worker ends early.

    With `cores`, all workers together never do more than that capacity; some then get no item, unless `all_work`.
    `start` is the cost that each worker with an item has once. Without either, the makespan is at most
    `bounds.guarantee(capacities)` times the bound. Items of equal cost go by their names, so the order of `costs`
    changes nothing; items that all cost nothing are spread by their number.

    Raises AGI-PLAN-010 without a worker, AGI-PLAN-011 for a capacity that is no positive number, AGI-PLAN-012 for a
    cost that is no number from 0, or for costs that no number holds together.

    >>> placed = place({"a": 5, "b": 4, "c": 3, "d": 3, "e": 3}, {"w0": 1.0, "w1": 1.0})
    >>> placed.assigned["a"] == placed.assigned["b"], placed.makespan
    (True, 9.0)
    """
    _check(costs, capacities)
    names = sorted(costs, key=lambda name: (-costs[name], name))
    workers = list(capacities)
    speeds = [capacities[worker] for worker in workers]
    weights = [float(costs[name]) for name in names]
    together = math.fsum(weights) / min(cores or math.inf, math.fsum(speeds))
    bound = max(least(weights, speeds), together) + (start / max(speeds) if costs else 0.0)
    fastest = sorted(range(len(speeds)), key=lambda number: -speeds[number])
    chosen: list[int] = []
    loads = [math.inf]
    for count in [len(speeds)] if all_work else _counts([speeds[number] for number in fastest], cores):
        some = sorted(fastest[:count])
        tried = [some[number] for number in _chosen(weights, [speeds[number] for number in some])]
        work = _loads(weights, [1.0] * len(speeds), tried)
        used = set(tried)
        work = [amount + start if number in used else 0.0 for number, amount in enumerate(work)]
        ended = ends(work, speeds, cores)
        if max(ended) < max(loads):
            chosen, loads = tried, ended
        if max(loads) <= bound * GOOD_ENOUGH:
            break
    return Placement(
        {name: workers[number] for name, number in zip(names, chosen, strict=True)},
        dict(zip(workers, loads, strict=True)),
        bound,
    )


def _counts(speeds: Sequence[float], cores: float | None) -> list[int]:
    """Numbers of workers worth a try, the fewest that keep the cores busy first, all of them last.

    >>> _counts([1.0, 1.0, 1.0], None), _counts([1.0] * 4, 2.0), _counts([1.0] * 64, 1.0)
    ([3], [2, 3, 4], [1, 10, 19, 28, 37, 46, 55, 64])
    """
    most = len(speeds)
    if cores is None or cores >= math.fsum(speeds):
        return [most]
    fewest = bisect_left(list(accumulate(speeds)), cores * (1 - 1e-9)) + 1
    tried = min(COUNTS, most - fewest + 1)
    return sorted({fewest + step * (most - fewest) // max(1, tried - 1) for step in range(tried)})


def _chosen(weights: Sequence[float], speeds: Sequence[float]) -> list[int]:
    """The worker of each item, from the dearest down, if all had cores of their own."""
    bound = least(weights, speeds)
    chosen = _longest_first(weights if bound else [1.0] * len(weights), speeds)
    if max(_loads(weights, speeds, chosen)) > bound * GOOD_ENOUGH:
        return _improved(weights, speeds, chosen, bound)
    return chosen


def ends(work: Sequence[float], capacities: Sequence[float], cores: float | None = None) -> list[float]:
    """When workers end that have so much to do each; of shared `cores` who is done leaves its part to the others.

    >>> ends([4, 1], [2.0, 1.0]), ends([2, 1, 1], [1.0, 1.0, 1.0], cores=2)
    ([2.0, 1.0], [2.5, 1.5, 1.5])
    """
    alone = [amount / speed for amount, speed in zip(work, capacities, strict=True)]
    if cores is None or cores >= math.fsum(capacities):
        return alone
    found = list(alone)
    at = done = 0.0
    working = math.fsum(speed for speed, amount in zip(capacities, work, strict=True) if amount)
    for number in sorted(range(len(alone)), key=alone.__getitem__):
        # All go equally much slower than alone, so they end in the order in which they would alone.
        at += (alone[number] - done) * max(1.0, working / cores)
        done = alone[number]
        found[number] = at
        working -= capacities[number] if work[number] else 0.0
    return found


def _longest_first(costs: Sequence[float], speeds: Sequence[float]) -> list[int]:
    """The worker of each item, the dearest first: where it would end first."""
    if len(set(speeds)) > 1:
        return _longest_first_uniform(costs, [1 / speed for speed in speeds])
    heap = [(0.0, number) for number in range(len(speeds))]
    chosen = []
    for cost in costs:
        load, number = heap[0]
        heapq.heapreplace(heap, (load + cost, number))
        chosen.append(number)
    return chosen


def _longest_first_uniform(costs: Sequence[float], rates: Sequence[float]) -> list[int]:
    """The same for workers that take different times (`rates`) for a unit of cost.

    Which worker would end first depends on the item, so no one order of the workers serves them all. Ends for the
    cheapest item of a stretch of similar ones are below those for any other of it: the heap is in their order, and only
    those workers are looked at whose end could be the first, one or two of them however many there are.
    """
    loads = [0.0] * len(rates)
    chosen: list[int] = []
    start = 0
    while start < len(costs):
        end = len(costs)
        if costs[start]:
            end = bisect_left(costs, -costs[start] * SIMILAR, lo=start + 1, key=lambda cost: -cost)
        least = costs[end - 1]
        heap = [
            (load + least * rate, number)
            for number, (load, rate) in enumerate(zip(loads, rates, strict=True))
        ]
        heapq.heapify(heap)
        for cost in costs[start:end]:
            best, worker, looked_at = math.inf, -1, []
            while heap and heap[0][0] < best:
                entry = heapq.heappop(heap)
                looked_at.append(entry)
                number = entry[1]
                ends = loads[number] + cost * rates[number]
                if ends < best:
                    best, worker = ends, number
            for entry in looked_at:
                if entry[1] != worker:
                    heapq.heappush(heap, entry)
            loads[worker] = best
            heapq.heappush(heap, (best + least * rates[worker], worker))
            chosen.append(worker)
        start = end
    return chosen


def _loads(costs: Sequence[float], speeds: Sequence[float], chosen: Sequence[int]) -> list[float]:
    shares: list[list[float]] = [[] for _ in speeds]
    for cost, number in zip(costs, chosen, strict=True):
        shares[number].append(cost)
    return [math.fsum(share) / speed for share, speed in zip(shares, speeds, strict=True)]


def _improved(costs: Sequence[float], speeds: Sequence[float], chosen: list[int], bound: float) -> list[int]:
    """Move or swap items of the worker that ends last, as long as that helps and `LOOKS` are left."""
    held: list[list[tuple[float, int]]] = [[] for _ in speeds]
    for item, cost in enumerate(costs):
        held[chosen[item]].append((cost, item))
    for mine in held:
        mine.sort()
    loads = [math.fsum(cost for cost, _ in mine) / speed for mine, speed in zip(held, speeds, strict=True)]
    looks = LOOKS
    while looks > 0 and len(speeds) > 1:
        last = max(range(len(loads)), key=loads.__getitem__)
        if loads[last] <= bound * GOOD_ENOUGH:
            break
        found = None
        for other in sorted(range(len(loads)), key=loads.__getitem__):
            if other == last or looks <= 0 or loads[other] >= loads[last]:
                break
            looks -= len(held[last])
            found = _exchange(held[last], held[other], loads[last], loads[other], speeds[last], speeds[other])
            if found:
                break
        if not found:
            break
        away, back = found
        _hand_over(held[last], held[other], away)
        if back:
            _hand_over(held[other], held[last], back)
        for worker in (last, other):
            loads[worker] = math.fsum(cost for cost, _ in held[worker]) / speeds[worker]
    improved = list(chosen)
    for worker, mine in enumerate(held):
        for _, item in mine:
            improved[item] = worker
    return improved


def _exchange(
    mine: list[tuple[float, int]],
    theirs: list[tuple[float, int]],
    load: float,
    other: float,
    speed: float,
    other_speed: float,
) -> tuple[tuple[float, int], tuple[float, int] | None] | None:
    """The item to give away, and the one to take for it, that brings two workers' ends down most; None where none does.

    The cost that should change hands is the one after which both end together; for each item of ours the nearest item
    of theirs is found by bisection.
    """
    ideal = (load - other) / (1 / speed + 1 / other_speed)
    best: tuple[tuple[float, int], tuple[float, int] | None] | None = None
    ends = load * (1 - 1e-9)  # less is rounding, and would go round in circles
    for item in mine:
        place = bisect_left(theirs, (item[0] - ideal, -1))
        options: list[tuple[float, int] | None] = [*theirs[max(0, place - 1) : place + 1], None]
        for back in options:
            change = item[0] - (back[0] if back else 0.0)
            after = max(load - change / speed, other + change / other_speed)
            if after < ends:
                ends, best = after, (item, back)
    return best


def _hand_over(
    source: list[tuple[float, int]], target: list[tuple[float, int]], item: tuple[float, int]
) -> None:
    del source[bisect_left(source, item)]
    insort(target, item)


def _check(costs: Mapping[str, float], capacities: Mapping[str, float]) -> None:
    if not capacities:
        raise AgiError(
            "AGI-PLAN-010", "there is no worker to give items to", found="no workers", allowed="1 or more"
        )
    for worker, capacity in capacities.items():
        if not (math.isfinite(capacity) and capacity > 0):
            raise AgiError(
                "AGI-PLAN-011",
                f"the capacity of worker {worker} is not allowed",
                found=str(capacity),
                allowed="a finite number above 0",
            )
    for name, cost in costs.items():
        if not (math.isfinite(cost) and cost >= 0):
            raise AgiError(
                "AGI-PLAN-012",
                f"the cost of item {name} is not allowed",
                found=str(cost),
                allowed="a finite number from 0",
                whose="author",
            )
    check_sum(list(costs.values()), list(capacities.values()))
