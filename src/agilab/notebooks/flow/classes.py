"""The notebook's classes: their methods by name, properties among them, and whose objects theirs may hold.

An object carries the needs of its class, and of every class of the notebook that the text of its class names: those
are the classes of its parts, however they are reached.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from agi_node.source.needs import needs_of
from agi_node.source.pure import dotted
from agi_node.source.tree import Chain, chain_of
from agilab.notebooks.flow.makers import Maker
from agilab.notebooks.flow.names import Names
from agilab.notebooks.flow.states import words
from agilab.notebooks.flow.values import PLAIN, Value

_PROPERTIES = frozenset(
    {"property", "functools.cached_property", "abc.abstractproperty", "types.DynamicClassAttribute"}
)
_GOES_ON = frozenset({"setter", "getter", "deleter", "register"})
"""What decorates a further function of a name that a class has."""
_OF_PYTHON = words("abc collections contextlib dataclasses enum functools numba typing typing_extensions")
"""Whose decorators leave a method to those who name it, and whose bases call none."""


class Classes(Names):
    """Keeps what the classes of the notebook have."""

    def _is_class(self, number: int) -> bool:
        return self._makers[number].kind == "class"

    def classes_in(self, value: Value) -> frozenset[int]:
        return frozenset(number for number in value.makers if self._is_class(number))

    def _make(self, maker: Maker) -> int:
        """The number of a maker; a definition that is met again, in a loop, is the same."""
        number = self._by_node.setdefault(maker.node, len(self._makers))
        if number == len(self._makers):
            self._makers.append(maker)
        return number

    def _add_method(self, maker: Maker, name: str, number: int, *, further: bool = False) -> None:
        """A class has a method of this name: another one than before, or a `further` one, as a setter is."""
        before = maker.methods.get(name, ()) if further else ()
        maker.methods[name] = (*(each for each in before if each != number), number)
        if number not in self._methods.setdefault(name, []):
            self._methods[name].append(number)

    def _add_function(self, maker: Maker, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """A function of a class's body: `@v.setter` and `@show.register` add to what is there."""
        number = self._make(Maker(node.name, "function", node))
        chains = [chain_of(each.func if isinstance(each, ast.Call) else each) for each in node.decorator_list]
        of = {each[0] for each in chains if each and len(each) == 2 and each[1] in _GOES_ON}
        for name in sorted(of & maker.methods.keys()):
            self._add_method(maker, name, number, further=True)
        if node.name not in of:
            self._add_method(maker, node.name, number)
        bases = [chain_of(each) for each in getattr(maker.node, "bases", ())]
        if any(self._is_of_a_library(chain) for chain in (*chains, *bases)):
            maker.hooks |= {number}

    def _is_of_a_library(self, chain: Chain | None) -> bool:
        """Whether a decorator or a base gives methods to a library, which calls them as it sees fit: validators."""
        full = self.full(chain) if chain else None
        return full is not None and "." in full and full.partition(".")[0] not in _OF_PYTHON

    def _add_property(self, maker: Maker, name: str, node: ast.expr) -> None:
        """`v = property(get, put)` in the body of a class."""
        chain = chain_of(node.func) if isinstance(node, ast.Call) else None
        if not isinstance(node, ast.Call) or not chain or self._full_or_custom(chain) not in _PROPERTIES:
            return
        for arg in (*node.args, *(each.value for each in node.keywords)):
            if isinstance(arg, ast.Lambda):
                found: tuple[int, ...] = (self._make(Maker("lambda", "lambda", arg)),)
            else:
                found = maker.methods.get(arg.id, ()) if isinstance(arg, ast.Name) else ()
            for number in found:
                self._add_method(maker, name, number, further=True)
                self._properties.add(name)

    def _full_or_custom(self, chain: Chain) -> str:
        return self.full(chain) or dotted(chain, {})

    def _method_of(self, numbers: Iterable[int], name: str) -> list[int]:
        """The methods of that name of these classes and their bases."""
        found: list[int] = []
        todo, seen = list(numbers), set[int]()
        while todo:
            number = todo.pop()
            if number not in seen and self._is_class(number):
                seen.add(number)
                maker = self._makers[number]
                if name in maker.methods:
                    found += maker.methods[name]
                else:
                    todo += maker.bases
        return list(dict.fromkeys(found))

    def _with_bases(self, number: int) -> list[int]:
        """A class and the bases of it that are the notebook's."""
        found = [number]
        for each in found:
            found += (base for base in self._makers[each].bases if base not in found)
        return found

    def _with_parts(self, numbers: Iterable[int]) -> list[int]:
        """These classes, and those whose objects theirs may hold: those that their texts name, as far as that goes."""
        found = dict.fromkeys(number for number in numbers if self._is_class(number))
        todo, seen = list(found), set[int]()
        while todo:
            number = todo.pop()
            if number in seen:
                continue
            seen.add(number)
            todo += self._makers[number].bases
            for made in self._named_in(number):
                if self._is_class(made):
                    found[made] = None
                todo.append(made)
        return list(found)

    def _named_in(self, number: int) -> Iterator[int]:
        """Classes and functions of the notebook that the text of one names, but for its bases."""
        if number not in self._mentions:
            node = self._makers[number].node
            parts = node.body if isinstance(node, ast.ClassDef) else [node]
            needs = needs_of(*parts)
            self._mentions[number] = tuple(sorted((needs.now | needs.later) & self._own))
        for name in self._mentions[number]:
            yield from self._path.env.get(name, PLAIN).makers

    def _reads_property(self, name: str, methods: Iterable[int]) -> bool:
        """Whether reading an attribute of this name runs one of these methods."""
        return name in self._properties or any(
            self.seen.is_property(self._makers[each].node) for each in methods
        )

    def _properties_of_all(self) -> list[str]:
        """The names whose reading runs a method of whatever class of the notebook."""
        return [name for name, methods in self._methods.items() if self._reads_property(name, methods)]


def keeps_its_result(node: ast.AST) -> bool:
    """Whether a function is one whose result its object keeps: `@cached_property`."""
    chains = [chain_of(each) for each in getattr(node, "decorator_list", ())]
    return any(chain is not None and chain[-1] == "cached_property" for chain in chains)
