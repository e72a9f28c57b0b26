"""Tables of whatever library the app uses, as parquet and as a small preview that needs no parquet reader.

Nothing here imports a table library unless the author already works with it, or gave plain rows.
"""

from __future__ import annotations

import datetime
import decimal
import importlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agi_node.errors import FAILED, AgiError

PREVIEW_ROWS = 100
PREVIEW_BYTES = 1 << 20
CELL_TEXT = 500
CELL_ITEMS = 50
ROW_GROUP = 1 << 18
"""Rows of a parquet row group; fixed, since the default of each library follows how the table came about."""


@dataclass(frozen=True)
class Table:
    """A polars DataFrame or a pyarrow Table that is one piece, so that equal tables have equal bytes."""

    library: str
    frame: Any

    @classmethod
    def of(cls, table: Any, name: object) -> Table:
        """Take a table of polars, pandas or pyarrow, or a list of dicts; AGI-NODE-003 for anything else."""
        if isinstance(table, list) and all(isinstance(row, dict) for row in table):
            return cls._of_rows(table, name)
        families = {
            base.__module__.partition(".")[0]: base.__name__ for base in reversed(type(table).__mro__)
        }
        if "polars" in families:
            if hasattr(table, "collect"):
                table = table.collect()
            if hasattr(table, "write_parquet"):
                return cls("polars", table.rechunk())
        elif "pandas" in families and hasattr(table, "to_parquet"):
            return cls("pyarrow", _arrow(name).Table.from_pandas(table).combine_chunks())
        elif "pyarrow" in families and hasattr(table, "schema"):
            if not hasattr(table, "combine_chunks"):
                table = _arrow(name).Table.from_batches([table])
            return cls("pyarrow", table.combine_chunks())
        raise AgiError(
            "AGI-NODE-003",
            f"the artifact {name!r} is no table",
            found=f"{type(table).__module__}.{type(table).__qualname__}",
            allowed="a DataFrame of polars or pandas, a pyarrow Table, or a list of dicts",
            whose="author",
            exit_code=FAILED,
        )

    @classmethod
    def _of_rows(cls, rows: list[dict[str, Any]], name: object) -> Table:
        try:
            polars = importlib.import_module("polars")
        except ImportError:
            return cls("pyarrow", _arrow(name).Table.from_pylist(rows).combine_chunks())
        return cls("polars", polars.DataFrame(rows, infer_schema_length=None).rechunk())

    @property
    def rows(self) -> int:
        """Number of rows."""
        return int(self.frame.height if self.library == "polars" else self.frame.num_rows)

    @property
    def columns(self) -> int:
        """Number of columns."""
        return int(self.frame.width if self.library == "polars" else self.frame.num_columns)

    def write(self, path: Path) -> None:
        """Write parquet (zstd, row groups of 2^18 rows): equal tables give equal bytes in one environment."""
        if self.library == "polars":
            self.frame.write_parquet(
                path, compression="zstd", compression_level=3, statistics=True, row_group_size=ROW_GROUP
            )
        else:
            parquet = importlib.import_module("pyarrow.parquet")
            parquet.write_table(
                self.frame, path, compression="zstd", compression_level=3, row_group_size=ROW_GROUP
            )

    def preview(self) -> dict[str, Any]:
        """`{"schema", "count", "rows", "cut"}`: the first rows as plain data, bounded to about 1 MiB."""
        if self.library == "polars":
            schema = [{"name": str(name), "type": str(kind)} for name, kind in self.frame.schema.items()]
            head = self.frame.head(PREVIEW_ROWS).get_columns()
            columns = [series.to_list() for series in head]
            numbers = [series.dtype.is_numeric() and not series.dtype.is_decimal() for series in head]
        else:
            schema = [{"name": str(field.name), "type": str(field.type)} for field in self.frame.schema]
            columns = [column.to_pylist() for column in self.frame.slice(0, PREVIEW_ROWS).columns]
            numbers = [False] * len(columns)
        cutter = _Cells()
        # By column, because most are numbers and those are plain already.
        cells = [
            column if plain else [cutter.plain(cell) for cell in column]
            for column, plain in zip(columns, numbers, strict=True)
        ]
        plain = [list(row) for row in zip(*cells, strict=True)]
        while len(plain) > 1 and len(json.dumps(plain)) > PREVIEW_BYTES:
            del plain[len(plain) // 2 :]
        return {"schema": schema, "count": self.rows, "rows": plain, "cut": cutter.cut}


class _Cells:
    """Turns cells into plain data and counts those that had to be shortened."""

    def __init__(self) -> None:
        self.cut = 0

    def plain(self, value: Any) -> Any:
        if value is None or isinstance(value, (bool, int, float)):
            return value
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
            return value.isoformat()
        if isinstance(value, bytes):
            return self._text(value[:CELL_TEXT].hex())
        if isinstance(value, decimal.Decimal):
            return str(value)
        if isinstance(value, dict):
            return {self._text(str(key)): self.plain(item) for key, item in self._items(list(value.items()))}
        if hasattr(value, "tolist") or hasattr(value, "to_list"):
            value = value.tolist() if hasattr(value, "tolist") else value.to_list()
        if isinstance(value, (list, tuple)):
            return [self.plain(item) for item in self._items(list(value))]
        return self._text(str(value))

    def _text(self, text: str) -> str:
        if len(text) > CELL_TEXT:
            self.cut += 1
            text = text[: CELL_TEXT - 1] + "…"
        return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")

    def _items(self, items: list[Any]) -> list[Any]:
        if len(items) > CELL_ITEMS:
            self.cut += 1
        return items[:CELL_ITEMS]


def _arrow(name: object) -> Any:
    try:
        return importlib.import_module("pyarrow")
    except ImportError:
        raise AgiError(
            "AGI-NODE-003",
            f"the table {name!r} cannot be written as parquet here",
            found="neither polars nor pyarrow in this environment",
            allowed="polars for its own tables and for plain rows, pyarrow for all",
            try_="uv add pyarrow",
            whose="author",
            exit_code=FAILED,
        ) from None
