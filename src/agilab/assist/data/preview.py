"""A table's preview, as `agi_node.tables` writes it beside each table: its columns, its count, its first rows."""

from __future__ import annotations

import json
from typing import Any

from agi_node.errors import AgiError
from agilab.assist.data.figures import column_of, kind_of
from agilab.contracts.assistance import TableSchema
from agilab.contracts.canonical import untag


def preview_table(data: bytes, where: str) -> tuple[TableSchema, list[list[Any]]]:
    """The columns of a previewed table, and the rows that the preview has.

    Raises AGI-ASSIST-003 where the bytes are no preview.
    """
    try:
        plain = untag(json.loads(data))
        names = [(str(one["name"]), str(one["type"])) for one in plain["schema"]]
        rows, count = [list(row) for row in plain["rows"]], int(plain["count"])
        if any(len(row) != len(names) for row in rows):
            raise ValueError("rows of another width")
    except (ValueError, KeyError, TypeError, UnicodeDecodeError, RecursionError) as error:
        raise AgiError(
            "AGI-ASSIST-003",
            f"{where} is no preview of a table",
            found=f"{error!s:.120}",
            allowed="the JSON that save_table writes: schema, count, rows",
        ) from None
    columns = [
        column_of(name, kind_of(type_), type_, [row[position] for row in rows], whole=len(rows) == count)
        for position, (name, type_) in enumerate(names)
    ]
    return TableSchema(columns=tuple(columns), rows=count, looked_at=len(rows), source="preview"), rows
