"""Files that libraries read which nobody knows here: named by a text, under a word such as `read` or `load`.

What their names end in says nothing either (`lasio.read("well.las")`), so a text counts as a file where one lies there,
or where the notebook names the same one again for the opposite: it writes and reads it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from agilab.notebooks.code.artifact_calls import (
    METHODS,
    PERHAPS,
    Direction,
    direction_of_name,
    file_calls,
    kind_of_suffix,
)
from agilab.notebooks.code.named_files import Act, Artifact, artifact_of, end_of
from agilab.notebooks.code.patterns import matches
from agilab.notebooks.code.values import Evaluator
from agilab.notebooks.code.walking import Place
from agilab.notebooks.files.artifacts import puts_into_archive
from agilab.notebooks.files.file_uses import FileUse

_READS = re.compile(r"(?:\w*_)?(?:read|load|open|parse)(?:_?\w+)?|(?:im|dcm)read|from_\w+")
_NAME = re.compile(r"[^/]\.[A-Za-z]\w{0,7}$")
_MOST = 4096
"""Letters of a path."""


def acts_of_reading(nodes: Iterable[tuple[ast.AST, Place]], evaluator: Evaluator) -> Iterator[Act]:
    """What code may read or write through its libraries; `where_they_lie` says of which of it there is a file."""
    for node, place in nodes:
        if not isinstance(node, ast.Call):
            continue
        direction = _direction(node, evaluator)
        if direction and evaluator.is_own_method(node.func, place):
            continue  # its own text says what it does
        name = evaluator.dotted(node.func)
        given = [*node.args, *(keyword.value for keyword in node.keywords)] if direction else ()
        for number, argument in enumerate(given):
            for text in evaluator.texts(argument, place) if _may_be_text(argument) else ():
                if direction and (text.known or place.owner) and _is_short(text.text):
                    made = artifact_of(text, direction, PERHAPS, name or _word(node), place.cell, node.lineno)
                    yield Act(made, end_of(node, number), place.turns, place.owner, gone=False)


def where_they_lie(
    uses: Sequence[FileUse], folder: Path | None
) -> tuple[tuple[FileUse, ...], list[Artifact]]:
    """The uses without those of such texts that are no files; and what stands there of those that are."""
    others = [use for use in uses if use.artifact.kind != PERHAPS]
    known = {(use.cell, use.path, use.does) for use in others}
    perhaps = [
        use
        for use in uses
        if use.artifact.kind == PERHAPS
        and use.artifact.where in ("relative", "outside")
        and not use.artifact.computed
        and (use.cell, use.path, use.does) not in known
    ]
    lying = {path for path in {use.path for use in perhaps} if folder is not None and _lies(folder, path)}
    written = {use.path for use in others if use.is_own and use.does in ("write", "add")}
    read = {use.path for use in others if use.is_own and use.does in ("read", "add")}
    written |= {use.path for use in perhaps if use.does == "write"}
    read |= {use.path for use in perhaps if use.does == "read"}

    def is_file(use: FileUse) -> bool:
        if use.path not in lying and not _NAME.search(use.path):
            return False  # a key, a title
        if use.does == "write":
            return use.path in read
        return use.path in lying or any(use.path == one or matches(one, use.path) for one in written)

    kept = {
        id(use): replace(use, artifact=replace(use.artifact, kind=kind_of_suffix(use.path) or "file"))
        for use in perhaps
        if is_file(use)
    }
    left = tuple(kept.get(id(use), use) for use in uses if id(use) in kept or use.artifact.kind != PERHAPS)
    return left, list(dict.fromkeys(use.artifact for use in kept.values()))


def _direction(node: ast.Call, evaluator: Evaluator) -> Direction | None:
    """What a call may do to the files that it names; None where it is none of those that read or write."""
    word, name = _word(node), evaluator.dotted(node.func)
    if file_calls(name) or word in METHODS:
        return None  # it is known what these do
    said = direction_of_name(name or word)
    if said in (None, "written"):
        packs = said and isinstance(node.func, ast.Attribute) and puts_into_archive(word, evaluator)
        return "read" if packs else said
    of_library = evaluator.is_library(node.func) or isinstance(node.func, ast.Attribute)
    return "read" if of_library and _READS.fullmatch(word) else None


def _word(node: ast.Call) -> str:
    """The last word of what is called."""
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else ""


def _may_be_text(argument: ast.expr) -> bool:
    if isinstance(argument, ast.Constant):
        return isinstance(argument.value, str)
    return isinstance(
        argument, ast.JoinedStr | ast.BinOp | ast.Name | ast.Call | ast.Attribute | ast.Subscript
    )


def _is_short(text: str) -> bool:
    return 0 < len(text.strip()) < _MOST and "\n" not in text and "\0" not in text


def _lies(folder: Path, path: str) -> bool:
    try:
        return (folder / path).is_file()
    except (OSError, ValueError):
        return False
