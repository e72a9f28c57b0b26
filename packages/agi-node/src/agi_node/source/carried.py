"""What another stage can take from the text of one, by name: imports, functions, classes and constants.

`carried(text, ["area"])` keeps the function `area` and, of the same text, what that needs, and blanks the rest, so that
a traceback still shows the right line. Nothing is run.

A statement can be taken if running it again elsewhere gives the same thing: `import` and `from … import`; `def` and
`class`; an assignment of plain names from an expression that calls nothing, or only what is known to be pure
(`Path("data")`, `timedelta(days=1)`, `re.compile(…)`); and `if` or `try` around nothing but these. A name means what
the last statement that binds it says; where this is no such statement, or something is done to what it holds later on
(`x += 1`, `x[0] = …`, `x.append(…)`), it cannot be taken. An import can, whatever is configured through it: that does
not come along. What comes along with an import is how the environment variables stood, as far as the text sets them to
constants above the first import of the same module: that is what the module may read when it is imported.
"""

from __future__ import annotations

import ast
import builtins
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from operator import attrgetter
from typing import Literal, NamedTuple

from agi_node.source.environment import SPOKEN, environment_needs, sets_environment
from agi_node.source.needs import FUNCTIONS, Needs, needs_of
from agi_node.source.pure import is_constant
from agi_node.source.scopes import bound_names, defaults
from agi_node.source.statement import (
    binds_always,
    branches,
    defines,
    imported,
    is_future,
    is_plain,
    makes_lazy,
    modules_imported,
    names_changed,
    needed_now,
)
from agi_node.source.tree import nodes_of, text_of

_PYTHONS_OWN = frozenset(dir(builtins)) | {"__file__", "__builtins__", "__annotations__"}


@dataclass(frozen=True)
class Carried:
    """The statements found.

    Attributes:
        text: The source with everything else blanked: as many lines as before, each statement on its own ones. Empty
            where nothing was found.
        found: The names that were asked for and are in `text`.
        missing: Names that were asked for, or that statements of `text` need, and that are in no such statement of this
            source: whoever runs `text` must have them from elsewhere. Python's own names are never among them.
        before: Those of `missing` that must be there before `text` runs; the others are needed when functions of it are
            called.
    """

    found: frozenset[str]
    missing: frozenset[str]
    before: frozenset[str]
    _write: Callable[[], str] = field(repr=False, compare=False)

    @cached_property
    def text(self) -> str:
        """See above; written when it is asked for, for it is as long as the source however little of it is taken."""
        return self._write()


def carried(source: str, names: Collection[str]) -> Carried:
    """The statements of `source` that bind `names`, with what of this source they need themselves, over and over.

    What a statement needs when it runs (decorators, defaults, bases, the value of a constant) is taken as it stood
    there; what a function needs when it is called, as the source leaves it. Raises SyntaxError where `source` is not
    Python.

    >>> taken = carried("import math; load()\\nTURN = 2 * math.pi\\ndef arc(r):\\n    return r * TURN * x", ["arc"])
    >>> print(taken.text)
    import math
    TURN = 2 * math.pi
    def arc(r):
        return r * TURN * x
    >>> sorted(taken.found), sorted(taken.missing)
    (['arc'], ['x'])
    """
    return Statements(source).take(names)


class _Event(NamedTuple):
    """The statement `at` binds a name, or does something to what it holds."""

    at: int
    kind: Literal["taken", "joined", "other"]
    """taken: it can be taken; joined: the same, together with what was there before (`import a.b` adds to `a`, and an
    `if` may leave all as it was)."""


class _Reach(NamedTuple):
    """What one statement brings with it; sets as the bits of whole numbers, for a chain of n statements has n of them.

    Attributes:
        statements: It, and those that it needs when it runs, over and over.
        now: Names that these need when they run and that no statement of the source gives.
        later: Names that functions among them need when they are called.
    """

    statements: int
    now: int
    later: int


class Statements:
    """The statements of one source, read once for as many questions as there are.

    `lazy` says that annotations are not evaluated because of a `from __future__ import annotations` in an earlier text;
    one in this text is seen.
    """

    def __init__(self, source: str, *, lazy: bool = False) -> None:
        self._lines = source.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        try:
            self._body = ast.parse("\n".join(self._lines)).body
        except ValueError as error:  # NUL bytes, where Python says so in this way
            raise SyntaxError(str(error)) from None
        self._annotations = not lazy and not any(map(makes_lazy, self._body))
        self._nodes = [list(nodes_of(node)) for node in self._body]
        self._imports = dict(imported(self._nodes))
        bound = [bound_names([node], "") for node in self._body]
        self._bound = frozenset[str]().union(*bound)
        changed = [
            names_changed(node, nodes) | _by_exec(nodes, self._bound)
            for node, nodes in zip(self._body, self._nodes, strict=True)
        ]
        inside = (each for node, each in zip(self._body, changed, strict=True) if defines(node))
        self._states = frozenset[str]().union(*inside) - self._imports.keys()
        self._events: dict[str, list[_Event]] = {}
        for at, node in enumerate(self._body):
            for name, kind in self._happens(node, bound[at], changed[at]):
                self._events.setdefault(name, []).append(_Event(at, kind))
        self._sets = [
            at
            for at, node in enumerate(self._body if any(word in source for word in SPOKEN) else ())
            if sets_environment(node, self._imports, self._is_constant)
        ]
        self._first_imports: dict[str, int] = {}
        self._known: dict[tuple[str, int], tuple[int, ...]] = {}
        self._needs: dict[int, Needs] = {}
        self._reaches: list[_Reach] = []
        self._names: list[str] = []
        self._bit: dict[str, int] = {}

    @cached_property
    def names(self) -> frozenset[str]:
        """Names that can be taken as the source leaves them."""
        self._read()
        return frozenset(name for name in self._events if self._means(name, len(self._body)))

    def take(self, names: Collection[str]) -> Carried:
        """As `carried`."""
        self._read()
        end = len(self._body)
        chosen = first = last = seen = 0
        wanted = list(names)
        while wanted:
            name = wanted.pop()
            statements = self._means(name, end)
            if not statements:
                last |= self._bits([name])
            for at in statements:
                if not chosen >> at & 1:
                    reach = self._reaches[at]
                    chosen |= reach.statements
                    first |= reach.now
                    wanted += self._named(reach.later & ~seen)
                    seen |= reach.later
        asked = frozenset(names)
        before = frozenset(name for name in self._named(first) if self._is_missing(name, asked))
        missing = before.union(name for name in self._named(last) if self._is_missing(name, asked))
        found = frozenset(name for name in asked if self._means(name, end))
        return Carried(found, missing, before, lambda: self._text(chosen))

    def _is_missing(self, name: str, asked: frozenset[str]) -> bool:
        """Whether a name that no statement gives has to come from elsewhere."""
        return name not in _PYTHONS_OWN or name in self._events or name in asked

    def _read(self) -> None:
        """Note what every statement brings with it, from the first on: each needs only what stands above it."""
        for at in range(len(self._reaches), len(self._body)):
            needs = self._needs_of(at)
            statements, now, later = 1 << at, 0, self._bits(needs.later)
            above: list[int] = [*self._stands_before(at)] if self._sets else []
            for name in needs.now:
                given = self._means(name, at)
                if not given:
                    now |= self._bits([name])
                above += given
            for other in above:
                reach = self._reaches[other]
                statements, now, later = (
                    statements | reach.statements,
                    now | reach.now,
                    later | reach.later,
                )
            self._reaches.append(_Reach(statements, now, later))

    def _stands_before(self, at: int) -> Iterator[int]:
        """What an import is taken with: the first one of the same module, and the environment as it was there."""
        if defines(self._body[at]):
            return
        for module in modules_imported(self._nodes[at]):
            first = self._first_imports.setdefault(module, at)
            if first != at and self._can_be_taken(self._body[first]):
                yield first
            else:
                yield from (one for one in self._sets if one < first and self._can_be_set(one))

    def _can_be_set(self, at: int) -> bool:
        """Whether a setting of the environment has what it needs wherever it is taken."""
        needs = environment_needs(self._needs_of(at).now - _PYTHONS_OWN, self._imports)
        return all(self._means(name, at) for name in needs)

    def _bits(self, names: Iterable[str]) -> int:
        found = 0
        for name in names:
            if name not in self._bit:
                self._bit[name] = len(self._names)
                self._names.append(name)
            found |= 1 << self._bit[name]
        return found

    def _named(self, bits: int) -> Iterator[str]:
        return (self._names[number] for number in _places(bits))

    def _means(self, name: str, before: int) -> tuple[int, ...]:
        """The statements that give `name` its meaning just before the statement `before`; none where others do."""
        key = (name, before)
        if key not in self._known:
            self._known[key] = ()  # what needs itself first has no meaning
            self._known[key] = self._found(name, before)
        return self._known[key]

    def _found(self, name: str, before: int) -> tuple[int, ...]:
        taken: list[int] = []
        events = self._events.get(name, [])
        if name in self._states:
            return ()
        for number in reversed(range(bisect_left(events, before, key=attrgetter("at")))):
            event = events[number]
            if event.kind == "other" or any(
                self._is_bound(need, event.at) and not self._means(need, event.at)
                for need in self._needs_of(event.at).now
            ):
                return ()
            taken.append(event.at)
            if event.kind == "taken":
                break
        return tuple(taken)

    def _is_bound(self, name: str, before: int) -> bool:
        events = self._events.get(name)
        return events is not None and events[0].at < before

    def _needs_of(self, at: int) -> Needs:
        if at not in self._needs:
            node = self._body[at]
            needs = needs_of(node, annotations=self._annotations)
            now = needed_now([node], self._annotations) if branches(node) else needs.now
            self._needs[at] = Needs(now, needs.later)
        return self._needs[at]

    def _happens(
        self, node: ast.stmt, bound: Collection[str], changed: Collection[str]
    ) -> Iterator[tuple[str, Literal["taken", "joined", "other"]]]:
        can = bool(bound) and self._can_be_taken(node)
        for name in bound:
            if isinstance(node, ast.Import) and any(
                each.asname is None and each.name.startswith(f"{name}.") for each in node.names
            ):
                yield name, "joined"
            elif can:
                yield name, "taken" if not branches(node) or binds_always(node, name) else "joined"
            else:
                yield name, "other"
        for name in changed:
            if name not in self._imports:
                yield name, "other"

    def _can_be_taken(self, node: ast.stmt) -> bool:
        if isinstance(node, ast.ImportFrom):
            return node.names[0].name != "*"
        if isinstance(node, (ast.Import, ast.ClassDef)) or type(node).__name__ == "TypeAlias":
            return True
        if isinstance(node, FUNCTIONS):
            return all(self._is_constant(value) for value in defaults(node.args))
        if isinstance(node, ast.Assign):
            return all(map(is_plain, node.targets)) and self._is_constant(node.value)
        if isinstance(node, ast.AnnAssign):
            return (
                isinstance(node.target, ast.Name) and node.value is not None and self._is_constant(node.value)
            )
        if isinstance(node, ast.If):
            return self._is_constant(node.test) and self._all([*node.body, *node.orelse])
        if isinstance(node, ast.Try):
            handled = [part for handler in node.handlers for part in handler.body]
            return self._all([*node.body, *handled, *node.orelse, *node.finalbody])
        return False

    def _all(self, body: Iterable[ast.stmt]) -> bool:
        return all(isinstance(node, ast.Pass) or self._can_be_taken(node) for node in body)

    def _is_constant(self, value: ast.expr) -> bool:
        return is_constant(value, self._imports, self._bound)

    def _text(self, chosen: int) -> str:
        """Those statements, and above them how the text is to be compiled."""
        if not chosen:
            return ""
        chosen |= sum(1 << at for at, node in enumerate(self._body) if is_future(node))
        lines: list[str] = [""] * len(self._lines)
        last = 0
        for at in _places(chosen):
            node = self._body[at]
            first = min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", ()))])
            end = node.end_lineno or first
            for number in range(first, end + 1):
                text = self._lines[number - 1].encode("utf-8", "surrogatepass")  # columns are bytes
                begin = node.col_offset if number == node.lineno else 0
                part = text[begin : node.end_col_offset if number == end else None]
                lines[number - 1] += ("; " if number == last else "") + part.decode("utf-8", "surrogatepass")
            last = end
        return "\n".join(lines)


def _by_exec(nodes: Sequence[ast.AST], bound: frozenset[str]) -> frozenset[str]:
    """The names that a statement may change by running text: those that stand in it, any where it is computed."""
    found: frozenset[str] = frozenset()
    for node in nodes:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "exec":
            text = text_of(node.args[0]) if node.args else None
            try:
                body = [] if text is None else ast.parse(text).body
                said = {one.id for each in body for one in nodes_of(each) if isinstance(one, ast.Name)}
                found |= bound if text is None else said | bound_names(body, "").keys()
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                found |= bound
    return found


def _places(bits: int) -> Iterator[int]:
    """Which bits are set, from the lowest up."""
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest
