"""What the text of a cell or a module says as a whole, before anybody walks it: told once for each tree."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from agi_node.source.needs import FUNCTIONS
from agi_node.source.scopes import bound_names, imports_of
from agi_node.source.tree import Chain, chain_of, nodes_of
from agilab.notebooks.flow.databases import may_write
from agilab.notebooks.flow.loggers import is_calm
from agilab.notebooks.flow.patches import stops
from agilab.notebooks.flow.written import may_be_told


@dataclass
class Facts:
    """Those of one tree.

    Attributes:
        own: Names that it binds, those that functions declare global too.
        own_methods: Methods of its classes.
        imports: By name the full name of what it imports.
        stored: Names that it gives values, anywhere.
        loaded: Names that it reads, anywhere.
        put: Places that it gives something else.
        calm: By name whether all that it is given are configurations of `logging` that let loggers go on.
        in_place: Whether a method may be told to change its owner, by a dict of the text.
        written: Whether a function may be told so what it is to write into.
        sql: Whether a text in it may be a query that writes into a database, or name a file of such.
        stops: Whether it ends patches.
    """

    own: set[str] = field(default_factory=set)
    own_methods: set[str] = field(default_factory=set)
    imports: dict[str, str] = field(default_factory=dict)
    stored: set[str] = field(default_factory=set)
    loaded: set[str] = field(default_factory=set)
    put: set[Chain | None] = field(default_factory=set)
    calm: dict[str, bool] = field(default_factory=dict)
    in_place: bool = False
    written: bool = False
    sql: bool = False
    stops: bool = False


def facts_of(tree: ast.Module) -> Facts:
    found = Facts(own=set(bound_names(tree.body, "")))
    for node in nodes_of(tree):
        if isinstance(node, ast.Name):
            (found.loaded if isinstance(node.ctx, ast.Load) else found.stored).add(node.id)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            found.imports |= _imported(node)
        elif isinstance(node, ast.Global):
            found.own |= set(node.names)
        elif isinstance(node, (ast.Call, ast.Constant)):
            found.in_place |= _says_in_place(node)
            found.sql |= isinstance(node, ast.Constant) and may_write(node)
            found.written |= may_be_told(node)
        elif isinstance(node, ast.Attribute):
            found.stops |= stops(node)
            if isinstance(node.ctx, ast.Store):
                found.put.add(chain_of(node))
        elif isinstance(node, (ast.Dict, ast.Assign)):
            found.written |= may_be_told(node)
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                name = node.targets[0].id
                found.calm[name] = found.calm.get(name, True) and is_calm(node.value)
        elif isinstance(node, ast.ClassDef):
            found.own_methods |= {part.name for part in node.body if isinstance(part, FUNCTIONS)}
    return found


def _says_in_place(node: ast.Call | ast.Constant) -> bool:
    """Whether it is the key of a dict by which a method may be told to change its owner: `dict(inplace=True)`."""
    if isinstance(node, ast.Constant):
        return node.value == "inplace"
    return isinstance(node.func, ast.Name) and any(each.arg == "inplace" for each in node.keywords)


def _imported(node: ast.Import | ast.ImportFrom) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in imports_of(node, ""):
        full = f"{each.module}.{each.name}" if each.name else each.module
        found[each.bound] = each.module.partition(".")[0] if each.top else full
    return found
