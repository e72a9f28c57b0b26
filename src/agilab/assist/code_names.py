"""Names that a piece of code uses and nothing gives, by the scopes of its symbol table."""

from __future__ import annotations

import ast
import builtins
import symtable
from collections.abc import Iterator

from agilab.assist.findings import Finding

_GIVEN = {"run", "display", "__name__", "__file__", "__doc__", "__builtins__"}


def unknown_names(code: str, tree: ast.Module, given: set[str]) -> Iterator[Finding]:
    """A finding for each name that is neither bound anywhere in the code, nor given, nor built in."""
    if any(isinstance(node, ast.ImportFrom) and node.names[0].name == "*" for node in ast.walk(tree)):
        return  # what a star brings is known only to whoever runs it
    table = symtable.symtable(code, "<stage>", "exec")
    there = {
        symbol.get_name() for symbol in table.get_symbols() if symbol.is_assigned() or symbol.is_imported()
    }
    there |= {name for one in _scopes(table) for name in _made_global(one)}
    there |= {child.get_name() for child in table.get_children()}
    there |= given | _GIVEN | set(dir(builtins))
    unknown = {
        symbol.get_name()
        for one in _scopes(table)
        for symbol in one.get_symbols()
        if symbol.is_referenced() and (one is table or symbol.is_global()) and symbol.get_name() not in there
    }
    lines = {
        node.id: node.lineno
        for node in sorted((n for n in ast.walk(tree) if isinstance(n, ast.Name)), key=lambda n: -n.lineno)
    }
    for name in sorted(unknown):
        yield Finding(
            "ASK-002",
            "error",
            lines.get(name, 1),
            f"uses the name {name!r}, which nothing gives",
            f"add {name!r} to the inputs of the stage, or ask again",
        )


def _scopes(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    yield table
    for child in table.get_children():
        yield from _scopes(child)


def _made_global(table: symtable.SymbolTable) -> set[str]:
    return {s.get_name() for s in table.get_symbols() if s.is_declared_global() and s.is_assigned()}
