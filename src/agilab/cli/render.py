"""How things look: consoles, tables, states, errors. One place, so that every command looks alike."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, TextIO

from agilab.cli.words import speaks_unicode, symbol

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    from agi_node.errors import AgiError

_UNBOUNDED = 100_000
"""The width of a pipe: lines are as long as they are, whoever reads them may cut them."""

STATE_STYLES = {
    "succeeded": "green",
    "ok": "green",
    "ready": "green",
    "reused": "green",
    "skipped": "cyan",
    "running": "cyan",
    "warn": "yellow",
    "interrupted": "yellow",
    "doubtful": "yellow",
    "cancelled": "yellow",
    "up_for_retry": "yellow",
    "upstream_failed": "yellow",
    "failed": "red",
    "error": "red",
}


@cache
def console(*, stderr: bool = False) -> Console:
    """The console for stdout or stderr; plain, unwrapped text where that is no terminal."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    _never_fail_on_a_character(stream)
    width = None if stream.isatty() else _UNBOUNDED
    plain = bool(os.environ.get("NO_COLOR"))  # https://no-color.org: neither colours nor other attributes
    return Console(
        stderr=stderr,
        color_system=None if plain else "auto",
        highlight=False,
        width=width,
        soft_wrap=False,
        emoji=False,
        markup=False,
    )


def _never_fail_on_a_character(stream: TextIO) -> None:
    """A terminal that cannot show a letter shows a question mark instead of a traceback."""
    if not speaks_unicode(stream) and hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="replace")


# -- output --------------------------------------------------------------------------------------------------


def out(*lines: RenderableType) -> None:
    """Print to stdout. Lines of a pipe carry no trailing blanks."""
    target = console()
    if sys.stdout.isatty():
        for line in lines:
            _print(target, line)
        return
    with target.capture() as captured:
        for line in lines:
            _print(target, line)
    _write("".join(f"{row.rstrip()}\n" for row in captured.get().splitlines()))


def _print(target: Console, line: RenderableType) -> None:
    from rich.table import Table

    if not (isinstance(line, Table) and all(column.no_wrap for column in line.columns)):
        target.print(line)
        return
    width = target.width
    needed = target.measure(line, options=target.options.update(width=_UNBOUNDED)).maximum
    try:
        target.width = max(width, needed)
        target.print(line)
    finally:
        target.width = width


def print_json(value: Any) -> None:
    """The one JSON document of a command."""
    _write(json.dumps(value, indent=2, ensure_ascii=not speaks_unicode()) + "\n")


def _write(text: str) -> None:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader had enough (`| head`); the exit code still says what became of the thing itself.
        silence_stdout()


def silence_stdout() -> None:
    """Let everything that is still to be written go nowhere, the interpreter's last flush too."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def print_error(error: AgiError) -> None:
    """An error in the form of STYLE.md, on stderr; coloured on a terminal only.

    What it found may be anybody's words: signs that are not seen are spelt out, so that none steers the terminal.
    """
    from agilab.assist.unseen import spelt

    rendered = spelt(error.render())
    if not sys.stderr.isatty():
        _never_fail_on_a_character(sys.stderr)
        print(rendered, file=sys.stderr, flush=True)
        return
    from rich.text import Text

    target = console(stderr=True)
    for line in error_block(rendered, width=target.width):
        target.print(line, soft_wrap=isinstance(line, Text))


def error_block(rendered: str, *, width: int) -> list[RenderableType]:
    """A rendered error with its parts told apart: the headline, what was found and allowed, what to try.

    A command that is longer than the line is left to the terminal to wrap, so that it can be copied.
    """
    from rich.table import Table
    from rich.text import Text

    head, parts = Text(), Table.grid(padding=(0, 0))
    parts.add_column(no_wrap=True, style="dim", min_width=12)
    parts.add_column(overflow="fold")
    long: list[RenderableType] = []
    label = ""
    for line in rendered.splitlines():
        word = line[:12].strip()
        if line.startswith("error[") and not head:
            code, _, what = line.partition(": ")
            head.append("error", "bold red").append(code[5:], "red").append(f": {what}", "bold")
        elif line.startswith("  ") and word in ("found", "allowed", "try"):
            label = word
            if word == "try" and len(line) > width:
                long.append(Text.assemble((line[:12], "dim"), (line[12:], "cyan")))
            else:
                parts.add_row(f"  {word}", Text(line[12:], "cyan" if word == "try" else ""))
        elif label:
            parts.add_row("", Text(line.removeprefix(" " * 12)))
        else:
            head.append(f"\n{line}")
    return [head, *([parts] if parts.row_count else []), *long]


def table(
    columns: Sequence[str], rows: Iterable[Sequence[Text | str]], *, flexible: str | None = None
) -> Table:
    """Aligned columns without boxes; a name that begins with `>` is a column of numbers.

    On a narrow terminal the `flexible` column wraps. Without one the terminal itself wraps the lines: an id that
    is cut off is worth nothing.
    """
    from rich.table import Table
    from rich.text import Text

    found = Table(box=None, pad_edge=False, show_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for column in columns:
        name = column.removeprefix(">")
        found.add_column(
            name.upper(),
            justify="right" if column.startswith(">") else "left",
            no_wrap=name != flexible,
            overflow="fold",
        )
    for row in rows:
        found.add_row(*(cell if isinstance(cell, Text) else Text(cell) for cell in row))
    return found


def pairs(rows: Iterable[tuple[str, Text | str]], *, indent: int = 2) -> Padding:
    """Names and values, aligned; a long value goes on below itself."""
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True, style="dim")
    grid.add_column(overflow="fold")
    for name, value in rows:
        grid.add_row(name, value if isinstance(value, Text) else Text(value))
    return Padding(grid, (0, 0, 0, indent))


def title(text: str) -> Text:
    """A heading between two parts of an answer."""
    from rich.text import Text

    return Text(text, "bold")


def state(word: str) -> Text:
    """A state in its colour."""
    from rich.text import Text

    return Text(word, STATE_STYLES.get(word, ""))


def mark(passed: bool) -> Text:
    """✓ or ✗."""
    from rich.text import Text

    return Text(symbol("ok"), "green") if passed else Text(symbol("bad"), "bold red")


def steps(rows: Iterable[tuple[str, str]]) -> Table:
    """Commands and what they do, one a line; a terminal that is too narrow wraps them itself, so that they can be
    copied."""
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 3, 0, 0))
    grid.add_column(no_wrap=True, style="cyan")
    grid.add_column(no_wrap=True, style="dim")
    for command, does in rows:
        grid.add_row(Text(f"  {command}"), Text(does))
    return grid
