"""Showing a run to whoever started it: bars on a terminal, one updating line in a notebook, nothing elsewhere."""

from __future__ import annotations

import html
import os
import sys
import time
from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.progress import Progress as Bars

    from agilab.engine.coordinator import Coordinator
    from agilab.engine.executor import Report

QUIET_SECONDS = 0.3
"""A run that is over before this is not worth a flicker."""
PER_SECOND = 10
LINE_SECONDS = 5.0
"""How often a line says how far a run is, where nothing can be taken back."""


def watch(wanted: bool | None) -> Watch:
    """What shows a run: `wanted` None decides by who looks, False is silent, True insists, on plain lines in a pipe."""
    if wanted is False:
        return Watch()
    display = _notebook()
    if display is not None:
        return Notebook(display)
    if sys.stderr.isatty() and os.environ.get("TERM") != "dumb" and (wanted or not os.environ.get("CI")):
        return Terminal()
    return Lines() if wanted else Watch()


def _notebook() -> Any:
    """IPython's display module where this process is the kernel of a notebook; it is never imported for that."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None and hasattr(ipython, "get_ipython") else None
    if shell is None or not hasattr(shell, "kernel"):
        return None
    return sys.modules.get("IPython.display")


class Watch:
    """Sees every turn of the run's loop, and shows nothing. As a context manager it lasts as long as the run."""

    every_s = 1 / PER_SECOND

    def __init__(self) -> None:
        self._due = time.monotonic() + QUIET_SECONDS

    def __enter__(self) -> Watch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def observe(self, coordinator: Coordinator, report: Report | None) -> None:
        """Called at each turn: looks at the clock, and shows the counts every now and then."""
        now = time.monotonic()
        if now >= self._due:
            self._due = now + self.every_s
            self.show(coordinator)

    def show(self, coordinator: Coordinator) -> None:
        """Show the counts as they are now."""

    def end(self) -> None:
        """Take down what is shown."""


def _counts(coordinator: Coordinator) -> Iterator[tuple[str, str]]:
    """Each node that is at work, and how many of its units are done."""
    for name, node in coordinator.state.nodes.items():
        if node.state != "pending" and not node.finished:
            yield name, f"{node.total - node.open:,}/{node.total:,}"


class Lines(Watch):
    """A line at standard error every few seconds."""

    every_s = LINE_SECONDS

    def show(self, coordinator: Coordinator) -> None:
        if counts := ", ".join(f"{name} {count}" for name, count in _counts(coordinator)):
            print(counts, file=sys.stderr, flush=True)


class Terminal(Watch):
    """A bar for each node, gone when the run has ended."""

    def __init__(self) -> None:
        super().__init__()
        self._bars: Bars | None = None
        self._tasks: dict[str, Any] = {}

    def show(self, coordinator: Coordinator) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        if self._bars is None:
            self._bars = Progress(
                TextColumn("{task.description}"),
                BarColumn(bar_width=32),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                console=Console(stderr=True),
                transient=True,
                # What a function prints belongs to the streams that it chose.
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._bars.start()
        for name, node in coordinator.state.nodes.items():
            if node.state == "pending":
                continue
            if name not in self._tasks:
                self._tasks[name] = self._bars.add_task(name, total=node.total)
            self._bars.update(self._tasks[name], total=node.total, completed=node.total - node.open)

    def end(self) -> None:
        if self._bars:
            self._bars.stop()
            self._bars = None


class Notebook(Watch):
    """One line of HTML below the cell, that is replaced while the run goes on and empty at its end."""

    def __init__(self, display: Any) -> None:
        super().__init__()
        self._display = display
        self._handle: Any = None

    def show(self, coordinator: Coordinator) -> None:
        parts = [f"<code>{html.escape(name)}</code> {count}" for name, count in _counts(coordinator)]
        self._put(" · ".join(parts) or "…")

    def end(self) -> None:
        if self._handle is not None:
            self._put("")

    def _put(self, text: str) -> None:
        shown = self._display.HTML(f"<small>{text}</small>" if text else "")
        if self._handle is None:
            self._handle = self._display.display(shown, display_id=True)
        else:
            self._handle.update(shown)
