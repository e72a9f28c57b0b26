"""Attributes that a call names by a text: `getattr(x, "name")`, `hasattr(x, "name")`."""

from __future__ import annotations

import ast

from agi_node.source.tree import text_of

ANY = "<any>"
"""Stands for the name of an attribute that is not in the text."""


def without_getattr(node: ast.Call) -> ast.Call:
    """`getattr(x, "name")(…)` as `x.name(…)`."""
    called = node.func
    if isinstance(called, ast.Call) and isinstance(called.func, ast.Name) and called.func.id == "getattr":
        name = text_of(called.args[1]) if len(called.args) == 2 else None
        if name is not None:
            called = ast.copy_location(ast.Attribute(called.args[0], name, ast.Load()), called)
            return ast.copy_location(ast.Call(called, node.args, node.keywords), node)
    return node


def attribute_of(full: str, node: ast.Call) -> ast.Attribute | None:
    """The attribute that a call of Python's own reads: of `getattr(x, "name")` `x.name`.

    >>> called = ast.parse("getattr(x, 'name', 0)", mode="eval").body
    >>> ast.unparse(attribute_of("getattr", called)), attribute_of("setattr", called)
    ('x.name', None)
    """
    if full not in ("getattr", "hasattr") or len(node.args) < 2 or isinstance(node.args[0], ast.Starred):
        return None
    return ast.copy_location(ast.Attribute(node.args[0], text_of(node.args[1]) or ANY, ast.Load()), node)
