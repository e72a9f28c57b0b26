"""The tracker: metrics, parameters and artifacts from anywhere below a run, without knowing the run.

    from agi_node import tracker
    tracker.log_metric("loss", 0.12, step=3)

A call reaches the run that is active in the current context, and otherwise (a thread that the author started)
the one that this process is working on. Outside any run the first call warns and all do nothing.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agi_node.context import RunContext

__all__ = ["active_run", "log_artifact", "log_metric", "log_metrics", "log_param", "use_run"]

_context: ContextVar[RunContext | None] = ContextVar("agi_node_run", default=None)
_active: list[RunContext] = []
"""The runs that this process is working on, the newest last; two threads may work on two, and end in either order."""
_warned = False


def active_run() -> RunContext | None:
    """The run that calls made here would reach, or None."""
    return _context.get() or next(reversed(_active), None)


@contextmanager
def use_run(run: RunContext) -> Iterator[RunContext]:
    """Make a run the one that tracker calls reach, in this context and for threads that have none."""
    token = _context.set(run)
    _active.append(run)
    try:
        yield run
    finally:
        _context.reset(token)
        for place in reversed(range(len(_active))):  # none in a child that was forked meanwhile
            if _active[place] is run:
                del _active[place]
                break


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


def _forget_run() -> None:
    # What a forked child logged would stay in the child: better a warning there than a silent loss.
    _active.clear()
    _context.set(None)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_run)
