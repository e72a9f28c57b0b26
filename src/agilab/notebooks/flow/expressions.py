"""What an expression is worth, and what evaluating it reads and changes: an interpreter of `Value`s, not of values.

Responsible for: names, calls, aliases, changes in place. Where it cannot know, it takes the worse case, so that what it
says is apart is apart.
Not responsible for: what a name holds and what becomes of a change; that is different for the notebook's own names and
for those of a function, which stand behind the abstract methods.
"""

from __future__ import annotations

import ast
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial

from agi_node.source.tree import Chain, chain_of, children
from agilab.notebooks.flow import knowledge as known
from agilab.notebooks.flow import states
from agilab.notebooks.flow.model import Alters, Use
from agilab.notebooks.flow.values import NOTHING, PLAIN, Kind, Region, Value, either, holding

_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


class Expressions(ABC):
    """Evaluates expressions; a subclass says what names are."""

    def __init__(self) -> None:
        self.lazy = False
        """Whether annotations are not evaluated."""
        self.restored = frozenset[str]()
        """States of the process that a `with` around this puts back."""
        self.inner: list[dict[str, Value]] = []
        """Names of comprehensions, innermost last."""
        self.spent: set[Region] = set()
        """Regions of what is another thing after each use: iterators, random generators."""
        self.generators: set[Region] = set()
        """Regions of random generators, which keep nothing of what their methods are given."""
        self.growing: set[Region] = set()
        """Regions of what gets an item where one is asked for that is not there."""
        self.overwriting: set[Region] = set()
        """Regions of objects that may overwrite what their methods are given, as they were told."""
        self.given: dict[Region, frozenset[Region]] = {}
        """By the region of what a library made: what that was given for it."""
        self.modelling: set[Region] = set()
        """Regions of variables and expressions that stay in what is made of them: `problem += x + y <= 4`."""
        self.texts: dict[str, list[str]] = {}
        """By name the texts that it was given."""
        self.contexts: dict[Region, ast.Call] = {}
        """By the region of what holds settings of the process, the call that gives it."""
        self.told_in_place = False
        """Whether a dict of the text has the key `inplace`, which may become an argument."""
        self.told_written = False
        """Whether a dict of the text has a key by which a call may be told to write into something: `out`."""
        self.told_sql = False
        """Whether a text may be a query that writes into a database, or name a file of such."""
        self.calm_names: frozenset[str] = frozenset()
        """Names of configurations of `logging` that let loggers go on which are there."""
        self.put: set[Chain | None] = set()
        """Places that the text gives something else: `tools.load` where it says `tools.load = f`."""
        self.own_modules: Mapping[str, Use] = {}
        """By full name, what naming something of the notebook's own modules does."""
        self.of_module = False
        """Whether the text is itself one of these, which nobody repeats."""
        self.own_does: Mapping[str, tuple[tuple[str, states.Does], ...]] = {}
        """By method of a class of these, what a call of it may do to states of the process."""
        self.own_alters: Mapping[str, tuple[Alters, ...]] = {}
        """By method of a class of these, what a call of it changes of its object and of what it is given."""
        self.stores = 0
        """How often something was stored in what a name holds: between two equal counts no change does more again."""
        self.own_asks: Mapping[str, frozenset[str]] = {}
        """By method of a class of these, what modules hold that a call of it reads."""
        self.own_logs = False
        """Whether one of these logs."""
        self.patched: dict[Region, str] = {}
        """By the region of a patch: the state that starting it sets."""
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
    def state(self, name: str, does: states.Does, node: ast.AST) -> None:
        """A state of the process is set or used."""

    @abstractmethod
    def paths(self, *ways: Callable[[], None]) -> None:
        """One of these happens."""

    @abstractmethod
    def inside(self, way: Callable[[], None]) -> None:
        """This happens in a function that is called here."""

    @abstractmethod
    def doubt(self, line: int, reason: str, *, reads: bool = True, binds: bool = True) -> None:
        """Something that reading cannot tell."""

    @abstractmethod
    def held(self, state: str) -> Value:
        """A part of what a module of the notebook's own holds."""

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

    @abstractmethod
    def call(self, node: ast.Call) -> Value:
        """The result of a call."""

    # -- expressions --------------------------------------------------------------------------------------------

    def value(self, node: ast.expr | None) -> Value:
        """What an expression is worth."""
        if node is None or isinstance(node, ast.Constant):
            return PLAIN
        if isinstance(node, ast.Name):
            if self.own_modules and (full := self.full((node.id,))):
                self.uses_module(full, node)
                return self.with_own(self.load(node.id, node.lineno), full)
            return self.load(node.id, node.lineno)
        if isinstance(node, ast.Attribute):
            return self._attribute(node)
        if isinstance(node, ast.Call):
            return self.call(node)
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
        value = self.value(inner)
        if isinstance(node, ast.Starred):
            self.walk_own(value, node.lineno)
        return value

    def _compare(self, node: ast.Compare) -> Value:
        parts = [self.value(part) for part in (node.left, *node.comparators)]
        if any(isinstance(op, (ast.Is, ast.IsNot)) for op in node.ops):
            self.same(parts)
        if self._models(parts):
            return holding(parts, self.region(node), "")
        return self.new(node, "table") if {"table", ""} & {part.kind for part in parts} else PLAIN

    def _models(self, parts: Sequence[Value]) -> bool:
        return bool(self.modelling) and any(self.modelling & part.reaches for part in parts)

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
        if self._models([left, right]):
            return holding([left, right], self.region(node), "")
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
                self.state(states.ENVIRONMENT, "use", node)
            use = self.uses_module(full, node)
            was_put = chain in self.put and use is not None and use.kind == "definition"
            self.missing_of_own(full, node)
            return Value(tied=known.AS_IT_WAS) if was_put else self.with_own(PLAIN, full)
        owner = self.value(node.value)
        self.asks_own(node.attr, owner, node)
        if node.attr in ("__globals__", "f_globals", "f_locals"):
            self.doubt(node.lineno, f"{node.attr} gives access to every name")
        found = self.attribute(owner, node.attr, None, node)
        if found is not None:
            return found
        if node.attr in self.own_alters and owner.kind == "":
            some = [one for one in self.own_alters[node.attr] if one.itself()]
            if any(not one.is_read for one in some):
                return self._bound_method(owner, node.lineno)
            self.change(owner.owns if some else NOTHING, PLAIN, node.lineno)
        if node.attr in known.PLAIN_ATTRIBUTES:
            return PLAIN
        if node.attr in known.DRAWS and owner.kind in ("", "table") and not owner.makers:
            return self.drawing(node, [owner])
        if node.attr in known.CHANGING_METHODS and owner.kind != "plain":
            return self._bound_method(owner, node.lineno)
        if owner.kind == "figure" and known.is_drawn(node.attr):
            return drawn(owner)
        return owner.inside().with_kind(owner.kind if owner.kind in ("table", "figure") else "")

    def uses_module(self, full: str, node: ast.AST, *, called: bool = False) -> Use | None:
        """Something of a module of the notebook's own is named, and may be called then; None where it is no such.

        `called` says that it is, here and now.
        """
        use = self.own_modules.get(self._known_as(full))
        for name in sorted(use.reads if use else ()):
            self.state(name, "use", node)
        for name in sorted(use.changes if use else ()):
            self.state(name, "go on", node)
        if use is not None and use.kind == "variable":  # who looks at a memory sees what was asked for before
            for name in sorted(use.holds):
                self.change(self.held(name).owns, PLAIN, getattr(node, "lineno", 1))
        if use is not None:
            self.does(use.does, use.surely if called else (), node)
        return use

    def with_own(self, value: Value, full: str) -> Value:
        """The value of something that is named by its full name: what of an own module it is, if that does anything."""
        use = None if self.of_module else self.own_modules.get(full)
        if use is None or use.kind == "module":
            return value
        acts = use.kind == "variable" or use.changes or use.alters or use.does or use.makes
        return replace(value, own=frozenset({full})) if acts else value

    @abstractmethod
    def runs_own(self, value: Value, method: str, node: ast.AST, given: Sequence[Value] = ()) -> None:
        """A method of a value is called, `__call__` if it is itself, with what is given."""

    @abstractmethod
    def asks_own(self, method: str, owner: Value, node: ast.AST) -> None:
        """A method of a class of own modules may be called, which reads what these hold by now."""

    @abstractmethod
    def missing_of_own(self, full: str, node: ast.AST) -> None:
        """A name that an own module, or an object in one, has not: its `__getattr__` is asked."""

    def does(self, what: Sequence[tuple[str, states.Does]], surely: Collection[str], node: ast.AST) -> None:
        """A function does this to states of the process; some it sets `surely`, all others perhaps."""
        for name, how in what:
            one = partial(self.state, name, how, node)
            if how == "use" or name in surely:
                self.inside(one)
            else:
                self.paths(partial(self.inside, one), lambda: None)

    def through(self, full: str) -> str:
        """The full name with what a module of the notebook's own has of a library as the library names it."""
        if self.own_modules and (use := self.own_modules.get(known_as := self._known_as(full))) and use.alias:
            return use.alias + full.removeprefix(known_as)
        return full

    def changes_module(self, full: str, node: ast.AST) -> None:
        """What a module of the notebook's own holds, or a part of it, is changed so that it cannot be repeated."""
        known_as = self._known_as(full)
        if not known_as:
            return
        use = self.own_modules[known_as]
        if use.kind == "variable":  # what it is called where it is made: packages give it on
            made = sorted(one for one in use.reads if states.is_kept(one) and not one.endswith(".*>"))
            for state in made or [states.kept_in(known_as)]:
                self.state(state, "go on", node)
            return
        if use.kind == "module":
            rest = full.removeprefix(known_as).removeprefix(".").partition(".")[0]
            known_as = f"{known_as}.{rest or '*'}"
        self.state(states.kept_in(known_as), "go on", node)

    def _known_as(self, full: str) -> str:
        """The longest part of a full name that is one of the notebook's own modules, or of a name in one."""
        while full and full not in self.own_modules:
            full = full.rpartition(".")[0]
        return full

    def drawing(self, node: ast.AST, held: Sequence[Value]) -> Value:
        """A figure, or something in one, that holds these: it goes with them, they may go without it."""
        value = holding(held, self.region(node), "figure")
        self.spent |= value.owns
        return replace(value, tied=known.A_FIGURE)

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
            self.runs_own(self.with_own(PLAIN, full), "__getitem__", node)
            return self.with_own(PLAIN, full)
        self.touch_item(owner, node)
        if self.growing & owner.owns:
            self.change(owner.owns, PLAIN, node.lineno)
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
        self.walk_own(value, node.lineno)
        for name in ("__iter__", "__next__") if value.own else ():
            self.runs_own(value, name, node)
        self.attribute(value, "__iter__", (), node)
        self.attribute(value, "__next__", (), node)
        return value.inside()

    def walk_own(self, value: Value, line: int) -> None:
        """An object of an own module's class may be another one where it was walked."""
        some = (*self.own_alters.get("__iter__", ()), *self.own_alters.get("__next__", ()))
        if some and value.kind == "" and any(one.itself() for one in some):
            self.change(value.owns, PLAIN, line)


def drawn(figure: Value) -> Value:
    """What a figure may hold: perhaps the very data that it was given."""
    rest = figure.reaches - figure.owns
    return replace(figure, owns=rest, reaches=rest, kind="")


def _mentions(node: ast.expr, chain: Chain | None) -> bool:
    """Whether an index speaks of what it is an index of, as masks do: `df[df.x > 0]`."""
    return chain is not None and any(
        isinstance(part, ast.Name) and part.id == chain[0] for part in ast.walk(node)
    )


def _keeps_apart(part: ast.expr, op: ast.operator) -> bool:
    """Whether a constant tells that the other side is no collection: `x + 1`, `x * 0.5`."""
    kinds = (int, float, complex, str) if isinstance(op, ast.Add) else (float, complex)
    return isinstance(part, ast.Constant) and isinstance(part.value, kinds)
