"""The tracker: metrics, parameters and artifacts from anywhere below a run, without knowing the run.

    from agi_node import tracker
    tracker.log_metric("loss", 0.12, step=3)

A call reaches the run that is active in the current context, and otherwise (a thread that the author started)
the one that this process is working on. Outside any run the first call warns and all do nothing.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from agi_node import active
from agi_node.active import use_run

if TYPE_CHECKING:
    from agi_node.context import RunContext

__all__ = ["active_run", "log_artifact", "log_metric", "log_metrics", "log_param", "use_run"]

_warned = False


def active_run() -> RunContext | None:
    """The run that calls made here would reach, or None."""
    return cast("RunContext | None", active.active_run())


def log_metric(name: str, value: float, step: int | None = None) -> None:
    """Record one number under a name; see `RunContext.log_metric`."""
    if (run := _run()) is not None:
        run.log_metric(name, value, step)


def log_metrics(values: Mapping[str, float], step: int | None = None) -> None:
    """Record several numbers of one step."""
    if (run := _run()) is not None:
        run.log_metrics(values, step)


def log_param(name: str, value: Any) -> None:
    """Record a parameter; see `RunContext.log_param`."""
    if (run := _run()) is not None:
        run.log_param(name, value)


def log_artifact(path: str | Path, name: str | None = None) -> None:
    """Keep a file; see `RunContext.log_artifact`."""
    if (run := _run()) is not None:
        run.log_artifact(path, name)


def _run() -> RunContext | None:
    global _warned
    run = active_run()
    if run is None and not _warned:
        _warned = True
        warnings.warn("no run is active here: what the tracker is told is not recorded", stacklevel=3)
    return run
