"""From our log to MLflow: a run's parameters, metrics, tables and artifacts, delivered once.

The log of execution is ours; MLflow is the memory that a team looks at. This room carries a *payload* (one
plain document that the manager wrote from the log) there. The manager never imports MLflow, which takes a
second: a `Delivery` talks to a *deliverer*, a child process that imports MLflow while the units still run.

Nothing here decides whether a run succeeded. An unreachable server is an `Outcome` with a reason, never an
error of the run, and the same payload can be delivered again later: exactly one parent run, one nested run
for each node and each metric point once, however often, and wherever the deliverer was killed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agilab.tracking.delivery import Delivery, Outcome
    from agilab.tracking.uri import patience, resolve_uri, safe_uri

__all__ = ["Delivery", "Outcome", "patience", "resolve_uri", "safe_uri"]

_HOMES = {"Delivery": "delivery", "Outcome": "delivery"}


def __getattr__(name: str) -> Any:
    # Lazy, so that the deliverer's own start does not load the manager's half.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES.get(name, 'uri')}"), name)
