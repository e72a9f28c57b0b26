"""Whether a distribution fits the workers that there are, its app, and the app's plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agi_node.errors import AgiError
from agilab.contracts.base import read_document
from agilab.contracts.identifiers import unit_id
from agilab.projects.assignment import worker_names
from agilab.projects.distribution import items_text, placing_digest
from agilab.projects.prepare import PreparedApp
from agilab.projects.work_items import WORK

if TYPE_CHECKING:
    # As in `distribution`: its models take a while to make.
    from agilab.contracts.distribution import Distribution

NAMED = 5
"""Items that an error names; of the others it says the number."""


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
            f"{where} has {items_text(len(unknown))} that the plan does not have",
            found=_listed([f"{unit} (key {given[unit]!r})" for unit in unknown]),
            allowed=f"the {items_text(len(planned))} of the plan: {_listed(sorted(planned))}",
            try_=f"agilab app plan {found.app}",
        )
    missing = [unit for unit in planned if unit not in given]
    if missing:
        raise AgiError(
            "AGI-PLAN-003",
            f"{where} leaves out {items_text(len(missing))} of the plan",
            found=f"nothing about {_listed([_told(unit, planned[unit]) for unit in missing])}",
            allowed="every item of the plan once; null as its worker leaves it to the first idle one",
            try_=f"agilab app plan {found.app}",
        )


def _told(unit: str, key: str) -> str:
    """A unit as a person knows it: with its key where its name writes that another way."""
    return unit if unit == f"{WORK}[{key}]" else f"{unit} (key {key!r})"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more if names else "none"
