"""Inputs of a stage as tables of Polars: files are read, dicts become one table, cells mean one thing."""

from __future__ import annotations

from collections.abc import Set

from agilab.assist.steps.polars_code import IMPORT
from agilab.assist.steps.writing import call, category_columns, narrow_columns, quoted
from agilab.contracts.assistance import TableSchema

_CSV_MOMENTS = {"date": "pl.Date", "datetime": "pl.Datetime"}
"""Kinds of csv columns that are not left to a guess."""


class PolarsTables:
    """Writes what makes tables of the stage's inputs; `imports` is what that needs."""

    def __init__(self) -> None:
        self.imports = {IMPORT}

    def read(self, target: str, path: str, table: TableSchema) -> list[str]:
        if path.lower().endswith((".parquet", ".pq")):
            return call(f"{target} = pl.read_parquet", [quoted(path)])
        separator = [f"separator={quoted(table.separator)}"] if table.separator != "," else []
        types = {
            column.name: found
            for column in table.columns
            if (found := f"pl.{column.type}" if column.type else _CSV_MOMENTS.get(column.kind))
        }
        told = ", ".join(f"{quoted(name)}: {found}" for name, found in types.items())
        typed = [f"schema_overrides={{{told}}}"] if types else []
        # Of a table that nobody has seen yet, Polars may guess which columns are dates.
        guessed = [] if table.known else ["try_parse_dates=True"]
        return call(
            f"{target} = pl.read_csv",
            [quoted(path), *separator, 'null_values=""', *typed, *guessed, "infer_schema_length=None"],
        )

    def together(self, target: str, source: str, key: str) -> list[str]:
        """The tables of a dict as one, with the keys as a column."""
        each = f"one.with_columns(pl.lit(key).alias({quoted(key)}))"
        lines = call(
            f"{target} = pl.concat",
            [f"[{each} for key, one in {source}.items()]", 'how="diagonal_relaxed"'],
        )
        return [*lines[:-1], f"{lines[-1]}  # the tables of all, as one"]

    def prepare(
        self, target: str, source: str, table: TableSchema, used: Set[str], *, mixed: bool = False
    ) -> list[str]:
        """What makes the table one of which each value that is used means the same in both engines.

        `mixed`: it is of several, which need not have the kinds of the first.
        """
        lines = []
        if not table.known or mixed or any(column.kind == "float" for column in table.columns):
            lines = [f"{target} = {source}.fill_nan(None)  # NaN is a missing value too"]
        # Whatever wrote them: of categories, Polars has those of texts alone.
        texts = {column.name for column in table.columns if column.kind == "text"}
        if categories := [name for name in category_columns(table) if name in texts]:
            names = ", ".join(map(quoted, categories))
            source = target if lines else source
            lines += call(f"{target} = {source}.with_columns", [f"pl.col({names}).cast(pl.String)"])
            lines[-1] += "  # categories as their values"
        if narrow := narrow_columns(table, used):
            names = ", ".join(map(quoted, narrow))
            source = target if lines else source
            lines += call(f"{target} = {source}.with_columns", [f"pl.col({names}).cast(pl.Int64)"])
            lines[-1] += "  # small integers would wrap around"
        return lines
