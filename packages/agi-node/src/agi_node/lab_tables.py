"""Paths into the folder of a stage that stand in the columns of a table, as `lab_folder` has them in other values.

A column counts by its first text: a list of files is one of paths, or it is not.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from agi_node.frames import library_of
from agi_node.lab_folder import brought, left

Change = Callable[[str], str]


def leave(table: Any) -> Any:
    """A table for another stage: a copy with a mark in the paths into the folder; None where it has none."""
    return _changed(table, left)


def come(table: Any) -> Any:
    """The table that `leave` gave, with the paths of this folder."""
    changed = _changed(table, brought)
    return table if changed is None else changed


def _changed(table: Any, change: Change) -> Any:
    """A copy with texts changed; None where there is nothing to change, or the library is none of the three."""
    return _WAYS[str(library)](table, change) if (library := library_of(table)) in _WAYS else None


def _pandas(table: Any, change: Change) -> Any:
    found: Any = None
    for place, kind in enumerate(table.dtypes):
        if str(kind) not in ("object", "str", "string"):
            continue
        column = table.iloc[:, place]
        if _is_changed(next(iter(column.dropna()), None), change):
            found = table.copy(deep=False) if found is None else found
            told = [change(one) if type(one) is str else one for one in column]
            found.isetitem(place, type(column)(told, index=column.index, dtype=kind))
    return found


def _polars(table: Any, change: Change) -> Any:
    polars = importlib.import_module("polars")
    found: dict[str, Any] = {}
    for name, kind in table.schema.items():
        if kind == polars.String and _is_changed(next(iter(table[name].drop_nulls().head(1)), None), change):
            told = [None if one is None else change(one) for one in table[name]]
            found[name] = polars.Series(name, told, dtype=kind)
    return table.with_columns(*found.values()) if found else None


def _pyarrow(table: Any, change: Change) -> Any:
    pyarrow = importlib.import_module("pyarrow")
    found = table
    for place, field in enumerate(table.schema):
        if not (pyarrow.types.is_string(field.type) or pyarrow.types.is_large_string(field.type)):
            continue
        texts = table.column(place).to_pylist()
        if _is_changed(next((one for one in texts if one is not None), None), change):
            told = [None if one is None else change(one) for one in texts]
            found = found.set_column(place, field, pyarrow.array(told, field.type))
    return None if found is table else found


def _is_changed(text: Any, change: Change) -> bool:
    return type(text) is str and change(text) != text


_WAYS: dict[str, Callable[[Any, Change], Any]] = {"pandas": _pandas, "polars": _polars, "pyarrow": _pyarrow}
