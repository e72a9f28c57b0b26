"""What each kind of step asks of the columns it finds, and which columns it leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import singledispatch
from typing import Any, NoReturn

from agi_node.errors import AgiError
from agilab.assist.expressions import conditions
from agilab.assist.expressions.kinds import WORDS, column_kind, fitted, resolve
from agilab.assist.expressions.nodes import Kind, Literal_, Node
from agilab.assist.expressions.parsing import NotUnderstood, parsed
from agilab.contracts import safe_actions as actions
from agilab.contracts.assistance import Column, TableSchema
from agilab.contracts.safe_conditions import All, Any_, Not

_NUMBERS: tuple[Kind, ...] = ("int", "float")
_ORDERED: tuple[Kind, ...] = ("int", "float", "text", "date", "datetime", "bool")
_KEYS: tuple[Kind, ...] = ("int", "text", "bool", "date", "datetime")
_FIGURES: dict[str, tuple[Kind, ...]] = {
    **dict.fromkeys(("sum", "mean", "median", "std"), _NUMBERS),
    **dict.fromkeys(("min", "max"), ("int", "float", "text", "date", "datetime")),
    **dict.fromkeys(("count", "first", "last", "distinct"), _ORDERED),
}


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
        """What a step leaves: names and kinds; the figures were those of other rows."""
        known = self.table.known if known is None else known
        plain = tuple(Column(name=column.name, kind=column.kind, type=column.type) for column in columns)
        return TableSchema(columns=plain, source="steps" if known else "unknown")

    def step(self, action: Any, after: TableSchema | None = None, **more: Any) -> Step:
        return Step(action, self.table, after or self.leaving(self.table.columns), **more)

    def with_kinds(self, kinds: Mapping[str, Kind]) -> TableSchema:
        """The table with columns of other kinds, or new ones at the end."""
        kept = [
            Column(name=column.name, kind=kinds[column.name]) if column.name in kinds else column
            for column in self.table.columns
        ]
        new = [Column(name=name, kind=kind) for name, kind in kinds.items() if not self.table.column(name)]
        return self.leaving([*kept, *new])

    def named(self, name: str) -> Column:
        return self.table.column(name) or Column(name=name, kind="unknown")


@singledispatch
def fit(action: Any, at: Place) -> Step:
    raise AssertionError(action)


@fit.register
def _(action: actions.Select, at: Place) -> Step:
    at.columns(action.columns, "columns")
    return at.step(action, at.leaving([at.named(name) for name in action.columns], known=True))


@fit.register
def _(action: actions.Drop, at: Place) -> Step:
    at.columns(action.columns, "columns")
    kept = [column for column in at.table.columns if column.name not in action.columns]
    if at.table.known and not kept:
        refuse(f"{at.name}.columns", "leaves no column", "all of them", "at least one that stays")
    return at.step(action, at.leaving(kept))


@fit.register
def _(action: actions.Rename, at: Place) -> Step:
    for old in action.names:
        at.column(old, f"names.{old}")
    return at.step(
        action,
        at.leaving(
            [
                column.with_changes(name=action.names.get(column.name, column.name))
                for column in at.table.columns
            ]
        ),
    )


@fit.register
def _(action: actions.Filter, at: Place) -> Step:
    if any(not part for part in _lists(action.where)):
        refuse(f"{at.name}.where", "combines no conditions", "an empty list", "one condition or more")
    tree = at.understood(lambda: resolve(conditions.tree_of(action.where), at.table), "where")
    return at.step(action, tree=tree)


def _lists(condition: conditions.Condition) -> Iterable[tuple[Any, ...]]:
    if isinstance(condition, Not):
        yield from _lists(condition.negated)
    elif isinstance(condition, All | Any_):
        parts = condition.all if isinstance(condition, All) else condition.any
        yield parts
        for part in parts:
            yield from _lists(part)


@fit.register
def _(action: actions.Derive, at: Place) -> Step:
    tree = at.understood(lambda: resolve(parsed(action.expression), at.table), "expression")
    if isinstance(tree, Literal_) and tree.value is None:
        refuse(f"{at.name}.expression", "gives nothing", "None", "a value")
    return at.step(action, at.with_kinds({action.column: tree.kind}), tree=tree)


@fit.register
def _(action: actions.Fill, at: Place) -> Step:
    at.columns(action.by, "by", _KEYS, "groups by")
    numeric = action.using in ("mean", "median", "interpolate")
    kinds = at.columns(
        action.columns, "columns", _NUMBERS if numeric else _ORDERED, f"fills using {action.using}"
    )
    if both := sorted({*action.by} & {*action.columns}):
        refuse(f"{at.name}.by", "groups by a column that it fills", repr(both[0]), "another column")
    value = None
    if action.using == "value":
        literal = Literal_(action.value)
        for kind, name in zip(kinds, action.columns, strict=True):
            value = at.understood(lambda: fitted(literal, kind, name), "value")  # noqa: B023 (called at once)
            if kind == "int" and isinstance(value.value, float) and value.value.is_integer():
                value = replace(value, value=int(value.value), kind="int")
            if kind == "int" and isinstance(value.value, float):
                refuse(f"{at.name}.value", f"fills the whole numbers of {name!r}", repr(value.value), "one")
    changed: dict[str, Kind] = dict.fromkeys(action.columns, "float") if numeric else {}
    return at.step(action, at.with_kinds(changed), value=value)


@fit.register
def _(action: actions.Sort, at: Place) -> Step:
    at.columns((key.column for key in action.keys), "by", _ORDERED, "sorts by")
    return at.step(action)


@fit.register
def _(action: actions.Aggregate, at: Place) -> Step:
    kinds = at.columns(action.by, "by", _KEYS, "groups by")
    columns = [Column(name=name, kind=kind) for name, kind in zip(action.by, kinds, strict=True)]
    for position, measure in enumerate(action.measures):
        place, kind = f"measures[{position}].column", "int"
        if measure.column is not None:
            of = at.column(measure.column, place, _FIGURES[measure.how], f"takes the {measure.how} of")
            whole = measure.how in ("count", "distinct")
            kind = "int" if whole else of if measure.how not in ("mean", "median", "std") else "float"
        columns.append(Column(name=measure.called, kind=kind))  # type: ignore[arg-type]  # one of the kinds
    return at.step(action, at.leaving(columns, known=True))


@fit.register
def _(action: actions.Rolling, at: Place) -> Step:
    # pandas looks groups up by value here, and has no one type for yes, no and missing.
    at.columns(action.by, "by", tuple(kind for kind in _KEYS if kind != "bool"), "groups by")
    of = at.column(action.column, "column", _NUMBERS, f"takes the rolling {action.how} of")
    if action.on is not None:
        at.column(action.on, "on", ("date", "datetime"), "walks along")
    at.new(action.called, "called")
    return at.step(
        action, at.with_kinds({action.called: of if action.how in ("sum", "min", "max") else "float"})
    )


@fit.register
def _(action: actions.Clip, at: Place) -> Step:
    for position, (name, kind) in enumerate(
        zip(action.columns, at.columns(action.columns, "columns", _NUMBERS, "clips"), strict=True)
    ):
        for bound in (action.low, action.high):
            if kind == "int" and isinstance(bound, float) and not bound.is_integer():
                refuse(
                    f"{at.name}.columns[{position}]",
                    "clips whole numbers at what is none",
                    f"{name!r} at {bound}",
                    "a whole bound",
                )
    return at.step(action)


@fit.register
def _(action: actions.Join, at: Place) -> Step:
    other = given_table(action.table, at.tables, f"{at.name}.table")
    names_differ(other, f"{at.name}.table {action.table!r}")
    there = Place(at.name, other, at.tables)
    left = at.columns((key.left for key in action.keys), "on", _KEYS, "joins on")
    right = there.columns((key.right for key in action.keys), "on", _KEYS, "joins on")
    for position, (one, two) in enumerate(zip(left, right, strict=True)):
        if one != two and "unknown" not in (one, two):
            refuse(
                f"{at.name}.on[{position}]", "joins two kinds", f"{WORDS[one]} and {WORDS[two]}", "one kind"
            )
    if action.how in ("semi", "anti"):
        return at.step(action, other=other)
    keys = {key.right for key in action.keys}
    brought = [column for column in other.columns if column.name not in keys]
    for column in brought:
        if at.table.column(column.name) is not None:
            refuse(
                f"{at.name}.table",
                "brings a column whose name is taken",
                f"{column.name!r} of {action.table!r}",
                "other names: rename or drop one of the two before",
            )
    return at.step(
        action,
        at.leaving([*at.table.columns, *brought], known=at.table.known and other.known),
        other=other,
    )


@fit.register
def _(action: actions.Limit, at: Place) -> Step:
    return at.step(action)


@fit.register
def _(action: actions.Deduplicate, at: Place) -> Step:
    at.columns(action.columns, "columns", _ORDERED, "compares")
    return at.step(action)


@fit.register
def _(action: actions.Cast, at: Place) -> Step:
    at.columns(action.columns, "columns", ("text",), "reads")
    kind: Kind = "float" if action.to == "number" else action.to
    return at.step(action, at.with_kinds(dict.fromkeys(action.columns, kind)))
