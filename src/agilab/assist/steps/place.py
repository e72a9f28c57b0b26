"""The place of a step: what it finds, what errors call it, and the columns that it leaves."""

from __future__ import annotations

import datetime as dates
import sys
import zoneinfo
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from agi_node.errors import AgiError
from agilab.assist.data.figures import may_be_infinite, zone_of
from agilab.assist.expressions.kinds import WORDS, column_kind
from agilab.assist.expressions.nodes import Kind, Literal_, Node
from agilab.assist.expressions.parsing import NotUnderstood
from agilab.contracts.assistance import Column, TableSchema

_EXACT = 9.01e15
"""2^53 as bounds are rounded: up to it a float holds every whole number."""


@dataclass(frozen=True)
class Step:
    """An action that fits: the columns before and after it, and its expression with every kind known."""

    action: Any
    before: TableSchema
    after: TableSchema
    tree: Node | None = None
    value: Literal_ | None = None
    """Of a fill: what is put in, as a value of the columns' kind."""
    other: TableSchema | None = None
    """Of a join: the other table."""


def given_table(name: str, tables: Mapping[str, TableSchema], place: str) -> TableSchema:
    if name not in tables:
        raise AgiError(
            "AGI-ASSIST-002",
            f"{place} names a table that the stage is not given",
            found=repr(name),
            allowed=", ".join(sorted(tables)) or "none: the stage has no inputs that are tables",
            try_="add it to the inputs of the stage in lab_stages.toml",
        )
    return tables[name]


def refuse(place: str, what: str, found: str, allowed: str) -> NoReturn:
    raise AgiError("AGI-ASSIST-001", f"{place} {what}", found=found, allowed=allowed)


def names_differ(table: TableSchema, place: str) -> None:
    names = [column.name for column in table.columns]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        refuse(
            place, "has two columns of one name", ", ".join(map(repr, twice)), "a name of its own for each"
        )


@dataclass(frozen=True)
class Place:
    """Where a step is checked: what errors call it, and what it finds."""

    name: str
    table: TableSchema
    tables: Mapping[str, TableSchema]

    def column(self, name: str, field: str, kinds: Iterable[Kind] = (), doing: str = "") -> Kind:
        """The kind of a column, which must be there and of one of these kinds."""
        kind: Kind = self.understood(lambda: column_kind(name, self.table), field)
        allowed = tuple(kinds)
        if allowed and kind not in (*allowed, "unknown"):
            words = " or ".join(dict.fromkeys(WORDS[one] for one in allowed))
            refuse(f"{self.name}.{field}", doing, f"{name!r}, which has {WORDS[kind]}", words)
        return kind

    def columns(
        self, names: Iterable[str], field: str, kinds: Iterable[Kind] = (), doing: str = ""
    ) -> list[Kind]:
        """The kinds of several columns, each named once."""
        names, found = list(names), []
        for position, name in enumerate(names):
            if name in names[:position]:
                refuse(f"{self.name}.{field}[{position}]", "names a column twice", repr(name), "each once")
            found.append(self.column(name, f"{field}[{position}]", kinds, doing))
        return found

    def understood(self, judge: Callable[[], Any], field: str) -> Any:
        """What `judge` finds; what it does not understand becomes an error with the place of the field."""
        try:
            return judge()
        except NotUnderstood as error:
            refuse(f"{self.name}.{field}", str(error), error.found, error.allowed)

    def new(self, name: str, field: str) -> None:
        if self.table.column(name) is not None:
            refuse(f"{self.name}.{field}", "is the name of a column that is there", repr(name), "a new name")

    def leaving(self, columns: Iterable[Column], *, known: bool | None = None) -> TableSchema:
        """What a step leaves: names and kinds, and bounds where they are of all values. Other figures were of other
        rows."""
        known = self.table.known if known is None else known
        whole = self.table.whole or self.table.source == "steps"
        plain = tuple(
            Column(
                name=column.name,
                kind=column.kind,
                type=column.type,
                low=column.low if whole else None,
                high=column.high if whole else None,
            )
            for column in columns
        )
        return TableSchema(columns=plain, source="steps" if known else "unknown")

    def step(self, action: Any, after: TableSchema | None = None, **more: Any) -> Step:
        return Step(action, self.table, after or self.leaving(self.table.columns), **more)

    def with_kinds(
        self, kinds: Mapping[str, Kind], zone: str | None = None, *, of: Iterable[str] = ()
    ) -> TableSchema:
        """The table with columns of other kinds, or new ones at the end; moments have this zone.

        `of`: from which columns they are computed, where finite numbers give finite ones.
        """
        finite = self.finite(of)
        made = {name: made_column(name, kind, zone, finite=finite) for name, kind in kinds.items()}
        kept = [made.get(column.name, column) for column in self.table.columns]
        new = [column for name, column in made.items() if not self.table.column(name)]
        return self.leaving([*kept, *new])

    def finite(self, names: Iterable[str]) -> bool:
        """Whether all numbers of these columns are known to be finite; not of none."""
        names = list(names)
        return bool(names) and not any(may_be_infinite(self.table, name) for name in names)

    def zone(self, name: str) -> str | None:
        """The zone of a column of moments; None where it has none."""
        column = self.table.column(name)
        return zone_of(column.type) if column is not None and column.kind == "datetime" else None

    def named(self, name: str) -> Column:
        return self.table.column(name) or Column(name=name, kind="unknown")


def made_column(name: str, kind: Kind, zone: str | None, *, finite: bool = False) -> Column:
    """A column that a step makes."""
    zoned = kind == "datetime" and zone is not None
    most = sys.float_info.max if finite and kind == "float" else None
    return Column(
        name=name,
        kind=kind,
        type=f"timestamp[us, tz={zone}]" if zoned else "",
        low=None if most is None else -most,
        high=most,
    )


def on_the_clock(moment: Any, name: str, at: Place) -> None:
    """Refuse a wall clock that stands for no moment, or for two, in the zone of the column that it is to fill."""
    zone = at.zone(name)
    if zone == "?":
        allowed = "a value that is put in by code: which zone a file's moments have is not read here"
        refuse(f"{at.name}.value", f"fills the moments of {name!r}, which have a zone", str(moment), allowed)
    if zone is None or not isinstance(moment, dates.datetime):
        return
    try:
        clock = zoneinfo.ZoneInfo(zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return  # a fixed distance, or one that is not known here: no change of clocks is known of it
    there = [moment.replace(tzinfo=clock, fold=fold) for fold in (0, 1)]
    back = there[0].astimezone(dates.UTC).astimezone(clock).replace(tzinfo=None)
    if back != moment or there[0].utcoffset() != there[1].utcoffset():
        times = "no moment" if back != moment else "two moments"
        refuse(f"{at.name}.value", f"is {times} in {zone}", moment.isoformat(), "a wall clock of one moment")


def exact(column: Column) -> bool:
    """Whether floats hold the whole numbers of a column, as far as its bounds are known."""
    bounds = [bound for bound in (column.low, column.high) if isinstance(bound, int | float)]
    return all(abs(bound) <= _EXACT for bound in bounds)
