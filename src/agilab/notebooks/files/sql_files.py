"""The files that a text of SQL names, as DuckDB, Polars and SQLite take them: `from 'a.csv'`, `copy … to 'b.csv'`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

FUNCTIONS = frozenset({"duckdb.sql", "duckdb.query", "duckdb.execute", "duckdb.from_query", "polars.sql"})
"""Functions that take such a text first."""
METHODS = frozenset({"sql", "execute", "executescript", "query"})
"""Methods that do, whatever they belong to: a text that is none names no file in these words."""

_LONGEST = 20_000


class Named(NamedTuple):
    """A file in a text of SQL; `kind` is "files" for what is written below it."""

    path: str
    direction: Literal["read", "written", "both"]
    kind: Literal["", "files"] = ""


_TEXT = r"'((?:[^']|'')+)'"
_READERS = (
    r"(?:read_(?:csv|csv_auto|parquet|json|json_auto|json_objects|ndjson|ndjson_auto|ndjson_objects|text|blob|xlsx|ipc)"
    r"|parquet_(?:scan|metadata|schema|file_metadata|kv_metadata)|sniff_csv|st_read|iceberg_scan|delta_scan)"
)
_SUFFIX = (
    r"\.(?:csv|tsv|txt|parquet|jsonl?|ndjson|xlsx|arrow|feather|ipc|db|duckdb|sqlite3?)(?:\.(?:gz|zst))?"
)
_FILE = rf"'((?:[^']|'')+?{_SUFFIX})'"
_FORMS: tuple[tuple[str, Literal["read", "written", "both"], Literal["", "files"]], ...] = (
    (rf"\b(?:from|join)\s+{_FILE}", "read", ""),
    (rf"\b{_READERS}\s*\(\s*{_TEXT}", "read", ""),
    (rf"\bcopy\s+[\w.\"]+\s*(?:\([^)]*\))?\s*from\s+{_TEXT}", "read", ""),
    (rf"\bcopy\b[^;]*?\bto\s+{_TEXT}", "written", ""),
    (rf"\battach\s+(?:database\s+)?(?:if\s+not\s+exists\s+)?{_TEXT}(?![^;]*\bread_only\b)", "both", ""),
    (rf"\battach\s+(?:database\s+)?(?:if\s+not\s+exists\s+)?{_TEXT}(?=[^;]*\bread_only\b)", "read", ""),
    (rf"\bexport\s+database\s+{_TEXT}", "written", "files"),
    (rf"\bimport\s+database\s+{_TEXT}", "read", ""),
)
_NAMED = tuple(
    (re.compile(form, re.IGNORECASE | re.DOTALL), direction, kind) for form, direction, kind in _FORMS
)
_LISTED = re.compile(rf"\b{_READERS}\s*\(\s*\[([^\]]*)\]", re.IGNORECASE)
_REMARK = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)


def files_of_sql(text: str) -> Iterator[Named]:
    """What a text certainly names, in the order of its places.

    >>> [one[:2] for one in files_of_sql("copy (select * from 'a.csv' join b on true) to 'o.parquet'")]
    [('a.csv', 'read'), ('o.parquet', 'written')]
    >>> list(files_of_sql("select 'from a.csv' from read_csv(['x.csv', 'y.csv'])"))
    [Named(path='x.csv', direction='read', kind=''), Named(path='y.csv', direction='read', kind='')]
    """
    if "'" not in text or len(text) > _LONGEST:
        return
    text = _REMARK.sub(" ", text)
    found: list[tuple[int, Named]] = []
    for pattern, direction, kind in _NAMED:
        for match in pattern.finditer(text):
            found.append((match.start(1), Named(match[1].replace("''", "'"), direction, kind)))
    for match in _LISTED.finditer(text):
        found += [
            (match.start(1) + one.start(), Named(one[1], "read")) for one in re.finditer(_TEXT, match[1])
        ]
    for one in dict.fromkeys(one for _, one in sorted(found)):
        path = re.sub(r"^(?:sqlite|duckdb):(?!//)", "", one.path)
        if path not in (":memory:", "") and "\n" not in path:
            yield one._replace(path=path)
