"""What an expression is worth, and what evaluating it reads and changes: an interpreter of `Value`s, not of values.

Responsible for: names, calls, aliases, changes in place. Where it cannot know, it takes the worse case, so that what it
says is apart is apart.
Not responsible for: what a name holds and what becomes of a change; that is different for the notebook's own names and
for those of a function, which stand behind the abstract methods.
"""

from __future__ import annotations

import ast
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace

from agi_node.source.tree import Chain, chain_of, children, text_of
from agilab.notebooks.flow import knowledge as known
from agilab.notebooks.flow.values import PLAIN, Kind, Region, Value, either, holding

_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_IN_QUERY = re.compile(r"@([A-Za-z_]\w*)")


class Expressions(ABC):
    """Evaluates expressions; a subclass says what names are."""

    def __init__(self) -> None:
        self.lazy = False
        """Whether annotations are not evaluated."""
        self.inner: list[dict[str, Value]] = []
        """Names of comprehensions, innermost last."""
        self.spent: set[Region] = set()
        """Regions of what is another thing after each use: iterators, random generators."""
        self.unseeded: set[Region] = set()
        """Regions of models that draw random numbers from the process's own when they are fitted."""

    # -- what a scope must say ----------------------------------------------------------------------------------

    @abstractmethod
    def load(self, name: str, line: int) -> Value:
        """What a name holds; notes that it is read."""

    @abstractmethod
    def bind(self, name: str, value: Value, line: int) -> None:
        """Let a name hold something."""

    @abstractmethod
    def full(self, chain: Chain) -> str | None:
        """The full name of a chain of a library or of Python; None where its first name is the notebook's own."""

    @abstractmethod
    def region(self, node: ast.AST) -> Region:
        """The region of what is made at a place of the text."""

    @abstractmethod
    def change(self, what: frozenset[Region], stored: Value, line: int) -> None:
        """Something is done to these; `stored` may lie in them from now on."""

    @abstractmethod
    def state(self, name: str, does: known.Does, node: ast.AST) -> None:
        """A state of the process is set or used."""

    @abstractmethod
    def doubt(self, line: int, reason: str, *, reads: bool = True, binds: bool = True) -> None:
        """Something that reading cannot tell."""

    @abstractmethod
    def function(self, node: ast.Lambda) -> Value:
        """A function without a name."""

    @abstractmethod
    def called(
        self, callee: Value, node: ast.Call, args: Sequence[Value], named: Mapping[str, Value]
    ) -> Value | None:
        """The result of a call of something of the notebook's own; None if it is none."""

    @abstractmethod
    def applied(self, held: Value, args: Sequence[Value], node: ast.expr) -> Value:
        """What functions of the notebook's own that something holds may give when they are called with these."""

    @abstractmethod
    def attribute(
        self, owner: Value, name: str, args: Sequence[Value] | None, node: ast.expr
    ) -> Value | None:
        """The result of a method of the notebook's classes, called (or, with `args` None, read: a property)."""

    @abstractmethod
    def same(self, values: Sequence[Value]) -> None:
        """These are asked whether they are one object."""

    # -- expressions --------------------------------------------------------------------------------------------

    def value(self, node: ast.expr | None) -> Value:
        """What an expression is worth."""
        if node is None or isinstance(node, ast.Constant):
            return PLAIN
        if isinstance(node, ast.Name):
            return self.load(node.id, node.lineno)
        if isinstance(node, ast.Attribute):
            return self._attribute(node)
        if isinstance(node, ast.Call):
            return self._call(node)
        if isinstance(node, ast.Subscript):
            return self._item(node)
        if isinstance(node, ast.BinOp):
            return self._operators(node)
        if isinstance(node, (ast.List, ast.Set, ast.Tuple)):
            items = [self.value(item) for item in node.elts]
            if isinstance(node, ast.Tuple):
                return holding(items, None, "tuple")
            return holding(items, self.region(node), "list")
        if isinstance(node, ast.Dict):
            items = [self.value(item) for item in (*node.keys, *node.values) if item is not None]
            return holding(items, self.region(node), "list")
        if isinstance(node, _COMPREHENSIONS):
            return self._comprehension(node)
        if isinstance(node, ast.Lambda):
            for default in (*node.args.defaults, *node.args.kw_defaults):
                self.value(default)
            return self.function(node)
        if isinstance(node, ast.NamedExpr):
            value = self.value(node.value)
            self.bind(node.target.id, value, node.lineno)
            return value
        if isinstance(node, (ast.BoolOp, ast.IfExp, ast.Starred, ast.Await)):
            return self._any_of(node)
        if isinstance(node, ast.Compare):
            return self._compare(node)
        parts = [self.value(part) for part in children(node) if isinstance(part, ast.expr)]
        if isinstance(node, ast.JoinedStr) or all(part.kind == "plain" for part in parts):
            return PLAIN
        fresh = self.region(node)
        if isinstance(node, (ast.Yield, ast.YieldFrom)):
            return either([*parts, Value(frozenset({fresh}), frozenset({fresh}))])
        return (
            holding(parts, fresh, "table") if any(part.makers for part in parts) else self.new(node, "table")
        )

    def new(self, node: ast.AST, kind: Kind = "") -> Value:
        """Something that was made just now and shares nothing."""
        fresh: frozenset[Region] = frozenset({self.region(node)})
        return Value(fresh, fresh, kind=kind)

    def _any_of(self, node: ast.expr) -> Value:
        if isinstance(node, ast.IfExp):
            self.value(node.test)
            return either([self.value(node.body), self.value(node.orelse)])
        if isinstance(node, ast.BoolOp):
            return either([self.value(part) for part in node.values])
        inner: ast.expr = node.value  # type: ignore[attr-defined]  # Starred, Await
        return self.value(inner)

    def _compare(self, node: ast.Compare) -> Value:
        parts = [self.value(part) for part in (node.left, *node.comparators)]
        if any(isinstance(op, (ast.Is, ast.IsNot)) for op in node.ops):
            self.same(parts)
        return self.new(node, "table") if {"table", ""} & {part.kind for part in parts} else PLAIN

    def _operators(self, node: ast.BinOp) -> Value:
        """A chain of operators, from its left end: a sum may have thousands of terms."""
        chain: list[ast.BinOp] = [node]
        while isinstance(chain[-1].left, ast.BinOp):
            chain.append(chain[-1].left)
        value = self.value(chain[-1].left)
        for one in reversed(chain):
            value = self._operator(one, value, self.value(one.right))
        return value

    def _operator(self, node: ast.BinOp, left: Value, right: Value) -> Value:
        kinds = {left.kind, right.kind}
        if kinds == {"plain"}:
            return PLAIN
        shares = bool(left.makers or right.makers) or (
            isinstance(node.op, (ast.Add, ast.Mult, ast.BitOr, ast.BitAnd, ast.BitXor))
            and "table" not in kinds
        )
        if shares and any(_keeps_apart(part, node.op) for part in (node.left, node.right)):
            shares = False
        if not shares:
            return self.new(node, "table" if "table" in kinds else "")
        if kinds <= {"tuple", "plain"}:
            return holding([left, right], None, "tuple")
        return holding(
            [left.inside(), right.inside()], self.region(node), "list" if kinds <= {"list", "plain"} else ""
        )

    def _attribute(self, node: ast.Attribute) -> Value:
        chain = chain_of(node)
        full = self.full(chain) if chain else None
        if chain and full is not None:
            self.load(chain[0], node.lineno)
            if full in known.UNDECIDED:
                self.doubt(node.lineno, known.UNDECIDED[full])
            if full.startswith("os.environ"):
                self.state(known.ENVIRONMENT, "use", node)
            return PLAIN
        owner = self.value(node.value)
        if node.attr in ("__globals__", "f_globals", "f_locals"):
            self.doubt(node.lineno, f"{node.attr} gives access to every name")
        found = self.attribute(owner, node.attr, None, node)
        if found is not None:
            return found
        if node.attr in known.PLAIN_ATTRIBUTES:
            return PLAIN
        if node.attr in known.CHANGING_METHODS and owner.kind != "plain":
            return self._bound_method(owner, node.lineno)
        return (
            replace(owner.inside(), kind="table") if owner.kind == "table" else owner.inside().with_kind("")
        )

    def _bound_method(self, owner: Value, line: int) -> Value:
        """A method that changes its owner, taken without calling it: `map(seen.append, items)`."""
        self.spent |= owner.owns
        self.change(owner.owns, PLAIN, line)
        return replace(owner, tied=owner.tied or "a method of one object", kind="")

    def _item(self, node: ast.Subscript) -> Value:
        chain = chain_of(node.value)
        full = self.full(chain) if chain else None
        owner, index = self.value(node.value), self.value(node.slice)
        if full is not None:
            return PLAIN
        self.touch_item(owner, node)
        if isinstance(node.slice, ast.Slice) and owner.kind in ("list", "tuple"):
            return holding([owner.inside()], self.region(node), owner.kind)
        if index.kind in ("list", "table") and (owner.kind == "table" or _mentions(node.slice, chain)):
            return self.new(node, "table")  # a mask or a list of names: a copy
        return owner.inside()

    def touch_item(self, owner: Value, node: ast.expr) -> None:
        """A reading by index may run a method of the notebook's own, and uses up what is spent."""
        self.attribute(owner, "__getitem__", (), node)

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) -> Value:
        self.inner.append({})
        for part in node.generators:
            self.inner_bind(part.target, self.items_of(self.value(part.iter), part.iter))
            for test in part.ifs:
                self.value(test)
        held = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        items = [self.value(part) for part in held]
        self.inner.pop()
        value = holding(items, self.region(node), "list")
        if isinstance(node, ast.GeneratorExp):
            self.spent |= value.owns
            return replace(value, tied="a generator", kind="iterator")
        return value

    def inner_bind(self, target: ast.expr, value: Value) -> None:
        for part in ast.walk(target):
            if isinstance(part, ast.Name):
                self.inner[-1][part.id] = value if part is target else value.inside()
            elif isinstance(part, ast.expr) and not isinstance(part, (ast.Tuple, ast.List, ast.Starred)):
                self.value(part if isinstance(part, (ast.Attribute, ast.Subscript)) else None)

    def items_of(self, value: Value, node: ast.expr) -> Value:
        """What iterating gives; what is spent is another thing afterwards."""
        if self.spent & value.owns:
            self.change(value.owns, PLAIN, node.lineno)
        if value.runs:
            self.applied(value, [value], node)
        self.attribute(value, "__iter__", (), node)
        self.attribute(value, "__next__", (), node)
        return value.inside()

    # -- calls --------------------------------------------------------------------------------------------------

    def _call(self, node: ast.Call) -> Value:
        node = _without_getattr(node)
        chain = chain_of(node.func)
        full = self.full(chain) if chain else None
        args = [self.value(arg) for arg in node.args]
        named = {str(each.arg): self.value(each.value) for each in node.keywords}
        every = [*args, *named.values()]
        if full is not None and chain:
            self.load(chain[0], node.lineno)
            return self._library(node, full, args, named)
        if isinstance(node.func, ast.Attribute):
            owner = self.value(node.func.value)
            if node.func.attr in ("query", "eval"):
                self._query(node)
            found = self.attribute(owner, node.func.attr, every, node)
            self.applied(owner, [owner, *every], node)
            return self._method(node, node.func.attr, owner, every) if found is None else found
        callee = self.value(node.func)
        if isinstance(node.func, ast.Call) or self.spent & callee.owns:  # `getattr(x, name)(…)`
            self._used_up([callee], every, node.lineno)
        result = self.called(callee, node, args, named)
        return (
            result if result is not None else either([self.new(node), callee.inside(), *every]).with_kind("")
        )

    def _used_up(self, values: Sequence[Value], given: Sequence[Value], line: int) -> None:
        """What is another thing after each use is used, perhaps with items of what is given."""
        for value in values:
            if self.spent & value.owns:
                others = [one for one in given if one is not value]
                self.change(value.owns, either([PLAIN, *others, *(one.inside() for one in others)]), line)

    def _query(self, node: ast.Call) -> None:
        """pandas takes `@name` in the text of a query from whoever calls it."""
        for part in ast.walk(node):
            for name in _IN_QUERY.findall(text_of(part) or ""):
                self.load(name, node.lineno)

    def _library(self, node: ast.Call, full: str, args: Sequence[Value], named: Mapping[str, Value]) -> Value:
        every = [*args, *named.values()]
        line = node.lineno
        if full == "super":
            return self.first_parameter()
        if full in ("eval", "exec") and len(node.args) == 1 and (text := text_of(node.args[0])) is not None:
            return self._said(text, full, node)
        reason = known.UNDECIDED.get(full) or (known.UNDECIDED_BARE.get(full) if not every else None)
        if reason:
            self.doubt(line, reason, binds=full not in ("dir", "locals"))
        if full.endswith((".query", ".eval")):
            self._query(node)
        if found := known.state_of(full, frozenset(named)):
            self.state(*found, node)
        if full.rpartition(".")[2].startswith(known.FILES):
            self.state(known.FOLDER, "use", node)
        given = self.applied(either([PLAIN, *every]), every, node)
        at = known.CHANGES_ARGUMENT.get(full)
        if at is not None and len(args) > at:
            others = [value for number, value in enumerate(args) if number != at]
            self.change(args[at].owns, either([PLAIN, *others, *named.values()]), line)
        self._used_up(every, every, line)
        for target in node.keywords:
            if target.arg in ("file", "out", "ax", "buf"):
                self.change(named[target.arg].owns, PLAIN, line)
            elif target.arg == "inplace" and not _is_false(target.value) and args:
                self.change(args[0].owns, PLAIN, line)
        return self._result(node, full, every, set(named), given)

    def _said(self, text: str, full: str, node: ast.Call) -> Value:
        """`eval` or `exec` of a text that stands there."""
        try:
            tree = ast.parse(text.strip(), mode="eval" if full == "eval" else "exec")
        except (SyntaxError, ValueError):
            return PLAIN
        if isinstance(tree, ast.Expression):
            for part in ast.walk(tree):
                if isinstance(part, ast.expr):
                    ast.copy_location(part, node)
            return self.value(tree.body)
        self.doubt(node.lineno, known.UNDECIDED[full])
        return PLAIN

    def _result(
        self, node: ast.Call, full: str, every: Sequence[Value], named: set[str], given: Value
    ) -> Value:
        """What a library's function returns; `given` is what functions that it got may have given it."""
        if full in ("id", "operator.is_", "operator.is_not"):
            self.same(every)
        if full in ("type", "vars") and every:
            return every[0]
        if full == "range":
            return holding([], self.region(node), "list")
        if full in known.PLAIN_RESULT:
            return PLAIN
        inner = [value.inside() for value in every]
        if full in known.ITEM_RESULT:
            return either([PLAIN, given, *inner, *(every if len(every) > 1 else [])])
        if full == "object":
            return replace(self.new(node), tied=known.tied_by(full))
        why = known.tied_by(full)
        if full in known.COLLECTS:
            value = holding(inner, self.region(node), "list")
            return replace(value, tied=next((one.tied for one in inner if one.tied and full != "list"), ""))
        new = known.makes_new(full)
        if full in known.ITERATORS:
            held = holding(every if full == "filter" else inner, self.region(node), "iterator")
            held = holding([held, *inner, *([given] if full == "map" else [])], self.region(node), "iterator")
            self.spent |= held.owns
            return replace(held, tied=why)
        if why:
            held = holding([] if new else [*every, *inner], self.region(node), "")
            self.spent |= held.owns
            return replace(held, tied=why)
        kind: Kind = "table" if full.partition(".")[0] in known.TABLES else ""
        if new:
            value = self.new(node, kind)
        else:
            value = replace(either([self.new(node), given, *every, *inner]), kind=kind)
            if not full.rpartition(".")[2][:1].isupper() or kind == "table":
                value = replace(value, tied="")
        if full in known.SPENT:
            self.spent |= value.owns
        if known.is_random_model(full) and "random_state" not in named:
            self.unseeded |= value.owns
        return value

    def _method(self, node: ast.Call, name: str, owner: Value, every: Sequence[Value]) -> Value:
        line = node.lineno
        held = [value for value in every if value.kind != "plain"]
        given = self.applied(either([PLAIN, *every]), [owner, *every], node)
        in_place = any(each.arg == "inplace" and not _is_false(each.value) for each in node.keywords)
        is_table = owner.kind == "table" and name in known.LOOKS
        if (name in known.CHANGING_METHODS and not is_table) or in_place or self.spent & owner.owns:
            self.change(owner.owns, either([PLAIN, *held]), line)
        self._used_up(every, [owner, *every], line)
        if name in ("fit", "fit_transform", "fit_predict") and self.unseeded & owner.reaches:
            self.state(known.RANDOM_NUMPY, "use", node)
        if name == "sample" and not any(each.arg in ("random_state", "seed") for each in node.keywords):
            self.state(known.RANDOM_NUMPY, "use", node)
        if name.startswith(known.FILES):
            self.state(known.FOLDER, "use", node)
        if owner.tied and name in known.RELEASES:
            rest = owner.reaches - self.spent
            free = [self.new(node), given, Value(rest, rest, owner.makers)]
            return replace(either(free), runs=frozenset(), tied="", kind="")
        if owner.kind == "plain":
            return PLAIN if name in known.PLAIN_METHODS else holding(every, self.region(node), "list")
        if name in known.GIVES_ITEM and owner.kind in ("list", "tuple"):
            return either([PLAIN, owner.inside(), *held])
        if name in known.PLAIN_METHODS and owner.kind in ("list", "tuple"):
            return PLAIN
        if name in ("items", "keys", "values") and owner.kind != "table" and not every:
            view = holding([owner], self.region(node), "iterator")
            return replace(view, tied="a window on a dictionary")
        if owner.kind in ("list", "tuple") and name in ("copy", "union", "intersection", "difference"):
            return holding([owner.inside(), *held], self.region(node), "list")
        is_table |= owner.kind == "table" or name in known.TABLE_METHODS
        if name in ("copy", "clone", "deepcopy") and owner.kind == "":
            return holding([owner], self.region(node), "")
        if is_table and name not in known.SHARING_METHODS:
            return replace(self.new(node, "table"), makers=owner.makers, tied=owner.tied)
        mixed = either([self.new(node), given, owner, owner.inside(), *held])
        return mixed.with_kind("table" if is_table else "")

    def first_parameter(self) -> Value:
        """What `super()` stands for."""
        return Value()


def _without_getattr(node: ast.Call) -> ast.Call:
    """`getattr(x, "name")(…)` as `x.name(…)`."""
    called = node.func
    if isinstance(called, ast.Call) and isinstance(called.func, ast.Name) and called.func.id == "getattr":
        name = text_of(called.args[1]) if len(called.args) == 2 else None
        if name is not None:
            called = ast.copy_location(ast.Attribute(called.args[0], name, ast.Load()), called)
            return ast.copy_location(ast.Call(called, node.args, node.keywords), node)
    return node


def _mentions(node: ast.expr, chain: Chain | None) -> bool:
    """Whether an index speaks of what it is an index of, as masks do: `df[df.x > 0]`."""
    return chain is not None and any(
        isinstance(part, ast.Name) and part.id == chain[0] for part in ast.walk(node)
    )


def _keeps_apart(part: ast.expr, op: ast.operator) -> bool:
    """Whether a constant tells that the other side is no collection: `x + 1`, `x * 0.5`."""
    kinds = (int, float, complex, str) if isinstance(op, ast.Add) else (float, complex)
    return isinstance(part, ast.Constant) and isinstance(part.value, kinds)


def _is_false(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and not node.value
