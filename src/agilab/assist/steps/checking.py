"""Safe actions against the columns of their tables: what each step finds, and what it leaves.

After this, code that is written from the steps cannot fail for a column that is not there or of another kind; only
values can still surprise.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Set
from dataclasses import dataclass

from agilab.assist.data.figures import is_nullable
from agilab.assist.steps.fits import fit
from agilab.assist.steps.place import Place, Step, exact, given_table, names_differ, refuse
from agilab.assist.steps.usage import used_columns
from agilab.contracts import safe_actions as actions
from agilab.contracts.assistance import TableSchema


@dataclass(frozen=True)
class Checked:
    """Actions that fit their tables."""

    document: actions.SafeActions
    steps: tuple[Step, ...]
    tables: Mapping[str, TableSchema]
    after: TableSchema
    used: Mapping[str, Set[str]]
    """Of each table, the columns that the steps look into."""

    @property
    def result(self) -> str:
        """The name of the value that the steps leave."""
        return result_name(self.document)


def result_name(document: actions.SafeActions) -> str:
    """The Python name of what the steps leave; of a file, its stem made a name.

    >>> result_name(actions.SafeActions(table="data/tracks 2026.csv", actions=()))
    'tracks_2026'
    """
    return document.result or variable(document.table)


def variable(name: str) -> str:
    """A table's Python name: its own, or what the stem of a file makes.

    >>> variable("data/2026-tracks.csv"), variable("df"), variable("data/class.csv")
    ('table_2026_tracks', 'df', 'class_')
    """
    import keyword
    import re

    stem = name if name.isidentifier() else name.replace("\\", "/").rsplit("/", 1)[-1].split(".")[0]
    text = re.sub(r"\W+", "_", stem).strip("_") or "table"
    if text[0].isdigit():
        text = f"table_{text}"
    return f"{text}_" if keyword.iskeyword(text) or text in ("pl", "pd", "np") else text


def check(document: actions.SafeActions, tables: Mapping[str, TableSchema], where: str) -> Checked:
    """The actions, each against what the ones before it leave. `where` is what errors call the document.

    Raises AGI-ASSIST-001 for a step that does not fit, with its place, AGI-ASSIST-002 for a table that nobody gives.
    """
    table = given_table(document.table, tables, f"{where}: table")
    names_differ(table, f"{where}: table {document.table!r}")
    for field, name in (("table", document.table), ("result", document.result)):
        if name in ("pl", "pd", "np"):
            refuse(f"{where}: {field}", "is a name that the code needs itself", repr(name), "another name")
    if document.result is not None and not document.result.isidentifier():
        refuse(f"{where}: result", "is no name of a value", repr(document.result), "letters, digits and _")
    steps: list[Step] = []
    for position, action in enumerate(document.actions):
        place = f"{where}: actions[{position}]"
        before = steps[-1].after if steps else table
        if isinstance(action, actions.Join) and action.table == document.table:
            refuse(f"{place}.table", "joins a table with itself", repr(action.table), "another table")
        step = fit(action, Place(place, before, tables))
        names_differ(step.after, place)
        steps.append(step)
    used = used_columns(document.table, steps, tables)
    for name, columns in used.items():
        _fits_64_bits(tables[name], columns, f"{where}: table {name!r}")
    return Checked(document, tuple(steps), tables, steps[-1].after if steps else table, used)


def _fits_64_bits(table: TableSchema, used: Set[str], place: str) -> None:
    """Refuse columns that steps use and that neither engine, or only one, takes for whole numbers as they are."""
    for column in (one for one in table.columns if one.name in used and one.kind == "int"):
        wide = re.search("(?i)uint(64|128)|int128", column.type) is not None
        empty = column.missing == 1 or table.rows == 0
        if wide and not empty and not (isinstance(column.high, int | float) and column.high < 2**63):
            refuse(
                place,
                "has whole numbers of more than 64 bits with a sign",
                f"{column.name!r}, {column.type}, up to {column.high if column.high is not None else 'no known bound'}",
                f"numbers up to 2^63 - 1; steps that do not use {column.name!r}",
            )
        if is_nullable(column.type) and column.missing != 0 and not exact(column):
            refuse(
                place,
                "lacks values beside whole numbers that a float cannot hold",
                f"{column.name!r}, from {column.low:g} to {column.high:g}",
                "numbers of up to 2^53 = 9,007,199,254,740,992, or none that are missing",
            )
