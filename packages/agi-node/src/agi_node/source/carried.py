"""What another stage can take from the text of one, by name: imports, functions, classes and constants.

`carried(text, ["area"])` keeps the function `area` and, of the same text, what that needs, and blanks the rest, so that
a traceback still shows the right line. Nothing is run.

A statement can be taken if running it again elsewhere gives the same thing: `import` and `from … import`; `def` and
`class`; an assignment of plain names from an expression that calls nothing, or only what is known to be pure
(`Path("data")`, `timedelta(days=1)`, `re.compile(…)`); and `if` or `try` around nothing but these. A name means what
the last statement that binds it says; where this is no such statement, or something is done to what it holds later on
(`x += 1`, `x[0] = …`, `x.append(…)`), it cannot be taken. An import can, whatever is configured through it: that does
not come along.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

from agi_node.source.needs import FUNCTIONS, Needs, needs_of
from agi_node.source.pure import is_constant
from agi_node.source.scopes import bound_names, defaults
from agi_node.source.tree import nodes_of

_PYTHONS_OWN = frozenset(dir(builtins)) | {"__file__", "__builtins__", "__annotations__"}

CHANGING = frozenset(
    (
        *("append", "extend", "insert", "remove", "pop", "clear", "sort", "reverse", "add", "discard"),
        *("update", "setdefault", "popitem", "fill", "resize", "put", "appendleft", "extendleft", "popleft"),
        *("rotate", "partition", "setflags", "difference_update", "intersection_update", "subtract"),
        *("symmetric_difference_update", "move_to_end", "itemset", "byteswap", "setfield"),
    )
)
"""Methods of Python's own collections and of arrays that change what they are called on."""


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

    text: str
    found: frozenset[str]
    missing: frozenset[str]
    before: frozenset[str] = frozenset()


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
        self._annotations = not lazy and not any(map(_makes_lazy, self._body))
        self._nodes = [list(nodes_of(node)) for node in self._body]
        self._imports = dict(_imports(self._nodes))
        bound = [bound_names([node], "") for node in self._body]
        self._bound = frozenset[str]().union(*bound)
        changed = [_changed(*each) for each in zip(self._body, self._nodes, strict=True)]
        inside = (each for node, each in zip(self._body, changed, strict=True) if _defines(node))
        self._states = frozenset[str]().union(*inside) - self._imports.keys()
        self._events: dict[str, list[_Event]] = {}
        for at, node in enumerate(self._body):
            for name, kind in self._happens(node, bound[at], changed[at]):
                self._events.setdefault(name, []).append(_Event(at, kind))
        self._known: dict[tuple[str, int], tuple[int, ...]] = {}
        self._needs: dict[int, Needs] = {}

    @cached_property
    def names(self) -> frozenset[str]:
        """Names that can be taken as the source leaves them."""
        return frozenset(name for name in self._events if self._means(name, len(self._body)))

    def take(self, names: Collection[str]) -> Carried:
        """As `carried`."""
        end = len(self._body)
        chosen: set[int] = set()
        missing: set[str] = set()
        first: set[str] = set()
        wanted = [(name, end) for name in names]
        seen: set[tuple[str, int]] = set()
        while wanted:
            name, before = wanted.pop()
            if (name, before) in seen:
                continue
            seen.add((name, before))
            statements = self._means(name, before)
            if not statements and (name not in _PYTHONS_OWN or name in self._events or name in names):
                missing.add(name)
                if before < end:
                    first.add(name)
            for at in statements:
                if at not in chosen:
                    chosen.add(at)
                    wanted += [(each, at) for each in self._needs_of(at).now]
                    wanted += [(each, end) for each in self._needs_of(at).later]
        found = frozenset(name for name in names if self._means(name, end))
        if chosen:
            chosen |= {at for at, node in enumerate(self._body) if _is_future(node)}
        return Carried(self._text(sorted(chosen)), found, frozenset(missing), frozenset(first))

    def _means(self, name: str, before: int) -> tuple[int, ...]:
        """The statements that give `name` its meaning just before the statement `before`; none where others do."""
        key = (name, before)
        if key not in self._known:
            self._known[key] = ()  # what needs itself first has no meaning
            self._known[key] = self._found(name, before)
        return self._known[key]

    def _found(self, name: str, before: int) -> tuple[int, ...]:
        taken: list[int] = []
        if name in self._states:
            return ()
        for event in reversed([event for event in self._events.get(name, ()) if event.at < before]):
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
        return any(event.at < before for event in self._events.get(name, ()))

    def _needs_of(self, at: int) -> Needs:
        if at not in self._needs:
            node = self._body[at]
            needs = needs_of(node, annotations=self._annotations)
            now = _now([node], self._annotations) if _branches(node) else needs.now
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
                yield name, "taken" if not _branches(node) or _binds_always(node, name) else "joined"
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
            return all(map(_is_plain, node.targets)) and self._is_constant(node.value)
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

    def _text(self, chosen: Iterable[int]) -> str:
        lines: list[str] = [""] * len(self._lines)
        last = 0
        for at in chosen:
            node = self._body[at]
            first = min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", ()))])
            end = node.end_lineno or first
            for number in range(first, end + 1):
                text = self._lines[number - 1].encode("utf-8", "surrogatepass")  # columns are bytes
                begin = node.col_offset if number == node.lineno else 0
                part = text[begin : node.end_col_offset if number == end else None]
                lines[number - 1] += ("; " if number == last else "") + part.decode("utf-8", "surrogatepass")
            last = end
        return "\n".join(lines) if last else ""


def _imports(statements: Iterable[Iterable[ast.AST]]) -> Iterator[tuple[str, str]]:
    """What the imports of a text bind, with the full name of each."""
    for nodes in statements:
        for node in nodes:
            if isinstance(node, ast.Import):
                for each in node.names:
                    top = each.name.partition(".")[0]
                    yield (each.asname, each.name) if each.asname else (top, top)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                for each in node.names:
                    yield each.asname or each.name, f"{node.module}.{each.name}"


def _branches(node: ast.stmt) -> bool:
    return isinstance(node, (ast.If, ast.Try))


def _now(body: Iterable[ast.stmt], annotations: bool) -> frozenset[str]:
    """Names that statements read when they run and have not bound themselves by then."""
    found: set[str] = set()
    bound: set[str] = set()
    for node in body:
        if isinstance(node, ast.If):
            needs = needs_of(node.test).now.union(
                *(_now(way, annotations) for way in (node.body, node.orelse))
            )
        elif isinstance(node, ast.Try):
            caught = [handler.type for handler in node.handlers if handler.type is not None]
            ways = [[*node.body, *node.orelse], node.finalbody, *(handler.body for handler in node.handlers)]
            needs = needs_of(*caught).now.union(*(_now(way, annotations) for way in ways))
        else:
            needs = needs_of(node, annotations=annotations).now
        found |= needs - bound
        bound |= {name for name in bound_names([node], "") if _binds_always(node, name)}
    return frozenset(found)


def _binds_always(node: ast.stmt, name: str) -> bool:
    """Whether a statement that can be taken, and binds a name, does so on each of its paths."""
    if isinstance(node, ast.If):
        return all(any(_binds_always(one, name) for one in way) for way in (node.body, node.orelse))
    if isinstance(node, ast.Try):
        ways = ([*node.body, *node.orelse], *(handler.body for handler in node.handlers))
        always = all(any(_binds_always(one, name) for one in way) for way in ways)
        return always or any(_binds_always(one, name) for one in node.finalbody)
    return not isinstance(node, ast.Pass) and name in bound_names([node], "")


def _is_plain(target: ast.expr) -> bool:
    if isinstance(target, (ast.Tuple, ast.List)):
        return all(map(_is_plain, target.elts))
    return isinstance(target, ast.Name) or (isinstance(target, ast.Starred) and _is_plain(target.value))


def _defines(node: ast.stmt) -> bool:
    return isinstance(node, (*FUNCTIONS, ast.ClassDef))


def _is_future(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"


def _makes_lazy(node: ast.stmt) -> bool:
    return _is_future(node) and any(each.name == "annotations" for each in node.names)  # type: ignore[attr-defined]


def _changed(root: ast.stmt, nodes: Iterable[ast.AST]) -> set[str]:
    """Names to whose value something is done, by item, attribute or method, and what functions declare `global`."""
    found: set[str] = set()
    far: set[str] = set()
    for node in nodes:
        name: str | None = None
        if isinstance(node, (ast.Attribute, ast.Subscript)):
            if not isinstance(node.ctx, ast.Load) or (
                isinstance(node, ast.Attribute) and node.attr in CHANGING
            ):
                name = _root(node)
        elif isinstance(node, ast.Global):
            far.update(node.names)
        if name:
            found.add(name)
    if found and _defines(root):  # their own names are none of the outside
        needs = needs_of(root)
        found &= needs.now | needs.later
    return found | far


def _root(node: ast.expr) -> str | None:
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None
