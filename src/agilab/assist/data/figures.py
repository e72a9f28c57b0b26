"""Kinds and figures of columns. A bound that leaves this machine is rounded outwards, and a text is never a bound."""

from __future__ import annotations

import datetime as dates
import math
import re
from collections.abc import Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Context
from typing import Any

from agilab.contracts.assistance import Column, Kind, TableSchema

_WHOLE = re.compile(r"u?int(8|16|32|64|128)$")
_REAL = re.compile(r"(float(16|32|64)?|double|halffloat)$")
_DICTIONARY = re.compile(r"dictionary<values=(.+), indices=\w+, ordered=0>$")
_NULLABLE = re.compile("nullable<(.+)>")
_TEXT = ("str", "string", "large_string", "string_view", "utf8", "large_utf8")
DIGITS = 3
"""How many digits of a number's bound are told."""


def kind_of(type_: str) -> Kind:
    """The kind that a type of Polars or Arrow stands for; of categories without an order, that of their values.

    >>> [kind_of(name) for name in ("UInt8", "double", "String", "timestamp[us, tz=UTC]", "List(Int64)")]
    ['int', 'float', 'text', 'datetime', 'other']
    >>> kind_of("Categorical"), kind_of("dictionary<values=int64, indices=int8, ordered=0>")
    ('text', 'int')
    """
    name = type_.strip().lower()
    if found := _DICTIONARY.match(name) or _NULLABLE.fullmatch(name):
        return kind_of(found[1])
    if _WHOLE.match(name):
        return "int"
    if _REAL.match(name):
        return "float"
    if name in _TEXT or is_categories(type_):
        return "text"
    if name in ("bool", "boolean"):
        return "bool"
    if name == "date" or name.startswith("date32"):
        return "date"
    return "datetime" if name.startswith(("datetime", "timestamp", "date64")) else "other"


def is_categories(type_: str) -> bool:
    """Whether a type of Polars or Arrow is one of categories without an order: each value has the meaning of itself.

    >>> is_categories("Categorical"), is_categories("Enum(categories=['low', 'high'])")
    (True, False)
    """
    name = type_.strip().lower()
    return name.startswith("categorical") or _DICTIONARY.match(name) is not None


def categories_of(type_: str) -> str:
    """Arrow's name of categories without an order, from that of their values.

    >>> is_categories(categories_of("string")), kind_of(categories_of("string"))
    (True, 'text')
    """
    return f"dictionary<values={type_}, indices=int32, ordered=0>"


def nullable_of(type_: str) -> str:
    """Arrow's name of values in one of pandas' types that have a missing value of their own (`Int64`, `boolean`, …).

    >>> is_nullable(nullable_of("int64")), kind_of(nullable_of("int64")), is_nullable("int64")
    (True, 'int', False)
    """
    return f"nullable<{type_}>"


def is_nullable(type_: str) -> bool:
    """Whether a type is one of those."""
    return type_.startswith("nullable<")


def may_be_infinite(table: TableSchema, name: str) -> bool:
    """Whether a number of a column may be infinite, as far as is known: the bounds of all values are none then."""
    column = table.column(name)
    if column is None or column.kind not in ("float", "unknown"):
        return column is None
    whole = table.whole or table.source == "steps"
    return not whole or (column.low is None and column.missing != 1)


def zone_of(type_: str) -> str | None:
    """The time zone in a library's name of a type; `?` for one that is not known.

    >>> zone_of("timestamp[us, tz=UTC]"), zone_of("Datetime(time_unit='us', time_zone='Europe/Paris')")
    ('UTC', 'Europe/Paris')
    """
    found = re.search(r"(?:time_zone=|tz=)'?([A-Za-z0-9_/+:?-]+)", type_)
    return found[1] if found and found[1] != "None" else None


def column_of(name: str, kind: Kind, type_: str, cells: Sequence[Any], *, whole: bool) -> Column:
    """A column from its cells, as plain data (dates as ISO text); `whole` says that there are no others."""
    known = [
        cell for cell in cells if cell is not None and not (isinstance(cell, float) and math.isnan(cell))
    ]
    low, high = bounds(kind, known)
    return Column(
        name=name,
        kind=kind,
        type=type_,
        low=low,
        high=high,
        missing=share(len(cells) - len(known), len(cells)) if cells else None,
        distinct=len({str(cell) for cell in known}) if whole and kind != "other" else None,
    )


def share(part: int, all_: int) -> float:
    """A part of all with four digits: 0 and 1 are told of none and all alone.

    >>> share(1, 3), share(1, 1_000_000), share(999_999, 1_000_000), share(0, 5)
    (0.3333, 0.0001, 0.9999, 0.0)
    """
    return float(part > 0) if part in (0, all_) else min(max(round(part / all_, 4), 0.0001), 0.9999)


def bounds(kind: Kind, known: Sequence[Any]) -> tuple[Any, Any]:
    """Rounded bounds of known values; none for texts, for what has no order, and where a number is infinite."""
    if kind in ("int", "float"):
        numbers = [cell for cell in known if isinstance(cell, int | float) and not isinstance(cell, bool)]
        if not numbers or not all(map(math.isfinite, numbers)):
            return None, None
        return outwards(min(numbers), -1), outwards(max(numbers), 1)
    if kind in ("date", "datetime"):
        months = [month for cell in known if (month := month_of(cell))]
        return (min(months), max(months)) if months else (None, None)
    return None, None


def outwards(number: float, direction: int) -> int | float:
    """The number with three digits, never nearer to the others than it was.

    >>> outwards(351.27, 1), outwards(-351.27, -1), outwards(12, 1), outwards(0, -1), outwards(183_271, 1)
    (352, -352, 12, 0, 184000)
    """
    context = Context(prec=DIGITS, rounding=ROUND_CEILING if direction > 0 else ROUND_FLOOR)
    # By its text: 0.1 is to stay 0.1, and not to become 0.101 for what it is in binary.
    rounded = float(context.create_decimal(repr(number)))
    return int(rounded) if rounded.is_integer() and abs(rounded) < 2**53 else rounded


def month_of(cell: Any) -> str | None:
    """`2026-11` of a date or its ISO text; None for anything else.

    >>> month_of("2026-11-23T03:44:12"), month_of("soon")
    ('2026-11', None)
    """
    text = cell.isoformat() if isinstance(cell, dates.date) else str(cell)
    return text[:7] if re.match(r"\d{4}-(0[1-9]|1[0-2])-", text) else None
