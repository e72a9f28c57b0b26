"""Who does which item: made by planning, edited by a person, checked before a run, kept with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import fsum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from agi_node.errors import AgiError
from agilab.contracts.base import parse_document, read_document
from agilab.contracts.identifiers import unit_id
from agilab.contracts.timestamps import utc_now
from agilab.engine.bounds import lower_bound
from agilab.engine.expansion import Item
from agilab.engine.placement import Placement, ends, place
from agilab.projects.capacity import capacities
from agilab.projects.costs import Estimates, estimated, read_history, time_text
from agilab.projects.prepare import PreparedApp
from agilab.projects.sharing import capacity_of_each
from agilab.projects.tasks import app_graph
from agilab.projects.work_items import PLAN, WORK
from agilab.store.store import Store

if TYPE_CHECKING:
    # Its models take longer to make than a dynamic run, which has no distribution, should wait.
    from agilab.contracts.distribution import Distribution

NAMED = 5
"""Items that an error names; of the others it says the number."""


def worker_names(count: int) -> list[str]:
    """The workers of this machine, as the local executor calls them."""
    return [f"w{number}" for number in range(count)]


def placing_digest(prepared: PreparedApp, args: Mapping[str, Any]) -> str:
    """What a distribution rests on: the app's plan, whatever the policy under which its units are tried."""
    reference, environment = str(prepared.app.reference), prepared.environment.fingerprint
    return app_graph(reference, prepared.described, args, environment).digest


def distribute(
    store: Store,
    prepared: PreparedApp,
    args: Mapping[str, Any],
    items: Sequence[Item],
    workers: int,
    placement: Literal["static", "dynamic"],
    *,
    cores: int | None,
) -> Distribution:
    """The distribution of items over so many workers, by what earlier runs took and how fast each worker proved.

    They share `cores`; None where they are not of one host.

    `static` gives each item to a worker. `dynamic` leaves that to whoever is idle first, which comes to the same where
    costs are right; its makespan is that of the largest first.
    """
    from agilab.contracts.distribution import Distribution

    history = read_history(
        store, prepared.app.name, args, node=WORK, target=f"{prepared.app.reference}#{WORK}", plan=PLAN
    )
    estimates = estimated(items, history)
    part = capacity_of_each(workers, history.use, cores) if cores else 1.0
    speeds = {name: speed * part for name, speed in capacities(worker_names(workers), history).items()}
    alone, shared = _sharing(speeds)
    weights = {item.key: _weight(item, estimates) for item in items}
    # Idle workers take the next item whatever would be shorter; where each has its own, some may have none.
    dynamic = placement == "dynamic"
    placed = place(weights, alone, cores=shared, start=estimates.start, all_work=dynamic)
    return Distribution.model_validate(
        {
            "app": prepared.app.name,
            "made_at": utc_now(),
            "plan_digest": placing_digest(prepared, args),
            "placement": placement,
            "workers": [
                {"worker": name, "host": "local", "capacity": capacity} for name, capacity in speeds.items()
            ],
            "items": [
                {
                    "unit": unit_id(WORK, item.key),
                    "key": item.key,
                    "cost": item.cost,
                    "seconds": None if estimates.seconds is None else estimates.seconds[item.key],
                    "worker": placed.assigned[item.key] if placement == "static" else None,
                }
                for item in sorted(items, key=lambda item: -_weight(item, estimates))
            ],
            "makespan": {
                "cost": _cost_makespan(items, placed, speeds),
                "seconds": None if estimates.seconds is None else placed.makespan,
                "start": estimates.start,
                "bound": placed.bound,
                "basis": estimates.basis,
            },
        }
    )


def read_distribution(path: Path, workers: int | None) -> Distribution:
    """A distribution from a file, with workers that this machine would have; `workers` is how many were asked for.

    Raises the errors of `read_document`, AGI-PLAN-005 for a worker that would not be there, AGI-PLAN-006 where another
    number of workers was asked for.
    """
    from agilab.contracts.distribution import Distribution

    found = read_document(path, Distribution)
    names = worker_names(len(found.workers))
    for worker in found.workers:
        if worker.worker not in names or worker.host != "local":
            raise AgiError(
                "AGI-PLAN-005",
                f"{path}: a worker is not there",
                found=f"{worker.worker} on host {worker.host}",
                allowed=f"{_listed(names)} on host local, for {len(names)} workers",
                try_="leave the list of workers as it was planned, or plan again: agilab app plan APP --workers N",
            )
    if not names:
        raise AgiError(
            "AGI-PLAN-005", f"{path}: there are no workers", found="an empty list", allowed="w0, w1, …"
        )
    if workers is not None and workers != len(names):
        raise AgiError(
            "AGI-PLAN-006",
            f"{path} is for another number of workers",
            found=f"--workers {workers}",
            allowed=f"--workers {len(names)}, or no --workers: the distribution says how many",
        )
    return found


def check_plan(found: Distribution, prepared: PreparedApp, args: Mapping[str, Any], where: str) -> None:
    """Raise AGI-PLAN-001 for a distribution of another app, AGI-PLAN-002 for one of another plan of this app."""
    app, wanted = prepared.app.name, placing_digest(prepared, args)
    if found.app != app:
        raise AgiError(
            "AGI-PLAN-001",
            f"{where} distributes the items of another app",
            found=found.app,
            allowed=app,
            try_=f"agilab app plan {app}",
        )
    if found.plan_digest != wanted:
        raise AgiError(
            "AGI-PLAN-002",
            f"{where} was made for another plan of {app}: other arguments, another environment, or other nodes",
            found=f"plan {found.plan_digest[:12]}",
            allowed=f"plan {wanted[:12]}",
            try_=f"agilab app plan {app}, with the arguments of this run",
        )


def check_items(found: Distribution, keys: Sequence[str], where: str) -> None:
    """Raise AGI-PLAN-003 for items that the distribution leaves out, AGI-PLAN-004 for some that the plan has not."""
    planned = {unit_id(WORK, key): key for key in keys}
    given = {item.unit: item.key for item in found.items}
    unknown = [unit for unit, key in given.items() if planned.get(unit) != key]
    if unknown:
        raise AgiError(
            "AGI-PLAN-004",
            f"{where} has {_items(len(unknown))} that the plan does not have",
            found=_listed([f"{unit} (key {given[unit]!r})" for unit in unknown]),
            allowed=f"the {_items(len(planned))} of the plan: {_listed(sorted(planned))}",
            try_=f"agilab app plan {found.app}",
        )
    missing = [unit for unit in planned if unit not in given]
    if missing:
        raise AgiError(
            "AGI-PLAN-003",
            f"{where} leaves out {_items(len(missing))} of the plan",
            found=f"nothing about {_listed([_told(unit, planned[unit]) for unit in missing])}",
            allowed="every item of the plan once; null as its worker leaves it to the first idle one",
            try_=f"agilab app plan {found.app}",
        )


def assignments(found: Distribution) -> dict[str, str]:
    """The worker of each unit, if the idle take what nobody has: the longest first, to where it would end first."""
    weights = {item.unit: (item.seconds or 0.0) if found.in_seconds else item.cost for item in found.items}
    speeds = {worker.worker: worker.capacity for worker in found.workers}
    pinned = pins(found)
    if not pinned:
        alone, shared = _sharing(speeds)
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
    alone, shared = _sharing({worker.worker: worker.capacity for worker in found.workers})
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


def _sharing(speeds: Mapping[str, float]) -> tuple[dict[str, float], float | None]:
    """What workers of these capacities could do alone, and what they can do together where that is less.

    They share where none has a whole core.
    """
    most = max(speeds.values(), default=1.0)
    if most >= 1.0:
        return dict(speeds), None
    return {name: speed / most for name, speed in speeds.items()}, fsum(speeds.values())


def _ends(
    found: Distribution, weights: Mapping[str, float], assigned: Mapping[str, str], start: float
) -> dict[str, float]:
    shares: dict[str, list[float]] = {worker.worker: [] for worker in found.workers}
    for unit, worker in assigned.items():
        shares[worker].append(weights[unit])
    work = [fsum(share) + start if share else 0.0 for share in shares.values()]
    alone, shared = _sharing({worker.worker: worker.capacity for worker in found.workers})
    return dict(zip(shares, ends(work, list(alone.values()), shared), strict=True))


def keep(store: Store, found: Distribution) -> str:
    """Put a distribution into the object store; returns its digest, which the run's first event records."""
    return store.objects.put(found.text().encode("utf-8"))


def kept(store: Store, run_id: str) -> Distribution | None:
    """The distribution with which a run began; None where idle workers take what comes next."""
    created = next(store.events(run_id, kinds=("run_created",)), None)
    name = created.data.get("distribution_digest") if created else None
    if not name:
        return None
    from agilab.contracts.distribution import Distribution

    return parse_document(store.objects.read(name), Distribution, f"the distribution of run {run_id}")


def pins(found: Distribution | None, workers: int | None = None) -> dict[str, str]:
    """The worker of each unit that has one; of so many `workers`, where a run goes on with fewer than it began with.

    A unit whose worker is not there any more would wait for it for ever, so it is left to whoever is idle.
    """
    if found is None:
        return {}
    names = {worker.worker for worker in found.workers} if workers is None else set(worker_names(workers))
    return {item.unit: item.worker for item in found.items if item.worker in names and item.worker}


def summary(found: Distribution) -> str:
    """A distribution in one line, for a person who is about to see it run."""
    timed = found.makespan.seconds is not None
    ends, bound = found.makespan.seconds if timed else found.makespan.cost, found.makespan.bound
    text = time_text if timed else "{:,.6g} units of cost".format
    least = f", at best {text(bound)}" if bound is not None else ""
    count = len(found.workers)
    return (
        f"{_items(len(found.items))} on {count} worker{'' if count == 1 else 's'}: "
        f"{text(ends or 0.0)}{least}; {found.makespan.basis}"
    )


def _weight(item: Item, estimates: Estimates) -> float:
    return item.cost if estimates.seconds is None else estimates.seconds[item.key]


def _cost_makespan(items: Sequence[Item], placed: Placement, speeds: Mapping[str, float]) -> float:
    """When the last worker ends in the app's own unit, of the same placement."""
    shares: dict[str, list[float]] = {worker: [] for worker in speeds}
    for item in items:
        shares[placed.assigned[item.key]].append(item.cost)
    alone, shared = _sharing(speeds)
    return max(ends([fsum(share) for share in shares.values()], list(alone.values()), shared))


def _told(unit: str, key: str) -> str:
    """A unit as a person knows it: with its key where its name writes that another way."""
    return unit if unit == f"{WORK}[{key}]" else f"{unit} (key {key!r})"


def _items(count: int) -> str:
    return f"{count:,} item{'' if count == 1 else 's'}"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more if names else "none"
