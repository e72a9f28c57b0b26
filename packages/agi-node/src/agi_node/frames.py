"""Tables as the bytes of a file that gives them back as they were: parquet, or Arrow where parquet would change one.

Nothing here is imported but by whoever has such a table, or wants one.
"""

from __future__ import annotations

import importlib
import io
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from agi_node.errors import FAILED, AgiError
from agi_node.tables import ROW_GROUP

Form = Literal["parquet", "arrow"]
TYPES = {"polars": "polars.DataFrame", "pandas": "pandas.DataFrame", "pyarrow": "pyarrow.Table"}
"""What a table of each library is called, the `value_type` of docs/worker-protocol.md."""

_SCALARS = ("null", "boolean", "string", "large_string", "binary", "date", "time", "decimal")
"""What a pandas column of objects may hold: beyond these, Arrow brings back something else than was put in."""
_EXACT = (*_SCALARS, "bool")
"""The same where `agi_node.axes` looks at what comes back: truth values beside ones that are missing."""
_ASTYPE = "frame.astype({name: kind}), or a column for each part of what is in it"
_MENDS = {
    "attrs": "frame.attrs.clear()",
    "column": _ASTYPE,
    "columns": "frame.columns = list(map(str, frame.columns))",
}
_LEVEL = 3


def library_of(value: Any) -> str | None:
    """The library that a table is of, by name: nothing is imported to find out. A subclass has more than a table."""
    kind = type(value)
    found = kind.__module__.partition(".")[0]
    return found if TYPES.get(found) == f"{found}.{kind.__qualname__}" else None


Beside = dict[str, Any]
"""What `agi_node.axes` gives back to a table that was read."""


def write(library: str, table: Any, subject: str) -> tuple[Form, bytes]:
    """A table as a file; equal ones have equal bytes in one environment.

    Raises AGI-RUN-114 for a table that would not come back as it is, naming the column.
    """
    if library != "pandas":
        return _WRITERS[library](table, subject)
    arrow, back = _pandas(table, subject)
    if not (back.columns.equals(table.columns) and back.index.equals(table.index)):
        raise _changed(subject, "an index that would come back as another one", "frame.reset_index()")
    return _arrow(arrow, subject)


def write_exactly(library: str, table: Any, subject: str) -> tuple[Form, bytes, Beside]:
    """As `write`, with what must be given back to a table that is read, so that it is the same in everything.

    Raises AGI-RUN-114 for one that would not be, naming in what.
    """
    from agi_node import axes  # which only stages need

    if library != "pandas":
        return (*_WRITERS[library](table, subject), axes.in_order(table) if library == "polars" else {})
    arrow, back = _pandas(table, subject, _EXACT)
    beside, lost = axes.told(table, back)
    if lost:
        raise _changed(
            subject, lost, "what is plain data", _MENDS.get(lost.partition(" ")[0], "frame.reset_index()")
        )
    return (*_arrow(arrow, subject), beside)


def read(library: str, form: str, source: Path | io.BytesIO) -> Any:
    """The table in a file as one of `library`. Raises ImportError, and whatever the library raises of bad bytes."""
    return _READERS[library](form, source)


def _polars(frame: Any, subject: str) -> tuple[Form, bytes]:
    polars = importlib.import_module("polars")
    frame = frame.rechunk()  # equal tables have equal bytes
    if frame.height and not frame.width:
        raise _changed(subject, f"{frame.height:,} rows without columns", "at least one column")

    def parquet(file: io.BytesIO) -> Any:
        frame.write_parquet(file, compression="zstd", compression_level=_LEVEL, row_group_size=ROW_GROUP)
        return polars.read_parquet_schema(io.BytesIO(file.getbuffer()))

    def arrow(file: io.BytesIO) -> Any:
        frame.write_ipc(file, compression="zstd")
        return polars.read_ipc_schema(io.BytesIO(file.getbuffer()))

    return _written(parquet, arrow, frame.schema, subject, lambda found: _lost_columns(frame.schema, found))


def _lost_columns(schema: Any, found: Any) -> str:
    return ", ".join(f"{name}: {kind}" for name, kind in schema.items() if found.get(name) != kind)


def _pandas(frame: Any, subject: str, scalars: tuple[str, ...] = _SCALARS) -> tuple[Any, Any]:
    """A table of pandas as one of Arrow, and the one that comes back of it, whose columns are of the same types."""
    pyarrow = _pyarrow(subject, "a DataFrame of pandas")
    columns = [str(name) for name in frame.columns]
    if len(set(columns)) < len(columns) or any(
        str(one) != one and isinstance(two, str) for one in frame.columns for two in frame.columns
    ):
        found = "columns called " + ", ".join(map(repr, list(frame.columns)[:8]))
        raise _changed(subject, found, "one name for each column, all texts or all of another type")
    try:
        with warnings.catch_warnings(
            action="ignore"
        ):  # what pyarrow uses of pandas is not the author's to mend
            table = pyarrow.Table.from_pandas(frame)
            back = table.to_pandas()
    except Exception as problem:  # pyarrow has half a dozen for columns that it cannot hold
        raise _changed(subject, f"{problem}"[:300], "columns of one type each") from problem
    for name, before, after in zip(frame.columns, frame.dtypes, back.dtypes, strict=True):
        if before != after:
            found = f"column {name!r} of {before}, which would come back as {after}"
            raise _changed(subject, found, "columns of types that say what is in them", _ASTYPE)
        if str(before) == "object" and not str(table.field(columns.index(str(name))).type).startswith(
            scalars
        ):
            kind = type(frame[name].dropna().iloc[0]).__name__
            raise _changed(
                subject,
                f"column {name!r} with objects of type {kind}",
                "texts, bytes, numbers, dates",
                _ASTYPE,
            )
    return table, back


def _arrow(table: Any, subject: str) -> tuple[Form, bytes]:
    pyarrow = _pyarrow(subject, "a Table")
    table = table.combine_chunks()
    if table.num_rows and not table.num_columns:
        raise _changed(subject, f"{table.num_rows:,} rows without columns", "at least one column")

    def parquet(file: io.BytesIO) -> Any:
        # Parquet may leave out what a dictionary has and no row uses, and their order: the categories of pandas.
        if any(pyarrow.types.is_dictionary(field.type) for field in table.schema):
            return None
        module = importlib.import_module("pyarrow.parquet")
        module.write_table(
            table, file, compression="zstd", compression_level=_LEVEL, row_group_size=ROW_GROUP
        )
        found = module.read_schema(io.BytesIO(file.getbuffer()))
        # With metadata: the names inside lists and maps count as that, and so does what pandas notes of its index.
        return table.schema if found.equals(table.schema, check_metadata=True) else None

    def arrow(file: io.BytesIO) -> Any:
        options = pyarrow.ipc.IpcWriteOptions(compression="zstd")
        with pyarrow.ipc.new_file(file, table.schema, options=options) as writer:
            writer.write_table(table)
        return table.schema  # Arrow's own format holds whatever Arrow holds

    return _written(parquet, arrow, table.schema, subject, lambda found: "a column")


def _written(
    parquet: Callable[[io.BytesIO], Any],
    arrow: Callable[[io.BytesIO], Any],
    schema: Any,
    subject: str,
    lost: Callable[[Any], str],
) -> tuple[Form, bytes]:
    """The bytes of whichever form gives the schema back: each writer returns the one that a reader will find."""
    why = ""
    forms: tuple[tuple[Form, Callable[[io.BytesIO], Any]], ...] = (("parquet", parquet), ("arrow", arrow))
    for kind, write in forms:
        file = io.BytesIO()
        try:
            found = write(file)
        except Exception as problem:  # what a format has no form for
            why = f"{type(problem).__name__}: {problem}"
            continue
        if found == schema:
            return kind, file.getvalue()
        why = f"{lost(found or {})}, which {kind} brings back as another type"
    raise _changed(subject, why, "columns of types that parquet or Arrow can hold")


def _read_polars(kind: str, source: Any) -> Any:
    polars = importlib.import_module("polars")
    if kind == "parquet":
        return (
            polars.read_parquet(source, glob=False)
            if isinstance(source, Path)
            else polars.read_parquet(source)
        )
    return polars.read_ipc(source)


def _read_pyarrow(kind: str, source: Any) -> Any:
    if kind == "parquet":
        # As a file, not as a data set, in which no two columns may have one name.
        return importlib.import_module("pyarrow.parquet").ParquetFile(source).read()
    with importlib.import_module("pyarrow").ipc.open_file(source) as reader:
        return reader.read_all()


def _read_pandas(kind: str, source: Any) -> Any:
    importlib.import_module("pandas")
    table = _read_pyarrow(kind, source)
    with warnings.catch_warnings(action="ignore"):
        return table.to_pandas()


_WRITERS = {"polars": _polars, "pyarrow": _arrow}
_READERS = {"polars": _read_polars, "pandas": _read_pandas, "pyarrow": _read_pyarrow}


def _pyarrow(subject: str, whose: str) -> Any:
    try:
        return importlib.import_module("pyarrow")
    except ImportError:
        raise AgiError(
            "AGI-RUN-114",
            f"{subject} cannot be handed over here: {whose} needs pyarrow to be written",
            found="no pyarrow in this environment",
            allowed="pyarrow beside pandas, or polars, which writes its own tables",
            try_="uv add pyarrow",
            whose="author",
            exit_code=FAILED,
        ) from None


def _changed(subject: str, found: str, allowed: str, try_: str | None = None) -> AgiError:
    return AgiError(
        "AGI-RUN-114",
        f"{subject} is a table that would not come back as it is",
        found=" ".join(found.split())[:300],
        allowed=allowed,
        try_=try_,
        whose="author",
        exit_code=FAILED,
    )
