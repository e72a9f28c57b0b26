"""A csv file's columns, from its first rows: of which kind each is to whoever reads it with one of the libraries."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

from agi_node.errors import AgiError
from agilab.assist.data.cells import cell_of, reading_of
from agilab.assist.data.figures import column_of
from agilab.assist.engines import Library
from agilab.contracts.assistance import TableSchema

MOST_ROWS = 10_000
MOST_BYTES = 8 << 20


def csv_table(path: Path, where: str, library: Library = "pandas") -> tuple[TableSchema, list[list[Any]]]:
    """The columns of a csv file with a header as a library sees them, and its first rows as plain data.

    An empty cell is a missing value, and nothing else is. Raises AGI-ASSIST-003 where it is no such file.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise _unreadable(where, error.strerror or str(error)) from None
    cut = len(data) > MOST_BYTES
    try:
        text = data[:MOST_BYTES].decode("utf-8-sig", "ignore" if cut else "strict")
    except UnicodeDecodeError as error:
        raise _unreadable(where, f"bytes that are no UTF-8, at {error.start}") from None
    if cut:
        text = text[: text.rfind("\n") + 1]
    separator = _separator(text.partition("\n")[0])
    try:
        lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
        header = next(lines, None)
        rows: list[list[str]] = []
        for line in lines:
            if len(rows) == MOST_ROWS:
                cut = True
                break
            if line:
                rows.append(line)
    except csv.Error as error:
        raise _unreadable(where, f"no csv ({error})") from None
    if not header or "\x00" in text[:1000]:
        raise _unreadable(where, "no header" if not header else "binary data")
    if odd := next((n for n, row in enumerate(rows, 2) if len(row) != len(header)), None):
        raise _unreadable(where, f"a row {odd} of another length than its header")
    return _table(header, rows, separator, cut, library)


def _table(
    header: list[str], rows: list[list[str]], separator: str, cut: bool, library: Library
) -> tuple[TableSchema, list[list[Any]]]:
    columns, cells = [], []
    for position, said in enumerate(header):
        texts = [row[position] for row in rows]
        reading = reading_of(texts, library)
        plain = [cell_of(text, reading.kind) for text in texts]
        cells.append(plain)
        name = f"Unnamed: {position}" if not said and library == "pandas" else said
        columns.append(column_of(name, reading.kind, reading.told, plain, whole=not cut))
    schema = TableSchema(
        columns=tuple(columns),
        rows=None if cut else len(rows),
        looked_at=len(rows),
        source="csv",
        separator=separator,
    )
    return schema, [list(row) for row in zip(*cells, strict=True)]


def _separator(header: str) -> str:
    found = {sign: header.count(sign) for sign in (",", ";", "\t", "|")}
    best = max(found, key=lambda sign: found[sign])
    return best if found[best] else ","


def _unreadable(where: str, found: str) -> AgiError:
    return AgiError(
        "AGI-ASSIST-003",
        f"{where} cannot be read as csv",
        found=found,
        allowed="UTF-8 with a header, and as many cells in each row",
    )
