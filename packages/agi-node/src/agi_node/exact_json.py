"""Python's own data as JSON that brings back exactly what it was: tuples, sets, dates, keys that are no text.

What JSON has no word for stands as `{"$": [type, content]}`. What is refused is left to others: data in which one
list stands twice, and all that is no data of Python's own (but scalars of numpy).
"""

from __future__ import annotations

import base64
import datetime
import decimal
import fractions
import importlib
import json
import pathlib
import sys
from typing import Any

from agi_node.canonical import iso_text

DEEPEST = 200
"""Containers in containers that are followed."""
LONGEST_BYTES = 16 * 1024
"""Of a `bytearray`, of which JSON makes a third more."""


def exact_text(value: Any) -> str | None:
    """Python's own data as JSON text; None for anything else, and for data in which one list stands twice.

    >>> exact_text({"b": (1, 2.0), "a": None})
    '{"b":{"$":["tuple",[1,2.0]]},"a":null}'
    >>> row = [0]; exact_text([row, row]) is None
    True
    """
    try:
        return json.dumps(_exact(value, set(), 0), ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    except _NotExact:
        return None


def exact_value(text: str, *, plain: bool = False) -> Any:
    """The data that `exact_text` wrote; with `plain`, or where there is no numpy, its scalars as Python's numbers.

    >>> exact_value(exact_text({3: {"x"}, "at": (1, float("inf"))}))
    {3: {'x'}, 'at': (1, inf)}
    """
    return _back(json.loads(text), plain)


class _NotExact(Exception):
    """The value is not Python's own data, or JSON would lose that two names are one object."""


def _exact(value: Any, seen: set[int], depth: int) -> Any:
    kind = type(value)
    if value is None or kind is bool:
        return value
    if kind is int:
        return (
            value
            if abs(value) < 2**53
            else _marked("int", str(value) if value.bit_length() < 10_000 else _no())
        )
    if kind is float:
        return value if value - value == 0 else _marked("float", repr(value))
    if kind is str:
        return value if value.isascii() or _is_unicode(value) else _no()
    if depth > DEEPEST:
        return _no()
    if kind in (list, dict, set, bytearray):
        if id(value) in seen:
            return _no()  # one object under two names: changing one must change the other
        seen.add(id(value))
    if kind is list:
        return [_exact(item, seen, depth + 1) for item in value]
    if kind is dict:
        if all(type(name) is str and name != "$" for name in value):
            return {_exact(name, seen, depth): _exact(item, seen, depth + 1) for name, item in value.items()}
        pairs = [
            [_exact(name, seen, depth + 1), _exact(item, seen, depth + 1)] for name, item in value.items()
        ]
        return _marked("dict", pairs)
    if kind in (tuple, set, frozenset):
        items = [_exact(item, seen, depth + 1) for item in (value if kind is tuple else _in_order(value))]
        return _marked(kind.__name__, items)
    if kind.__module__ == "numpy" and (scalar := _scalar(value)) is not None:
        return _marked("numpy", [scalar[0], _exact(scalar[1], seen, depth + 1)])
    writer = _WRITE.get(kind)
    return _marked(kind.__name__, writer(value)) if writer else _no()


def _scalar(value: Any) -> tuple[str, Any] | None:
    """A scalar of numpy as the name of its type and a number, a bool or a text of Python's that is exactly it."""
    numpy = sys.modules["numpy"]
    if not isinstance(value, numpy.generic) or value.dtype.kind not in "biufU":
        return None
    name, plain = "str" if value.dtype.kind == "U" else value.dtype.name, value.item()
    again = numpy.dtype(name).type is type(value) and type(plain) in (bool, int, float, str)
    return (name, plain) if again else None


def _of_numpy(name: str, plain: Any) -> Any:
    try:
        return importlib.import_module("numpy").dtype(name).type(plain)
    except ImportError:
        return plain


def _in_order(items: Any) -> list[Any]:
    # Sets have no order; a fixed one gives equal sets equal digests.
    return sorted(items, key=lambda item: (type(item).__name__, repr(item)))


def _marked(kind: str, content: Any) -> dict[str, Any]:
    return {"$": [kind, content]}


def _no() -> Any:
    raise _NotExact


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _back(found: Any, plain: bool) -> Any:
    if isinstance(found, list):
        return [_back(item, plain) for item in found]
    if not isinstance(found, dict):
        return found
    if found.keys() != {"$"}:
        return {name: _back(item, plain) for name, item in found.items()}
    kind, content = found["$"]
    if kind == "numpy":
        number = _back(content[1], plain)
        return number if plain else _of_numpy(content[0], number)
    if kind == "dict":
        return {_back(name, plain): _back(item, plain) for name, item in content}
    if kind in _GATHERED:
        return _GATHERED[kind](_back(item, plain) for item in content)
    return _READ[kind](content)


_GATHERED: dict[str, Any] = {"tuple": tuple, "set": set, "frozenset": frozenset}


def _moment(value: Any) -> str:
    text = iso_text(value)
    return str(_no()) if text is None else text


_WRITE: dict[type, Any] = {
    datetime.datetime: _moment,
    datetime.date: _moment,
    datetime.time: _moment,
    datetime.timedelta: lambda span: [span.days, span.seconds, span.microseconds],
    decimal.Decimal: str,
    fractions.Fraction: str,
    complex: lambda number: [repr(number.real), repr(number.imag)],
    range: lambda items: [items.start, items.stop, items.step],
    pathlib.PosixPath: str,
    bytearray: lambda data: base64.b64encode(data).decode() if len(data) <= LONGEST_BYTES else _no(),
}
_READ: dict[str, Any] = {
    "int": int,
    "float": float,
    "datetime": datetime.datetime.fromisoformat,
    "date": datetime.date.fromisoformat,
    "time": datetime.time.fromisoformat,
    "timedelta": lambda parts: datetime.timedelta(*parts),
    "Decimal": decimal.Decimal,
    "Fraction": fractions.Fraction,
    "complex": lambda parts: complex(float(parts[0]), float(parts[1])),
    "range": lambda ends: range(*ends),
    "PosixPath": pathlib.Path,
    "bytearray": lambda text: bytearray(base64.b64decode(text)),
}
