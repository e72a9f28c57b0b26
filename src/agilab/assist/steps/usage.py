"""Which columns of tables the steps look into: those must mean the same in both engines, others stay as they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from agilab.assist.expressions.nodes import Column
from agilab.assist.steps.place import Step
from agilab.contracts import safe_actions as actions
from agilab.contracts.assistance import TableSchema

Origin = tuple[str, str]
"""A table, and the name that a column has there."""


def used_columns(table: str, steps: Iterable[Step], tables: Mapping[str, TableSchema]) -> dict[str, set[str]]:
    """Of each table, the columns that some step compares, groups, orders or computes with.

    A column is followed through other names; to be kept, left out or handed on is no use of it.
    """
    used: dict[str, set[str]] = {name: set() for name in tables}
    origins: dict[str, Origin] = {column.name: (table, column.name) for column in tables[table].columns}
    for step in steps:
        for name in _looked_into(step):
            if name in origins:
                of, column = origins[name]
                used[of].add(column)
        if isinstance(step.action, actions.Join):
            used[step.action.table].update(key.right for key in step.action.keys)
        origins = _afterwards(step, origins)
    return used


def _looked_into(step: Step) -> list[str]:
    match step.action:
        case actions.Filter() | actions.Derive():
            return [part.name for part in step.tree.walk() if isinstance(part, Column)] if step.tree else []
        case actions.Fill(columns=columns, by=by):
            return [*columns, *by]
        case actions.Sort() as action:
            return [key.column for key in action.keys]
        case actions.Aggregate(by=by, measures=measures):
            return [*by, *(measure.column for measure in measures if measure.column is not None)]
        case actions.Rolling(column=column, on=on, by=by):
            return [column, *([on] if on is not None else []), *by]
        case actions.Clip(columns=columns) | actions.Cast(columns=columns):
            return list(columns)
        case actions.Join() as action:
            return [key.left for key in action.keys]
        case actions.Deduplicate(columns=columns):
            return list(columns) or [column.name for column in step.before.columns]
    return []


def _afterwards(step: Step, origins: Mapping[str, Origin]) -> dict[str, Origin]:
    """Where the columns that a step leaves come from; those that it makes come from none."""
    action = step.action
    names = action.names if isinstance(action, actions.Rename) else {}
    made: set[str] = set()
    if isinstance(action, actions.Derive):
        made = {action.column}
    elif isinstance(action, actions.Aggregate):
        made = {measure.called for measure in action.measures}
    elif isinstance(action, actions.Cast):
        made = set(action.columns)
    left = {column.name for column in step.after.columns}
    after = {names.get(name, name): origin for name, origin in origins.items()}
    if isinstance(action, actions.Join) and step.other is not None:
        after |= {
            column.name: (action.table, column.name)
            for column in step.other.columns
            if column.name not in after
        }
    return {name: origin for name, origin in after.items() if name in left and name not in made}
