"""The footer of a parquet file: columns, rows, and the statistics that its writer kept. No row is read.

The footer is a Thrift structure (apache/parquet-format, README and src/main/thrift); only the fields that matter here
are looked at. A library that reads parquet is not needed, and a file of any size takes milliseconds.
"""

from __future__ import annotations

import datetime as dates
import json
import math
import re
import struct
from pathlib import Path
from typing import Any, BinaryIO

from agi_node.errors import AgiError
from agilab.assist.data.arrow import said_by_pandas
from agilab.assist.data.dictionaries import distinct_in
from agilab.assist.data.figures import bounds, categories_of, nullable_of, share, zone_of
from agilab.assist.data.thrift import Compact
from agilab.contracts.assistance import Column, Kind, TableSchema

_NULLABLE = re.compile(r"U?Int\d+|Float\d+|boolean|string(\[.*\])?|.+\[pyarrow\]")
"""Names of pandas' types that have a missing value of their own; those of numpy, and `str`, have not."""
_MAGIC = b"PAR1"
_LARGEST_FOOTER = 64 << 20
_BOOLEAN, _INT32, _INT64, _INT96, _FLOAT, _DOUBLE, _BYTES = 0, 1, 2, 3, 4, 5, 6
_EPOCH = dates.datetime(1970, 1, 1)


def parquet_schema(path: Path, where: str, *, index: bool = True, own: bool = False) -> TableSchema:
    """What the footer of a parquet file says of all its rows.

    Args:
        index: Whether what pandas calls an index there is one, as whoever reads the file with pandas will find it;
            otherwise it is a column like others.
        own: Whether AGILab wrote it. Such a file is known to have no value in a dictionary that no row has, so
            different values can be counted without reading any.

    Raises AGI-ASSIST-003 where it is no parquet that can be read.
    """
    try:
        with path.open("rb") as file:
            footer = Compact(_footer(file)).structure()
            schema = _schema(footer, _index_of(footer) if index else (), as_pandas=index)
            return _counted(schema, footer, file) if own else schema
    except (OSError, ValueError, IndexError, KeyError, TypeError, struct.error) as error:
        raise AgiError(
            "AGI-ASSIST-003",
            f"{where} cannot be read as parquet",
            found=error.strerror or str(error)
            if isinstance(error, OSError)
            else f"a broken footer ({error})",
            allowed="a whole parquet file",
        ) from None


def _footer(file: BinaryIO) -> bytes:
    size = file.seek(0, 2)
    if size < 12:
        raise ValueError("too short")
    file.seek(size - 8)
    length, magic = struct.unpack("<I4s", file.read(8))
    if magic != _MAGIC:
        raise ValueError("no PAR1 at its end")
    if length > min(size - 12, _LARGEST_FOOTER):
        raise ValueError("a length that cannot be")
    file.seek(size - 8 - length)
    return file.read(length)


def _index_of(footer: dict[int, Any]) -> tuple[str, ...]:
    """The columns that were an index when pandas wrote them; one that counts from 0 is not written."""
    return tuple(level for level in _said_by_pandas(footer, "index_columns") if isinstance(level, str))


def _categories_of(footer: dict[int, Any]) -> frozenset[str]:
    """The columns that were categories without an order when pandas wrote them, and will be when it reads them."""
    return frozenset(
        str(one["name"])
        for one in _said_by_pandas(footer, "columns")
        if isinstance(one, dict)
        and one.get("pandas_type") == "categorical"
        and (one.get("metadata") or {}).get("ordered") is False
    )


def nullable_columns(path: Path) -> frozenset[str]:
    """The columns that had one of pandas' types with a missing value of its own when pandas wrote a file (parquet, or
    `.arrow`), and will have again; none where that cannot be read."""
    try:
        if path.suffix == ".arrow":
            return _nullable({5: [{1: b"pandas", 2: said_by_pandas(path) or b"{}"}]})
        with path.open("rb") as file:
            return _nullable(Compact(_footer(file)).structure())
    except (OSError, ValueError, IndexError, KeyError, TypeError, struct.error):
        return frozenset()


def _nullable(footer: dict[int, Any]) -> frozenset[str]:
    return frozenset(
        str(one["name"])
        for one in _said_by_pandas(footer, "columns")
        if isinstance(one, dict) and _NULLABLE.fullmatch(str(one.get("numpy_type")))
    )


def _zone_of_file(footer: dict[int, Any]) -> dict[str, str]:
    """The zones of moments, by column, as pandas wrote them."""
    return {
        str(one["name"]): str(one["metadata"]["timezone"])
        for one in _said_by_pandas(footer, "columns")
        if isinstance(one, dict) and isinstance(one.get("metadata"), dict) and "timezone" in one["metadata"]
    }


def _said_by_pandas(footer: dict[int, Any], field: str) -> list[Any]:
    said = next((one.get(2, b"") for one in footer.get(5, ()) if one[1] == b"pandas"), b"{}")
    try:
        found = json.loads(said)[field]
    except (ValueError, KeyError, TypeError):
        return []
    return found if isinstance(found, list) else []


def _schema(footer: dict[int, Any], index: tuple[str, ...], *, as_pandas: bool) -> TableSchema:
    elements: list[dict[int, Any]] = footer[2]
    rows = int(footer[3])
    position, columns, categories = 1, [], _categories_of(footer)
    nullable = _nullable(footer) if as_pandas else frozenset[str]()
    zones = _zone_of_file(footer)
    # Of what Arrow wrote, a zone stands in a scheme of its own, which is not read here.
    told = any(one[1] == b"ARROW:schema" for one in footer.get(5, ()))
    for _ in range(int(elements[0].get(5, 0))):
        element, children = elements[position], _width(elements, position)
        position += children
        if element[4].decode("utf-8") not in index:
            column = _column(element, children > 1, footer.get(4, []), rows)
            if column.name in categories:
                column = column.with_changes(type=categories_of(column.type))
            if column.name in nullable:
                column = column.with_changes(type=nullable_of(column.type))
            if zone_of(column.type) and (zone := zones.get(column.name, "?" if told else "")):
                column = column.with_changes(type=column.type.replace("tz=UTC", f"tz={zone}"))
            columns.append(column)
    named = tuple(level for level in index if not level.startswith("__index_level_"))
    return TableSchema(columns=tuple(columns), index=named, rows=rows, looked_at=rows, source="parquet")


def _counted(schema: TableSchema, footer: dict[int, Any], file: BinaryIO) -> TableSchema:
    """The schema with how many different values a column has, where a dictionary of the file says so."""
    groups = footer.get(4, [])
    chunks = groups[0].get(1, []) if len(groups) == 1 else []  # of several, each has a dictionary of its own
    found = {
        chunk[3][3][0].decode("utf-8"): distinct_in(file, chunk[3])
        for chunk in chunks
        if len(chunk[3][3]) == 1
    }
    columns = tuple(
        # Not of numbers with a point: NaN stands in a dictionary too, and may be several.
        column.with_changes(distinct=found.get(column.name))
        if column.kind in ("int", "text", "date", "datetime")
        else column
        for column in schema.columns
    )
    return schema.with_changes(columns=columns)


def _width(elements: list[dict[int, Any]], position: int) -> int:
    """How many elements a column takes, itself included."""
    width = left = 1
    while left:
        left += int(elements[position + width - 1].get(5, 0)) - 1
        width += bool(left)
    return width


def _column(element: dict[int, Any], nested: bool, groups: list[dict[int, Any]], rows: int) -> Column:
    name = element[4].decode("utf-8")
    plain: tuple[Kind, str] = ("other", "nested") if nested else _kind(element)
    kind, type_ = plain
    low: Any = None
    high: Any = None
    missing = None
    chunks = [
        chunk[3] for group in groups for chunk in group.get(1, []) if chunk.get(3, {}).get(3) == [element[4]]
    ]
    statistics = [chunk.get(12, {}) for chunk in chunks]
    if statistics and all(3 in one for one in statistics) and rows:
        missing = share(sum(one[3] for one in statistics), rows)
    # A piece without values has no bounds.
    filled = [one for one, chunk in zip(statistics, chunks, strict=True) if one.get(3) != chunk.get(5)]
    if filled and all(5 in one and 6 in one for one in filled):
        ends = [_plain(element, one[side]) for one in filled for side in (5, 6)]
        if not any(end is None or (isinstance(end, float) and not math.isfinite(end)) for end in ends):
            low, high = bounds(kind, ends)
    return Column(name=name, kind=kind, type=type_, low=low, high=high, missing=missing)


def _kind(element: dict[int, Any]) -> tuple[Kind, str]:
    physical, converted, logical = element.get(1), element.get(6), element.get(10, {})
    if 1 in logical or converted == 0:
        return "text", "string"
    if 6 in logical or converted == 6:
        return "date", "date32[day]"
    if 8 in logical or converted in (9, 10) or physical == _INT96:
        # What is adjusted to UTC has a zone, whatever the zone of its display was.
        zone = logical.get(8, {}).get(1, False)
        return "datetime", f"timestamp[{_unit(element)}{', tz=UTC' if zone else ''}]"
    if physical == _BOOLEAN:
        return "bool", "bool"
    if physical in (_FLOAT, _DOUBLE):
        return "float", "float" if physical == _FLOAT else "double"
    plain = not logical and converted in (None, *range(11, 19))
    if physical in (_INT32, _INT64) and (plain or 10 in logical):
        width = logical.get(10, {}).get(1) or {_INT32: 32, _INT64: 64}[physical]
        signed = logical.get(10, {}).get(2, converted not in (11, 12, 13, 14))
        return "int", f"{'' if signed else 'u'}int{width}"
    return "other", "binary" if physical == _BYTES else "other"


def _unit(element: dict[int, Any]) -> str:
    unit = element.get(10, {}).get(8, {}).get(2, {})
    return (
        "ms" if 1 in unit or element.get(6) == 9 else "ns" if 3 in unit or element.get(1) == _INT96 else "us"
    )


def _plain(element: dict[int, Any], data: bytes) -> Any:
    """A bound as a number or a date; None where it is neither."""
    kind, type_ = _kind(element)
    formats = {_INT32: "<i", _INT64: "<q", _FLOAT: "<f", _DOUBLE: "<d"}
    if element.get(1) not in formats or kind not in ("int", "float", "date", "datetime"):
        return None
    form = formats[element[1]]
    (number,) = struct.unpack(form.upper() if type_.startswith("uint") else form, data)
    try:
        if kind == "date":
            return (_EPOCH + dates.timedelta(days=number)).date()
        if kind == "datetime":
            return _EPOCH + dates.timedelta(
                seconds=number / {"ms": 1e3, "us": 1e6, "ns": 1e9}[_unit(element)]
            )
    except OverflowError:
        return None
    return number
