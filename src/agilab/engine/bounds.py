"""Bounds: the time before which no placement can end, and how near to it longest processing time first comes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import accumulate

from agi_node.errors import AgiError


def guarantee(capacities: Iterable[float]) -> float:
    """How many times `lower_bound` the makespan of `place` may be at most, for m workers.

    4/3 - 1/(3m) for equal ones (Graham, 1969), 2 - 2/(m + 1) for different ones (Gonzalez, Ibarra and Sahni, 1977).
    Both were proved against the best schedule; the cases of `least` are those in which the proofs need more than the
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
    check_sum(weights, speeds)
    together = math.fsum(weights) / min(cores or math.inf, math.fsum(speeds))
    return max(least(weights, speeds), together) + (start / max(speeds) if weights else 0.0)


def least(costs: Sequence[float], capacities: Sequence[float]) -> float:
    """The best of what is known to hold without sharing or starts, for costs from the largest down."""
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


def check_sum(costs: Sequence[float], capacities: Sequence[float]) -> None:
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
