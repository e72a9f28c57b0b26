"""Inputs of a stage as tables of pandas: files are read, dicts become one table, cells mean one thing."""

from __future__ import annotations

from collections.abc import Set

from agilab.assist.data.figures import is_nullable
from agilab.assist.steps.pandas_code import IMPORT
from agilab.assist.steps.pandas_expressions import NUMPY
from agilab.assist.steps.writing import call, category_columns, listed, named, narrow_columns, quoted
from agilab.contracts.assistance import Column, TableSchema


class PandasTables:
    """Writes what makes tables of the stage's inputs; `imports` is what that needs."""

    def __init__(self) -> None:
        self.imports = {IMPORT}

    def read(self, target: str, path: str, table: TableSchema) -> list[str]:
        if path.lower().endswith((".parquet", ".pq")):
            return call(f"{target} = pd.read_parquet", [quoted(path)])
        moments = [column.name for column in table.columns if column.kind in ("date", "datetime")]
        options = [f"sep={quoted(table.separator)}"] if table.separator != "," else []
        options += [f"parse_dates={listed(moments)}"] if moments else []
        if any(column.kind == "datetime" for column in table.columns):
            # Fractions of a second may stand in some cells and not in others.
            options.append('date_format="ISO8601"')
        types = {column.name: quoted(column.type) for column in table.columns if column.type}
        told = ", ".join(f"{quoted(name)}: {found}" for name, found in types.items())
        options += [f"dtype={{{told}}}"] if types else []
        # An empty cell is missing, and nothing else is: NA may be Namibia.
        options += ["keep_default_na=False", 'na_values=[""]']
        return call(f"{target} = pd.read_csv", [quoted(path), *options])

    def together(self, target: str, source: str, key: str) -> list[str]:
        """The tables of a dict as one, with the keys as a column."""
        each = call("one.assign", named({key: "key"}))
        lines = call(
            f"{target} = pd.concat",
            [f"[{' '.join(each)} for key, one in {source}.items()]", "ignore_index=True"],
        )
        return [*lines[:-1], f"{lines[-1]}  # the tables of all, as one"]

    def prepare(
        self, target: str, source: str, table: TableSchema, used: Set[str], *, mixed: bool = False
    ) -> list[str]:
        """What makes the table one of which each value that is used means the same in both engines.

        `mixed` ones need no more.
        """
        if table.source == "csv":
            return []
        lines = []
        plain = {
            column.name: _as_plain(column, f"{source}[{quoted(column.name)}]", mixed=mixed)
            for column in table.columns
            if column.name in used and is_nullable(column.type)
        }
        if plain:
            lines = call(f"{target} = {source}.assign", named(plain))
            lines[-1] += "  # one missing value for all"
            source = target
        if categories := category_columns(table):
            values = {name: f"{source}[{quoted(name)}].astype(object).infer_objects()" for name in categories}
            lines += call(f"{target} = {source}.assign", named(values))
            lines[-1] += "  # categories as their values"
            source = target
        days = {
            column.name: f"pd.to_datetime({source}[{quoted(column.name)}])"
            for column in table.columns
            if column.kind == "date" and column.name not in plain
        }
        if days:
            lines += call(f"{target} = {source}.assign", named(days))
            source = target
        if narrow := [name for name in narrow_columns(table, used) if name not in categories]:
            wide = {name: self._wide(name, f"{source}[{quoted(name)}]", table) for name in narrow}
            lines += call(f"{target} = {source}.assign", named(wide))
            lines[-1] += "  # small integers would wrap around"
        return lines

    def _wide(self, name: str, column: str, table: TableSchema) -> str:
        """Whole numbers of 64 bits; where values are missing, pandas has read floats, which stay."""
        found = table.column(name)
        if (
            found is not None and "uint64" in found.type.lower()
        ):  # beside int64, numpy would make floats of them
            text = "float64" if found.missing else "int64"
            return f'{column}.astype("{text}")'
        self.imports.add(NUMPY)
        return f"{column}.astype(np.result_type({column}.dtype, np.int64))"


def _as_plain(column: Column, text: str, *, mixed: bool) -> str:
    """A column of one of pandas' types that have a missing value of their own, as pandas has it otherwise."""
    whole = column.missing == 0 and not mixed
    match column.kind:
        case "int":
            return f'{text}.astype("{"int64" if whole else "float64"}")'
        case "float":
            return f'{text}.astype("float64")'
        case "date" | "datetime":
            return f"pd.to_datetime({text})"
        case "bool" if whole:
            return f'{text}.astype("bool")'
    values = f"{text}.astype(object).where({text}.notna(), None)"
    return values if column.kind == "bool" else f"{values}.infer_objects()"
