"""What one statement does to the names of its text: what it reads at once, binds for sure, changes."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from typing import TypeGuard

from agi_node.source.needs import FUNCTIONS, needs_of
from agi_node.source.scopes import bound_names

CHANGING = frozenset(
    (
        *("append", "extend", "insert", "remove", "pop", "clear", "sort", "reverse", "add", "discard"),
        *("update", "setdefault", "popitem", "fill", "resize", "put", "appendleft", "extendleft", "popleft"),
        *("rotate", "partition", "setflags", "difference_update", "intersection_update", "subtract"),
        *("symmetric_difference_update", "move_to_end", "itemset", "byteswap", "setfield"),
    )
)
"""Methods of Python's own collections and of arrays that change what they are called on."""


def imported(statements: Iterable[Iterable[ast.AST]]) -> Iterator[tuple[str, str]]:
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


def modules_imported(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """The modules that these import; Python's own are left out, which do not ask for much when they are imported."""
    for node in nodes:
        names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module]
        yield from (name for name in names if name.partition(".")[0] not in sys.stdlib_module_names)


def branches(node: ast.stmt) -> bool:
    """Whether only a part of what stands in it runs."""
    return isinstance(node, (ast.If, ast.Try))


def needed_now(body: Iterable[ast.stmt], annotations: bool) -> frozenset[str]:
    """Names that statements read when they run and have not bound themselves by then."""
    found: set[str] = set()
    bound: set[str] = set()
    for node in body:
        if isinstance(node, ast.If):
            needs = needs_of(node.test).now.union(
                *(needed_now(way, annotations) for way in (node.body, node.orelse))
            )
        elif isinstance(node, ast.Try):
            caught = [handler.type for handler in node.handlers if handler.type is not None]
            ways = [[*node.body, *node.orelse], node.finalbody, *(handler.body for handler in node.handlers)]
            needs = needs_of(*caught).now.union(*(needed_now(way, annotations) for way in ways))
        else:
            needs = needs_of(node, annotations=annotations).now
        found |= needs - bound
        bound |= {name for name in bound_names([node], "") if binds_always(node, name)}
    return frozenset(found)


def binds_always(node: ast.stmt, name: str) -> bool:
    """Whether a statement that can be taken, and binds a name, does so on each of its paths."""
    if isinstance(node, ast.If):
        return all(any(binds_always(one, name) for one in way) for way in (node.body, node.orelse))
    if isinstance(node, ast.Try):
        ways = ([*node.body, *node.orelse], *(handler.body for handler in node.handlers))
        always = all(any(binds_always(one, name) for one in way) for way in ways)
        return always or any(binds_always(one, name) for one in node.finalbody)
    return not isinstance(node, ast.Pass) and name in bound_names([node], "")


def is_plain(target: ast.expr) -> bool:
    """Whether an assignment to it binds names and does nothing else."""
    if isinstance(target, (ast.Tuple, ast.List)):
        return all(map(is_plain, target.elts))
    return isinstance(target, ast.Name) or (isinstance(target, ast.Starred) and is_plain(target.value))


def defines(node: ast.stmt) -> bool:
    """Whether it is a function or a class."""
    return isinstance(node, (*FUNCTIONS, ast.ClassDef))


def is_future(node: ast.stmt) -> TypeGuard[ast.ImportFrom]:
    """Whether it says how its text is to be compiled."""
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"


def makes_lazy(node: ast.stmt) -> bool:
    """Whether annotations of its text are not evaluated."""
    return is_future(node) and any(each.name == "annotations" for each in node.names)


def names_changed(root: ast.stmt, nodes: Iterable[ast.AST]) -> set[str]:
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
    if found and defines(root):  # their own names are none of the outside
        needs = needs_of(root)
        found &= needs.now | needs.later
    return found | far


def _root(node: ast.expr) -> str | None:
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None
