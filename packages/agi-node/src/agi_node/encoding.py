"""A value in the form in which it is handed from one function to another: JSON, a table, or bytes.

Nothing of it needs the code that made it, so any process may read it, in another environment as well. A table is
parquet, or an Arrow file where parquet would change a column, and comes back as a table of the library that it came
from. Anything else is refused, and so is a table that would not come back as it is. No table library is imported
unless the value is a table of it.

A change violates this when a value comes back as something else than was handed over, or when a pickle is read here.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from agi_node.canonical import tag, untag
from agi_node.errors import FAILED, AgiError
from agi_node.frames import TYPES, library_of, read, write, write_exactly
from agi_node.values import LONGEST_INT, NOT_PLAIN, as_plain, plain, staged_form

Kind = Literal["json", "parquet", "arrow", "bytes"]
KINDS: tuple[str, ...] = get_args(Kind)

MEDIA: dict[Kind, str] = {
    "json": "application/json",
    "parquet": "application/vnd.apache.parquet",
    "arrow": "application/vnd.apache.arrow.file",
    "bytes": "application/octet-stream",
}


@dataclass(frozen=True, slots=True)
class Encoded:
    """A value that can be handed over.

    Attributes:
        kind: How it is written.
        value: The plain data, untagged, of kind `json`; None otherwise.
        data: The bytes of every other kind; None for `json`.
        library: `polars`, `pandas` or `pyarrow` for a table; None otherwise.
        beside: What the bytes do not say of a table (`agi_node.axes`); empty where nobody asked.
    """

    kind: Kind
    value: Any = None
    data: bytes | None = None
    library: str | None = None
    beside: Mapping[str, Any] = field(default_factory=dict)

    @property
    def media_type(self) -> str:
        """What a file of it is, by RFC 6838."""
        return MEDIA[self.kind]

    @property
    def type_name(self) -> str | None:
        """The type that it comes back as, in words; None for plain data."""
        return "bytes" if self.kind == "bytes" else TYPES[self.library] if self.library else None


def encode(value: Any, subject: str = "the value") -> Encoded:
    """A value as plain data, as a table, or as bytes.

    Plain data arrives as `agi_node.values.as_plain` says: tuples as lists, numpy's scalars as numbers, names in order.
    Of pandas, the index comes back (not the `freq` of one of dates, nor `attrs`), and a missing text as the library's
    own missing value.

    Raises AGI-RUN-102 for anything else, with its type and where in the value it is; AGI-RUN-114 for a table that would
    not come back as it is, naming the column.

    >>> encode({"rows": (1, 2)}).value, encode(b"GIF89a").kind
    ({'rows': [1, 2]}, 'bytes')
    """
    if type(value) is bytes:
        return Encoded("bytes", data=value)
    library = library_of(value)
    if library is not None:
        kind, data = write(library, value, subject)
        return Encoded(kind, data=data, library=library)
    found = as_plain(value)
    if found is NOT_PLAIN and (found := as_plain(_plain(value, subject))) is NOT_PLAIN:
        raise _refused(
            f"{subject} cannot be handed over", f"an integer of more than {LONGEST_INT:,} bits", "str(number)"
        )
    return Encoded("json", found)


def encode_exactly(table: Any, subject: str) -> Encoded:
    """A table so that it comes back the same in everything that can be seen of it: `agi_node.axes.give_back`.

    Raises AGI-RUN-114 for one that would not.
    """
    library = library_of(table)
    assert library is not None, "a table"
    kind, data, beside = write_exactly(library, table, subject)
    return Encoded(kind, data=data, library=library, beside=beside)


def decode(kind: str, content: Any, library: str | None = None, subject: str = "the value") -> Any:
    """The value again: `content` is plain data for `json`, otherwise bytes, or the path of a file that holds them.

    A table becomes one of `library`, which may be another than the one that wrote it. Raises AGI-RUN-113 where it
    cannot be read here: the library is not installed, the bytes are no such table, the kind is unknown.

    >>> decode("bytes", encode(b"GIF89a").data)
    b'GIF89a'
    """
    if kind == "json":
        return content
    if kind not in KINDS or not (library in TYPES or (kind == "bytes" and library is None)):
        raise unreadable(
            subject, f"kind {kind!r}, library {library!r}", f"{', '.join(KINDS)} of {_LIBRARIES}"
        )
    if kind == "bytes":
        return content if isinstance(content, bytes) else _file(content, subject)
    try:
        return read(str(library), kind, io.BytesIO(content) if isinstance(content, bytes) else content)
    except ImportError as missing:
        name = missing.name or library
        found = f"a table of {library}, and no {name} in this environment"
        raise unreadable(subject, found, f"an environment with {name}", f"uv add {name}") from None
    except Exception as problem:  # each library has its own errors for bytes that are no table
        raise unreadable(subject, f"{type(problem).__name__}: {problem}", f"a table as {kind}") from problem


def is_table(value: Any) -> bool:
    """Whether a value is a whole table: a DataFrame of polars or pandas, or a pyarrow Table."""
    return library_of(value) is not None


def staged(folder: Path, found: Encoded) -> dict[str, Any]:
    """What the report of an attempt says of its value: small plain data as it is, all else as a file below `folder`."""
    if found.data is None:
        text = staged_form(found.value)
        if text is None:
            return {"value": tag(found.value), "value_file": None}
        return {"value": None, "value_file": _kept(folder, "json", text)}
    told = {"codec": found.kind, "value_type": found.type_name, "value_size": len(found.data)}
    return {"value": None, "value_file": _kept(folder, found.kind, found.data), **told}


def received(entry: Mapping[str, Any], subject: str = "the value") -> Any:
    """The value of an entry as tasks carry them: `value` (tagged), or `value_path` with `codec` and `value_type`."""
    path, kind = entry.get("value_path"), entry.get("codec") or "json"
    if kind != "json":
        library = str(entry.get("value_type")).partition(".")[0]
        return decode(kind, Path(str(path)), None if kind == "bytes" else library, subject)
    return untag(json.loads(_file(path, subject)) if path else entry.get("value"))


_SUFFIX: dict[Kind, str] = {"json": "json", "parquet": "parquet", "arrow": "arrow", "bytes": "bin"}
_LIBRARIES = ", ".join(TYPES)


def _kept(folder: Path, kind: Kind, data: bytes) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    name = f"value.{_SUFFIX[kind]}"
    (folder / name).write_bytes(data)
    return name


def _file(path: Any, subject: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as problem:
        raise unreadable(subject, f"{type(problem).__name__}: {problem}", "a file") from None


_INSTEAD = {
    "LazyFrame": "frame.collect()",
    "Series": "series.to_frame(), or series.to_list()",
    "RecordBatch": "pyarrow.Table.from_batches([batch])",
    "RecordBatchReader": "reader.read_all()",
    "ndarray": "array.tolist(), or a DataFrame with a column for each of its columns",
    "bytearray": "bytes(value)",
    "memoryview": "bytes(value)",
}
_WHOLE = {"DataFrame", "Table"}


def _plain(value: Any, subject: str) -> Any:
    """What `plain` makes of it (of an enum of text, its text), or its refusal in the words of this module."""
    try:
        return plain(value, subject)
    except AgiError as refused:
        name = str(refused.found).rpartition(".")[2]
        whole = "return the table by itself, from a function of its own" if name in _WHOLE else None
        raise _refused(
            refused.what, str(refused.found), whole or _INSTEAD.get(name) or refused.try_
        ) from None


def _refused(what: str, found: str, try_: str | None) -> AgiError:
    return AgiError(
        "AGI-RUN-102",
        what.replace("is not plain data", "cannot be handed over"),
        found=found,
        allowed="plain data (None, bool, int, float, text, FileRef, lists and dicts of these), one whole table "
        "of polars, pandas or pyarrow, or bytes",
        try_=try_,
        whose="author",
        exit_code=FAILED,
    )


def unreadable(subject: str, found: str, allowed: str, try_: str | None = None) -> AgiError:
    """What is said of a value that this process has no way to read."""
    return AgiError(
        "AGI-RUN-113",
        f"{subject} cannot be read back here",
        found=" ".join(found.split())[:300],
        allowed=allowed,
        try_=try_,
        whose="author",
        exit_code=FAILED,
    )
