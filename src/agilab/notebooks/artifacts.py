"""The files, folders, databases and URLs that a notebook names, and whether it reads or writes them."""

from __future__ import annotations

import ast
import os.path
import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
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
from agilab.notebooks.findings import Finding
from agilab.notebooks.rules import found
from agilab.notebooks.secrets import redact
from agilab.notebooks.shell_files import files_of_command
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
    """

    path: str
    computed: bool
    direction: Direction
    kind: str
    where: Where
    call: str
    cell: int
    line: int

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


def artifacts_of(nodes: Nodes, evaluator: Evaluator) -> tuple[Artifact, ...]:
    """The artifacts that one cell names, in the order of its lines; each once per place and direction."""
    every: dict[Artifact, None] = {}
    for node, place in nodes:
        if isinstance(node, ast.Call):
            for artifact in _of_call(node, place, evaluator):
                every[artifact] = None
    return tuple(sorted(every, key=lambda a: (a.line, a.path, a.direction, a.call)))


def _of_call(node: ast.Call, place: Place, evaluator: Evaluator) -> Iterator[Artifact]:
    name = evaluator.dotted(node.func)
    known = file_calls(name)
    for call in known:
        yield from _made(node, call, name, place, evaluator)
    if known:
        return
    if name in _SHELL:
        yield from _of_shell(node, place, evaluator)
    elif isinstance(node.func, ast.Attribute):
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


_SHELL = frozenset({
    "os.popen", "os.system", "subprocess.call", "subprocess.check_call", "subprocess.check_output",
    "subprocess.getoutput", "subprocess.Popen", "subprocess.run",
})  # fmt: skip
_NO_FILES = frozenset({
    "add", "append", "debug", "endswith", "error", "exists", "find", "format", "get", "index", "info", "insert",
    "is_dir", "is_file", "isinstance", "join", "joinpath", "len", "loads", "log", "lstrip", "Path", "pathlib.Path",
    "pathlib.PurePath", "pop", "print", "PurePath", "replace", "repr", "rstrip", "set_title", "setdefault",
    "sorted", "split", "startswith", "str", "strip", "suptitle", "title", "type", "warn", "warning", "with_name",
    "with_suffix", "xlabel", "ylabel",
})  # fmt: skip
"""Calls that take a file's name and do nothing to the file."""


def _of_shell(node: ast.Call, place: Place, evaluator: Evaluator) -> Iterator[Artifact]:
    """What a shell command, as text, certainly names: redirections, downloads, archives."""
    command = _argument(node, 0, ("args", "cmd", "command"))
    if isinstance(command, ast.List | ast.Tuple):  # a script for a shell's input, as `%%bash` becomes
        shell = command.elts and evaluator.texts(command.elts[0], place)[0].text in ("bash", "sh", "zsh")
        command = _argument(node, -1, ("input",)) if shell and len(command.elts) == 1 else None
    for text in evaluator.texts(command, place) if command is not None else ():
        for path, direction in files_of_command(text.text):
            known = "{" not in path and "$" not in path
            kind = "folder" if path.endswith("/") else ""
            yield _artifact(Text(path.rstrip("/"), known), direction, kind, "shell", place.cell, node.lineno)


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


def _artifact(text: Text, direction: Direction, kind: str, call: str, cell: int, line: int) -> Artifact:
    path = text.text.strip()
    if "\\" in path and "/" not in path:
        path = path.replace("\\", "/")
    if not _URL.match(path) and path.startswith("./"):
        path = path[2:] or "."
    return Artifact(
        path,
        not text.known,
        direction,
        kind or kind_of_suffix(path) or "file",
        _where(path),
        call,
        cell,
        line,
    )


def _where(path: str) -> Where:
    if _URL.match(path):
        return "url"
    if path.startswith("{"):
        return "computed"
    if path.startswith("/") or re.match(r"[A-Za-z]:[/\\]|\\\\", path):
        return "absolute"
    if path.startswith("~"):
        return "home"
    return "outside" if posixpath.normpath(path).split("/")[0] == ".." else "relative"


def out_of_sight(artifacts: Sequence[Artifact], folder: Path) -> list[Artifact]:
    """What is read, lies not in the notebook's folder, and is most likely made by a call that is not seen to make it.

    `model.view(); Image("model.png")`: a picture that is shown. `Backend("chain.h5"); h5py.File("chain.h5")`: a file
    whose name went into a call before, nobody can say to what end.
    """
    written = {one.path for one in artifacts if one.direction in ("written", "both")}
    found: list[Artifact] = []
    named: set[str] = set()
    for one in sorted(artifacts, key=lambda one: (one.cell, one.line)):
        if one.direction == "unknown" and one.kind != "removed":
            named.add(one.path)
        elif (
            one.direction == "read"
            and (one.call.startswith("IPython.display.") or one.path in named)
            and one.where == "relative"
            and not one.computed
            and one.path not in written
            and not os.path.lexists(folder / one.path)
        ):
            found.append(one)
    return found


_WHERE_CODE = {"absolute": "NB-302", "outside": "NB-303", "home": "NB-304"}
_WHERE_WORD = {
    "absolute": "is absolute",
    "outside": "leaves the notebook's folder",
    "home": "is in a home folder",
}


def artifact_findings(artifacts: Iterable[Artifact]) -> list[Finding]:
    """What is to be said of paths: computed, absolute, outside, at home, over the network."""
    findings = []
    for one in artifacts:
        shown = f"“{redact(one.path)}” ({one.call})"
        if one.where in _WHERE_CODE:
            findings.append(
                found(
                    _WHERE_CODE[one.where], f"{shown} {_WHERE_WORD[one.where]}", cell=one.cell, line=one.line
                )
            )
        if one.computed:
            findings.append(found("NB-301", f"{shown} is computed", cell=one.cell, line=one.line))
        if (
            one.where == "url"
            and one.call != "shell"  # the line has a finding of its own
            and not one.path.lower().startswith(("sqlite", "duckdb", "file:"))
            and one.direction != "unknown"
        ):
            findings.append(found("NB-501", f"{shown} is on the network", cell=one.cell, line=one.line))
    return findings
