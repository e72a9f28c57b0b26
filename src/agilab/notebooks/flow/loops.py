"""Loops that set something of libraries: what of theirs they walk, and the text of one that binds no name of others."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Collection, Mapping

from agi_node.source.tree import Chain, chain_of
from agilab.notebooks.flow.makers import BUILTINS


def things_in(node: ast.For | ast.AsyncFor, full_of: Callable[[Chain], str | None]) -> list[str]:
    """The full names of what a loop walks and gives attributes, one for each library; none where it does no such thing.

    >>> loop = ast.parse("for cls in (DataFrame, Series):\\n    cls.total = f").body[0]
    >>> things_in(loop, lambda chain: f"pandas.{chain[0]}"), things_in(loop, lambda chain: None)
    (['pandas.Series'], [])
    """
    if not isinstance(node.target, ast.Name) or not isinstance(node.iter, (ast.Tuple, ast.List, ast.Set)):
        return []
    found: dict[str, str] = {}
    for one in node.iter.elts:
        chain = chain_of(one)
        full = full_of(chain) if chain else None
        if full is None or full in BUILTINS:
            return []
        found[full.partition(".")[0]] = full
    changes = any(_changed(part, node.target.id) for each in node.body for part in ast.walk(each))
    return [*found.values()] if changes else []


def _changed(node: ast.AST, name: str) -> bool:
    """Whether something is done to an attribute or an item of a name."""
    is_set = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args
    if is_set and node.func.id in ("setattr", "delattr"):  # type: ignore[attr-defined]  # as has been asked
        held: ast.AST | None = node.args[0]  # type: ignore[attr-defined]
    else:
        is_place = isinstance(node, (ast.Attribute, ast.Subscript)) and not isinstance(node.ctx, ast.Load)
        held = node.value if is_place else None  # type: ignore[attr-defined]
    return isinstance(held, ast.Name) and held.id == name


def targets_of(node: ast.stmt) -> frozenset[str]:
    """The names that a loop binds as it goes on; none of another statement."""
    parts = ast.walk(node.target) if isinstance(node, ast.For) else ()
    return frozenset(part.id for part in parts if isinstance(part, ast.Name))


def unbinding(node: ast.stmt, taken: Collection[str]) -> ast.stmt:
    """The loop with names that nobody has, none of them among those `taken`.

    Another statement is what it is.

    >>> loop = ast.parse("for cls in (A, B):\\n    cls.total = lambda self: cls(1)").body[0]
    >>> print(ast.unparse(unbinding(loop, {"A", "B"})))
    for _cls in (A, B):
        _cls.total = lambda self: _cls(1)
    """
    names = {one: f"_{one}" for one in targets_of(node)}
    while not {*taken}.isdisjoint(names.values()):
        names = {one: f"_{other}" for one, other in names.items()}
    return with_names_for(node, {name: ast.Name(other) for name, other in names.items()})


def with_names_for(node: ast.stmt, names: Mapping[str, ast.expr]) -> ast.stmt:
    """A statement that says something else for some of its names; parameters of its functions are others, and so are
    names that it binds, unless they get a name.
    """
    parts = list(ast.walk(node)) if names else []
    bound = {one.id for one in parts if isinstance(one, ast.Name) and not isinstance(one.ctx, ast.Load)}
    may = {name: one for name, one in names.items() if name not in bound or isinstance(one, ast.Name)}
    again: ast.stmt = _Otherwise(may).visit(copy.deepcopy(node)) if may else node
    return again


class _Otherwise(ast.NodeTransformer):
    def __init__(self, names: Mapping[str, ast.expr]) -> None:
        self._names = names

    def visit_Name(self, node: ast.Name) -> ast.expr:
        one = copy.copy(self._names.get(node.id, node))
        if isinstance(one, ast.Name):
            one.ctx = node.ctx
        return ast.copy_location(one, node)

    def visit_Lambda(self, node: ast.Lambda) -> ast.Lambda:
        own = {each.arg for each in ast.walk(node.args) if isinstance(each, ast.arg)}
        node.args.defaults = [self.visit(each) for each in node.args.defaults]
        node.body = _Otherwise({k: v for k, v in self._names.items() if k not in own}).visit(node.body)
        return node
