"""How many different values a column of a parquet file has, where all of them stand in a dictionary. No value is read.

A column that repeats values is mostly written as a dictionary of them and places in it. The header of the dictionary's
page says how many it has (apache/parquet-format, README: Column chunks, and Encodings.md: RLE_DICTIONARY).
"""

from __future__ import annotations

import struct
from typing import Any, BinaryIO

from agilab.assist.data.thrift import Compact

_DATA, _DICTIONARY, _DATA_2 = 0, 2, 3
_PLACES = (2, 8)
"""The encodings of pages that hold places in a dictionary: PLAIN_DICTIONARY, RLE_DICTIONARY."""
_MOST_PAGES = 256
_HEADER = 16 << 10
"""Bytes in which a page's header ends: it may hold statistics with a text of some length."""


def distinct_in(file: BinaryIO, chunk: dict[int, Any]) -> int | None:
    """How many values the dictionary of a chunk has; None where there is none, or it does not hold all values.

    `chunk` is the ColumnMetaData. At most 256 headers of 16 KiB are read.
    """
    at = chunk.get(11)
    if not isinstance(at, int) or at <= 0:
        return None
    try:
        at, page = _page(file, at)
        if page[1] != _DICTIONARY:
            return None
        size, left = int(page[7][1]), int(chunk[5])
        for _ in range(_MOST_PAGES):
            if left <= 0:
                return size
            at, page = _page(file, at)
            header, encoding = (page[5], 2) if page[1] == _DATA else (page[8], 4)
            if page[1] not in (_DATA, _DATA_2) or header[encoding] not in _PLACES:
                return None
            left -= int(header[1])
    except (OSError, ValueError, IndexError, KeyError, TypeError, struct.error):
        pass
    return None


def _page(file: BinaryIO, at: int) -> tuple[int, dict[int, Any]]:
    """The header of the page that begins there, and where the next one begins."""
    file.seek(at)
    reader = Compact(file.read(_HEADER))
    header = reader.structure()
    return at + reader.at + int(header[3]), header
