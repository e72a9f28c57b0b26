"""Data that Python code writes out: what `ast.literal_eval` reads, and dates and times.

Of calls only those of `datetime`'s own types are read, with arguments that are written out too; nothing is executed.
"""

from __future__ import annotations

import ast
import datetime
from collections.abc import Iterable, Mapping
from typing import Any

from agi_node.canonical import iso_text
from agi_node.source.scopes import bound_names

Names = Mapping[str, str]
"""What names stand for, by their full names within `datetime`: `{"dt": "", "date": "date"}`."""
USUAL: Names = {"datetime": "", **{name: name for name in ("date", "time", "timedelta", "timezone", "UTC")}}
_MADE = ("date", "datetime", "time", "timedelta", "timezone")
_READ = ("date", "datetime", "time")


def literal(node: ast.expr, names: Names = USUAL) -> Any:
    """The data that an expression writes out. Raises `ValueError` for anything else, as `ast.literal_eval` does.

    >>> literal(ast.parse("[datetime.date(2024, 5, 31), -1]", mode="eval").body)
    [datetime.date(2024, 5, 31), -1]
    """
    found = _value(node, names)
    if isinstance(found, datetime.date | datetime.time) and iso_text(found) is None:
        raise ValueError("a date or time with a zone that has a name")
    if isinstance(found, datetime.timedelta | datetime.timezone):
        raise ValueError("no date and no time")
    return found


def names_after(body: Iterable[ast.stmt], names: Names) -> Names:
    """What names stand for behind these statements: what else they bind is nothing of `datetime`'s any more."""
    found = dict(names)
    for statement in body:
        for name in bound_names([statement], ""):
            found.pop(name, None)
        found |= imported(statement) or {}
    return found


def imported(node: ast.stmt) -> Names | None:
    """The names that a statement imports from `datetime`; None where it is anything else."""
    if isinstance(node, ast.Import) and all(alias.name == "datetime" for alias in node.names):
        return {alias.asname or alias.name: "" for alias in node.names}
    if isinstance(node, ast.ImportFrom) and node.module == "datetime" and not node.level:
        return {alias.asname or alias.name: alias.name for alias in node.names}
    return None


def _value(node: ast.expr, names: Names) -> Any:
    if isinstance(node, ast.List):
        return [literal(one, names) for one in node.elts]
    if isinstance(node, ast.Tuple):
        return tuple(literal(one, names) for one in node.elts)
    if isinstance(node, ast.Dict) and None not in node.keys:
        keys = [literal(one, names) for one in node.keys if one is not None]
        return dict(zip(keys, (literal(one, names) for one in node.values), strict=True))
    if isinstance(node, ast.Call):
        return _called(node, names)
    if isinstance(node, ast.Name | ast.Attribute) and _path(node, names) in ("UTC", "timezone.utc"):
        return datetime.UTC
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Call):
        span = _value(node.operand, names)
        if isinstance(span, datetime.timedelta):
            return -span
    return ast.literal_eval(node)


def _called(node: ast.Call, names: Names) -> Any:
    """What a call of one of `datetime`'s types makes."""
    path = _path(node.func, names)
    kind, _, method = path.partition(".")
    if not ((kind in _MADE and not method) or (kind in _READ and method == "fromisoformat")):
        raise ValueError("a call")
    if any(one.arg is None for one in node.keywords):
        raise ValueError("a call with arguments that are not written out")
    given = [_value(one, names) for one in node.args]
    named = {str(one.arg): _value(one.value, names) for one in node.keywords}
    make = getattr(datetime, kind)
    try:
        return (getattr(make, method) if method else make)(*given, **named)
    except (TypeError, OverflowError) as problem:
        raise ValueError(str(problem)) from None


def _path(node: ast.expr, names: Names) -> str:
    """The full name within `datetime` of what an expression names; empty for anything else.

    Both `datetime.datetime(…)` and, after `from datetime import datetime`, `datetime(…)` are read.
    """
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.insert(0, node.attr)
        node = node.value
    if not isinstance(node, ast.Name) or node.id not in names:
        return ""
    whole = [*([names[node.id]] if names[node.id] else []), *parts]
    if names[node.id] == "" and (not parts or parts[0] in ("fromisoformat",)):
        whole = ["datetime", *parts]
    return ".".join(whole)
