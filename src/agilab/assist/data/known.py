"""A table as far as it is known: its columns, and rows that stay here unless somebody consents to sending them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from agilab.assist.data.csv import csv_table
from agilab.assist.data.parquet import parquet_schema
from agilab.assist.data.preview import preview_table
from agilab.assist.engines import Library
from agilab.contracts.assistance import Column, TableSchema

UNKNOWN = TableSchema()


@dataclass(frozen=True)
class Known:
    """One input of a stage.

    Attributes:
        name: What the stage calls it: a value, or a file of the lab's folder.
        schema: Its columns, without rows.
        rows: Its first rows. They never leave unless `described` is asked for some.
        why: Why nothing is known of it although its stage has run; empty where it has not.
        items: What the stage that makes it runs for each of: there is a table for each, and this is the first.
        key: The stage gets a dict from key to such a table. Steps work on all of them as one, with the keys as the
            column of this name, which is the last of the schema.
    """

    name: str
    schema: TableSchema = UNKNOWN
    rows: list[list[Any]] = field(default_factory=list, repr=False)
    items: tuple[str, ...] = ()
    key: str = ""
    why: str = ""

    def keyed(self, called: str) -> Known:
        """The same table as the first of a dict, whose keys are `called` so, or nearly so where a column is already.

        How many rows all of them have, and how many different values, is not known of the first.
        """
        taken = {column.name for column in self.schema.columns}
        names = (called, f"{called}_key", *(f"{called}_key_{n}" for n in range(2, len(taken) + 3)))
        key = next(name for name in names if name not in taken)
        if not self.schema.known:
            return replace(self, key=key)
        columns = tuple(column.with_changes(distinct=None) for column in self.schema.columns)
        schema = self.schema.with_changes(columns=(*columns, Column(name=key, kind="text")), rows=None)
        return replace(self, schema=schema, key=key)

    @classmethod
    def of_preview(cls, name: str, data: bytes, whole: Path | None = None) -> Known:
        """A value that an earlier run left, and the file of the whole of it. Raises AGI-ASSIST-003."""
        return cls(name, *preview_table(data, f"the preview of {name!r}", whole))

    @classmethod
    def of_value(cls, name: str, preview: Path) -> Known:
        """A value by the place of its preview, which the table's own file lies beside. Raises AGI-ASSIST-003."""
        stem = preview.name.removesuffix(".preview.json")
        beside = (preview.with_name(stem + suffix) for suffix in (".parquet", ".arrow"))
        return cls.of_preview(
            name, preview.read_bytes(), next((one for one in beside if one.is_file()), None)
        )

    @classmethod
    def of_file(cls, name: str, path: Path, library: Library = "pandas") -> Known:
        """A csv or parquet file of the lab, as `library` will read it. Raises AGI-ASSIST-003."""
        if path.suffix.lower() in (".parquet", ".pq"):
            # What pandas wrote as an index is a column to whoever else reads the file.
            return cls(name, parquet_schema(path, name, index=library == "pandas"))
        return cls(name, *csv_table(path, name, library))

    def described(self, send_rows: int) -> str:
        """The table in words, for a prompt: a line for each column, and `send_rows` rows by consent."""
        import json

        if not self.schema.known:
            unknown = f"{self.name}: nothing is known of it yet"
            return f"{unknown}. {self._both()}" if self.key else unknown
        lines = [f"{self.name}: {self._told()}, with the columns"]
        own = self.schema.columns[:-1] if self.key else self.schema.columns
        lines += [f"- {_words(column, self.schema)}" for column in own]
        if self.schema.index:
            lines.append(f"Its index, which is no column: {', '.join(map(repr, self.schema.index))}")
        if send_rows and self.rows:
            shown = self.rows[:send_rows]
            lines.append(f"Its first {len(shown)} rows, as JSON:")
            lines += [json.dumps(row, ensure_ascii=False, default=str) for row in shown]
        if self.key:
            lines.append(self._both())
        return "\n".join(lines)

    def _both(self) -> str:
        """What code and what safe actions find under the name of a dict of tables."""
        return (
            f"In code, {self.name} is a dict from key to table. In safe actions it is one table: all of them, one "
            f"below the other, with the key as the text column {self.key!r}."
        )

    def _told(self) -> str:
        """How many rows, and of which the figures are."""
        schema = self.schema
        if self.key:
            each = " and ".join(self.items)
            first = f"what is said of its columns is of the first, of {schema.looked_at} rows"
            return f"a dict of tables, one for each {each} ({first})"
        words = "a table" if schema.rows is None else f"a table, {schema.rows} rows"
        notes = [f"one for each {' and '.join(self.items)}, this is the first"] if self.items else []
        if not schema.whole:
            notes.append(f"what is said of its columns is of its first {schema.looked_at} rows")
        return f"{words} ({'; '.join(notes)})" if notes else words


def _words(column: Column, table: TableSchema) -> str:
    parts = [f"{column.name!r}: {column.kind}"]
    if column.low is not None:
        parts.append(f"from {column.low} to {column.high}")
    if column.missing:
        # Never a 0 % of something that does occur, nor a 100 % where something is known.
        told = 1.0 if column.missing == 1 else min(max(column.missing, 0.01), 0.99)
        nan_is_not_counted = column.kind == "float" and table.source == "parquet"
        parts.append(f"{told:.0%} {'null' if nan_is_not_counted else 'missing'}")
    if column.distinct is not None:
        parts.append(f"{column.distinct} different")
    return ", ".join(parts)
