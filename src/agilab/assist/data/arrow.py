"""What pandas said of a table in an Arrow file, read without a library that reads Arrow.

The file begins with its schema (apache/arrow, docs/source/format/Columnar.rst, "IPC File Format"): 8 bytes `ARROW1`, a
mark of four bytes, the length of the schema as four bytes, and that; texts stand in it as they are.
"""

from __future__ import annotations

import struct
from pathlib import Path

_MAGIC = b"ARROW1\x00\x00"
_MARK = b"\xff\xff\xff\xff"
_LARGEST_SCHEMA = 64 << 20
_BEGINS = b'{"index_columns"'


def said_by_pandas(path: Path) -> bytes:
    """The JSON that pyarrow keeps of a table of pandas; empty where the file has none, or is no Arrow file.

    Raises `OSError` for a file that cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(16)
        if len(head) < 16 or not head.startswith(_MAGIC + _MARK):
            return b""
        (size,) = struct.unpack("<i", head[12:])
        schema = file.read(size) if 0 < size <= _LARGEST_SCHEMA else b""
    at = schema.find(_BEGINS)
    if at < 4:
        return b""
    (length,) = struct.unpack_from("<I", schema, at - 4)  # a text is told by its length
    return schema[at : at + length]
