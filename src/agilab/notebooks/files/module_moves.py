"""Own modules that go to another folder when they are imported: read as if they did that in the cell that imports them.

`os.chdir(Path.cwd().parent)` at the top of `preamble.py` is done once, by the first `import preamble`; what the cells
below read they read from there.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping
from copy import deepcopy
from pathlib import Path

from agilab.notebooks.code.brought_code import brought, text_of_file
from agilab.notebooks.code.syntax import parse


def with_moves(trees: Mapping[int, ast.Module], folder: Path) -> tuple[dict[int, ast.Module], list[str]]:
    """The trees of cells, behind an import of a module beside the notebook how that goes to another folder; and these
    statements as texts. All of them stand in the line of the import."""
    whole, texts, seen = dict(trees), list[str](), set[str]()
    for cell, tree in trees.items():
        body: list[ast.stmt] = []
        for node in tree.body:
            body.append(node)
            for name in _modules(node):
                moves = [] if name in seen else _moves(folder / f"{name}.py", name)
                seen.add(name)
                moves = brought(moves, node.end_lineno or node.lineno, f"{name}.py")
                texts += map(ast.unparse, moves)
                body += moves
        if len(body) > len(tree.body):
            whole[cell] = ast.Module(body, tree.type_ignores)
    return whole, texts


def _modules(node: ast.stmt) -> list[str]:
    """The modules that a statement imports which may be one file each."""
    names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
    if isinstance(node, ast.ImportFrom) and not node.level and node.module:
        names = [node.module]
    return [name for name in names if "." not in name]


def _moves(file: Path, module: str) -> list[ast.stmt]:
    """The statements of a module by which it goes to another folder, and those that these need, under other names."""
    text = text_of_file(file)
    tree = parse(text).tree if text and "chdir" in text else None
    if tree is None:
        return []
    taken: list[ast.stmt] = []
    wanted: set[str] = set()
    for node in reversed(tree.body):
        if _goes(node) or (isinstance(node, ast.Assign | ast.AnnAssign) and _names(node, ast.Store) & wanted):
            taken.insert(0, node)
            wanted |= _names(node, ast.Load)
        elif isinstance(node, ast.Import | ast.ImportFrom) and taken and _bound(node) & wanted:
            taken.insert(0, node)
    renamed = _Renamed(module, set[str]().union(*(_names(one, ast.Store) for one in taken)))
    return [renamed.visit(deepcopy(one)) for one in taken]


def _goes(node: ast.stmt) -> bool:
    called = node.value.func if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) else None
    return called is not None and (getattr(called, "attr", "") or getattr(called, "id", "")) == "chdir"


def _names(node: ast.AST, context: type[ast.expr_context]) -> set[str]:
    return {one.id for one in ast.walk(node) if isinstance(one, ast.Name) and isinstance(one.ctx, context)}


def _bound(node: ast.Import | ast.ImportFrom) -> set[str]:
    return {(one.asname or one.name).partition(".")[0] for one in node.names}


class _Renamed(ast.NodeTransformer):
    """Gives what a module sets names that no cell has."""

    def __init__(self, module: str, names: Collection[str]) -> None:
        self._module = module
        self._names = names

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id in self._names:
            return ast.copy_location(ast.Name(f"{self._module}__{node.id}", node.ctx), node)
        return node
