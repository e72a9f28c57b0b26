"""Which run this process is working on: what is logged, shown or read anywhere below it reaches that."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol, TypeVar


class Lender(Protocol):
    """Who notes the files that a run was handed: `agi_node.lent.Lent`."""

    def file(self, reference: Any, path: str, found: os.stat_result) -> None:
        """Note a file of a root, as it was found when its path was handed out."""


class Run(Protocol):
    """What those below a run know of it; it is a `RunContext`."""

    @property
    def _lent(self) -> Lender: ...


RunT = TypeVar("RunT", bound=Run)

_context: ContextVar[Run | None] = ContextVar("agi_node_run", default=None)
_active: list[Run] = []
"""The runs that this process is working on, the newest last; two threads may work on two, and end in either order."""


def active_run() -> Run | None:
    """The run that calls made here would reach: that of this context, else the newest; or None."""
    return _context.get() or next(reversed(_active), None)


@contextmanager
def use_run(run: RunT) -> Iterator[RunT]:
    """Make a run the one that calls reach, in this context and for threads that have none."""
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


def _forget_run() -> None:
    # What a forked child logged would stay in the child: better a warning there than a silent loss.
    _active.clear()
    _context.set(None)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_run)
