"""Values that may be, or hold, what a notebook's own modules define: to read one back a stage needs these modules.

A pickle names a class or a function by its module. Where that lies beside the notebook it is found; where it is a file
that stages take, whoever takes such a value has to take it too.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from agi_node.source.tree import Unreadable, nodes_of, parse
from agilab.notebooks.flow.model import CellFlow
from agilab.notebooks.flow.notebook import Flows
from agilab.notebooks.flow.values import Value
from agilab.notebooks.modules.written_modules import Modules, tops_of

_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_MAKES_CLASSES = frozenset({"namedtuple", "make_dataclass", "NamedTuple", "Enum", "new_class", "type"})
_NONE: frozenset[str] = frozenset()


@dataclass(frozen=True)
class _Statement:
    """A statement of a cell.

    Attributes:
        reads: Names that it mentions.
        fills: Names that may hold some of that afterwards.
        tops: The first parts of the names of own modules of which it may make something.
    """

    reads: frozenset[str]
    fills: frozenset[str]
    tops: frozenset[str]


def held_by_names(flows: Flows, modules: Modules, texts: Mapping[str, str]) -> dict[str, frozenset[str]]:
    """By name of the notebook the first parts of such modules of which it may hold something that they define.

    Told by what stands in one statement with what: neither the order of cells counts nor what a call does.

    Args:
        flows: Of the notebook's cells.
        modules: Those that are files which stages take.
        texts: The texts of its own modules, by full name.
    """
    if not modules:
        return {}
    gives = any(map(_gives_definitions, texts.values()))
    statements = [
        one
        for flow, source in zip(flows.cells, flows.sources, strict=True)
        for one in _statements(flow, source, modules, gives=gives)
    ]
    found: dict[str, frozenset[str]] = {}
    before = None
    while found != before:
        before = dict(found)
        for one in statements:
            tops = one.tops.union(*(found.get(name, _NONE) for name in one.reads))
            found |= {name: found.get(name, _NONE) | tops for name in one.fills if tops}
    return found


def may_hold(value: Value) -> bool:
    """Whether a value may be, or hold, an object of a class that the text does not say.

    >>> may_hold(Value()), may_hold(Value(kind="table")), may_hold(Value(kind="list"))
    (True, False, False)
    """
    if value.kind in ("list", "tuple"):
        return may_hold(value.inside())
    return value.kind not in ("plain", "table", "figure")


def _statements(flow: CellFlow, source: str, modules: Modules, *, gives: bool) -> Iterator[_Statement]:
    """`gives`: whether what a call of an own module gives may be of what these define."""
    own = {name: top for name, full in flow.modules.items() if (top := full.partition(".")[0]) in modules}
    held = {name for name, value in flow.values.items() if name not in flow.modules and may_hold(value)}
    for node in _body(source):
        if isinstance(node, ast.Import | ast.ImportFrom):
            continue
        parts = list(nodes_of(node))
        names = {part.id for part in parts if isinstance(part, ast.Name)}
        wanted = names if gives else {base for base, last in _uncalled(parts) if not last.isupper()}
        tops = {own[name] for name in wanted & own.keys()}
        tops |= {top for part in parts for top in tops_of(part) if gives and top in modules}
        fills = {node.name} if isinstance(node, _Definition) else names
        yield _Statement(frozenset(names & held), frozenset(fills & held), frozenset(tops))


def _gives_definitions(text: str) -> bool:
    """Whether a module defines classes, or names a function other than to call it."""
    parts = [part for node in _body(text) for part in nodes_of(node)]
    functions = {part.name for part in parts if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef)}
    named = {part.id if isinstance(part, ast.Name) else "" for part in parts}
    named |= {part.attr for part in parts if isinstance(part, ast.Attribute)}
    return (
        any(isinstance(part, ast.ClassDef) for part in parts)
        or not named.isdisjoint(_MAKES_CLASSES)
        or any(last in functions for _, last in _uncalled(parts))
    )


def _uncalled(parts: Iterable[ast.AST]) -> Iterator[tuple[str, str]]:
    """Of names that are mentioned other than to call them: the first part and the last."""
    parts = list(parts)
    inner = {id(part.func) for part in parts if isinstance(part, ast.Call)}
    inner |= {id(part.value) for part in parts if isinstance(part, ast.Attribute)}
    for part in parts:
        if id(part) in inner or not isinstance(part, ast.Name | ast.Attribute):
            continue
        last = part.id if isinstance(part, ast.Name) else part.attr
        base: ast.expr = part
        while isinstance(base, ast.Attribute):
            base = base.value
        if isinstance(base, ast.Name):
            yield base.id, last


def _body(source: str) -> list[ast.stmt]:
    try:
        return parse(source.encode("utf-8", "surrogatepass")).body
    except (Unreadable, ValueError):
        return []
