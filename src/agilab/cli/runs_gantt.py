"""`agilab runs gantt`: who did what when, and where the time went."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click
import rich_click

from agi_node.errors import DONE, ENVIRONMENT, AgiError
from agilab.cli.choices import RUN
from agilab.cli.commands import SETTINGS, examples

if TYPE_CHECKING:
    from rich.text import Text

    from agilab.views.timeline import Lane, Timeline

PIPE_COLUMNS = 100
"""The width of a drawing for a pipe."""
LANES_SHOWN = 40


@rich_click.command(
    "gantt",
    cls=rich_click.RichCommand,
    context_settings=SETTINGS,
    epilog=examples(
        ("agilab runs gantt last", "in this terminal"),
        ("agilab runs gantt last --format html --output run.html", "as a page"),
    ),
)
@click.argument("run", type=RUN)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "html"]),
    default="text",
    show_default=True,
    help="How it is drawn.",
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Where to write it (default: standard output).",
)
def gantt(run: str, form: str, output: Path | None) -> int:
    """Show a run in time.

    A row for each worker with what it was busy with, the longest units, the critical path.
    """
    from agilab.store.store import Store
    from agilab.store.workspace import Workspace
    from agilab.views.timeline import read_timeline

    with Store(Workspace.default(), readonly=True) as store:
        timeline = read_timeline(store, run, now_us=time.time_ns() // 1000)
    if form == "html":
        from agilab.views.chart import page

        text = page(timeline)
    elif output is not None:
        text = "\n".join(line.plain.rstrip() for line in _lines(timeline, PIPE_COLUMNS)) + "\n"
    else:
        from agilab.cli.render import console, out

        width = console().width if sys.stdout.isatty() else PIPE_COLUMNS
        out(*_lines(timeline, width))
        return DONE
    if output is None:
        _print(text)
        return DONE
    try:
        output.write_text(text, encoding="utf-8", newline="\n")
    except OSError as problem:
        raise AgiError(
            "AGI-RUN-018",
            f"the drawing cannot be written: {problem.strerror}",
            found=str(output),
            allowed="a file in a folder that you may write to",
            try_=f"agilab runs gantt {timeline.run_id} --format {form} --output {output.name}",
            whose="environment",
            exit_code=ENVIRONMENT,
        ) from problem
    from agilab.cli.words import short

    print(f"agilab: wrote {short(output)}", file=sys.stderr)
    return DONE


def _print(text: str) -> None:
    # Bytes, whatever the terminal's encoding: a page says itself that it is UTF-8.
    try:
        sys.stdout.buffer.write(text.encode("utf-8"))
        sys.stdout.flush()
    except BrokenPipeError:
        from agilab.cli.render import silence_stdout

        silence_stdout()


def _lines(timeline: Timeline, width: int) -> list[Text]:
    from rich.text import Text

    from agilab.cli.render import state
    from agilab.cli.words import duration, plural, symbol

    dot = f" {symbol('dot')} "
    busy = sum(lane.busy_us for lane in timeline.lanes)
    whole = timeline.working_us * len(timeline.lanes)
    facts = [
        f"took {duration(timeline.span_us / 1e6)}",
        plural(len(timeline.lanes), "worker"),
        plural(timeline.bars, "attempt"),
        f"busy {busy / whole:.0%}" if whole else "nothing was executed",
    ]
    if timeline.reused:
        facts.append(f"{timeline.reused:,} reused")
    head = Text.assemble((timeline.run_id, "bold"), "  ", state(timeline.state))
    lines = [head, Text(f"  {dot.join(facts)}", "dim"), Text("")]
    if not timeline.lanes:
        return lines[:2]
    names = max(len(lane.worker) for lane in timeline.lanes)
    room = max(10, width - names - 2 - 2 - 6)
    lines += [_lane(timeline, lane, names, room) for lane in timeline.lanes[:LANES_SHOWN]]
    if len(timeline.lanes) > LANES_SHOWN:
        lines.append(
            Text(f"  {symbol('more')} and {len(timeline.lanes) - LANES_SHOWN:,} more workers", "dim")
        )
    lines += [_axis(timeline.span_us, names, room), Text(""), Text("Longest", "bold")]
    wide = max(len(bar.unit_id) for bar in timeline.longest)
    for bar in timeline.longest:
        again = f", attempt {bar.attempt}" if bar.attempt > 1 else ""
        took = f"{duration(bar.duration_us / 1e6):>10}"
        lines.append(
            Text.assemble(f"  {bar.unit_id:<{wide}}  {took}  {bar.worker}{again}  ", state(bar.state))
        )
    part = f" of {duration(timeline.span_us / 1e6)}"
    lines += [
        Text(""),
        Text.assemble(("Critical path", "bold"), f"  {duration(timeline.critical_us / 1e6)}{part}"),
        Text(f"  {_chain(timeline.critical)}"),
    ]
    return lines


def _chain(units: tuple[str, ...]) -> str:
    from agilab.cli.words import speaks_unicode, symbol

    arrow = " → " if speaks_unicode() else " > "
    if len(units) > 8:
        units = (*units[:4], f"{symbol('more')} {len(units) - 8:,} more", *units[-4:])
    return arrow.join(units)


def _lane(timeline: Timeline, lane: Lane, names: int, room: int) -> Text:
    from rich.text import Text

    from agilab.cli.render import STATE_STYLES
    from agilab.cli.words import speaks_unicode
    from agilab.views.chart import cells

    shades, bad = ("·░▒▓█", "✗") if speaks_unicode() else (".-=+#", "x")
    line = Text(f"{lane.worker:<{names}}  ", no_wrap=True)
    for part, word in cells(lane, timeline.span_us, room):
        if word in ("failed", "lost"):
            line.append(bad, "bold red")
        elif not word:
            line.append(shades[0], "dim")
        else:
            line.append(shades[min(4, 1 + int(part * 4))], STATE_STYLES.get(word, "green"))
    return line.append(f"  {timeline.utilisation(lane):>4.0%}", "dim")


def _axis(span_us: int, names: int, room: int) -> Text:
    from rich.text import Text

    from agilab.cli.words import duration
    from agilab.views.chart import ticks

    marks = [" "] * room
    for at in ticks(span_us, max(2, room // 14)):
        text = duration(at / 1e6) if at else "0"
        column = min(room - 1, round(at / max(1, span_us) * room))
        if column + len(text) <= room:
            marks[column : column + len(text)] = text
    return Text(" " * (names + 2) + "".join(marks), "dim", no_wrap=True)
