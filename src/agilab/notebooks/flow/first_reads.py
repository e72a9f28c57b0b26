"""How a text reads a name that it has not bound yet: for certain, or where it may go well all the same."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from agi_node.source.needs import COMPREHENSIONS, FUNCTIONS, needs_of
from agi_node.source.scopes import bound_names, defaults, parameters
from agi_node.source.tree import chain_of, children, nodes_of

TRIES = (ast.Try, ast.TryStar)
WITHS = (ast.With, ast.AsyncWith)
LOOPS = (ast.For, ast.AsyncFor, ast.While)
COMPOUND = (ast.If, *LOOPS, *WITHS, *TRIES)
"""Statements that have others in them, but for `match`."""

_CATCHING = frozenset({"BaseException", "Exception", "NameError"})

HowRead = Literal["surely", "in a later round", "caught"]


@dataclass(frozen=True)
class FirstRead:
    """A read of a name that no statement above it binds.

    Attributes:
        node: The statement, or the part of one, that reads it.
        how: Whether it fails for certain where it is come to; or a loop around it may bind the name in the round
            before; or a handler around it catches the `NameError`.
        loop: The loop that may bind it.
    """

    node: ast.AST
    how: HowRead
    loop: ast.stmt | None = None


@dataclass
class _Block:
    """A block that is being read: the statement that it belongs to, and how far the reader is."""

    body: Sequence[ast.stmt]
    owner: ast.stmt | None
    at: int = 0


def first_reads(body: Sequence[ast.stmt], name: str) -> list[FirstRead]:
    """The reads of a name before anything binds it; what functions read when they are called is not among them.

    >>> text = "for i in rows:\\n    if i: print(last)\\n    last = i"
    >>> [one.how for one in first_reads(ast.parse(text).body, "last")]
    ['in a later round']
    """
    reader = _Reader(name)
    reader.block(body, None)
    return reader.found


def heads(statement: ast.stmt) -> list[ast.AST]:
    """What of a compound statement is evaluated before its blocks."""
    if isinstance(statement, (ast.If, ast.While)):
        return [statement.test]
    if isinstance(statement, (ast.For, ast.AsyncFor)):
        return [statement.iter, statement.target]
    if isinstance(statement, WITHS):
        return [part for one in statement.items for part in (one.context_expr, one.optional_vars) if part]
    assert isinstance(statement, TRIES)
    return [handler.type for handler in statement.handlers if handler.type]


def blocks(statement: ast.stmt) -> Iterator[list[ast.stmt] | ast.ExceptHandler]:
    """The blocks of a compound statement, in the order in which they stand."""
    yield statement.body  # type: ignore[attr-defined]  # every compound statement has one
    yield from getattr(statement, "handlers", ())
    yield getattr(statement, "orelse", [])
    yield getattr(statement, "finalbody", [])


def _body_of(block: list[ast.stmt] | ast.ExceptHandler) -> list[ast.stmt]:
    return block.body if isinstance(block, ast.ExceptHandler) else block


class _Reader:
    """Goes through statements in the order in which they run, until one binds the name."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._bound = False
        self._around: list[_Block] = []
        self.found: list[FirstRead] = []

    def block(self, body: Sequence[ast.stmt], owner: ast.stmt | None) -> None:
        here = _Block(body, owner)
        self._around.append(here)
        for here.at, statement in enumerate(body):
            if self._bound:
                break
            parts = heads(statement) if isinstance(statement, COMPOUND) else [statement]
            for part in parts:
                self._read(part, statement)
            self._bound |= self._binds(parts)
            if isinstance(statement, COMPOUND):
                for block in blocks(statement):
                    self._bound |= getattr(block, "name", None) == self._name
                    self.block(_body_of(block), statement)
        self._around.pop()

    def _binds(self, nodes: Sequence[ast.AST]) -> bool:
        return self._name in bound_names(nodes, "")

    def _read(self, node: ast.AST, statement: ast.stmt) -> None:
        if self._name not in needs_of(node).now:
            return
        on_the_way = isinstance(node, ast.Match) or any(
            isinstance(one, ast.NamedExpr) for one in nodes_of(node)
        )
        if on_the_way and self._binds([node]):  # in an order that is not looked into
            return
        caught = any(_catches(one.owner, one.body) for one in self._around if one.owner is not None)
        loop = self._loop(node, statement)
        how: HowRead = "caught" if caught else "surely" if loop is None else "in a later round"
        self.found.append(FirstRead(node, how, loop))

    def _loop(self, node: ast.AST, statement: ast.stmt) -> ast.stmt | None:
        """The loop that may bind the name without having come to this read: in the round before."""
        passed_by = not _evaluates(node, self._name)  # whether what follows may run although this does not
        binds = passed_by and self._binds([statement])
        if binds and isinstance(statement, ast.While):
            return statement
        for one in reversed(self._around):
            binds |= passed_by and self._binds(one.body[one.at + 1 :])
            if one.owner is None:
                break
            if isinstance(one.owner, LOOPS) and one.body is one.owner.body and binds:
                return one.owner
            passed_by |= not _always_runs(one.owner, one.body)
            binds |= passed_by and any(
                self._binds(each) for each in map(_body_of, blocks(one.owner)) if each is not one.body
            )
        return None


def _always_runs(owner: ast.stmt, body: Sequence[ast.stmt]) -> bool:
    """Whether a block is run whenever its statement is."""
    if isinstance(owner, WITHS):
        return True
    if isinstance(owner, TRIES):
        return body is owner.finalbody or (body is owner.body and not owner.handlers)
    forever = isinstance(owner, ast.While) and isinstance(owner.test, ast.Constant) and bool(owner.test.value)
    return forever and isinstance(owner, ast.While) and body is owner.body


def _catches(owner: ast.stmt, body: Sequence[ast.stmt]) -> bool:
    """Whether a `NameError` in a block of this statement is caught there, and not raised again."""
    if isinstance(owner, WITHS):
        calls = [one.context_expr for one in owner.items if isinstance(one.context_expr, ast.Call)]
        return any(
            (chain_of(call.func) or ("",))[-1] == "suppress" and any(map(_stands_for_it, call.args))
            for call in calls
        )
    if not isinstance(owner, TRIES) or body is not owner.body:
        return False
    first = next((one for one in owner.handlers if one.type is None or _stands_for_it(one.type)), None)
    return first is not None and not isinstance(first.body[-1], ast.Raise)


def _stands_for_it(node: ast.expr) -> bool:
    some = node.elts if isinstance(node, ast.Tuple) else [node]
    return any((chain_of(one) or ("",))[-1] in _CATCHING for one in some)


def _evaluates(node: ast.AST, name: str) -> bool:
    """Whether a name is read whenever this is evaluated: not only by one side of an `and`, `or` or `if … else`."""
    stack = [node]
    while stack:
        part = stack.pop()
        if isinstance(part, ast.Name):
            if part.id == name and isinstance(part.ctx, ast.Load):
                return True
        elif isinstance(part, ast.AugAssign) and isinstance(part.target, ast.Name):
            if part.target.id == name:
                return True
            stack.append(part.value)
        elif isinstance(part, (ast.IfExp, ast.Assert)):
            stack.append(part.test)
        elif isinstance(part, ast.BoolOp):
            stack.append(part.values[0])
        elif isinstance(part, ast.Compare):
            stack += [part.left, part.comparators[0]]
        elif isinstance(part, COMPREHENSIONS):
            stack.append(part.generators[0].iter)
        elif isinstance(part, ast.Match):
            stack.append(part.subject)
        elif isinstance(part, (*FUNCTIONS, ast.Lambda)):
            stack += defaults(part.args)
            if not isinstance(part, ast.Lambda):
                stack += part.decorator_list
                noted = [*(each.annotation for each in parameters(part.args)), part.returns]
                stack += [each for each in noted if each is not None]
        else:
            stack += children(part)
    return False


# -- the first round --------------------------------------------------------------------------------------------


def spares_its_first_round(loop: ast.stmt | None, name: str) -> bool:
    """Whether a loop counts its rounds from 0, reads a name in none but later ones, and binds it in each.

    >>> text = "for i in range(3):\\n    old = new if i else 0\\n    new = old + 1"
    >>> spares_its_first_round(ast.parse(text).body[0], "new")
    True
    """
    count = _count(loop) if isinstance(loop, ast.For) else None
    if not isinstance(loop, ast.For) or count is None or count in bound_names(loop.body, ""):
        return False
    if any(isinstance(node, ast.Continue) for node in nodes_of(loop)):
        return False
    binders = [at for at, one in enumerate(loop.body) if _assigns(one, name)]
    reads = _reads_at_first(name, count)
    return bool(binders) and not any(map(reads, loop.body[: binders[0] + 1]))


def _assigns(node: ast.stmt, name: str) -> bool:
    """Whether a statement gives a value to a name whenever it is run."""
    targets = node.targets if isinstance(node, ast.Assign) else []
    return any(isinstance(part, ast.Name) and part.id == name for each in targets for part in _targets(each))


def _targets(node: ast.expr) -> Iterator[ast.expr]:
    if isinstance(node, (ast.Tuple, ast.List)):
        for part in node.elts:
            yield from _targets(part)
    else:
        yield node


def _count(loop: ast.For) -> str | None:
    """The name that a loop counts its rounds with, from 0: `for i in range(n)`, `for i, row in enumerate(rows)`."""
    call = loop.iter
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name) or call.keywords:
        return None
    match call.func.id, call.args, loop.target:
        case "range", ([_] | [ast.Constant(value=0), _]), ast.Name(id=str(name)):
            return name
        case "enumerate", [_], ast.Tuple(elts=[ast.Name(id=str(name)), _]):
            return name
    return None


def _reads_at_first(name: str, count: str) -> Callable[[ast.AST], bool]:
    """Says of a node whether it may read a name in the round in which the count is 0."""

    def reads(node: ast.AST) -> bool:
        if isinstance(node, ast.Name):
            return node.id == name and not isinstance(node.ctx, ast.Store)
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name) and node.target.id == name:
            return True
        if (
            isinstance(node, (ast.If, ast.IfExp))
            and (at_first := _holds_at_first(node.test, count)) is not None
        ):
            way = node.body if at_first else node.orelse
            return any(map(reads, [node.test, *(way if isinstance(way, list) else [way])]))
        if isinstance(node, ast.BoolOp):
            stops = [_holds_at_first(one, count) is isinstance(node.op, ast.Or) for one in node.values]
            return any(map(reads, node.values[: stops.index(True) + 1 if True in stops else None]))
        return any(map(reads, children(node)))

    return reads


def _holds_at_first(test: ast.expr, count: str) -> bool | None:
    """What a test of the count alone is where that is 0; None for any other test."""
    if isinstance(test, ast.Name):
        return False if test.id == count else None
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        inner = _holds_at_first(test.operand, count)
        return None if inner is None else not inner
    if isinstance(test, ast.BoolOp):
        stop = isinstance(test.op, ast.Or)
        return stop if any(_holds_at_first(one, count) is stop for one in test.values) else None
    match test:
        case ast.Compare(left=ast.Name(id=found), ops=[op], comparators=[ast.Constant(value=int(number))]):
            if found != count:
                return None
        case _:
            return None
    ways: list[tuple[type[ast.cmpop], bool]] = [
        (ast.Eq, number == 0),
        (ast.NotEq, number != 0),
        (ast.Gt, number < 0),
        (ast.GtE, number <= 0),
        (ast.Lt, number > 0),
        (ast.LtE, number >= 0),
    ]
    return next((holds for kind, holds in ways if isinstance(op, kind)), None)
