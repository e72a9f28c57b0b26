"""Who does which item: made by planning, for a person to edit, and kept with the run that follows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import fsum
from typing import TYPE_CHECKING, Any, Literal

from agilab.contracts.base import parse_document
from agilab.contracts.identifiers import unit_id
from agilab.contracts.timestamps import utc_now
from agilab.engine.expansion import Item
from agilab.engine.placement import Placement, ends, place
from agilab.projects.assignment import worker_names
from agilab.projects.capacity import capacities
from agilab.projects.costs import Estimates, estimated, read_history, time_text
from agilab.projects.prepare import PreparedApp
from agilab.projects.sharing import alone_and_together, capacity_of_each
from agilab.projects.tasks import app_graph
from agilab.projects.work_items import PLAN, WORK
from agilab.store.store import Store

if TYPE_CHECKING:
    # Its models take longer to make than a dynamic run, which has no distribution, should wait.
    from agilab.contracts.distribution import Distribution


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
    alone, shared = alone_and_together(speeds)
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


def keep(store: Store, found: Distribution) -> str:
    """Put a distribution into the object store; returns its digest, which the run's first event records."""
    return store.objects.put(found.text().encode("utf-8"))


def kept(store: Store, run_id: str) -> Distribution | None:
    """The distribution with which a run began; None where idle workers take what comes next."""
    name = store.created(run_id).get("distribution_digest")
    if not name:
        return None
    from agilab.contracts.distribution import Distribution

    return parse_document(store.objects.read(name), Distribution, f"the distribution of run {run_id}")


def summary(found: Distribution) -> str:
    """A distribution in one line, for a person who is about to see it run."""
    timed = found.makespan.seconds is not None
    ends, bound = found.makespan.seconds if timed else found.makespan.cost, found.makespan.bound
    text = time_text if timed else "{:,.6g} units of cost".format
    least = f", at best {text(bound)}" if bound is not None else ""
    count = len(found.workers)
    return (
        f"{items_text(len(found.items))} on {count} worker{'' if count == 1 else 's'}: "
        f"{text(ends or 0.0)}{least}; {found.makespan.basis}"
    )


def _weight(item: Item, estimates: Estimates) -> float:
    return item.cost if estimates.seconds is None else estimates.seconds[item.key]


def _cost_makespan(items: Sequence[Item], placed: Placement, speeds: Mapping[str, float]) -> float:
    """When the last worker ends in the app's own unit, of the same placement."""
    shares: dict[str, list[float]] = {worker: [] for worker in speeds}
    for item in items:
        shares[placed.assigned[item.key]].append(item.cost)
    alone, shared = alone_and_together(speeds)
    return max(ends([fsum(share) for share in shares.values()], list(alone.values()), shared))


def items_text(count: int) -> str:
    return f"{count:,} item{'' if count == 1 else 's'}"
