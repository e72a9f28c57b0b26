"""A csv file's columns, from its first rows: which values they hold as both engines would read them."""

from __future__ import annotations

import csv
import datetime as dates
import io
import re
from pathlib import Path
from typing import Any

from agi_node.errors import AgiError
from agilab.assist.data.figures import column_of
from agilab.contracts.assistance import Kind, TableSchema

MOST_ROWS = 10_000
MOST_BYTES = 8 << 20
_WHOLE = re.compile(r"[+-]?\d+")
_LONGEST = 40
"""Characters of a whole number that are looked at: more than 64 bits need, and some zeros before them."""
_REAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?")


def csv_table(path: Path, where: str) -> tuple[TableSchema, list[list[Any]]]:
    """The columns of a csv file with a header, and its first rows as plain data.

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
    return _table(header, rows, separator, cut)


def _table(
    header: list[str], rows: list[list[str]], separator: str, cut: bool
) -> tuple[TableSchema, list[list[Any]]]:
    kinds: list[Kind] = []
    columns, cells = [], []
    for position, name in enumerate(header):
        texts = [row[position] for row in rows]
        kind = _kind([text for text in texts if text != ""])
        plain = [_cell(text, kind) for text in texts]
        kinds.append(kind)
        cells.append(plain)
        columns.append(column_of(name, kind, "", plain, whole=not cut))
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


def _kind(texts: list[str]) -> Kind:
    """The narrowest kind that all of the texts are; text where there is none."""
    if not texts:
        return "text"
    if all(map(_WHOLE.fullmatch, texts)):
        # Longer ones are numbers to one engine and something else to the other, and a float to neither.
        return "int" if _in_64_bits(texts) else "other"
    if all(map(_REAL.fullmatch, texts)):
        return "float"
    if all(text in ("true", "false") for text in texts) or all(text in ("True", "False") for text in texts):
        return "bool"
    if all(_DAY.fullmatch(text) and _is_moment(text) for text in texts):
        return "date"
    return "datetime" if all(_MOMENT.fullmatch(text) and _is_moment(text) for text in texts) else "text"


def _in_64_bits(texts: list[str]) -> bool:
    """Whether whole numbers have 64 bits at most, with a sign or without."""
    if max(map(len, texts)) > _LONGEST:
        return False
    low, high = min(map(int, texts)), max(map(int, texts))
    return low >= -(2**63) and high < (2**63 if low < 0 else 2**64)


def _is_moment(text: str) -> bool:
    try:
        dates.datetime.fromisoformat(text[:19])
    except ValueError:
        return False
    return True


def _cell(text: str, kind: Kind) -> Any:
    if text == "":
        return None
    if kind == "bool":
        return text in ("true", "True")
    return {"int": int, "float": float}.get(kind, str)(text)


def _unreadable(where: str, found: str) -> AgiError:
    return AgiError(
        "AGI-ASSIST-003",
        f"{where} cannot be read as csv",
        found=found,
        allowed="UTF-8 with a header, and as many cells in each row",
    )
