"""Syntax trees: read without a word on the terminal, and digested without lines, comments and quote styles."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

from agi_node.canonical import sha256_bytes

Chain = tuple[str, ...]
"""A name and the attributes read from it: `tracks.read.cache` is `("tracks", "read", "cache")`."""

_NO_MEANING = frozenset({"ctx", "kind", "type_comment", "type_ignores"})
"""Fields that say where a name stands, how a text was prefixed, or what a type checker reads."""


_NO_NODE = frozenset({int, str, type(None)})
"""What most fields hold that hold no node."""


class Unreadable(Exception):
    """A file that Python cannot parse, and why in a few words."""


def parse(data: bytes) -> ast.Module:
    """The tree of a file; `Unreadable` if it has none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the author hears of an invalid escape when the module is imported
        try:
            return ast.parse(data)
        except SyntaxError as error:
            raise Unreadable(f"line {error.lineno or 0}: {error.msg}") from None
        except ValueError as error:
            raise Unreadable(str(error)) from None
        except (RecursionError, MemoryError):
            raise Unreadable("nested too deeply") from None


def tree_digest(*nodes: ast.AST) -> str:
    """SHA-256 over the shape of these trees and every name and constant in them.

    A loop instead of recursion: a sum of two thousand terms is a tree two thousand levels deep.
    """
    out: list[str] = []
    stack: list[Any] = list(reversed(nodes))
    while stack:
        item = stack.pop()
        kind = type(item)
        if kind is str:
            out.append(item)
        elif kind is ast.Name:
            out.append(f"(Name {item.id})")
        elif kind is ast.Constant:
            out.append(f"(Constant {_constant(item.value)})")
        elif kind is list:
            out.append("[")
            stack.append("]")
            stack.extend([part if isinstance(part, ast.AST) else repr(part) for part in reversed(item)])
        else:
            out.append(f"({kind.__name__}")
            stack.append(")")
            for field in reversed(kind._fields):
                if field not in _NO_MEANING:
                    value = getattr(item, field, None)
                    stack.append(value if isinstance(value, (ast.AST, list)) else f" {value!r}")
    return sha256_bytes("".join(out).encode("utf-8", "surrogatepass"))


def children(node: ast.AST) -> list[ast.AST]:
    """The nodes right below one; `ast.iter_child_nodes` at a fifth of its price."""
    found: list[ast.AST] = []
    for value in vars(node).values():
        kind = type(value)
        if kind is list:
            found += [part for part in value if isinstance(part, ast.AST)]
        elif kind not in _NO_NODE and isinstance(value, ast.AST):
            found.append(value)
    return found


def nodes_of(root: ast.AST) -> Iterator[ast.AST]:
    """A node and all below it, in no order that means anything."""
    stack = [root]
    while stack:
        node = stack.pop()
        yield node
        stack += children(node)


def _constant(value: object) -> str:
    # repr refuses integers of more than 4,300 decimal digits, which a hexadecimal literal may have
    return f"{value:#x}" if type(value) is int else repr(value)


def chain_of(node: ast.AST) -> Chain | None:
    """The name and attributes of an expression that is nothing else, `getattr` with a literal name included."""
    steps: list[str] = []
    while not isinstance(node, ast.Name):
        if isinstance(node, ast.Attribute):
            steps.append(node.attr)
            node = node.value
            continue
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "getattr":
            name = text_of(node.args[1]) if len(node.args) == 2 and not node.keywords else None
            if name is not None:
                steps.append(name)
                node = node.args[0]
                continue
        return None
    return (node.id, *reversed(steps))


def without_doc(body: Sequence[ast.stmt]) -> Sequence[ast.stmt]:
    is_doc = body and isinstance(body[0], ast.Expr) and text_of(body[0].value) is not None
    return body[1:] if is_doc else body


def text_of(node: ast.AST | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def called_chain(node: ast.expr) -> Chain | None:
    """The chain of what is called, or of what stands there uncalled; None for any other expression.

    >>> [called_chain(ast.parse(text, mode="eval").body) for text in ("app.work", "register('x')", "table[0]()")]
    [('app', 'work'), ('register',), None]
    """
    while isinstance(node, ast.Call):
        node = node.func
    steps: list[str] = []
    while isinstance(node, ast.Attribute):
        steps.append(node.attr)
        node = node.value
    return (node.id, *reversed(steps)) if isinstance(node, ast.Name) else None
