"""What the calls of a notebook do to files, folders, databases and URLs: which they read, write, move or remove."""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Iterator
from dataclasses import replace

from agilab.notebooks.code.artifact_calls import (
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
from agilab.notebooks.code.known_texts import Text
from agilab.notebooks.code.named_files import (
    ADDRESS,
    Act,
    Artifact,
    argument_of,
    artifact_of,
    end_of,
    path_of,
)
from agilab.notebooks.code.turns import Turn
from agilab.notebooks.code.values import Evaluator
from agilab.notebooks.code.walking import Nodes, Place
from agilab.notebooks.files.sql_files import FUNCTIONS as OF_SQL
from agilab.notebooks.files.sql_files import METHODS as OF_SQL_METHODS
from agilab.notebooks.files.sql_files import files_of_sql
from agilab.notebooks.shell.calls import SHELL, Command
from agilab.notebooks.shell.files import is_one_command
from agilab.notebooks.shell.handed_commands import commands_at


def acts_of(nodes: Nodes, evaluator: Evaluator) -> list[Act]:
    """All that one cell does to files, in the order in which its text does it."""
    found: list[Act] = []
    for node, place in nodes:
        if not isinstance(node, ast.Call):
            continue
        for number, (artifact, gone, sure) in enumerate(_done(node, place, evaluator, nodes)):
            if artifact.path.startswith(":memory:"):  # a database of SQLite or DuckDB that is no file
                continue
            turns = tuple(turn for turn in place.turns if not _is_settled(turn, artifact, place, evaluator))
            if not sure or artifact.perhaps:
                word = "under another name, perhaps" if sure else "under a condition of the shell"
                turns = (*turns, Turn.at_node(node, 0, 0, word))
            found.append(Act(artifact, end_of(node, number), turns, place.owner, gone))
    return sorted(found, key=lambda act: act.at)


def _is_settled(turn: Turn, artifact: Artifact, place: Place, evaluator: Evaluator) -> bool:
    """Whether a condition is that the file itself is not there, as it never is where a stage begins.

    Or that it is, where it is removed: else there is nothing to remove.
    """
    name = turn.present if artifact.kind == "removed" else turn.absent
    if name is None or artifact.direction == "read":
        return False
    return any(path_of(text) == artifact.path for text in evaluator.texts(name, place))


def _done(
    node: ast.Call, place: Place, evaluator: Evaluator, beside: Nodes
) -> Iterator[tuple[Artifact, bool, bool]]:
    """What a call does to files: the artifact, whether it is gone afterwards, and whether it is done for certain."""
    commands = tuple(commands_at(node, place, evaluator, beside))
    if commands or evaluator.dotted(node.func) in SHELL:
        yield from _of_shell(node, evaluator.dotted(node.func), place, commands)
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
    if name in OF_SQL or name.rpartition(".")[2] in _OF_SQL:
        yield from _in_sql(node, name, place, evaluator)
    if name == "shutil.make_archive":
        yield from _archived(node, name, place, evaluator)
        return
    if known:
        return
    if isinstance(node.func, ast.Attribute):
        yield from _of_method(node, node.func, name, place, evaluator)
    else:
        yield from _mentioned(node, name, place, evaluator)


def _made(
    node: ast.Call, call: FileCall, name: str, place: Place, evaluator: Evaluator
) -> Iterator[Artifact]:
    argument = argument_of(node, call.position, call.keywords)
    if argument is None:
        if call.without and not any(isinstance(one, ast.Starred) for one in node.args):
            yield artifact_of(Text(call.without), call.direction, call.kind, name, place.cell, node.lineno)
        return
    direction = _direction(node, call, place, evaluator)
    for text in evaluator.texts(argument, place):
        if _is_file(text, argument, evaluator) and (not call.address or ADDRESS.match(text.text)):
            text = replace(text, text=f"{text.text}*", wide="") if call.several else _ended(text, call, node)
            found = artifact_of(text, direction, call.kind, name, place.cell, node.lineno)
            ended = call if text.text.endswith("}") and _gets_an_ending(node, call) else None
            yield replace(found, kept=_keeps(node, call, place, evaluator), ended=ended)


def _ended(text: Text, call: FileCall, node: ast.Call) -> Text:
    """The name as the library means it: `numpy.save("a", …)` makes `a.npy`; a figure of a given format keeps it."""
    if text.known and text.text.endswith(
        ".shp"
    ):  # beside it lie .dbf, .shx, .prj, without which nobody can read it
        return replace(text, text=f"{text.text.removesuffix('shp')}*", wide="")
    if not _gets_an_ending(node, call):
        return text
    return replace(text, text=call.ended(text.text), wide=text.wide and call.ended(text.wide))


def _gets_an_ending(node: ast.Call, call: FileCall) -> bool:
    return bool(call.ending) and not (call.or_another and any(one.arg == "format" for one in node.keywords))


def _direction(node: ast.Call, call: FileCall, place: Place, evaluator: Evaluator) -> Direction:
    """What a call does to its file: by its mode where it has one, and that says anything."""
    if any(
        keyword.arg in ("read_only", "readonly")
        and isinstance(keyword.value, ast.Constant)
        and keyword.value.value is True
        for keyword in node.keywords
    ):
        return "read"
    said = "unknown" if call.mode is None else _by_mode(node, call, place, evaluator)
    return call.direction if said == "unknown" else said


_OF_SQL = frozenset({*OF_SQL_METHODS, "read_sql", "read_sql_query"})


def _in_sql(node: ast.Call, name: str, place: Place, evaluator: Evaluator) -> Iterator[Artifact]:
    """The files in a text of SQL; `text("…")` of SQLAlchemy is looked into."""
    argument = argument_of(node, 0, ("sql", "query", "statement"))
    if isinstance(argument, ast.Call) and evaluator.dotted(argument.func).endswith("text") and argument.args:
        argument = argument.args[0]
    for text in evaluator.texts(argument, place) if argument is not None else ():
        for one in files_of_sql(text.text):
            known = Text(one.path, "{" not in one.path)
            yield artifact_of(known, one.direction, one.kind, name or "SQL", place.cell, node.lineno)


_ARCHIVES = {
    "zip": ".zip", "tar": ".tar", "gztar": ".tar.gz", "bztar": ".tar.bz2", "xztar": ".tar.xz", "zstdtar": ".tar.zst",
}  # fmt: skip


def _archived(node: ast.Call, name: str, place: Place, evaluator: Evaluator) -> Iterator[Artifact]:
    """`shutil.make_archive(name, format, root, base)`: what lies in a folder, into one file."""

    def texts(position: int, word: str, without: str) -> tuple[Text, ...]:
        argument = argument_of(node, position, (word,))
        if argument is None or (isinstance(argument, ast.Constant) and argument.value is None):
            return (Text(without),)
        return evaluator.texts(argument, place)

    for root in texts(2, "root_dir", "."):
        for base in texts(3, "base_dir", "."):
            inside = replace(root, text=posixpath.normpath(posixpath.join(root.text, base.text)))
            yield artifact_of(inside, "read", "folder", name, place.cell, node.lineno)
    for whole in texts(0, "base_name", ""):
        for form in texts(1, "format", ""):
            if form.text in _ARCHIVES and whole.text:
                made = replace(whole, text=whole.text + _ARCHIVES[form.text], wide="")
                yield artifact_of(made, "written", "archive", name, place.cell, node.lineno)


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


def _keeps(node: ast.Call, call: FileCall, place: Place, evaluator: Evaluator) -> bool:
    """Whether a call changes what has to be there: `open(path, "r+")`."""
    mode = _mode(node, call, place, evaluator) if call.mode is not None else ""
    return mode[:1] == "r" and "+" in mode


def _mode(node: ast.Call, call: FileCall, place: Place, evaluator: Evaluator) -> str:
    argument = argument_of(node, call.mode if call.mode is not None else 1, ("mode", "flag", "filemode"))
    if argument is None:
        return call.default
    texts = evaluator.texts(argument, place)
    return texts[0].text if len(texts) == 1 and texts[0].known else "?"


def _by_mode(node: ast.Call, call: FileCall, place: Place, evaluator: Evaluator) -> Direction:
    mode = _mode(node, call, place, evaluator)
    return (
        "both" if mode == "w" and call.default == "c" else direction_of_mode(mode)
    )  # shelve: what is there stays


def _of_method(
    node: ast.Call, function: ast.Attribute, name: str, place: Place, evaluator: Evaluator
) -> Iterator[Artifact]:
    word = function.attr
    shown = f".{word}"
    if _may_be_own(word) and evaluator.is_own_method(function, place):
        yield from _mentioned(node, name or shown, place, evaluator)
        return
    if puts_into_archive(word, evaluator):
        yield from _packed(node, shown, place, evaluator)
        return
    if word == "extract" and _UNPACKS & evaluator.modules:
        yield from _extracted(node, shown, place, evaluator)
        return
    call = METHODS.get(word)
    if word == "extractall" and not _UNPACKS & evaluator.modules:
        return  # of a column of texts
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
                yield artifact_of(text, "written", "", shown, place.cell, node.lineno)
        return
    if word not in _NO_FILES:
        yield from _mentioned(node, name or shown, place, evaluator)


def _may_be_own(word: str) -> bool:
    """Whether something would be said of a method by its name, which its own text says better."""
    return word in METHODS or word in PATH_METHODS or word in SAVING or word in ("glob", "rglob", *_PACKS)


_UNPACKS = frozenset({"zipfile", "tarfile", "py7zr", "rarfile", "zipfile.ZipFile", "tarfile.open"})
_PACKS = {
    "add": frozenset({"tarfile", "tarfile.open"}),
    "write": frozenset({"zipfile", "zipfile.ZipFile"}),
}
"""Methods that put a file into an archive, where the module is imported."""


def puts_into_archive(method: str, evaluator: Evaluator) -> bool:
    """Whether a method, by its name, may put the file that it is given into an archive."""
    return bool(_PACKS.get(method, frozenset()) & evaluator.modules)


def _extracted(node: ast.Call, shown: str, place: Place, evaluator: Evaluator) -> Iterator[Artifact]:
    """`archive.extract("a/b.csv", "out")` makes `out/a/b.csv`; under a name that is not known, something in `out`."""
    into = argument_of(node, 1, ("path",))
    for folder in evaluator.texts(into, place) if into is not None else (Text("."),):
        for member in evaluator.texts(node.args[0], place) if node.args else ():
            if not member.known:
                yield artifact_of(folder, "written", "files", shown, place.cell, node.lineno)
            elif _NAME_OF_FILE.fullmatch(member.text):  # no pattern that a column of texts is searched for
                whole = Text(posixpath.normpath(posixpath.join(folder.text, member.text)), folder.known)
                yield artifact_of(whole, "written", "", shown, place.cell, node.lineno)


def _packed(node: ast.Call, shown: str, place: Place, evaluator: Evaluator) -> Iterator[Artifact]:
    for text in evaluator.texts(node.args[0], place) if node.args else ():
        named = _NAME_OF_FILE.fullmatch(text.text) and kind_of_suffix(text.text)
        if text.known and "\n" not in text.text and (text.path or named or shown == ".add"):
            yield artifact_of(text, "read", "folder", shown, place.cell, node.lineno)


def _of_path(node: ast.Call, word: str, path: Text, place: Place, evaluator: Evaluator) -> Iterator[Artifact]:
    shown = f"Path.{word}"
    if word in ("glob", "rglob"):
        for text in evaluator.texts(node.args[0], place) if node.args else ():
            tail = text.text if word == "glob" else f"**/{text.text}"
            whole = Text(posixpath.join(path.text, tail), path.known and text.known)
            yield artifact_of(whole, "read", "files", shown, place.cell, node.lineno)
    elif word in ("rename", "replace"):
        yield artifact_of(path, "read", "", shown, place.cell, node.lineno)
        for text in evaluator.texts(node.args[0], place) if len(node.args) == 1 else ():
            yield artifact_of(text, "written", "", shown, place.cell, node.lineno)
    else:
        call = PATH_METHODS[word]
        direction = _direction(node, call, place, evaluator)
        found = artifact_of(path, direction, call.kind, shown, place.cell, node.lineno)
        yield replace(found, kept=_keeps(node, call, place, evaluator))


_GLANCE = re.compile(r"\s*(ls|ll|du|tree|pwd)\b[^|&;<>$`\n]*")
_NO_FILES = frozenset({
    "add", "append", "debug", "endswith", "error", "exists", "find", "format", "get", "index", "info", "insert",
    "is_dir", "is_file", "isinstance", "join", "joinpath", "len", "loads", "log", "lstrip", "Path", "pathlib.Path",
    "pathlib.PurePath", "pop", "print", "PurePath", "replace", "repr", "rstrip", "set_title", "setdefault",
    "sorted", "split", "startswith", "str", "strip", "suptitle", "title", "type", "warn", "warning", "with_name",
    "with_suffix", "xlabel", "ylabel",
})  # fmt: skip
"""Calls that take a file's name and do nothing to the file."""


def _of_shell(
    node: ast.Call, name: str, place: Place, commands: tuple[Command, ...]
) -> Iterator[tuple[Artifact, bool, bool]]:
    """What the commands that a call starts certainly name: redirections, downloads, archives."""
    for command in commands:
        stops = _stops_with(node, name, command)
        for step in () if _is_a_glance(node, command.line) else command.steps:
            kind = "removed" if step.direction == "unknown" else step.kind
            file = command.file_of(step)
            artifact = artifact_of(file, step.direction, kind, "shell", place.cell, node.lineno)
            artifact = replace(artifact, missable=not stops)
            yield artifact, step.gone, step.sure and not command.perhaps


def _stops_with(node: ast.Call, name: str, command: Command) -> bool:
    """Whether a notebook stops where a command fails: it is asked for that, and there is no other after it."""
    checked = name.endswith((".check_call", ".check_output")) or any(
        one.arg == "check" and isinstance(one.value, ast.Constant) and one.value.value is True
        for one in node.keywords
    )
    return checked and is_one_command(command.line)


def _is_a_glance(node: ast.Call, command: str) -> bool:
    """Whether a command shows a person what lies in a folder, and nobody else: no stage should wait for that."""
    kept = any(keyword.arg in ("capture_output", "stdout") for keyword in node.keywords)
    called = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    return not kept and called in ("run", "call", "system") and _GLANCE.fullmatch(command) is not None


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
                yield artifact_of(text, direction, "", name or "?", place.cell, node.lineno)


_NAME_OF_FILE = re.compile(r"(?:[a-z][a-z0-9+.\-]*://)?[\w./\\~:*\- ]*\w\.\w{1,8}(?:\.\w{2,3})?")
