"""The files, folders, databases and URLs that a notebook names, and whether it reads or writes them."""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from agilab.notebooks.artifact_calls import (
    ANY_OBJECT,
    METHODS,
    PATH_METHODS,
    SAVING,
    Direction,
    FileCall,
    direction_of_mode,
    direction_of_name,
    file_calls,
    kind_of_suffix,
)
from agilab.notebooks.secrets import redact
from agilab.notebooks.shell_files import steps_of_command
from agilab.notebooks.turns import Turn
from agilab.notebooks.values import Evaluator, Text
from agilab.notebooks.walking import Nodes, Place

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


def end_of(node: ast.expr, number: int = 0) -> At:
    """See `At`."""
    return node.end_lineno or node.lineno, node.end_col_offset or node.col_offset, number


def acts_of(nodes: Nodes, evaluator: Evaluator) -> list[Act]:
    """All that one cell does to files, in the order in which its text does it."""
    found: list[Act] = []
    for node, place in nodes:
        if not isinstance(node, ast.Call):
            continue
        for number, (artifact, gone, sure) in enumerate(_done(node, place, evaluator)):
            if artifact.path.startswith(":memory:"):  # a database of SQLite or DuckDB that is no file
                continue
            turns = tuple(turn for turn in place.turns if not _is_absent(turn, artifact, place, evaluator))
            if not sure or artifact.perhaps:
                word = "under another name, perhaps" if sure else "under a condition of the shell"
                turns = (*turns, Turn.at_node(node, 0, 0, word))
            found.append(Act(artifact, end_of(node, number), turns, place.owner, gone))
    return sorted(found, key=lambda act: act.at)


def _is_absent(turn: Turn, artifact: Artifact, place: Place, evaluator: Evaluator) -> bool:
    """Whether a condition is that the file itself is not there, as it never is where a stage begins."""
    if turn.absent is None or artifact.direction == "read":
        return False
    return any(_path(text) == artifact.path for text in evaluator.texts(turn.absent, place))


def _done(node: ast.Call, place: Place, evaluator: Evaluator) -> Iterator[tuple[Artifact, bool, bool]]:
    """What a call does to files: the artifact, whether it is gone afterwards, and whether it is done for certain."""
    if evaluator.dotted(node.func) in SHELL:
        yield from _of_shell(node, place, evaluator)
        return
    for artifact in _of_call(node, place, evaluator):
        moved = artifact.direction == "read" and artifact.call in _MOVES
        yield artifact, moved or artifact.kind == "removed", True


_MOVES = frozenset({"shutil.move", "os.rename", "os.replace", "Path.rename", "Path.replace"})


def _of_call(node: ast.Call, place: Place, evaluator: Evaluator) -> Iterator[Artifact]:
    name = evaluator.dotted(node.func)
    known = file_calls(name)
    for call in known:
        yield from _made(node, call, name, place, evaluator)
    if known:
        return
    if isinstance(node.func, ast.Attribute):
        yield from _of_method(node, node.func, name, place, evaluator)
    else:
        yield from _mentioned(node, name, place, evaluator)


def _made(
    node: ast.Call, call: FileCall, name: str, place: Place, evaluator: Evaluator
) -> Iterator[Artifact]:
    argument = _argument(node, call.position, call.keywords)
    if argument is None:
        return
    direction = call.direction if call.mode is None else _by_mode(node, call, place, evaluator)
    for text in evaluator.texts(argument, place):
        if _is_file(text, argument, evaluator):
            yield _artifact(text, direction, call.kind, name, place.cell, node.lineno)


_BUFFER = re.compile(r"\{(io\.)?(BytesIO|StringIO)\(")
"""What stands in a file's place and is none, however it got there."""


def _is_file(text: Text, argument: ast.expr, evaluator: Evaluator) -> bool:
    """Whether a text names a file: not an open handle, a buffer or SQL that merely stands in its place."""
    if "\n" in text.text or not text.text.strip() or _BUFFER.match(text.text):
        return False
    if isinstance(argument, ast.Constant):
        return isinstance(argument.value, str)
    if (
        isinstance(argument, ast.Call)
        and not text.known
        and text.text.startswith("{")
        and text.text.endswith("}")
    ):
        return not evaluator.dotted(argument.func).startswith(
            ("io.", "BytesIO", "StringIO", "open", "urllib", "requests")
        )
    return True


def _argument(node: ast.Call, position: int, keywords: tuple[str, ...]) -> ast.expr | None:
    if 0 <= position < len(node.args):
        before = node.args[: position + 1]
        return None if any(isinstance(item, ast.Starred) for item in before) else node.args[position]
    given = {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}
    return next((given[name] for name in keywords if name in given), None)


def _by_mode(node: ast.Call, call: FileCall, place: Place, evaluator: Evaluator) -> Direction:
    argument = _argument(node, call.mode if call.mode is not None else 1, ("mode",))
    if argument is None:
        return direction_of_mode(call.default)
    texts = evaluator.texts(argument, place)
    return direction_of_mode(texts[0].text) if len(texts) == 1 and texts[0].known else "unknown"


def _of_method(
    node: ast.Call, function: ast.Attribute, name: str, place: Place, evaluator: Evaluator
) -> Iterator[Artifact]:
    word = function.attr
    shown = f".{word}"
    call = METHODS.get(word)
    if call:
        yield from _made(node, call, shown, place, evaluator)
        return
    if word in PATH_METHODS or word in ("glob", "rglob", "rename", "replace"):
        owners = evaluator.texts(function.value, place)
        paths = [text for text in owners if text.path or word in ANY_OBJECT]
        for text in paths:
            yield from _of_path(node, word, text, place, evaluator)
        return
    if word in SAVING and node.args:
        for text in evaluator.texts(node.args[0], place):
            if kind_of_suffix(text.text):
                yield _artifact(text, "written", "", shown, place.cell, node.lineno)
        return
    if word not in _NO_FILES:
        yield from _mentioned(node, name or shown, place, evaluator)


def _of_path(node: ast.Call, word: str, path: Text, place: Place, evaluator: Evaluator) -> Iterator[Artifact]:
    shown = f"Path.{word}"
    if word in ("glob", "rglob"):
        for text in evaluator.texts(node.args[0], place) if node.args else ():
            tail = text.text if word == "glob" else f"**/{text.text}"
            whole = Text(posixpath.join(path.text, tail), path.known and text.known)
            yield _artifact(whole, "read", "files", shown, place.cell, node.lineno)
    elif word in ("rename", "replace"):
        yield _artifact(path, "read", "", shown, place.cell, node.lineno)
        for text in evaluator.texts(node.args[0], place) if len(node.args) == 1 else ():
            yield _artifact(text, "written", "", shown, place.cell, node.lineno)
    else:
        call = PATH_METHODS[word]
        direction = call.direction if call.mode is None else _by_mode(node, call, place, evaluator)
        yield _artifact(path, direction, call.kind, shown, place.cell, node.lineno)


SHELL = frozenset({
    "os.popen", "os.system", "subprocess.call", "subprocess.check_call", "subprocess.check_output",
    "subprocess.getoutput", "subprocess.Popen", "subprocess.run",
})  # fmt: skip
"""Calls that take a command."""
_NO_FILES = frozenset({
    "add", "append", "debug", "endswith", "error", "exists", "find", "format", "get", "index", "info", "insert",
    "is_dir", "is_file", "isinstance", "join", "joinpath", "len", "loads", "log", "lstrip", "Path", "pathlib.Path",
    "pathlib.PurePath", "pop", "print", "PurePath", "replace", "repr", "rstrip", "set_title", "setdefault",
    "sorted", "split", "startswith", "str", "strip", "suptitle", "title", "type", "warn", "warning", "with_name",
    "with_suffix", "xlabel", "ylabel",
})  # fmt: skip
"""Calls that take a file's name and do nothing to the file."""


def _of_shell(node: ast.Call, place: Place, evaluator: Evaluator) -> Iterator[tuple[Artifact, bool, bool]]:
    """What a shell command, as text, certainly names: redirections, downloads, archives."""
    command = _argument(node, 0, ("args", "cmd", "command"))
    if isinstance(command, ast.List | ast.Tuple):  # a script for a shell's input, as `%%bash` becomes
        shell = command.elts and evaluator.texts(command.elts[0], place)[0].text in ("bash", "sh", "zsh")
        command = _argument(node, -1, ("input",)) if shell and len(command.elts) == 1 else None
    for text in evaluator.texts(command, place) if command is not None else ():
        for path, direction, gone, sure in steps_of_command(text.text):
            known = "{" not in path and "$" not in path
            kind = "removed" if direction == "unknown" else "folder" if path.endswith("/") else ""
            shown = Text(path.rstrip("/") or path, known)
            yield _artifact(shown, direction, kind, "shell", place.cell, node.lineno), gone, sure


def _mentioned(node: ast.Call, name: str, place: Place, evaluator: Evaluator) -> Iterator[Artifact]:
    """A file's name that goes into a call that is not known: something happens to it, nobody can say what."""
    if name in _NO_FILES or name.startswith(("os.path.", "re.", "posixpath.")):
        return
    direction = direction_of_name(name) if evaluator.is_library(node.func) else "unknown"
    if direction is None:
        return
    for argument in (*node.args, *(keyword.value for keyword in node.keywords)):
        if not isinstance(argument, ast.Constant | ast.JoinedStr | ast.BinOp | ast.Name | ast.Call):
            continue
        if isinstance(argument, ast.Constant) and not isinstance(argument.value, str):
            continue
        for text in evaluator.texts(argument, place):
            if (
                text.known
                and len(text.text) < 500
                and _NAME_OF_FILE.fullmatch(text.text)
                and kind_of_suffix(text.text)
            ):
                yield _artifact(text, direction, "", name or "?", place.cell, node.lineno)


_NAME_OF_FILE = re.compile(r"(?:[a-z][a-z0-9+.\-]*://)?[\w./\\~:*\- ]*\w\.\w{1,8}(?:\.\w{2,3})?")
_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.\-]+://")


def _path(text: Text) -> str:
    path = text.text.strip()
    if "\\" in path and "/" not in path:
        path = path.replace("\\", "/")
    return path[2:] or "." if path.startswith("./") else path


def _artifact(text: Text, direction: Direction, kind: str, call: str, cell: int, line: int) -> Artifact:
    path = _path(text)
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
    )


def where_of(path: str) -> Where:
    """Where a path leads, seen from the notebook's folder."""
    if _URL.match(path):
        return "url"
    if path.startswith("{"):
        return "computed"
    if path.startswith("/") or re.match(r"[A-Za-z]:[/\\]|\\\\", path):
        return "absolute"
    if path.startswith("~"):
        return "home"
    return "outside" if posixpath.normpath(path).split("/")[0] == ".." else "relative"
