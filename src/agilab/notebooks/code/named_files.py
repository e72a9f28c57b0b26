"""A file that a notebook names: where it lies, and where in the code what is done to it."""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from agilab.notebooks.code.artifact_calls import Direction, FileCall, kind_of_suffix
from agilab.notebooks.code.known_texts import Text
from agilab.notebooks.code.turns import Turn
from agilab.notebooks.secrets import redact

Where = Literal["relative", "absolute", "outside", "home", "url", "computed"]


@dataclass(frozen=True)
class Artifact:
    """One place in the code that names a file.

    Attributes:
        path: As the code says it, in `/` form and without a leading `./`; with `{…}` where it is computed.
        computed: Whether there is a hole in it: then it is a pattern, and joins nothing.
        direction: "read", "written", "both" or "unknown".
        kind: "table", "array", "json", "model", "figure", "folder", …, "file" where nothing says it.
        where: Relative to the notebook's folder, absolute, outside it by `..`, in a home folder, a URL, or computed
            from its first letter on.
        call: What takes it: "pandas.read_csv", ".to_parquet", "shell".
        cell: Index of the cell.
        line: In that cell, from 1.
        perhaps: Whether it is one of two of which a condition takes the other.
        wide: The path with holes where parameters stand; empty where none does.
        start: Where the working folder was asked for that the path begins in; None where it is that of the call.
        kept: Whether it has to be there to be changed (`open(path, "r+")`).
        missable: Whether who reads it goes on where it is not there, as a notebook does whose shell complains.
        ended: What puts an ending behind the name, where that is not known yet.
    """

    path: str
    computed: bool
    direction: Direction
    kind: str
    where: Where
    call: str
    cell: int
    line: int
    perhaps: bool = field(default=False, compare=False)
    wide: str = field(default="", compare=False)
    start: tuple[int, int] | None = field(default=None, compare=False)
    kept: bool = field(default=False, compare=False)
    missable: bool = field(default=False, compare=False)
    ended: FileCall | None = field(default=None, compare=False)

    def to_plain(self) -> dict[str, Any]:
        """As JSON; credentials in a URL are hidden."""
        return {
            "path": redact(self.path),
            "computed": self.computed,
            "direction": self.direction,
            "kind": self.kind,
            "where": self.where,
            "call": self.call,
            "cell": self.cell,
            "line": self.line,
        }


def each_once(acts: Iterable[Act]) -> tuple[Artifact, ...]:
    """The artifacts of acts, in the order of their lines."""
    every = {act.artifact for act in acts}
    return tuple(sorted(every, key=lambda a: (a.cell, a.line, a.path, a.direction, a.call, a.kind)))


At = tuple[int, int, int]
"""Where something is done: line and column where its expression ends, for what is inside is done before what is around
it; and its place among all that is done there."""


@dataclass(frozen=True)
class Act:
    """An artifact where something is done to it.

    Attributes:
        turns: What has to turn out so that it is done.
        owner: The function that has to be called for it.
        gone: Whether the file is no longer there afterwards: it was moved or removed.
    """

    artifact: Artifact
    at: At
    turns: tuple[Turn, ...]
    owner: str
    gone: bool


def end_of(node: ast.expr | ast.stmt, number: int = 0) -> At:
    """See `At`."""
    return node.end_lineno or node.lineno, node.end_col_offset or node.col_offset, number


def argument_of(node: ast.Call, position: int, keywords: tuple[str, ...]) -> ast.expr | None:
    if 0 <= position < len(node.args):
        before = node.args[: position + 1]
        return None if any(isinstance(item, ast.Starred) for item in before) else node.args[position]
    given = {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}
    return next((given[name] for name in keywords if name in given), None)


_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.\-]+://")


ADDRESS = re.compile(r"(?:sqlite|duckdb)(?:\+\w+)?:///?([^?]*)")
"""Of a database that is a file; what follows is its path."""
_FILE_ADDRESS = re.compile(r"file:(?!//)([^?]+)(?:\?(.*))?")
"""The same as SQLite itself takes it, with what it is opened for."""


def path_of(text: Text) -> str:
    path = text.text.strip()
    if "\\" in path and "/" not in path:
        path = path.replace("\\", "/")
    if (address := ADDRESS.match(path)) is not None:
        path = address[1] or ":memory:"
    return path[2:] or "." if path.startswith("./") else path


def artifact_of(text: Text, direction: Direction, kind: str, call: str, cell: int, line: int) -> Artifact:
    path = path_of(text)
    if kind == "database" and (address := _FILE_ADDRESS.fullmatch(path)) is not None:
        path = address[1]
        direction = "read" if re.search(r"\b(mode=ro|immutable=1)\b", address[2] or "") else direction
    return Artifact(
        path,
        not text.known,
        direction,
        kind or kind_of_suffix(path) or "file",
        where_of(path),
        call,
        cell,
        line,
        text.perhaps,
        path_of(Text(text.wide)) if text.wide else "",
        text.start,
    )


def where_of(path: str) -> Where:
    """Where a path leads, seen from the notebook's folder."""
    if _URL.match(path):
        return "url"
    if path.startswith(("{", "$")):
        return "computed"
    if path.startswith("/") or re.match(r"[A-Za-z]:[/\\]|\\\\", path):
        return "absolute"
    if path.startswith("~"):
        return "home"
    return "outside" if posixpath.normpath(path).split("/")[0] == ".." else "relative"
