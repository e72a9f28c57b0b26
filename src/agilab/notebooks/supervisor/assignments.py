"""Assignments of plain data, as cells have the params of a lab and the arguments of an app: written and read."""

from __future__ import annotations

import ast
import datetime
from collections.abc import Mapping
from math import isfinite
from typing import Any

from agilab.contracts.datum import moments_in
from agilab.notebooks.code.literals import USUAL, imported, literal

MOST_SPELLED = 80
"""Characters of an expression that a report repeats."""


def written(values: Mapping[str, Any]) -> str:
    """The values as assignments, below the import that dates and times need.

    >>> written({"n": 3, "name": "x"})
    "n = 3\\nname = 'x'"
    """
    lines = [f"{name} = {value!r}" for name, value in values.items()]
    return "\n".join(["import datetime", "", *lines] if any(moments_in(dict(values))) else lines)


def assignments(source: str) -> dict[str, Any]:
    """What a cell assigns, by name; dates and times as they are. Raises `ValueError` for anything else, with its line.

    >>> assignments("import datetime\\n\\nsince = datetime.date(2024, 5, 31)\\ndays = (1, 2)")
    {'since': datetime.date(2024, 5, 31), 'days': [1, 2]}
    """
    found: dict[str, Any] = {}
    try:
        tree = ast.parse(source)
    except SyntaxError as problem:
        raise ValueError(f"line {problem.lineno or 1} cannot be read") from None
    except (ValueError, RecursionError, MemoryError):
        raise ValueError("it cannot be read") from None
    names = dict(USUAL)
    for statement in tree.body:
        if (known := imported(statement)) is not None:
            names |= known
            continue
        target = statement.targets[0] if isinstance(statement, ast.Assign) else None
        if (
            not isinstance(statement, ast.Assign)
            or not isinstance(target, ast.Name)
            or len(statement.targets) > 1
        ):
            raise ValueError(f"line {statement.lineno} is no assignment to a name")
        try:
            found[target.id] = _plain(literal(statement.value, names))
        except (ValueError, TypeError, RecursionError, MemoryError):
            said = f"line {statement.lineno}, {target.id}: {_spelled(statement.value, source)}"
            raise ValueError(said) from None
    return found


def _plain(value: Any) -> Any:
    """A value as a lab has it, tuples as lists. Raises `ValueError` for what it has not: sets, bytes, other keys."""
    if isinstance(value, tuple | list):
        return list(map(_plain, value))
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: _plain(one) for key, one in value.items()}
    if value is None or isinstance(value, str | int | datetime.date | datetime.time):
        return value
    if isinstance(value, float) and isfinite(value):
        return value
    raise ValueError(type(value).__qualname__)


def _spelled(value: ast.expr, source: str) -> str:
    """An expression as Python has it, in one line that a person can take in."""
    try:
        text = ast.unparse(value)
    except RecursionError:  # a sum of hundreds of terms: as it stands
        text = ast.get_source_segment(source, value) or "…"
    text = " ".join(text.split())
    return text if len(text) <= MOST_SPELLED else f"{text[: MOST_SPELLED - 2]} …"
