"""The answer of an app as a person reads it: names and values, a table of rows, a screenful at most."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from agilab.cli.render import console, pairs, steps
from agilab.cli.words import brief, plural, symbol

if TYPE_CHECKING:
    from rich.console import RenderableType

LINES = 16
"""Names, or rows of a table, that are shown; the JSON of the run has all."""
DEPTH = 2
"""How deep mappings are opened; what lies deeper is counted."""
_WIDEST = 100


def answer_block(answer: Any, run_id: str) -> list[RenderableType]:
    """What `publish` returned (numbers as such, not tagged); says where the rest is, if that is not all."""
    hidden: list[str]
    shown: RenderableType
    if _is_table(answer):
        shown, hidden = _table(answer)
    else:
        rows = list(_rows(answer, 0)) if isinstance(answer, Mapping) else [("value", answer, 0)]
        room = max(24, _width() - 4 - max((2 * depth + len(name) for name, _, depth in rows), default=0))
        shown = pairs([("  " * depth + name, _value(value, room)) for name, value, depth in rows[:LINES]])
        hidden = [plural(len(rows) - LINES, "line")] if len(rows) > LINES else []
    if not hidden:
        return [shown]
    more = f"{symbol('more')} and {', '.join(hidden)} more"
    return [shown, steps([(f"agilab runs show {run_id} --json", more)])]


_OPENED = object()
"""Stands for a mapping whose entries follow below its name."""


def _rows(value: Mapping[str, Any], depth: int) -> Iterator[tuple[str, Any, int]]:
    for name, item in value.items():
        if isinstance(item, Mapping) and item and depth < DEPTH:
            yield _plain(name), _OPENED, depth
            yield from _rows(item, depth + 1)
        else:
            yield _plain(name), item, depth


def _value(value: Any, room: int) -> str:
    """A value in one line of the room there is."""
    if value is _OPENED:
        return ""
    if isinstance(value, Mapping):
        return plural(len(value), "field") if value else "nothing"
    if type(value) is int and abs(value) < 10_000:
        return str(value)  # it may be a year
    text = _plain(brief(value, limit=room))
    return text if len(text) <= room else f"{text[: room - 2].rstrip()} {symbol('more')}"


def _is_table(answer: Any) -> bool:
    """Whether these are rows: mappings of single values, so that each name is a column."""
    return (
        isinstance(answer, Sequence)
        and not isinstance(answer, str)
        and len(answer) > 0
        and all(isinstance(row, Mapping) and row for row in answer)
        and not any(isinstance(cell, (Mapping, list)) for row in answer for cell in row.values())
    )


def _table(rows: Sequence[Mapping[str, Any]]) -> tuple[RenderableType, list[str]]:
    """The rows below the names of their columns, as many columns as there is room for; and what is not shown."""
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    columns = list(dict.fromkeys(name for row in rows for name in row))
    cells = {name: [_value(row[name], 32) if name in row else "" for row in rows[:LINES]] for name in columns}
    fitting: list[str] = []
    room = _width() - 2
    for name in columns:
        room -= max(len(text) for text in (_plain(name), *cells[name])) + 2
        if room < -2 and fitting:
            break
        fitting.append(name)
    grid = Table(box=None, pad_edge=False, show_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for name in fitting:
        numbers = all(isinstance(row.get(name), (int, float, type(None))) for row in rows)
        # The author's own names, as they are written there.
        grid.add_column(Text(_plain(name)), justify="right" if numbers else "left", no_wrap=True)
    for position in range(min(len(rows), LINES)):
        grid.add_row(*(Text(cells[name][position]) for name in fitting))
    hidden = [plural(len(rows) - LINES, "row")] if len(rows) > LINES else []
    if len(columns) > len(fitting):
        hidden.append(plural(len(columns) - len(fitting), "column"))
    return Padding(grid, (0, 0, 0, 2)), hidden


def _width() -> int:
    """Columns to fill; a pipe has as many as a wide terminal."""
    return min(console().width, _WIDEST)


def _plain(text: Any) -> str:
    """Text from an app in one line, without anything that a terminal would obey."""
    return " ".join("".join(char if char.isprintable() else " " for char in str(text)).split())
