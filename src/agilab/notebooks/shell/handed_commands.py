"""Commands that a call hands to a function which starts them: `sh("wc -c a.csv")` after `def sh(command): …`."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache

from agilab.notebooks.code.named_files import argument_of
from agilab.notebooks.code.names import Found, Names
from agilab.notebooks.code.values import Given
from agilab.notebooks.code.walking import Nodes, Place
from agilab.notebooks.shell.calls import SHELL, Command, commands_of

_MOST = 8
"""Calls in one function that are looked at."""


def commands_at(node: ast.Call, place: Place, names: Names, beside: Nodes) -> Iterator[Command]:
    """What a call starts, itself or in the function that it calls; `beside` are the nodes of its cell."""
    if names.dotted(node.func) in SHELL:
        yield from commands_of(node, place, names, beside)
        return
    if not (node.args or node.keywords) or not isinstance(node.func, ast.Name | ast.Attribute):
        return
    called = names.found(node.func, place)
    if called is None or not isinstance(called.node, ast.FunctionDef):
        return
    for inner, perhaps in _calls_in(called.node):
        if called.evaluator.dotted(inner.func) in SHELL and (filled := _filled(inner, node, called)):
            for one in commands_of(filled, place, names, beside):
                yield replace(one, perhaps=one.perhaps or perhaps)


@lru_cache(maxsize=256)
def _calls_in(function: ast.FunctionDef) -> tuple[tuple[ast.Call, bool], ...]:
    """The calls in a function that hand on what it is given as a whole; each with whether it may be passed over."""
    taken = function.args
    names = {one.arg for one in (*taken.posonlyargs, *taken.args, *taken.kwonlyargs)}
    names |= {taken.vararg.arg} if taken.vararg else set()
    found: list[tuple[ast.Call, bool]] = []
    todo: list[tuple[ast.AST, bool]] = [(one, False) for one in reversed(function.body)]
    while todo and len(found) < _MOST:
        node, perhaps = todo.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            continue
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id in names:
            return ()  # it makes something else of what it is given
        command = argument_of(node, 0, ("args", "cmd", "command")) if isinstance(node, ast.Call) else None
        if isinstance(node, ast.Call) and command is not None and names & {*_whole(command)}:
            found.append((node, perhaps))
        perhaps = perhaps or isinstance(node, ast.If | ast.For | ast.While | ast.Match | ast.ExceptHandler)
        todo += [(child, perhaps) for child in ast.iter_child_nodes(node)]
    return tuple(found)


def _whole(command: ast.expr) -> Iterator[str]:
    """The names of what is a command, or several words of one."""
    if isinstance(command, ast.Name):
        yield command.id
    elif isinstance(command, ast.List | ast.Tuple):
        for item in command.elts:
            yield from _whole(item.value) if isinstance(item, ast.Starred) else ()
    elif isinstance(command, ast.BinOp):
        yield from _whole(command.left)
        yield from _whole(command.right)
    elif isinstance(command, ast.Call):
        for item in command.args:
            yield from _whole(item)
        if isinstance(command.func, ast.Attribute):
            yield from _whole(command.func.value)


def _filled(inner: ast.Call, outer: ast.Call, called: Found) -> ast.Call | None:
    """A call in a function with what the function is given in the place of its parameters."""
    taken = called.node.args if isinstance(called.node, ast.FunctionDef) else None
    if taken is None or any(isinstance(one, ast.Starred) for one in outer.args):
        return None
    names = [one.arg for one in (*taken.posonlyargs, *taken.args)]
    given: dict[str, ast.expr] = dict(zip(names, outer.args, strict=False))
    given |= {one.arg: one.value for one in outer.keywords if one.arg}
    if taken.vararg:
        given[taken.vararg.arg] = ast.Tuple(outer.args[len(names) :], ast.Load())
    return ast.copy_location(_Filled(given, called).visit_Call(copy.deepcopy(inner)), outer)


class _Filled(ast.NodeTransformer):
    """Puts arguments in the place of parameters, and what they are where the function stands in that of other names."""

    def __init__(self, given: Mapping[str, ast.expr], called: Found) -> None:
        self._given = given
        self._called = called

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id in self._given:
            return self._given[node.id]
        return Given(self._called.evaluator.texts(node, self._called.place))

    def visit_Call(self, node: ast.Call) -> ast.Call:
        if isinstance(node.func, ast.Attribute) and not node.args:  # `text.split()`
            node.func.value = self.visit(node.func.value)
        node.args = [self.visit(one) for one in node.args]
        node.keywords = [ast.keyword(one.arg, self.visit(one.value)) for one in node.keywords]
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        return node
