"""Names that a piece of code uses and nothing gives, by the scopes of its symbol table."""

from __future__ import annotations

import ast
import builtins
import symtable
from collections.abc import Iterator

from agi_node.source.scopes import bound_names
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
        what = f"uses the name {name!r}, which nothing gives"
        mend = f"add {name!r} to the inputs of the stage, or ask again"
        yield Finding("ASK-002", "error", lines.get(name, 1), what, mend)
    for name, line in _too_early(tree, given | _GIVEN | set(dir(builtins))).items():
        if name not in unknown:
            what = f"uses the name {name!r} where nothing has given it yet, or nothing does any more"
            yield Finding("ASK-002", "error", line, what, "ask again, or mend it by hand")


def _too_early(tree: ast.Module, there: set[str]) -> dict[str, int]:
    """Names that a line outside of functions reads while they have no value, each with the first such line.

    A block counts as having given all that it may give.
    """
    found: dict[str, int] = {}
    has = set(there)
    for statement in tree.body:
        reads, stores = _reads(statement), bound_names([statement], "")
        simple = isinstance(statement, ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Expr | ast.Delete)
        if isinstance(statement, ast.AugAssign) and isinstance(statement.target, ast.Name):
            reads.setdefault(statement.target.id, statement.lineno)
        walrus = any(isinstance(node, ast.NamedExpr) for node in ast.walk(statement))
        for name, line in reads.items():
            if name not in has and (name not in stores or (simple and not walrus)):
                found.setdefault(name, line)
        has |= stores.keys()
        if isinstance(statement, ast.Delete):
            has -= {one.id for one in statement.targets if isinstance(one, ast.Name)}
        elif isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            has |= {
                name for node in ast.walk(statement) if isinstance(node, ast.Global) for name in node.names
            }
    return found


def _reads(statement: ast.stmt) -> dict[str, int]:
    """The names that a statement reads at once, each with its first line: not those of functions and classes in it."""
    found: dict[str, int] = {}
    todo: list[tuple[ast.AST, frozenset[str]]] = [(statement, frozenset())]
    while todo:
        node, own = todo.pop()
        if isinstance(node, ast.Lambda | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            todo += [(each, own) for each in getattr(node, "decorator_list", ())]
            continue
        if isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            own |= bound_names([each.target for each in node.generators], "").keys()
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id not in own:
            found[node.id] = min(node.lineno, found.get(node.id, node.lineno))
        todo += [(each, own) for each in ast.iter_child_nodes(node)]
    return found


def _scopes(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    yield table
    for child in table.get_children():
        yield from _scopes(child)


def _made_global(table: symtable.SymbolTable) -> set[str]:
    return {s.get_name() for s in table.get_symbols() if s.is_declared_global() and s.is_assigned()}
