"""A table's preview, as `agi_node.tables` writes it beside each table: its columns, its count, its first rows.

Of a longer table its figures are those of the table's own file, which says them of all rows without being read.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from agi_node.errors import AgiError
from agilab.assist.data.figures import column_of, kind_of, nullable_of
from agilab.assist.data.parquet import nullable_columns, parquet_schema
from agilab.contracts.assistance import Column, TableSchema
from agilab.contracts.canonical import untag

_NAMELESS = re.compile(r"__index_level_\d+__")


def preview_table(data: bytes, where: str, whole: Path | None = None) -> tuple[TableSchema, list[list[Any]]]:
    """The columns of a previewed table, and the rows that the preview has, without an index.

    `whole` is the table's own file, if there is one, as AGILab wrote it: parquet, or `.arrow`, which says no figures.
    Without it, or where it is of another table, the figures are those of the rows in the preview. Raises
    AGI-ASSIST-003 where the bytes are no preview.
    """
    try:
        plain = untag(json.loads(data))
        names = [(str(one["name"]), str(one["type"])) for one in plain["schema"]]
        levels = {str(one["name"]) for one in plain["schema"] if one.get("index")}
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
    whole_table = len(rows) == count
    kept = [position for position, (name, _) in enumerate(names) if name not in levels]
    columns = []
    for position in kept:
        name, type_ = names[position]
        cells = [row[position] for row in rows]
        columns.append(column_of(name, kind_of(type_), type_, cells, whole=whole_table))
    schema = TableSchema(
        columns=tuple(columns),
        index=tuple(name for name, _ in names if name in levels and not _NAMELESS.fullmatch(name)),
        rows=count,
        looked_at=len(rows),
        source="preview",
    )
    if whole is not None and (nullable := nullable_columns(whole)):
        marked = tuple(
            column.with_changes(type=nullable_of(column.type)) if column.name in nullable else column
            for column in schema.columns
        )
        schema = schema.with_changes(columns=marked)
    if not whole_table and whole is not None and (all_of_it := _whole(whole, count)):
        schema = _with_figures(schema, all_of_it)
    return schema, [[row[position] for position in kept] for row in rows]


def _whole(path: Path, count: int) -> TableSchema | None:
    """What the file says of all rows; None where it cannot be read, or is of another table."""
    try:
        found = parquet_schema(path, path.name, index=False, own=True)
    except AgiError:
        return None
    return found if found.rows == count else None


def _with_figures(schema: TableSchema, whole: TableSchema) -> TableSchema:
    """The same columns, with the figures of all rows. Where a file says none, none is told: not that of a part."""

    def of_all(column: Column) -> Column:
        plain = Column(name=column.name, kind=column.kind, type=column.type)
        found = whole.column(column.name)
        if found is None or found.kind != column.kind:
            return plain
        return plain.with_changes(
            low=found.low, high=found.high, missing=found.missing, distinct=found.distinct
        )

    return schema.with_changes(
        columns=tuple(map(of_all, schema.columns)), looked_at=whole.rows, source="parquet"
    )
