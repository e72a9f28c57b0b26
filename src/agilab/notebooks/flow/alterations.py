"""What functions and methods of a notebook's own module change of what they are given, as their texts tell."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from agi_node.source.tree import chain_of, nodes_of
from agilab.notebooks.flow.makers import Maker, Summary, is_property
from agilab.notebooks.flow.model import Alters
from agilab.notebooks.flow.notebook import Flows
from agilab.notebooks.flow.statements import FUNCTIONS
from agilab.notebooks.flow.values import PLAIN, Region

_MADE_BY = ("__init__", "__new__", "__post_init__")
_OF_TABLES = frozenset({"loc", "iloc", "iat", "columns", "with_columns"})


class Alterations:
    """Asks the functions of one module."""

    def __init__(self, flows: Flows) -> None:
        """`flows` are those of a cell above and of the module."""
        self._values = flows[1].values
        self._binds = flows[1].binds - flows[1].modules.keys()
        self._makers = flows.makers
        self._methods: dict[str, list[int]] = {}
        for maker in self._makers:
            for name, some in maker.methods.items():
                self._methods.setdefault(name, []).extend(some)
        self._of_class = {each for some in self._methods.values() for each in some}
        self._regions = {number: self._itself(one, number) for number, one in self._functions()}
        while any(self._goes_on(number, one) for number, one in self._functions()):
            pass

    def of(self, name: str) -> tuple[Alters, ...]:
        """What calling a function or a class changes of what it is given."""
        owner, _, word = name.rpartition(".")
        if owner:
            return self.by_method(owner).get(word, ())
        if name not in self._binds:
            return ()
        made: list[Alters] = []
        for number in sorted(self._values.get(name, PLAIN).makers):
            if self._makers[number].kind != "class":
                made += self._told([number])
                continue
            for one in self._told(each for method in _MADE_BY for each in self._inherited(number, method)):
                rest = frozenset(region for region in one.regions if region[2:] not in one.parameters[:1])
                made += [Alters(one.parameters[1:], rest)] if rest else []
        return tuple(made)

    def by_method(self, name: str) -> dict[str, tuple[Alters, ...]]:
        """The same of the methods of a class that change anything, those of its bases in this module too."""
        numbers = [one for one in self._values.get(name, PLAIN).makers if self._makers[one].kind == "class"]
        words = {word for one in self._with_bases(numbers) for word in self._makers[one].methods}
        found = {
            word: tuple(self._told(each for one in numbers for each in self._inherited(one, word)))
            for word in sorted(words - {*_MADE_BY})
        }
        return {word: some for word, some in found.items() if some}

    def _functions(self) -> Iterator[tuple[int, Summary]]:
        for number, maker in enumerate(self._makers):
            if maker.kind != "class" and maker.summary is not None:
                yield number, maker.summary

    def _itself(self, one: Summary, number: int) -> set[str]:
        copied = _copied_first(self._makers[number])
        return {text for text in _given(one.changed, one) if text[2:] not in copied}

    def _goes_on(self, number: int, one: Summary) -> bool:
        """Whether it changes more by what it calls than was known."""
        regions = self._regions[number]
        more: set[str] = set()
        for word, owners in one.owners.items():
            for method in self._methods.get(word, ()):
                more |= _given(owners, one) if self._has(method, first=True) else set()
                more |= _given(one.passed, one) if self._has(method, first=False) else set()
        for name in one.reads:
            for each in self._values.get(name, PLAIN).makers:
                is_class = self._makers[each].kind == "class"
                inits = (
                    [init for word in _MADE_BY for init in self._inherited(each, word)] if is_class else []
                )
                if any(self._has(init, first=False) for init in inits) or self._regions.get(each):
                    more |= _given(one.passed, one)
        copied = _copied_first(self._makers[number])
        more = {region for region in more if region[2:] not in copied} - regions
        regions |= more
        return bool(more)

    def _has(self, number: int, *, first: bool) -> bool:
        """Whether a method changes its object, or anything else that it is given."""
        maker = self._makers[number]
        itself = maker.summary.parameters[:1] if maker.summary is not None else ()
        return any((region[2:] in itself) is first for region in self._regions.get(number, ()))

    def _told(self, numbers: Iterable[int]) -> Iterator[Alters]:
        for number in dict.fromkeys(numbers):
            maker = self._makers[number]
            if maker.summary is not None and self._regions.get(number):
                of_object = number in self._of_class
                regions = frozenset(self._regions[number])
                yield Alters(maker.summary.parameters, regions, of_object, is_property(maker.node))

    def _with_bases(self, numbers: Iterable[int]) -> list[int]:
        found = [*numbers]
        for each in found:
            found += (base for base in self._makers[each].bases if base not in found)
        return found

    def _inherited(self, number: int, word: str) -> tuple[int, ...]:
        return next(
            (
                self._makers[one].methods[word]
                for one in self._with_bases([number])
                if word in self._makers[one].methods
            ),
            (),
        )


def _given(regions: Iterable[Region], one: Summary) -> set[str]:
    """Those regions that come by the parameters of a function itself."""
    return {text for text in map(str, regions) if text[:2] in ("p:", "d:") and text[2:] in one.parameters}


def _copied_first(maker: Maker) -> set[str]:
    """Parameters that are tables, of which a function makes a copy before it does anything: `df = df.copy()`."""
    node = maker.node
    found: set[str] = set()
    for statement in node.body if isinstance(node, FUNCTIONS) else ():
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
            continue
        name = _copied(statement)
        if not name:
            break
        found.add(name)
    return {name for name in found if _is_used_as_table(name, node)}


def _copied(statement: ast.stmt) -> str:
    """The name that is given a copy of what it is; empty where a statement does anything else."""
    target = statement.targets[0] if isinstance(statement, ast.Assign) else None
    if not (isinstance(target, ast.Name) and isinstance(statement, ast.Assign)):
        return ""
    chain = chain_of(statement.value.func) if isinstance(statement.value, ast.Call) else None
    return target.id if chain == (target.id, "copy") else ""


def _is_used_as_table(name: str, node: ast.AST) -> bool:
    """Whether columns of it are spoken of, or what only tables have."""
    for part in nodes_of(node):
        owner = part.value if isinstance(part, (ast.Subscript, ast.Attribute)) else None
        if not (isinstance(owner, ast.Name) and owner.id == name):
            continue
        if isinstance(part, ast.Attribute):
            if part.attr in _OF_TABLES:
                return True
        elif isinstance(part, ast.Subscript):
            words = (each.value for each in ast.walk(part.slice) if isinstance(each, ast.Constant))
            if any(isinstance(word, str) for word in words):
                return True
    return False
