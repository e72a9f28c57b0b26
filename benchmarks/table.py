"""The results as a person reads them."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from benchmarks.case import Case
from benchmarks.machine import Machine
from benchmarks.results import Result

Row = tuple[Case, Result]
ONE_WORKER = "one worker"
UNITS_ALONE = {1: "the units alone, one worker", 2: "the units alone, two workers"}
"""What an app's case times besides: by these names the table of rates finds it."""


def show(rows: Sequence[Row], out: Console) -> None:
    """The verdicts, what they rest on, and on which machine."""
    if not rows:
        return
    machine = rows[0][1].machine
    out.print()
    out.print(verdicts(rows))
    out.print()
    out.print(samples(rows))
    out.print()
    if any(result.items for _, result in rows):
        out.print(rates(rows))
        out.print()
    out.print(_said(machine), style="dim", highlight=False)
    over = [case.name for case, result in rows if not result.met]
    kept = f"{len(rows) - len(over)} of {len(rows)} limits kept"
    out.print(f"{kept}; over: {', '.join(over)}" if over else kept, highlight=False)
    if machine.load_average and machine.load_average[0] > 0.5 * machine.cores:
        out.print("This machine was busy with something else: measure again on a quiet one.", style="yellow")


def verdicts(rows: Sequence[Row]) -> Table:
    """One row a case: medians, their ratio, the limit, and whether it was kept."""
    shown = Table(box=None, pad_edge=False, header_style="bold")
    shown.add_column("case", no_wrap=True)
    for name in ("ours", "reference", "ratio", "limit"):
        shown.add_column(name, justify="right", no_wrap=True)
    shown.add_column("", no_wrap=True)
    for case, result in rows:
        limit = amount(result.target, result.unit)
        shown.add_row(
            case.name,
            amount(result.ours, result.unit),
            amount(result.reference, result.unit),
            number(result.ratio),
            limit,
            verdict(result),
        )
    return shown


def samples(rows: Sequence[Row]) -> Table:
    """Every side that was timed: least, median and most, and what it was."""
    shown = Table(box=None, pad_edge=False, header_style="bold")
    shown.add_column("case", no_wrap=True)
    for name in ("least", "median", "most"):
        shown.add_column(name, justify="right", no_wrap=True)
    shown.add_column("of", justify="right", no_wrap=True)
    shown.add_column("what was timed", style="dim", overflow="fold")
    for case, result in rows:
        words = {"ours": case.ours, "reference": f"against {case.reference}"}
        first = Text(case.name)
        for side, spread in result.spread.items():
            what = words.get(side, side)
            shown.add_row(
                first,
                number(spread.min),
                number(spread.median),
                f"{number(spread.max)} {result.unit}",
                str(spread.rounds),
                what,
            )
            first = Text("")
    return shown


def rates(rows: Sequence[Row]) -> Table:
    """Items per second of whole commands, and how much sooner two workers are done than one."""
    shown = Table(box=None, pad_edge=False, header_style="bold", title_justify="left", title_style="dim")
    shown.title = "items per second; what a second worker gains: in all, in the units"
    shown.add_column("case", no_wrap=True)
    for name in ("items", "script", "1 worker", "2 workers", "1 to 2", "units"):
        shown.add_column(name, justify="right", no_wrap=True)
    for case, result in rows:
        if result.items:
            took = {side: spread.median for side, spread in result.spread.items()}
            script, one, two = took["reference"], took[ONE_WORKER], took["ours"]
            alone = took[UNITS_ALONE[1]] / took[UNITS_ALONE[2]]
            told = [number(result.items / seconds) for seconds in (script, one, two)]
            shown.add_row(case.name, f"{result.items:,}", *told, f"{one / two:.2f} x", f"{alone:.2f} x")
    return shown


def verdict(result: Result) -> Text:
    """Kept, or by how much of the limit not."""
    if result.met:
        return Text("kept", style="green")
    return Text(f"over by {result.ours / result.target - 1:.0%}", style="bold red")


def amount(value: float, unit: str) -> str:
    """A number with its unit."""
    return f"{number(value)} {unit}"


def number(value: float) -> str:
    """Three digits that matter.

    >>> number(0.012345), number(1.0), number(99.96), number(1234.6)
    ('0.0123', '1.00', '100', '1,235')
    """
    value = float(f"{value:.3g}") if abs(value) < 1000 else value
    if value == 0 or abs(value) >= 1000:
        return f"{value:,.0f}"
    digits, size = 2, abs(value)
    while size >= 10:
        size, digits = size / 10, digits - 1
    while size < 1:
        size, digits = size * 10, digits + 1
    return f"{value:.{max(digits, 0)}f}"


def _said(machine: Machine) -> str:
    load = "/".join(f"{figure:g}" for figure in machine.load_average) or "unknown"
    return (
        f"{machine.cpu}, {machine.cores} cores, {machine.memory_gib:g} GiB, {machine.system}, "
        f"Python {machine.python}; load average at the start {load}"
    )
