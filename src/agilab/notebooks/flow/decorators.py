"""Decorators of the notebook's own that keep or wrap what they are given, and do not call it."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Sequence

from agi_node.source.scopes import bound_names, defaults, parameters
from agi_node.source.tree import chain_of, children, nodes_of
from agilab.notebooks.flow.makers import FunctionNode

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_KEEPING = frozenset({"wraps", "update_wrapper", "append", "add", "setdefault", "callable", "isinstance"})
_ABOUT = frozenset({"__name__", "__qualname__", "__doc__", "__module__"})

Found = Callable[[str], ast.AST | None]
"""Gives the function that a name of the notebook stands for; None where it is not one that is known."""


def only_defines(body: Iterable[ast.stmt], found: Found, is_library: Callable[[str], bool]) -> bool:
    """Whether these statements define and import, and nothing that they define is called on the way."""
    return all(_only_defines(one, found, is_library) for one in body)


def _only_defines(node: ast.stmt, found: Found, is_library: Callable[[str], bool]) -> bool:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        noted = [*(each.annotation for each in parameters(node.args)), node.returns]
        parts = [*defaults(node.args), *(each for each in noted if each is not None)]
        calls = any(isinstance(part, ast.Call) for each in parts for part in nodes_of(each))
        return not calls and all(_keeps(each, found, is_library) for each in node.decorator_list)
    if isinstance(node, (ast.Import, ast.ImportFrom, ast.Pass)):
        return True
    value = node.value if isinstance(node, (ast.Assign, ast.Expr)) else None
    return isinstance(value, ast.Constant)


def _keeps(decorator: ast.expr, found: Found, is_library: Callable[[str], bool]) -> bool:
    made = isinstance(decorator, ast.Call)
    chain = chain_of(decorator.func if isinstance(decorator, ast.Call) else decorator)
    if not chain:
        return False
    if is_library(chain[0]):
        return True
    node = found(chain[0]) if len(chain) == 1 else None
    return isinstance(node, _FUNCTIONS) and (_makes_keepers(node) if made else keeps_what_it_gets(node))


def _makes_keepers(node: FunctionNode) -> bool:
    """Whether a function gives back functions of its own, which keep what they are given."""
    inner = {one.name: one for one in _body(node) if isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef))}
    given = [one.value for one in _here(_body(node)) if isinstance(one, ast.Return)]
    if isinstance(node, ast.Lambda):
        given = [node.body]
    found = [
        one if isinstance(one, ast.Lambda) else inner.get(one.id) if isinstance(one, ast.Name) else None
        for one in given
    ]
    return bool(found) and all(one is not None and keeps_what_it_gets(one) for one in found)


def keeps_what_it_gets(node: FunctionNode) -> bool:
    """Whether a function calls none of its arguments, nor gives them to what might; functions in it may.

    >>> kept, called = ast.parse("def a(f): return lambda x: f(x)\\ndef b(f): return f(1)").body
    >>> keeps_what_it_gets(kept), keeps_what_it_gets(called)
    (True, False)
    """
    hot = {each.arg for each in parameters(node.args)}
    parts = list(_here(_body(node)))
    for part in parts:  # what is made of them, in the order of the text
        if isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            hot.add(part.name)
        elif isinstance(part, (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.NamedExpr)):
            hot |= bound_names([part], "").keys() if _mentions(part, hot) else set()
    return not any(_may_call(part, hot) for part in parts)


def _may_call(part: ast.AST, hot: set[str]) -> bool:
    if isinstance(part, (ast.For, ast.AsyncFor, ast.With, ast.AsyncWith, ast.Await, ast.ClassDef)):
        return _mentions(part, hot)
    if not isinstance(part, ast.Call):
        return False
    chain = chain_of(part.func)
    if chain is not None and chain[-1] in _KEEPING and chain[0] not in hot:
        return any(isinstance(one, ast.Call) for each in part.args for one in nodes_of(each))
    if isinstance(part.func, ast.Call):  # `wraps(f)(inner)`
        return _may_call(part.func, hot) or (chain_of(part.func.func) or ("",))[-1] not in _KEEPING
    return _mentions(part, hot)


def _mentions(node: ast.AST, hot: set[str]) -> bool:
    """Whether these names are in it, other than to ask what they are called."""
    stack = [node]
    while stack:
        part = stack.pop()
        if isinstance(part, ast.Name) and part.id in hot:
            return True
        if not (isinstance(part, ast.Attribute) and part.attr in _ABOUT and isinstance(part.value, ast.Name)):
            stack += children(part)
    return False


def _body(node: FunctionNode) -> Sequence[ast.AST]:
    return [node.body] if isinstance(node, ast.Lambda) else node.body


def _here(body: Sequence[ast.AST]) -> Iterator[ast.AST]:
    """What of a function runs when it is called, in order: not what functions in it do; their decorators do."""
    for node in body:
        yield node
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            for each in node.decorator_list:
                # a decorator is called, with the function
                yield from _here([ast.Call(each, [ast.Name(node.name, ast.Load())], [])])
            yield from _here(defaults(node.args))
        elif isinstance(node, ast.Lambda):
            yield from _here(defaults(node.args))
        else:
            yield from _here(children(node))
