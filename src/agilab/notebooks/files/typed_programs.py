"""Programs in Python that cells type in (`%%python`, `python -c`): what they do to files, and own modules of theirs.

Such a program has its own names, and the folder that it is started in. It is read as a notebook of one cell is.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

from agi_node.source.tree import Unreadable, parse
from agilab.notebooks.code.named_files import Act, Artifact, end_of, where_of
from agilab.notebooks.code.turns import Turn
from agilab.notebooks.code.values import Evaluator
from agilab.notebooks.code.walking import Nodes, Place, scope_of_notebook, walk
from agilab.notebooks.files.artifacts import acts_of
from agilab.notebooks.files.file_uses import FileUse, file_uses
from agilab.notebooks.files.program_texts import imported_by, modules_of
from agilab.notebooks.modules.imports import aliases_of
from agilab.notebooks.shell.calls import Command
from agilab.notebooks.shell.command_words import READ
from agilab.notebooks.shell.handed_commands import commands_at


def acts_of_typed(nodes: Nodes, evaluator: Evaluator) -> Iterator[Act]:
    """What those of one cell do to files."""
    for node, place, command, tree in _typed(nodes, evaluator):
        for number, use in enumerate(_uses(tree)):
            path, one = command.at(use.path), use.artifact
            removed = use.does == "remove"
            artifact = replace(
                one,
                path=path,
                where=where_of(path),
                kind="removed" if removed else one.kind,
                direction="unknown" if removed else one.direction,
                cell=place.cell,
                line=node.lineno + one.line,
                perhaps=one.perhaps or command.perhaps,
            )
            turns = (*place.turns, *(_below(turn, node.lineno) for turn in use.turns))
            yield Act(artifact, end_of(node, number), turns, place.owner, gone=removed)


def modules_of_typed(nodes: Nodes, evaluator: Evaluator) -> Iterator[Act]:
    """The files and folders of modules that those of one cell may import, as words of commands (`told_programs`)."""
    for node, place, command, tree in _typed(nodes, evaluator):
        names = [one for one in modules_of(tree) if one.partition("/")[0] not in sys.stdlib_module_names]
        paths = [path for name in names for path in (f"{name}.py", *([name] if "/" not in name else []))]
        for number, path in enumerate(dict.fromkeys(map(command.at, paths)), -len(paths)):
            artifact = Artifact(
                path, False, "unknown", READ, where_of(path), "shell", place.cell, node.lineno
            )
            yield Act(artifact, end_of(node, number), place.turns, place.owner, gone=False)


def imports_of_typed(nodes: Nodes, evaluator: Evaluator) -> Iterator[tuple[str, int]]:
    """The full names of what those of one cell import, each with its line in the cell."""
    for node, _, _, tree in _typed(nodes, evaluator):
        for module in dict.fromkeys(imported_by(tree)):
            yield module, node.lineno


def _typed(nodes: Nodes, evaluator: Evaluator) -> Iterator[tuple[ast.Call, Place, Command, ast.Module]]:
    for node, place in nodes:
        for command in commands_at(node, place, evaluator, nodes) if isinstance(node, ast.Call) else ():
            for text in command.typed:
                if isinstance(node, ast.Call) and (tree := _parsed(text)) is not None:
                    yield node, place, command, tree


@lru_cache(maxsize=64)
def _parsed(text: str) -> ast.Module | None:
    try:
        return parse(text.encode("utf-8", "surrogatepass"))
    except (Unreadable, ValueError):
        return None


def _uses(tree: ast.Module) -> Iterator[FileUse]:
    """What a program does to files of the folder that it is started in."""
    nodes = list(walk(0, tree, scope_of_notebook({0: tree})))
    evaluator = Evaluator(aliases_of([nodes]))
    for use in file_uses({0: tree}, {0: nodes}, list(acts_of(nodes, evaluator)), evaluator):
        if use.artifact.where in ("relative", "outside") and not use.elsewhere:
            yield use


def _below(turn: Turn, line: int) -> Turn:
    """A turn of a program where that stands in its cell."""
    _, first, *rest = turn.at
    return replace(turn, at=(line + first, *rest))
