"""Whose objects the functions of a module give: `def build(names): return [Model(n) for n in names]`."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from functools import cached_property

from agi_node.source.tree import chain_of
from agilab.notebooks.flow.module_functions import Function
from agilab.notebooks.flow.states import words

_COLLECTIONS = words("list tuple dict set sorted zip reversed iter enumerate frozenset deque OrderedDict")
"""Calls whose results hold what they are given."""
_ITEMS = words("items values get pop copy setdefault popitem")
_PUTS = words("append add insert appendleft setdefault extend update")
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.GeneratorExp)


class MadeObjects:
    """Follows results through the functions of one module as far as its text says it plainly."""

    def __init__(self, functions: Collection[Function], classes: Collection[str]) -> None:
        self._classes = frozenset(classes)
        self._made = {(one.of, one.node.name): _Made(one) for one in functions}
        self._fluent = {one.function.node.name for one in self._made.values() if one.gives_itself}

    def given_by(self, name: str) -> set[str]:
        """Classes, of this module by their names and of others as it names them, of which a call may give objects.

        Besides these: functions of others that it calls for what it gives.
        """
        found: set[str] = set()
        todo, seen = [name], {name}
        while todo:
            each = todo.pop()
            owner, _, word = each.rpartition(".")
            if each in self._classes:
                found.add(each)
            elif (owner, word) in self._made:
                one = self._made[owner, word]
                more = {root for node in one.returned for root in one.roots(node, self._fluent)} - seen
                seen |= more
                todo += more
            elif each != name:
                found.add(each)
        return found


class _Made:
    """One function."""

    def __init__(self, function: Function) -> None:
        self.function = function

    @cached_property
    def returned(self) -> list[ast.expr]:
        ends = (ast.Return, ast.Yield, ast.YieldFrom)
        return [one.value for one in self.function.parts if isinstance(one, ends) and one.value is not None]

    @property
    def gives_itself(self) -> bool:
        """Whether it is a method that may give its object."""
        first = self.function.node.args.posonlyargs + self.function.node.args.args
        return bool(self.function.of and first) and any(
            isinstance(one, ast.Name) and one.id == first[0].arg for one in self.returned
        )

    @cached_property
    def _held(self) -> dict[str, list[ast.expr]]:
        """By local name what it is given, and what is put into it."""
        held: dict[str, list[ast.expr]] = {}
        for part in self.function.parts:
            for target, value in _given(part):
                while isinstance(target, ast.Subscript):
                    target = target.value
                if isinstance(target, ast.Name):
                    held.setdefault(target.id, []).append(value)
        return held

    def roots(self, node: ast.AST, fluent: Collection[str], seen: frozenset[str] = frozenset()) -> set[str]:
        """What is called to make an object that the expression is, or holds."""
        parts: list[ast.AST] = []
        if isinstance(node, ast.Name):
            parts = [] if node.id in seen else [*self._held.get(node.id, ())]
            seen = seen | {node.id}
        elif isinstance(node, ast.Call):
            chain = chain_of(node.func)
            owner = node.func.value if isinstance(node.func, ast.Attribute) else None
            if chain and chain[-1] in _COLLECTIONS:
                parts = [*node.args, *(one.value for one in node.keywords)]
            elif owner is not None and (chain_of(owner) is None or getattr(owner, "id", "") in self._held):
                parts = [owner] if _last(node.func) in {*fluent, *_ITEMS} else []
            elif chain:
                return {".".join((self.function.named(chain[0]), *chain[1:]))}
        elif isinstance(node, (ast.List, ast.Tuple, ast.Set)):
            parts = [*node.elts]
        elif isinstance(node, ast.Dict):
            parts = [*node.values]
        elif isinstance(node, _COMPREHENSIONS):
            parts = [node.elt]
        elif isinstance(node, ast.DictComp):
            parts = [node.value]
        elif isinstance(node, ast.IfExp):
            parts = [node.body, node.orelse]
        elif isinstance(node, ast.BoolOp):
            parts = [*node.values]
        elif isinstance(node, (ast.Subscript, ast.Starred, ast.Await, ast.NamedExpr)):
            parts = [node.value]
        return {root for part in parts for root in self.roots(part, fluent, seen)}


def _given(part: ast.AST) -> Iterator[tuple[ast.AST, ast.expr]]:
    if isinstance(part, ast.Assign):
        yield from ((target, part.value) for target in part.targets)
    elif isinstance(part, (ast.AnnAssign, ast.NamedExpr, ast.AugAssign)) and part.value is not None:
        yield part.target, part.value
    elif isinstance(part, (ast.For, ast.comprehension)):
        yield part.target, part.iter
    elif isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute) and part.func.attr in _PUTS:
        yield from ((part.func.value, one) for one in part.args)


def _last(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else ""
