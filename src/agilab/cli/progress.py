"""Watching a run: one line per node on a terminal, plain words in a pipe, nothing where nobody looks."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any

from agilab.cli.render import console
from agilab.cli.words import duration, speaks_unicode, symbol

if TYPE_CHECKING:
    from rich.console import ConsoleRenderable
    from rich.live import Live

    from agilab.engine.coordinator import Coordinator
    from agilab.engine.executor import Report
    from agilab.engine.state import NodeState
    from agilab.projects.request import Faces

PER_SECOND = 10
_WORTH_A_LINE_S = 0.5


def is_watched() -> bool:
    """Whether a person looks at stderr: a terminal that can move its cursor, and no build server."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb" and not os.environ.get("CI")


@contextlib.contextmanager
def said_if_long(text: str, *, seconds: float = 3.0) -> Iterator[None]:
    """Say on stderr what goes on, once, where it takes longer than this; nothing where it does not."""
    after = threading.Timer(seconds, print, (f"agilab: {text}",), {"file": sys.stderr, "flush": True})
    after.daemon = True
    after.start()
    try:
        yield
    finally:
        after.cancel()


class Progress:
    """Shows what a run is at, as a context manager; its methods are the `Faces` of a run.

    Responsible for: never slowing the run down. The coordinator only leaves a reference here; a thread of the
    display reads the counts ten times a second. Not responsible for: what came of it (see `summary`).
    """

    def __init__(self, *, quiet: bool = False) -> None:
        """`quiet` leaves out the display, not the plain words: what takes long is said in a pipe too."""
        self._live: Live | None = None
        self._display = is_watched() and not quiet
        self._began = time.monotonic()
        self._step: tuple[str, float] | None = None
        self._coordinator: Coordinator | None = None
        self._units: dict[str, tuple[int, int | None, str]] = {}
        self._times: dict[str, list[float]] = {}

    def faces(self) -> Faces:
        """What `run_app` and `plan_app` speak to."""
        from agilab.projects.request import Faces

        return Faces(say=self.say, note=self.note, observe=self.observe)

    def say(self, text: str) -> None:
        """Something begins that takes time."""
        if not self._display:
            print(f"agilab: {text}", file=sys.stderr, flush=True)
            return
        if self._coordinator is not None and self._coordinator.state.final is not None:
            self._coordinator = None  # that run is over, and something else begins
        self._end_step()
        self._step = (text, time.monotonic())

    def note(self, text: str) -> None:
        """Something that a person should still see when the display is gone."""
        if self._live is None:
            print(f"agilab: {text}", file=sys.stderr, flush=True)
        else:
            self._live.console.print(text, highlight=False)

    def observe(self, coordinator: Coordinator, report: Report | None) -> None:
        """The run goes on. Called for every turn of its loop, so it does next to nothing."""
        if self._coordinator is None:
            self._end_step()
            self._coordinator = coordinator
        if report is not None and report.kind == "progress":
            data = report.data
            self._units[report.unit_id] = (data.get("done", 0), data.get("total"), data.get("message", ""))

    def __enter__(self) -> Progress:
        if self._display:
            from rich.live import Live

            self._live = Live(
                get_renderable=self._render,
                console=console(stderr=True),
                refresh_per_second=PER_SECOND,
                transient=True,
                # What a library prints meanwhile belongs to the streams that it chose.
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start(refresh=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._end_step(failed=error is not None)
            self._live.stop()
            self._live = None

    def _end_step(self, *, failed: bool = False) -> None:
        """Leave a line behind for a step that took long enough to be wondered about."""
        step, self._step = self._step, None
        if step is None or self._live is None:
            return
        text, began = step
        took = time.monotonic() - began
        if took >= _WORTH_A_LINE_S or failed:
            from rich.text import Text

            line = Text.assemble(
                (symbol("bad") if failed else symbol("ok"), "red" if failed else "green"),
                f" {text} ",
                (duration(took), "dim"),
            )
            self._live.console.print(line)

    # -- the display ---------------------------------------------------------------------------------------

    def _render(self) -> ConsoleRenderable:
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        elapsed = time.monotonic() - self._began
        coordinator = self._coordinator
        if coordinator is None:
            text, began = self._step or ("getting ready", self._began)
            took = time.monotonic() - began
            return Text.assemble(
                (_spinner(elapsed), "cyan"), " ", text, (f"  {_ticking(took)}" if took >= 1 else "", "dim"),
                no_wrap=True, overflow="ellipsis",
            )  # fmt: skip
        wide = console(stderr=True).width
        grid = Table.grid(padding=(0, 2, 0, 0))
        for _ in range(4):
            grid.add_column(no_wrap=True)
        grid.add_column(no_wrap=True, overflow="ellipsis")
        for name, node in coordinator.state.nodes.items():
            grid.add_row(*self._row(name, node, elapsed, bar_width=min(36, wide - 44) if wide >= 60 else 0))
        words, style = self._foot(coordinator)
        return (
            Group(grid, Text.assemble((_spinner(elapsed), "cyan"), (f" {words}", style))) if words else grid
        )

    def _row(self, name: str, node: NodeState, elapsed: float, bar_width: int) -> tuple[Any, ...]:
        from rich.text import Text

        # Read while the run goes on: counts may be a moment apart, never wrong for long.
        total, open_, good = node.total, node.open, node.good
        done, bad = total - open_, max(0, total - open_ - good)
        if node.state == "pending":
            return (Text(f"  {name}", "dim"), "", "", "", "")
        times = self._times.setdefault(name, [elapsed])
        if node.finished and len(times) == 1:
            times.append(elapsed)
        mark = _mark_of(node) if node.finished else Text(_spinner(elapsed), "cyan")
        of, message = total, ""
        if total == 1 and not node.finished and node.units:
            # A single long unit tells itself how far it is.
            done, of_unit, message = self._units.get(node.units[0].unit_id, (done, total, ""))
            of = of_unit or total
        notes = Text(f"{node.running} running" if node.running and total > 1 else "", "dim")
        if bad and node.state != "succeeded":
            notes.append(f"{'  ' if notes else ''}{bad:,} not done", "red")
        if message:
            notes.append(f"{'  ' if notes else ''}{message}", "dim")
        return (
            Text.assemble(mark, f" {name}"),
            _bar(done, of, bar_width) if bar_width and of > 1 else "",
            Text(f"{done:,}/{of:,}" if of > 1 else "", justify="right"),
            Text(_ticking((times[1] if len(times) > 1 else elapsed) - times[0]), "dim", justify="right"),
            notes,
        )

    def _foot(self, coordinator: Coordinator) -> tuple[str, str]:
        """What goes on beside the nodes, and its style."""
        if coordinator.state.final is not None:
            return "writing evidence", "dim"
        if coordinator.state.cancelled:
            return "ending what runs; Ctrl-C again ends it at once", "yellow"
        return "", ""


def _bar(done: int, of: int, width: int) -> Any:
    from rich.progress_bar import ProgressBar
    from rich.text import Text

    if speaks_unicode(sys.stderr):
        return ProgressBar(
            total=of, completed=done, width=width, complete_style="cyan", finished_style="green"
        )
    full = min(width, width * done // of)
    return Text("#" * full + "." * (width - full))


def _ticking(seconds: float) -> str:
    """A duration that is read while it grows: tenths of a second, whatever its size."""
    return f"{seconds:.1f} s" if seconds < 60 else duration(seconds)


def _spinner(elapsed: float) -> str:
    frames = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏" if speaks_unicode(sys.stderr) else "|/-\\"
    return frames[int(elapsed * PER_SECOND) % len(frames)]


def _mark_of(node: NodeState) -> Any:
    from rich.text import Text

    fine = node.state in ("succeeded", "skipped")
    return Text(symbol("ok"), "green") if fine else Text(symbol("bad"), "red")
