"""Whose a name is in the code of a notebook or of a module of its own, and where the value of it is written down.

Names that are bound once are looked up; one that is bound again in the same cell has, for a later statement of that
cell, the last value. Whatever else happened to a name makes it unknown. Nothing is guessed, nothing executed.
"""

from __future__ import annotations

import ast
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from agi_node.source.tree import chain_of
from agilab.notebooks.code.known_texts import Text
from agilab.notebooks.code.members import Members, members_of
from agilab.notebooks.code.walking import Binding, Place, inside, scope_of_class

DEEPEST = 40
"""Steps from a name to what it stands for, beyond which nobody looks."""


@dataclass(frozen=True)
class Found:
    """Where a value is written down.

    Attributes:
        evaluator: Of the notebook or of the module in which it is.
        node: It; a function or a class where it is one.
        place: Where it stands.
    """

    evaluator: Names
    node: ast.expr | ast.FunctionDef | ast.ClassDef
    place: Place


class OwnNames(Protocol):
    """The names of a notebook's own modules.

    Attributes:
        called: The functions that are looked into just now, so that one that calls itself is not followed for ever.
    """

    called: list[ast.FunctionDef]

    def is_set(self, full: str) -> bool:
        """Whether a cell of the notebook sets it."""
        ...

    def find(self, full: str) -> Found | None:
        """The name of a module's variable, function or class where it is bound, by full name (`src.config.DATA`)."""
        ...


class Names(ABC):
    """The names of a notebook, or of one of its modules.

    Responsible for whose a name is, and for where its value stands; not for what text that is (`texts`).
    """

    def __init__(self, aliases: dict[str, str]) -> None:
        """`aliases` are the full names of what is imported."""
        self._aliases = aliases
        self.imported = frozenset(aliases)
        self.modules = frozenset(aliases.values())
        self._varies: Mapping[str, int] = {}
        """Names that a run may give other values, each with the cell that has its usual one."""
        self._own: OwnNames | None = None
        self._package = ""
        self.assumed: Collection[ast.FunctionDef] = ()
        """Functions of which is known only what they do when nothing is given to them."""
        self._members: dict[ast.ClassDef, Members] = {}

    @abstractmethod
    def texts(self, node: ast.expr, place: Place, depth: int = 0) -> tuple[Text, ...]:
        """What an expression may be: one text, or several where the code itself lists them."""

    def own_name(self, node: ast.expr, place: Place) -> tuple[str, Binding] | None:
        """The full name of what may be an own module's, and the import of it; None where something else binds it."""
        first, *parts = chain_of(node) or [""]
        owner = place.scope.owner(first)
        if self._own is None or not first:
            return None
        if owner is None:
            return self._starred(first, parts, place)
        bindings = owner.bindings[first]
        fulls = {one.imported for one in bindings}
        certain = bindings[0] if len(fulls) == 1 else binding_at(bindings, place)
        if certain is None or not certain.imported:
            return None
        return ".".join([absolute(certain.imported, self._package), *parts]), certain

    def _starred(self, first: str, parts: list[str], place: Place) -> tuple[str, Binding] | None:
        owner = place.scope.owner("*")
        for one in reversed(owner.bindings["*"]) if owner is not None else ():
            full = f"{absolute(one.imported, self._package).removesuffix('*')}{first}"
            if self._own is not None and self._own.find(full) is not None:
                return ".".join([full, *parts]), one
        return None

    def found(self, node: ast.expr, place: Place, depth: int = 0) -> Found | None:
        """Where the value of a name, of a module's or a class's name, or of a dictionary's key is written down.

        None where that is not certain.
        """
        if depth > DEEPEST:
            return None
        if isinstance(node, ast.Name | ast.Attribute) and (named := self.own_name(node, place)) is not None:
            own = self._own.find(named[0]) if self._own is not None else None
            if own is not None or isinstance(node, ast.Name) or (self._own and self._own.is_set(named[0])):
                return own and own.evaluator._follow(own, depth + 1)
        match node:
            case ast.Name():
                return self._named(node.id, place, depth)
            case ast.Attribute():
                return self._of_class(node, place, depth)
            case ast.Subscript(slice=ast.Constant() | ast.Name()):
                return self._of_dict(node, place, depth)
        return None

    def _named(self, name: str, place: Place, depth: int) -> Found | None:
        owner = place.scope.owner(name)
        binding = binding_at(owner.bindings[name], place) if owner else None
        if owner is None or binding is None or binding.each or self._varies.get(name) == binding.cell:
            return None
        value = binding.value or binding.defined
        bound = Place(binding.cell, binding.statement, owner)
        return None if value is None else self._follow(Found(self, value, bound), depth + 1)

    def _of_class(self, node: ast.Attribute, place: Place, depth: int) -> Found | None:
        """An attribute that a class of a module sets for all its objects, of the class or of one made of it."""
        made = isinstance(node.value, ast.Call)
        whole = Found(self, node.value, place) if made else self.found(node.value, place, depth + 1)
        if whole is not None and isinstance(call := whole.node, ast.Call) and not call.args:
            whole = None if call.keywords else whole.evaluator.found(call.func, whole.place, depth + 1)
        if whole is None or not isinstance(whole.node, ast.ClassDef) or whole.place.cell >= 0:
            return None
        stored = (one for one in ast.walk(whole.node) if isinstance(one, ast.Attribute))
        if any(one.attr == node.attr and isinstance(one.ctx, ast.Store) for one in stored):
            return None  # an object may have another one
        inside = replace(whole.place, scope=scope_of_class(whole.node, whole.place))
        if node.attr not in inside.scope.bindings:
            return None
        return whole.evaluator.found(ast.Name(node.attr, ast.Load()), inside, depth + 1)

    def class_of_self(self, node: ast.expr, place: Place) -> Found | None:
        """The class in a method of which a name stands that is the method's object."""
        owner = place.scope.owner(node.id) if isinstance(node, ast.Name) else None
        if owner is None or not isinstance(node, ast.Name) or owner.me != node.id:
            return None
        around = owner.owner(owner.kind) if len(owner.bindings[node.id]) == 1 else None
        for one in reversed(around.bindings[owner.kind]) if around is not None else ():
            if one.cell == place.cell and isinstance(one.defined, ast.ClassDef):
                return Found(self, one.defined, Place(one.cell, one.statement, around or owner))
        return None

    def class_of(self, node: ast.expr, place: Place) -> Found | None:
        """The class of the notebook, or of an own module, of which an expression certainly is an object."""
        if (own := self.class_of_self(node, place)) is not None:
            return own
        made = Found(self, node, place) if isinstance(node, ast.Call) else self.found(node, place)
        if made is None or not isinstance(made.node, ast.Call):
            return None
        whole = made.evaluator.found(made.node.func, made.place)
        return whole if whole is not None and isinstance(whole.node, ast.ClassDef) else None

    def line_of(self, one: Found) -> Iterator[tuple[Found, ast.ClassDef, Members]]:
        """A class and what it is derived from, as far as that is known, the nearest first."""
        todo, seen = [one], set()
        while todo:
            one = todo.pop()
            if not isinstance(one.node, ast.ClassDef) or one.node in seen:
                continue
            seen.add(one.node)
            if one.node not in self._members:
                self._members[one.node] = members_of(one.node)
            yield one, one.node, self._members[one.node]
            bases = [one.evaluator.found(base, one.place) for base in one.node.bases]
            todo += [base for base in reversed(bases) if base is not None]

    def method_of(self, whole: Found, name: str) -> Found | None:
        """The method of a class, where it stands; None where it has none of that name."""
        for one, node, members in self.line_of(whole):
            if name in members.methods:
                return replace(
                    one, node=members.methods[name], place=replace(one.place, kind=node.name, owner="")
                )
        return None

    def is_overridden(self, whole: Found, name: str) -> bool:
        """Whether a class beside it that is derived from a class has a method of that name of its own."""
        for bindings in whole.place.scope.outermost.bindings.values():
            for one in bindings:
                node = one.defined
                if not isinstance(node, ast.ClassDef) or node is whole.node:
                    continue
                if any(isinstance(each, ast.FunctionDef) and each.name == name for each in node.body):
                    other = replace(whole, node=node, place=replace(whole.place, cell=one.cell))
                    if any(above is whole.node for _, above, _ in self.line_of(other)):
                        return True
        return False

    def is_own_method(self, node: ast.expr, place: Place) -> bool:
        """Whether it is a method, of an object that is known, of a class of the notebook or of an own module."""
        whole = self.class_of(node.value, place) if isinstance(node, ast.Attribute) else None
        return (
            whole is not None
            and isinstance(node, ast.Attribute)
            and self.method_of(whole, node.attr) is not None
        )

    def kept_by(self, whole: Found, name: str) -> Found | None:
        """What an attribute is that objects of a class keep, where that is written down."""
        for one, node, members in self.line_of(whole):
            if name not in members.stores and name not in members.body:
                continue
            kept = members.kept(name)
            if kept is None:
                return None
            body = replace(one.place, scope=scope_of_class(node, one.place), kind=node.name, owner="")
            return Found(one.evaluator, kept[0], inside(members.methods[kept[1]], body) if kept[1] else body)
        return None

    def _of_dict(self, node: ast.Subscript, place: Place, depth: int) -> Found | None:
        """What stands under a key in a dictionary that is written down."""
        key_of = self.found(node.slice, place, depth + 1) if isinstance(node.slice, ast.Name) else None
        said = node.slice if key_of is None else key_of.node
        whole = self.found(node.value, place, depth + 1) if isinstance(said, ast.Constant) else None
        if whole is None or not isinstance(whole.node, ast.Dict) or not isinstance(said, ast.Constant):
            return None
        for key, value in zip(whole.node.keys, whole.node.values, strict=True):
            if isinstance(key, ast.Constant) and key.value == said.value:
                return whole.evaluator._follow(Found(whole.evaluator, value, whole.place), depth + 1)
        return None

    def _follow(self, one: Found, depth: int) -> Found | None:
        if not isinstance(one.node, ast.Name | ast.Attribute | ast.Subscript):
            return one
        return self.found(one.node, one.place, depth) or one

    def dotted(self, node: ast.AST) -> str:
        """`pandas.read_csv` for `pd.read_csv` after `import pandas as pd`; "" if it is no dotted name."""
        first, *parts = chain_of(node) or [""]
        return ".".join([self._aliases.get(first, first), *parts])

    def is_library(self, node: ast.AST) -> bool:
        """Whether a dotted name begins with something imported: no method of the notebook's own objects."""
        while isinstance(node, ast.Attribute):
            node = node.value
        return isinstance(node, ast.Name) and node.id in self.imported


def absolute(full: str, package: str) -> str:
    """A full name of what is imported by a module of a package.

    >>> absolute("..tools.a", "study.parts"), absolute(".a", "study"), absolute("tools.a", "study")
    ('study.tools.a', 'study.a', 'tools.a')
    """
    level = len(full) - len(full.lstrip("."))
    if not level:
        return full
    base = package.split(".") if package else []
    return ".".join([*base[: len(base) - level + 1], full[level:]])


def binding_at(bindings: list[Binding], place: Place) -> Binding | None:
    """The binding that certainly holds at a place; None if that cannot be said."""
    if len(bindings) == 1:
        return bindings[0]
    if place.function:
        return None
    here = [one for one in bindings if one.cell == place.cell and one.statement <= place.statement]
    within = [one for one in here if one.statement == place.statement]
    if len(within) == 1 and within[0].each and not within[0].plain:
        return within[0]  # the loop that the use stands in
    if any(not one.plain for one in within):
        return None  # bound somewhere in the very statement: before the use or after it
    before = [one for one in here if one.statement < place.statement]
    return before[-1] if before and before[-1].plain else None
