"""Folders that a notebook adds to those in which modules are looked for, where its functions or its modules do that."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from agilab.notebooks.code.named_files import artifact_of
from agilab.notebooks.code.values import Evaluator
from agilab.notebooks.code.walking import Nodes, Place, Scope
from agilab.notebooks.files.called_with import Call, given_by, taken_by
from agilab.notebooks.modules.imports import ADDS_FOLDER
from agilab.notebooks.modules.own_names import OwnModules


@dataclass(frozen=True)
class Code:
    """Cells, or a module: its nodes, its functions by name, and what names stand for in it."""

    nodes: Nodes
    functions: Mapping[str, ast.FunctionDef]
    evaluator: Evaluator

    @classmethod
    def of(cls, trees: Iterable[ast.Module], nodes: Nodes, evaluator: Evaluator) -> Code:
        """That of these trees, whose nodes they are."""
        defined = {one.name: one for tree in trees for one in tree.body if isinstance(one, ast.FunctionDef)}
        return cls(nodes, defined, evaluator)


def folders_of_code(cells: Code, own: OwnModules) -> list[str]:
    """The folders that functions of cells add, and own modules that these import; as paths from the notebook's folder.

    A function is taken to be called: with what calls of that name give it.
    """
    modules = own.reached(_imported(cells.nodes))
    every = [cells, *(Code.of([one.tree], one.nodes, one.evaluator) for one in modules if _speaks(one.text))]
    found: list[str] = []
    for code in every:
        for node, place in code.nodes:
            if isinstance(node, ast.Call) and node.args and (place.owner or code is not cells):
                found += _added(node, place, code, every)
    return list(dict.fromkeys(found))


def _speaks(text: str) -> bool:
    return "sys" in text or "site" in text


def _imported(nodes: Nodes) -> Iterator[str]:
    for node, _ in nodes:
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{one.name}" for one in node.names)


def _added(node: ast.Call, place: Place, code: Code, every: Sequence[Code]) -> Iterator[str]:
    if code.evaluator.dotted(node.func) not in ADDS_FOLDER:
        return
    for text in code.evaluator.texts(node.args[-1], place):
        if text.known:
            yield from () if "\0" in text.text else (text.text,)
            continue
        function = code.functions.get(place.owner)
        if function is None:
            continue
        outside = Place(place.cell, place.statement, place.scope.parent or Scope())
        takes = taken_by(function, outside, code.evaluator)
        asked = artifact_of(text, "read", "folder", "", place.cell, node.lineno)
        for other in every:
            for call, where in other.nodes:
                if isinstance(call, ast.Call) and _last(call.func) == function.name:
                    gives = given_by(call, where, other.evaluator)
                    yield from (one.path for one in Call(gives, takes).fill(asked) if not one.computed)


def _last(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
