"""What a distribution says of each unit: which worker has it, and when that one would end."""

from __future__ import annotations

from collections.abc import Mapping
from math import fsum
from typing import TYPE_CHECKING

from agilab.engine.bounds import lower_bound
from agilab.engine.placement import ends, place
from agilab.projects.sharing import alone_and_together

if TYPE_CHECKING:
    # As in `distribution`: its models take a while to make.
    from agilab.contracts.distribution import Distribution


def worker_names(count: int) -> list[str]:
    """The workers of this machine, as the local executor calls them."""
    return [f"w{number}" for number in range(count)]


def pins(found: Distribution | None, workers: int | None = None) -> dict[str, str]:
    """The worker of each unit that has one; of so many `workers`, where a run goes on with fewer than it began with.

    A unit whose worker is not there any more would wait for it for ever, so it is left to whoever is idle.
    """
    if found is None:
        return {}
    names = {worker.worker for worker in found.workers} if workers is None else set(worker_names(workers))
    return {item.unit: item.worker for item in found.items if item.worker in names and item.worker}


def assignments(found: Distribution) -> dict[str, str]:
    """The worker of each unit, if the idle take what nobody has: the longest first, to where it would end first."""
    weights = {item.unit: (item.seconds or 0.0) if found.in_seconds else item.cost for item in found.items}
    speeds = {worker.worker: worker.capacity for worker in found.workers}
    pinned = pins(found)
    if not pinned:
        alone, shared = alone_and_together(speeds)
        return dict(place(weights, alone, cores=shared, start=found.makespan.start, all_work=True).assigned)
    loads = dict.fromkeys(speeds, 0.0)
    for unit, worker in pinned.items():
        loads[worker] += weights[unit] / speeds[worker]
    for unit in sorted(weights.keys() - pinned.keys(), key=lambda unit: (-weights[unit], unit)):
        worker = min(loads, key=lambda name: loads[name] + weights[unit] / speeds[name])
        loads[worker] += weights[unit] / speeds[worker]
        pinned[unit] = worker
    return pinned


def loads_of(found: Distribution, assigned: Mapping[str, str]) -> dict[str, float]:
    """When each worker would end by these assignments: in seconds where every item has them, otherwise in cost."""
    weights = {item.unit: (item.seconds or 0.0) if found.in_seconds else item.cost for item in found.items}
    return _ends(found, weights, assigned, found.makespan.start if found.in_seconds else 0.0)


def counts_of(found: Distribution, assigned: Mapping[str, str]) -> dict[str, int]:
    """How many items each worker would have."""
    counts = {worker.worker: 0 for worker in found.workers}
    for worker in assigned.values():
        counts[worker] += 1
    return counts


def evaluated(found: Distribution) -> Distribution:
    """A distribution that somebody edited, with the makespan and the bound that it now comes to.

    Raises AGI-PLAN-012 for costs that no number holds together.
    """
    alone, shared = alone_and_together({worker.worker: worker.capacity for worker in found.workers})
    costs = [item.cost for item in found.items]
    bound = lower_bound(costs, alone.values(), cores=shared)
    if found.in_seconds:
        took = [item.seconds or 0.0 for item in found.items]
        bound = lower_bound(took, alone.values(), cores=shared, start=found.makespan.start)
    assigned = assignments(found)
    by_cost = _ends(found, {item.unit: item.cost for item in found.items}, assigned, 0.0)
    makespan = {
        "cost": max(by_cost.values()),
        "seconds": max(loads_of(found, assigned).values()) if found.in_seconds else None,
        "start": found.makespan.start,
        "bound": bound,
        "basis": found.makespan.basis,
    }
    return found.with_changes(makespan=makespan)


def _ends(
    found: Distribution, weights: Mapping[str, float], assigned: Mapping[str, str], start: float
) -> dict[str, float]:
    shares: dict[str, list[float]] = {worker.worker: [] for worker in found.workers}
    for unit, worker in assigned.items():
        shares[worker].append(weights[unit])
    work = [fsum(share) + start if share else 0.0 for share in shares.values()]
    alone, shared = alone_and_together({worker.worker: worker.capacity for worker in found.workers})
    return dict(zip(shares, ends(work, list(alone.values()), shared), strict=True))
