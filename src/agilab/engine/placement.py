"""Placement: which worker does which item, before anything runs.

Longest processing time first (Graham, 1969): items from the dearest down, each to the worker where it would end first.
A few swaps between the last worker to end and the others follow, which helps where there are few items. Pure, and never
more than n log n in the items and linear in the number of different capacities.

Workers of one host share its cores. Where they are more than those, all that work have an equal part of the whole, none
more than it could use alone, and who is done leaves its part to the others (processor sharing, Kleinrock, 1967).
"""

from __future__ import annotations

import heapq
import math
from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from agi_node.errors import AgiError

GOOD_ENOUGH = 1.001
"""Times the bound: nearer than that no cost is known."""
LOOKS = 20_000
"""How many items the search for swaps looks at in all, so that its time is bounded whatever the plan."""
SIMILAR = 0.98
"""Items of at least this much of the dearest are a stretch that shares one order of the workers."""


@dataclass(frozen=True)
class Placement:
    """Who does what, and how long each worker has.

    Attributes:
        assigned: The worker of each item.
        loads: When each worker ends: the costs of its items divided by its capacity, later where cores are shared.
        bound: What no placement whatever can end before (`lower_bound`).
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
) -> Placement:
    """Give every item to one worker so that the last worker ends early.

    With `cores`, all workers together never do more than that capacity. `start` is the cost that each worker with an
    item has once. Without either, the makespan is at most `guarantee(capacities)` times the bound. Items of equal cost
    go by their names, so the order of `costs` changes nothing; items that all cost nothing are spread by their number.

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
    bound = _bound(weights, speeds)
    together = math.fsum(weights) / min(cores or math.inf, math.fsum(speeds))
    chosen = _longest_first(weights if bound else [1.0] * len(weights), speeds)
    loads = _loads(weights, speeds, chosen)
    if max(loads) > bound * GOOD_ENOUGH:
        chosen = _improved(weights, speeds, chosen, bound)
        loads = _loads(weights, speeds, chosen)
    work = _loads(weights, [1.0] * len(speeds), chosen)
    used = set(chosen)
    work = [amount + start if number in used else 0.0 for number, amount in enumerate(work)]
    return Placement(
        {name: workers[number] for name, number in zip(names, chosen, strict=True)},
        dict(zip(workers, ends(work, speeds, cores), strict=True)),
        max(bound, together) + (start / max(speeds) if costs else 0.0),
    )


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


def guarantee(capacities: Iterable[float]) -> float:
    """How many times `lower_bound` the makespan of `place` may be at most, for m workers.

    4/3 - 1/(3m) for equal ones (Graham, 1969), 2 - 2/(m + 1) for different ones (Gonzalez, Ibarra and Sahni, 1977).
    Both were proved against the best schedule; the cases of `_bound` are those in which the proofs need more than the
    total and the largest item, so that they hold against the bound too.

    >>> round(guarantee([1.0, 1.0]), 4), round(guarantee([2.0, 1.0]), 4), guarantee([1.0])
    (1.1667, 1.3333, 1.0)
    """
    speeds = list(capacities)
    count = len(speeds)
    return 4 / 3 - 1 / (3 * count) if len(set(speeds)) == 1 else 2 - 2 / (count + 1)


def lower_bound(
    costs: Iterable[float], capacities: Iterable[float], *, cores: float | None = None, start: float = 0.0
) -> float:
    """A time before which no placement can end, as `place` has it. Raises AGI-PLAN-012 for costs that no number holds
    together.

    >>> lower_bound([5, 4, 3, 3, 3], [1.0, 1.0]), lower_bound([6, 1], [1.0, 1.0]), lower_bound([1, 1, 1], [1, 1])
    (9.0, 6.0, 2.0)
    """
    weights, speeds = sorted((float(cost) for cost in costs), reverse=True), list(capacities)
    _check_sum(weights, speeds)
    together = math.fsum(weights) / min(cores or math.inf, math.fsum(speeds))
    return max(_bound(weights, speeds), together) + (start / max(speeds) if weights else 0.0)


def _bound(costs: Sequence[float], capacities: Sequence[float]) -> float:
    """The best of what is known to hold, for costs from the largest down."""
    if not costs:
        return 0.0
    speeds = sorted(capacities, reverse=True)
    count, workers = len(costs), len(speeds)
    first = [0.0, *accumulate(costs)]  # first[k]: the k largest costs together
    fastest = [0.0, *accumulate(speeds)]
    # The k largest items have at best the k fastest workers (Horvath, Lam and Sethi, 1977).
    best = max(first[k] / fastest[k] for k in range(1, min(count, workers) + 1))
    best = max(best, math.fsum(costs) / math.fsum(speeds))
    if speeds[0] == speeds[-1]:
        return max(best, _crowding(costs, workers) / speeds[0])
    longest = costs[0] / speeds[0]
    for k in range(2, min(count, workers) + 1):
        # The k largest are each alone, the largest on the fastest, or share k - 1 workers.
        longest = max(longest, costs[k - 1] / speeds[k - 1])
        best = max(best, min(longest, first[k] / fastest[k - 1]))
    return best


def _crowding(costs: Sequence[float], workers: int) -> float:
    """What equal workers cannot avoid because there are more items than workers."""
    best = 0.0
    # Of k m + 1 items some worker has k + 1: at least the smallest ones.
    for k in range(1, (len(costs) - 1) // workers + 1):
        last = k * workers
        best = max(best, math.fsum(costs[last - k : last + 1]))
    # Of m + j items either three are together, or so many pairs that one of the m - j + 1 largest is in one.
    for j in range(1, min(workers, len(costs) - workers) + 1):
        least = costs[workers + j - 1]
        best = max(best, min(3 * least, costs[workers - j] + least))
    return best


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
    _check_sum(list(costs.values()), list(capacities.values()))


def _check_sum(costs: Sequence[float], capacities: Sequence[float]) -> None:
    """Loads are sums of costs by a capacity: each must be a number, too."""
    if costs and not (math.isfinite(sum(costs) / min(capacities)) and math.isfinite(sum(capacities))):
        raise AgiError(
            "AGI-PLAN-012",
            "the costs of all items together, or the capacities, are more than can be counted with",
            found=f"a largest cost of {max(costs):g}, capacities of {min(capacities):g} to {max(capacities):g}",
            allowed="a finite number for all on the slowest worker",
            try_="say costs in a larger unit of measure",
            whose="author",
        )
