"""The functions of a module as their text has them: what each sets of the module's names, and what it gives back."""

from __future__ import annotations

import ast
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cached_property

from agi_node.source.scopes import parameters
from agi_node.source.tree import nodes_of
from agilab.notebooks.flow import knowledge as known
from agilab.notebooks.flow.statements import FUNCTIONS
from agilab.notebooks.flow.states import words

_COPIES = words(
    "copy deepcopy clone len str repr int float bool sum min max sorted list dict set tuple frozenset"
)
"""Calls that give nothing of what they are given."""
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_NEW = (ast.Constant, ast.Compare, ast.JoinedStr, ast.BinOp, ast.UnaryOp, *_COMPREHENSIONS)
_PARTS = (ast.Attribute, ast.Subscript, ast.Starred, ast.Await)


@dataclass(eq=False)
class Function:
    """A function of a module, or a method of one of its classes.

    A *place* is a name of the module (`CACHE`), or an attribute of a class (`Tracker._one`, also where it is written
    `cls._one`).

    Attributes:
        node: Its definition.
        of: The class that it is a method of; empty if of none.
        of_class: Names that the body of that class gives values that can be changed in place.
        classes: All classes of the module.
    """

    node: ast.FunctionDef | ast.AsyncFunctionDef
    of: str = ""
    of_class: Collection[str] = ()
    classes: Collection[str] = field(default=(), repr=False)

    @staticmethod
    def all_of(tree: ast.Module) -> list[Function]:
        classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
        names = {node.name for node in classes}
        found = [Function(node, classes=names) for node in tree.body if isinstance(node, FUNCTIONS)]
        for each in classes:
            held = _held_by(each)
            found += [
                Function(node, each.name, held, names) for node in each.body if isinstance(node, FUNCTIONS)
            ]
        return found

    @cached_property
    def parts(self) -> list[ast.AST]:
        """All nodes of its body."""
        return [part for each in self.node.body for part in nodes_of(each)]

    @cached_property
    def words(self) -> set[str]:
        """The names and the attributes that it speaks of, and of what it is given its own that way."""
        names = {part.id for part in self.parts if isinstance(part, ast.Name)}
        return names | {part.attr for part in self.parts if isinstance(part, ast.Attribute)}

    @cached_property
    def by_class(self) -> bool:
        """Whether its first parameter is the class."""
        return self.node.name == "__new__" or is_decorated(self.node, "classmethod")

    @cached_property
    def parameters(self) -> set[str]:
        """Those that say something: not the class."""
        return {each.arg for each in parameters(self.node.args)[int(bool(self.of) and self.by_class) :]}

    @cached_property
    def sets(self) -> list[tuple[str, ast.AST]]:
        """The places that it sets, or changes something of, with the statement or the call that does."""
        return [(place, part) for part in self.parts if (place := self._set(part))]

    @cached_property
    def gives(self) -> set[str]:
        """What its results may begin with: names, and functions that it calls."""
        returned = (ast.Return, ast.Yield, ast.YieldFrom)
        found = {
            root
            for part in self.parts
            if isinstance(part, returned) and part.value is not None
            for root in self._roots(part.value)
        }
        return self._with_same(found) - self.parameters

    @cached_property
    def touches(self) -> set[str]:
        """What that may begin with which it sets parts of, or calls a method of for what that does."""
        found: set[str] = set()
        for part in self.parts:
            targets: list[ast.AST] = []
            if isinstance(part, (ast.Assign, ast.Delete)):
                targets = [*part.targets]
            elif isinstance(part, (ast.AugAssign, ast.AnnAssign)):
                targets = [part.target]
            elif isinstance(part, ast.Expr) and isinstance(part.value, ast.Call):
                targets = [part.value.func]
            elif isinstance(part, ast.Call) and getattr(part.func, "attr", "") in known.CHANGING_METHODS:
                targets = [part.func]
            for target in targets:
                if isinstance(target, (ast.Attribute, ast.Subscript)):
                    found |= self._roots(target)
        return self._with_same(found)

    def _with_same(self, found: set[str]) -> set[str]:
        while more := {one for root in found for one in self._same.get(root, ())} - found:
            found = found | more
        return found

    @cached_property
    def _same(self) -> dict[str, set[str]]:
        """By name, what else may be the same thing."""
        same: dict[str, set[str]] = {}
        for part in self.parts:
            if isinstance(part, (ast.Assign, ast.AnnAssign, ast.NamedExpr)) and part.value is not None:
                targets = part.targets if isinstance(part, ast.Assign) else [part.target]
                sources = self._roots(part.value)
                for place in filter(None, map(self._root, targets)):
                    same.setdefault(place, set()).update(sources)
                    for source in sources:
                        same.setdefault(source, set()).add(place)
        return same

    def place(self, node: ast.AST) -> str:
        """The place that an expression is; empty if it is none."""
        if isinstance(node, ast.Name):
            return self.named(node.id)
        if isinstance(node, ast.Attribute) and self.is_class_of_object(node.value):
            return f"{self.of}.{node.attr}"
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            return f"{self.named(node.value.id)}.{node.attr}"
        return ""

    @cached_property
    def sets_by_object(self) -> bool:
        """Whether it sets anything of the class of its object: `type(self).n += 1`."""
        asked = any(self.is_class_of_object(part) for part in self.parts)
        return asked and any(place.startswith(f"{self.of}.") for place, _ in self.sets)

    def is_class_of_object(self, node: ast.AST) -> bool:
        """`type(self)` and `self.__class__`, of a method."""
        if isinstance(node, ast.Call) and len(node.args) == 1 and getattr(node.func, "id", "") == "type":
            owner: ast.AST = node.args[0]
        elif isinstance(node, ast.Attribute) and node.attr == "__class__":
            owner = node.value
        else:
            return False
        first = self.node.args.posonlyargs + self.node.args.args
        return bool(self.of and first) and isinstance(owner, ast.Name) and owner.id == first[0].arg

    def named(self, name: str) -> str:
        """What a name stands for: the class, where it is the first parameter of a method of the class."""
        first = self.node.args.posonlyargs + self.node.args.args
        return self.of if self.of and self.by_class and first and first[0].arg == name else name

    def _root(self, node: ast.AST) -> str:
        while isinstance(node, _PARTS):
            node = node.value
        return self.named(node.id) if isinstance(node, ast.Name) else ""

    def _roots(self, node: ast.AST) -> set[str]:
        while isinstance(node, _PARTS):
            node = node.value
        if isinstance(node, ast.Name):
            return {self.named(node.id)}
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in _COPIES:
                return set()
        elif isinstance(node, _NEW):
            return set()
        return {root for part in ast.iter_child_nodes(node) for root in self._roots(part)}

    def _set(self, node: ast.AST) -> str:
        target: ast.AST | None = None
        if isinstance(node, ast.Assign):
            target = node.targets[0] if len(node.targets) == 1 else None
        elif isinstance(node, (ast.AugAssign, ast.AnnAssign, ast.NamedExpr)):
            target = node.target
        elif isinstance(node, ast.Delete):
            target = node.targets[0]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            target = node.func.value if node.func.attr in known.CHANGING_METHODS else None
        place = ""
        while isinstance(target, (ast.Attribute, ast.Subscript)):
            place = self.place(target)
            if self.is_class_of_object(target.value):
                return place
            target = target.value
        owner = self.named(target.id) if isinstance(target, ast.Name) else ""
        return place if place and owner in (*self.classes, "self") else owner


def is_decorated(node: ast.FunctionDef | ast.AsyncFunctionDef, name: str) -> bool:
    return any(isinstance(each, ast.Name) and each.id == name for each in node.decorator_list)


def names_in(node: ast.AST) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def _held_by(node: ast.ClassDef) -> set[str]:
    return {
        target.id
        for part in node.body
        if isinstance(part, (ast.Assign, ast.AnnAssign))
        and not isinstance(part.value, (ast.Constant, type(None)))
        for target in (part.targets if isinstance(part, ast.Assign) else [part.target])
        if isinstance(target, ast.Name)
    }
