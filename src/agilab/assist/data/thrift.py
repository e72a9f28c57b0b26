"""Thrift's compact protocol, as far as parquet uses it (apache/thrift, doc/specs/thrift-compact-protocol.md)."""

from __future__ import annotations

import struct
from typing import Any

_DEEPEST = 32


class Compact:
    """Reads structures into dicts by field number, lists and bytes; `at` is how far.

    Raises ValueError, IndexError or struct.error for bytes that are none.
    """

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
                    raise ValueError("a text longer than all there is")
                self.at += length
                return self.data[self.at - length : self.at]
            case 9 | 10:
                head = self.byte()
                count = head >> 4 if head >> 4 != 15 else self.varint()
                if count > len(self.data):
                    raise ValueError("a list longer than all there is")
                return [
                    self.value(head & 0x0F) if head & 0x0F != 12 else self.structure() for _ in range(count)
                ]
            case 12:
                return self.structure()
            case _:
                raise ValueError(f"a type {kind} that parquet does not have")
