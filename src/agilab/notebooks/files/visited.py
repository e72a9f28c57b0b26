"""Folders that code works in for the time of a `with`: `with contextlib.chdir("data"):`, or a manager of one's own."""

from __future__ import annotations

import ast
import posixpath
from collections.abc import Iterable

from agi_node.source.tree import chain_of

VISITS = "contextlib.chdir"


def managers(trees: Iterable[ast.AST]) -> frozenset[str]:
    """The functions that change the folder for a `with`, and go back: one parameter, and a `chdir` to it first.

    >>> text = "@contextmanager\\ndef cd(p):\\n    o = getcwd()\\n    chdir(p)\\n    yield\\n    chdir(o)"
    >>> managers([ast.parse(text)])
    frozenset({'cd'})
    """
    return frozenset(
        node.name
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and _is_manager(node) and _goes_to_its_parameter(node)
    )


def _is_manager(node: ast.FunctionDef) -> bool:
    chains = [chain_of(one) for one in node.decorator_list]
    return any(chain is not None and chain[-1] == "contextmanager" for chain in chains)


def _goes_to_its_parameter(node: ast.FunctionDef) -> bool:
    ways = [
        one.args[0]
        for one in ast.walk(node)
        if isinstance(one, ast.Call) and one.args and (chain_of(one.func) or ("",))[-1] == "chdir"
    ]
    if len(node.args.args) != 1 or len(ways) != 2:
        return False
    named = [{part.id for part in ast.walk(way) if isinstance(part, ast.Name)} for way in ways]
    (parameter,) = (one.arg for one in node.args.args)
    return parameter in named[0] and parameter not in named[1]


def visits(trees: Iterable[ast.AST]) -> dict[int, ast.With]:
    """By the id of a call with an argument that a `with` begins with: that `with`."""
    return {
        id(item.context_expr): node
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.With)
        for item in node.items
        if isinstance(item.context_expr, ast.Call) and item.context_expr.args
    }


def way_back(folder: str) -> str:
    """From a folder to where it was gone to from; "" where nothing says that.

    >>> way_back("data/raw"), way_back("../data"), way_back("/data")
    ('../..', '', '')
    """
    parts = posixpath.normpath(folder).split("/") if folder else [".."]
    return "" if folder.startswith(("/", "~", "<")) or ".." in parts else "/".join(".." for _ in parts)
