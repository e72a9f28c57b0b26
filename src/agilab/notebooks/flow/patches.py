"""`unittest.mock.patch(…).start()`: what is put in the place of something until the process ends, or it is stopped."""

from __future__ import annotations

import ast
from collections.abc import Callable

from agi_node.source.tree import Chain, chain_of, text_of
from agilab.notebooks.flow import states

_PATCHES = ("unittest.mock.patch", "mock.patch")
_ENDS = frozenset({"stop", "stopall"})


def patched_by(node: ast.expr, full_of: Callable[[Chain], str | None]) -> str:
    """The state that a patch sets when it is started; empty where a call makes none, or nothing says of what.

    >>> call = ast.parse("patch.object(tools, 'load', f)", mode="eval").body
    >>> patched_by(call, {("patch", "object"): "unittest.mock.patch.object", ("tools",): "tools"}.get)
    '<options tools>'
    """
    chain = chain_of(node.func) if isinstance(node, ast.Call) else None
    full = (full_of(chain) if chain else None) or ""
    if not isinstance(node, ast.Call) or not node.args or not full.startswith(_PATCHES):
        return ""
    target = chain_of(node.args[0])
    place = text_of(node.args[0]) or (full_of(target) if target else None) or ""
    if place.startswith("os.environ"):
        return states.ENVIRONMENT
    return f"<options {place.partition('.')[0]}>" if place else ""


def stops(node: ast.Attribute) -> bool:
    """Whether this may stop patches again, so that starting them elsewhere is not the same."""
    return node.attr in _ENDS
