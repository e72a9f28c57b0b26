"""What each kind of step asks of the columns it finds, and which columns it leaves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import singledispatch
from typing import Any

from agilab.assist.expressions import conditions, nodes
from agilab.assist.expressions.kinds import WORDS, fitted, resolve
from agilab.assist.expressions.nodes import Kind, Literal_, zones
from agilab.assist.expressions.parsing import parsed
from agilab.assist.steps.formats import SIGNS, unknown_signs
from agilab.assist.steps.place import (
    Place,
    Step,
    exact,
    given_table,
    made_column,
    names_differ,
    on_the_clock,
    refuse,
)
from agilab.contracts import safe_actions as actions
from agilab.contracts.safe_conditions import All, Any_, Not

_NUMBERS: tuple[Kind, ...] = ("int", "float")
_ORDERED: tuple[Kind, ...] = ("int", "float", "text", "date", "datetime", "bool")
_KEYS: tuple[Kind, ...] = ("int", "text", "bool", "date", "datetime")
_FIGURES: dict[str, tuple[Kind, ...]] = {
    **dict.fromkeys(("sum", "mean", "median", "std"), _NUMBERS),
    **dict.fromkeys(("min", "max"), ("int", "float", "text", "date", "datetime")),
    **dict.fromkeys(("count", "first", "last", "distinct"), _ORDERED),
}


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
    zone = next(iter(zones(tree)), None)
    of = [part.name for part in tree.walk() if isinstance(part, nodes.Column)]
    return at.step(action, at.with_kinds({action.column: tree.kind}, zone, of=of), tree=tree)


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
            if kind == "datetime":
                on_the_clock(value.value, name, at)
    changed: dict[str, Kind] = dict.fromkeys(action.columns, "float") if numeric else {}
    return at.step(action, at.with_kinds(changed, of=action.columns), value=value)


@fit.register
def _(action: actions.Sort, at: Place) -> Step:
    at.columns((key.column for key in action.keys), "by", _ORDERED, "sorts by")
    return at.step(action)


@fit.register
def _(action: actions.Aggregate, at: Place) -> Step:
    kinds = at.columns(action.by, "by", _KEYS, "groups by")
    columns = [made_column(name, kind, at.zone(name)) for name, kind in zip(action.by, kinds, strict=True)]
    for position, measure in enumerate(action.measures):
        place, kind, zone = f"measures[{position}].column", "int", None
        if measure.column is not None:
            zone = at.zone(measure.column)
            of = at.column(measure.column, place, _FIGURES[measure.how], f"takes the {measure.how} of")
            whole = measure.how in ("count", "distinct")
            kind = "int" if whole else of if measure.how not in ("mean", "median", "std") else "float"
        finite = measure.column is not None and at.finite([measure.column])
        columns.append(made_column(measure.called, kind, zone, finite=finite))  # type: ignore[arg-type]  # one of the kinds
    return at.step(action, at.leaving(columns, known=True))


@fit.register
def _(action: actions.Rolling, at: Place) -> Step:
    # pandas looks groups up by value here, and has no one type for yes, no and missing.
    at.columns(action.by, "by", tuple(kind for kind in _KEYS if kind != "bool"), "groups by")
    of = at.column(action.column, "column", _NUMBERS, f"takes the rolling {action.how} of")
    if action.on is not None:
        at.column(action.on, "on", ("date", "datetime"), "walks along")
    at.new(action.called, "called")
    column = at.table.column(action.column)
    if of == "int" and column is not None and not exact(column):
        refuse(
            f"{at.name}.column",
            "takes a window of whole numbers that a float cannot hold",
            f"{column.name!r}, from {column.low:g} to {column.high:g}",
            "numbers of up to 2^53 = 9,007,199,254,740,992",
        )
    return at.step(
        action,
        at.with_kinds(
            {action.called: of if action.how in ("sum", "min", "max") else "float"}, of=[action.column]
        ),
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
        key = action.keys[position]
        if (mine := at.zone(key.left)) != (theirs := there.zone(key.right)) and one == two:
            names = f"{mine or 'no zone'} and {theirs or 'no zone'}"
            refuse(f"{at.name}.on[{position}]", "joins moments of two zones", names, "one zone")
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
    if odd := unknown_signs(action.format or ""):
        refuse(f"{at.name}.format", "has signs that engines read differently", ", ".join(odd), SIGNS)
    kind: Kind = "float" if action.to == "number" else action.to
    return at.step(action, at.with_kinds(dict.fromkeys(action.columns, kind)))
