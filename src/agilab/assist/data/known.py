"""A table as far as it is known: its columns, and rows that stay here unless somebody consents to sending them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agilab.assist.data.csv import csv_table
from agilab.assist.data.parquet import parquet_schema
from agilab.assist.data.preview import preview_table
from agilab.contracts.assistance import Column, TableSchema

UNKNOWN = TableSchema()


@dataclass(frozen=True)
class Known:
    """One input of a stage.

    Attributes:
        name: What the stage calls it: a value, or a file of the lab's folder.
        schema: Its columns, without rows.
        rows: Its first rows. They never leave unless `described` is asked for some.
    """

    name: str
    schema: TableSchema = UNKNOWN
    rows: list[list[Any]] = field(default_factory=list, repr=False)

    @classmethod
    def of_preview(cls, name: str, data: bytes) -> Known:
        """A value that an earlier run left. Raises AGI-ASSIST-003."""
        return cls(name, *preview_table(data, f"the preview of {name!r}"))

    @classmethod
    def of_file(cls, name: str, path: Path) -> Known:
        """A csv or parquet file of the lab. Raises AGI-ASSIST-003."""
        if path.suffix.lower() in (".parquet", ".pq"):
            return cls(name, parquet_schema(path, name))
        return cls(name, *csv_table(path, name))

    def described(self, send_rows: int) -> str:
        """The table in words, for a prompt: a line for each column, and `send_rows` rows by consent."""
        import json

        if not self.schema.known:
            return f"{self.name}: nothing is known of it yet"
        count = "" if self.schema.rows is None else f", {self.schema.rows} rows"
        lines = [f"{self.name}: a table{count}, with the columns"]
        lines += [f"- {_words(column)}" for column in self.schema.columns]
        if send_rows and self.rows:
            shown = self.rows[:send_rows]
            lines.append(f"Its first {len(shown)} rows, as JSON:")
            lines += [json.dumps(row, ensure_ascii=False, default=str) for row in shown]
        return "\n".join(lines)


def _words(column: Column) -> str:
    parts = [f"{column.name!r}: {column.kind}"]
    if column.low is not None:
        parts.append(f"from {column.low} to {column.high}")
    if column.missing:
        # Never a 0 % of something that does occur.
        parts.append(f"{max(column.missing, 0.01):.0%} missing")
    if column.distinct is not None:
        parts.append(f"{column.distinct} different")
    return ", ".join(parts)
