"""Tables of whatever library the app uses, as parquet and as a small preview that needs no parquet reader.

Nothing here imports a table library unless the author already works with it, or gave plain rows.
"""

from __future__ import annotations

import datetime
import decimal
import importlib
import json
import math
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agi_node.errors import FAILED, AgiError

PREVIEW_ROWS = 100
PREVIEW_BYTES = 1 << 20
CELL_TEXT = 500
CELL_ITEMS = 50
NUMBER_TEXT, LETTER_TEXT = 50, 12
"""Characters of JSON at most: of a number (of 128 bits) or a time, with what parts it from the next; of a letter."""
_NUMBERS = {bool, int, float}
_TIMES = {datetime.datetime, datetime.date, datetime.time}
_NAMELESS = re.compile(r"__index_level_\d+__")
"""What pyarrow calls an index that has no name."""
ROW_GROUP = 1 << 18
"""Rows of a parquet row group; fixed, since the default of each library follows how the table came about."""


@dataclass(frozen=True)
class Table:
    """A polars DataFrame or a pyarrow Table that is one piece, so that equal tables have equal bytes."""

    library: str
    frame: Any
    index: tuple[str, ...] = ()
    """Columns of the frame that were the index of a pandas table: they are kept, and are none of its columns."""

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
            with warnings.catch_warnings(
                action="ignore"
            ):  # of names that are no texts: this is a copy to be seen
                frame = _arrow(name).Table.from_pandas(table).combine_chunks()
            # An index that counts from 0 is no column of it, and a dict here.
            levels = (frame.schema.pandas_metadata or {}).get("index_columns", ())
            return cls("pyarrow", frame, tuple(level for level in levels if isinstance(level, str)))
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
        """Number of columns, without those of an index."""
        width = self.frame.width if self.library == "polars" else self.frame.num_columns
        return int(width) - len(self.index)

    @property
    def size(self) -> dict[str, Any]:
        """`{"rows", "columns"}`, and `"index"` with the names of one that has names."""
        named = [level for level in self.index if not _NAMELESS.fullmatch(level)]
        return {"rows": self.rows, "columns": self.columns, **({"index": named} if named else {})}

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
        """`{"schema", "count", "rows", "cut"}`: the first rows as plain data, bounded to about 1 MiB.

        What is an index, and no column, says so in the schema: `{"name", "type", "index": true}`.
        """
        if self.library == "polars":
            kinds = self.frame.schema.items()
            schema: list[dict[str, Any]] = [{"name": str(name), "type": str(kind)} for name, kind in kinds]
            columns = [series.to_list() for series in self.frame.head(PREVIEW_ROWS).get_columns()]
        else:
            schema = [{"name": str(field.name), "type": str(field.type)} for field in self.frame.schema]
            columns = [column.to_pylist() for column in self.frame.slice(0, PREVIEW_ROWS).columns]
        for one in schema:
            if one["name"] in self.index:
                one["index"] = True
        cells = _Cells()
        plain = [list(row) for row in zip(*map(cells.column, columns), strict=True)]
        # Written only where it may be too long: for most tables that costs more than all the rest of their preview.
        while cells.longest > PREVIEW_BYTES and len(plain) > 1 and len(json.dumps(plain)) > PREVIEW_BYTES:
            del plain[len(plain) // 2 :]
        return {"schema": schema, "count": self.rows, "rows": plain, "cut": cells.cut}


class _Cells:
    """Turns cells into plain data, counts those that had to be shortened, and knows how long all can be as JSON."""

    def __init__(self) -> None:
        self.cut = 0
        self.longest = 0.0

    def column(self, cells: list[Any]) -> list[Any]:
        """A column at a time, because most hold one kind, and most of these are plain already."""
        kinds = set(map(type, cells)) - {type(None)}
        if kinds <= _NUMBERS:
            self.longest += len(cells) * NUMBER_TEXT
            return cells
        if kinds == {str}:
            texts = [None if cell is None else self._text(cell) for cell in cells]
            self.longest += sum(LETTER_TEXT * len(text or "") + NUMBER_TEXT for text in texts)
            return texts
        if kinds <= _TIMES:
            self.longest += len(cells) * NUMBER_TEXT
            return [None if cell is None else cell.isoformat() for cell in cells]
        self.longest = math.inf
        return [self.plain(cell) for cell in cells]

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
