"""What the text of a module says of what it holds, without anybody asking what its calls do."""

from __future__ import annotations

import ast

from agi_node.source.tree import chain_of, nodes_of
from agilab.notebooks.flow.memories import is_in_memory


def bases_of(tree: ast.Module) -> dict[str, set[str]]:
    """By class of a module: itself and its bases, and theirs, as the module names them."""
    found: dict[str, set[str]] = {}
    for node in (node for node in tree.body if isinstance(node, ast.ClassDef)):
        named = {".".join(chain) for base in node.bases if (chain := chain_of(base)) is not None}
        found[node.name] = {node.name, *named}.union(*(found.get(each, ()) for each in named))
    return found


def libraries_of(tree: ast.Module) -> frozenset[str]:
    """The first parts of the names of what a module imports, wherever that stands."""
    found = {each.name for node in nodes_of(tree) if isinstance(node, ast.Import) for each in node.names}
    found |= {node.module for node in nodes_of(tree) if isinstance(node, ast.ImportFrom) and node.module}
    return frozenset(one.partition(".")[0] for one in found)


def collected_in(tree: ast.Module) -> set[str]:
    """Classes that are asked which others have been made of them: `Shape.__subclasses__()`."""
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    asked = [
        part for part in nodes_of(tree) if isinstance(part, ast.Attribute) and part.attr == "__subclasses__"
    ]
    names = {part.value.id for part in asked if isinstance(part.value, ast.Name)}
    within = {one.name for one in classes if any(part in asked for part in nodes_of(one))}
    found = (names & {one.name for one in classes}) | within
    return found if found or not asked else {one.name for one in classes}


def in_memory(tree: ast.Module) -> set[str]:
    """Names for connections to what is in the memory of the process, or never gets from it into the file."""
    return {
        target.id
        for node in tree.body
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and isinstance(node.value, ast.Call)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
        and (is_in_memory(node.value) or _is_uncommitted(target.id, node.value, tree))
    }


def _is_uncommitted(name: str, call: ast.Call, tree: ast.Module) -> bool:
    """Whether a module opens a file of SQLite and never says that what it changes is to be kept."""
    if ast.unparse(call.func) != "sqlite3.connect":
        return False
    if any(one.arg in ("isolation_level", "autocommit", None) for one in call.keywords):
        return False
    kept = (part for part in nodes_of(tree) if isinstance(part, ast.withitem))
    by_with = any(isinstance(one.context_expr, ast.Name) and one.context_expr.id == name for one in kept)
    return not by_with and "commit" not in words_of(tree)


def words_of(node: ast.AST) -> set[str]:
    names = {part.id for part in nodes_of(node) if isinstance(part, ast.Name)}
    return names | {part.attr for part in nodes_of(node) if isinstance(part, ast.Attribute)}


def loggers_of(tree: ast.Module) -> set[str]:
    """Names for loggers, of which there is one by each name in any process."""
    calls = ((node.targets[0], node.value) for node in tree.body if isinstance(node, ast.Assign))
    return {
        target.id
        for target, call in calls
        if isinstance(target, ast.Name)
        and isinstance(call, ast.Call)
        and "getLogger" in ast.unparse(call.func)
    }
