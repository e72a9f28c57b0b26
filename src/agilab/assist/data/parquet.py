"""The footer of a parquet file: columns, rows, and the statistics that its writer kept. No row is read.

The footer is a Thrift structure in the compact protocol (apache/parquet-format, README and src/main/thrift); only the
fields that matter here are looked at. A library that reads parquet is not needed, and a file of any size takes
milliseconds.
"""

from __future__ import annotations

import datetime as dates
import struct
from pathlib import Path
from typing import Any, BinaryIO

from agi_node.errors import AgiError
from agilab.assist.data.figures import bounds
from agilab.contracts.assistance import Column, Kind, TableSchema

_MAGIC = b"PAR1"
_LARGEST_FOOTER = 64 << 20
_DEEPEST = 32
_BOOLEAN, _INT32, _INT64, _INT96, _FLOAT, _DOUBLE, _BYTES = 0, 1, 2, 3, 4, 5, 6
_EPOCH = dates.datetime(1970, 1, 1)


def parquet_schema(path: Path, where: str) -> TableSchema:
    """What the footer of a parquet file says. Raises AGI-ASSIST-003 where it is none that can be read."""
    try:
        with path.open("rb") as file:
            footer = _Compact(_footer(file)).structure()
        return _schema(footer)
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


class _Compact:
    """Reads Thrift's compact protocol into dicts by field number, lists and bytes."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at, self.depth = data, 0, 0

    def byte(self) -> int:
        self.at += 1
        return self.data[self.at - 1]

    def varint(self) -> int:
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7
            if shift > 63:
                raise ValueError("a number of too many bytes")

    def zigzag(self) -> int:
        value = self.varint()
        return (value >> 1) ^ -(value & 1)

    def structure(self) -> dict[int, Any]:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise ValueError("nested too deep")
        fields: dict[int, Any] = {}
        number = 0
        while (head := self.byte()) != 0:
            number = number + (head >> 4) if head >> 4 else self.zigzag()
            kind = head & 0x0F
            fields[number] = kind == 1 if kind in (1, 2) else self.value(kind)
        self.depth -= 1
        return fields

    def value(self, kind: int) -> Any:
        match kind:
            case 1 | 2:  # in a list, a boolean is a byte
                return self.byte() == 1
            case 3:
                return struct.unpack("<b", bytes([self.byte()]))[0]
            case 4 | 5 | 6:
                return self.zigzag()
            case 7:
                self.at += 8
                return struct.unpack("<d", self.data[self.at - 8 : self.at])[0]
            case 8:
                length = self.varint()
                if length > len(self.data) - self.at:
                    raise ValueError("a text longer than the footer")
                self.at += length
                return self.data[self.at - length : self.at]
            case 9 | 10:
                head = self.byte()
                count = head >> 4 if head >> 4 != 15 else self.varint()
                if count > len(self.data):
                    raise ValueError("a list longer than the footer")
                return [
                    self.value(head & 0x0F) if head & 0x0F != 12 else self.structure() for _ in range(count)
                ]
            case 12:
                return self.structure()
            case _:
                raise ValueError(f"a type {kind} that footers do not have")


def _schema(footer: dict[int, Any]) -> TableSchema:
    elements: list[dict[int, Any]] = footer[2]
    rows = int(footer[3])
    position, columns = 1, []
    for _ in range(int(elements[0].get(5, 0))):
        element, children = elements[position], _width(elements, position)
        position += children
        if element[4].decode("utf-8") == "__index_level_0__":
            continue  # pandas' own
        columns.append(_column(element, children > 1, footer.get(4, []), rows))
    return TableSchema(columns=tuple(columns), rows=rows, looked_at=rows, source="parquet")


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
        missing = round(sum(one[3] for one in statistics) / rows, 4)
    # A piece without values has no bounds.
    filled = [one for one, chunk in zip(statistics, chunks, strict=True) if one.get(3) != chunk.get(5)]
    if filled and all(5 in one and 6 in one for one in filled):
        ends = [_plain(element, one[side]) for one in filled for side in (5, 6)]
        low, high = bounds(kind, [end for end in ends if end is not None])
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
    kind, _ = _kind(element)
    formats = {_INT32: "<i", _INT64: "<q", _FLOAT: "<f", _DOUBLE: "<d"}
    if element.get(1) not in formats or kind not in ("int", "float", "date", "datetime"):
        return None
    (number,) = struct.unpack(formats[element[1]], data)
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
