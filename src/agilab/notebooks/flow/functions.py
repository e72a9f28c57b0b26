"""What a function of the notebook does when it is called: a summary, made once, in terms of parameters and names.

`p:x` stands for what comes as its parameter x and `d:x` for what may lie in that; `g:x` and `h:x` for what a name of
the notebook holds at the time of the call. Order does not matter in a function: every assignment may hold at any time.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from agi_node.source.needs import needs_of
from agi_node.source.pure import dotted
from agi_node.source.scopes import bound_names, declared_global, parameters
from agi_node.source.tree import Chain, chain_of, nodes_of
from agilab.notebooks.flow import states
from agilab.notebooks.flow.loggers import is_of_logger
from agilab.notebooks.flow.makers import BUILTINS, FunctionNode, Summary
from agilab.notebooks.flow.module_effects import run_by
from agilab.notebooks.flow.statements import Statements
from agilab.notebooks.flow.values import CLOSURE, PLAIN, Region, Value, either

_ROUNDS = 8
INNER = "<inner>"
"""What stands for the parameters of functions that a function makes."""


class Body(Statements):
    """Walks the body of a function, over and over until nothing new is found."""

    def __init__(
        self,
        node: FunctionNode,
        is_own: Callable[[str], bool],
        is_own_method: Callable[[str], bool],
        imports: Mapping[str, str],
    ) -> None:
        super().__init__()
        self._node = node
        self._is_own = is_own
        self._is_own_method = is_own_method
        self._imports = dict(imports)
        self._parameters = tuple(each.arg for each in parameters(node.args))
        body: list[ast.AST] = [node.body] if isinstance(node, ast.Lambda) else [*node.body]
        self._locals = frozenset(self._parameters) | frozenset(bound_names(body, ""))
        self.lazy = True  # what is evaluated where it is defined is the notebook's
        self._needs = needs_of(node).later
        self._env = {
            name: Value(frozenset({f"p:{name}"}), frozenset({f"p:{name}", f"d:{name}"}))
            for name in self._parameters
        }
        self._inner_parameters: set[str] = set()
        self._globals: set[str] = set()
        self._unbinds: set[str] = set()
        for part in nodes_of(node):
            if isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef)):
                self._globals |= declared_global(part.body)
        self._nested = 0
        self._changed: set[Region] = set()
        self._passed: set[Region] = set()
        self._used: set[Region] = set()
        self._same: set[Region] = set()
        self._owners: dict[str, frozenset[Region]] = {}
        self._returns = PLAIN
        self._gives = PLAIN
        self._own_regions: set[Region] = set()
        self._states: dict[tuple[str, states.Does], None] = {}
        self._doubts: dict[tuple[str, bool, bool], None] = {}
        self._calls = False
        self._remembers = False
        self._first: set[str] = set()
        self._acts = False
        self._regions: dict[int, int] = {}
        self._depth = 0
        self._left = False
        self._surely: set[str] = set()
        self._runs: set[str] = set()

    def changes_owner(self) -> None:
        """It is a method whose result its object keeps."""
        self._changed |= {f"p:{name}" for name in self._parameters[:1]}

    def summary(self) -> Summary:
        """What a call does."""
        node = self._node
        for _ in range(_ROUNDS):
            before = self._found()
            self._left = False
            if isinstance(node, ast.Lambda):
                self._returns = either([self._returns, self.value(node.body)])
            else:
                self.block(node.body)
            if before == self._found():
                break
        returns = self._returns
        if _yields(node):
            returns = either([returns, self._everything()])
            returns = replace(returns, tied="a generator", kind="iterator")
        elif isinstance(node, ast.AsyncFunctionDef) and returns.kind == "plain":
            returns = PLAIN
        elif CLOSURE in returns.reaches or self._remembers_in(returns):
            returns = replace(returns, tied=returns.tied or "a function made by a function")
        outside = frozenset(self._outside(self._changed))
        remembers = self._remembers or self._keeps_default()
        return Summary(
            self._parameters,
            frozenset(name for name in self._needs if name not in BUILTINS or self._is_own(name)),
            frozenset(self._globals),
            frozenset((_always(node) & self._globals) - self._unbinds),
            frozenset(self._unbinds),
            *self._leads(),
            outside,
            frozenset(self._outside(self._passed)),
            frozenset(self._outside(self._used)),
            {name: frozenset(self._outside(found)) for name, found in self._owners.items()},
            frozenset(self._outside(self._same)),
            returns,
            replace(self._gives, tied="a function made by a function")
            if CLOSURE in self._gives.reaches
            else self._gives,
            tuple(self._states),
            tuple(self._doubts),
            self._calls,
            remembers,
            frozenset(self._first & self._needs),
            self._acts or bool(self._globals),
            {name: self._env[name] for name in self._globals & self._env.keys()},
            self._ties(),
            frozenset(self._surely),
            frozenset(self._runs),
        )

    def _leads(self) -> tuple[frozenset[str], str]:
        """The names declared global that the first statements bind, and the function that they call then."""
        found: set[str] = set()
        read: set[str] = set()
        for part in [] if isinstance(self._node, ast.Lambda) else self._node.body:
            match part:
                case ast.Global() | ast.Pass() | ast.Expr(value=ast.Constant()):
                    continue
                case ast.Expr(value=ast.Call(func=ast.Name(id=name), args=[], keywords=[])):
                    if self._is_own(name):
                        return frozenset(found), name
                    break
                case ast.Assign(targets=targets, value=value):
                    nodes = list(nodes_of(value))
                    if not all(map(self._is_librarys, nodes)):
                        break
                    read |= {node.id for node in nodes if isinstance(node, ast.Name)} - found
                    found |= {one.id for one in targets if isinstance(one, ast.Name)} & self._globals - read
                case _:
                    break
        return frozenset(found), ""

    def _is_librarys(self, node: ast.AST) -> bool:
        """Whether a node calls nothing of the notebook."""
        if not isinstance(node, ast.Call):
            return True
        chain = chain_of(node.func)
        return chain is not None and self.full(chain) is not None

    def _ties(self) -> str:
        first = self._parameters[:1]
        return self._env[first[0]].tied if first and f"p:{first[0]}" in self._changed else ""

    def _found(self) -> tuple[object, ...]:
        return dict(self._env), len(self._changed), len(self._passed), self._returns, self._gives

    def _remembers_in(self, value: Value) -> bool:
        return CLOSURE in value.owns

    def _keeps_default(self) -> bool:
        """Whether a default value that can be changed is changed, or handed out."""
        arguments = self._node.args
        defaults = [*arguments.defaults, *(each for each in arguments.kw_defaults if each is not None)]
        if all(isinstance(each, (ast.Constant, ast.Name, ast.UnaryOp, ast.Attribute)) for each in defaults):
            return False
        own = frozenset(f"{mark}:{name}" for name in self._parameters for mark in "pd")
        return bool(own & (self._changed | self._passed | self._returns.reaches))

    @staticmethod
    def _outside(regions: set[Region] | frozenset[Region]) -> set[Region]:
        return set(filter(_is_outside, regions))

    def _everything(self) -> Value:
        return either([PLAIN, *self._env.values()])

    # -- names --------------------------------------------------------------------------------------------------

    def load(self, name: str, line: int) -> Value:
        for names in reversed(self.inner):
            if name in names:
                return names[name]
        found = [self._env[name]] if name in self._env else []
        if (
            name in self._needs
            and not (name in self._imports and name not in self._locals)
            and self._foreign(name)
        ):
            found.append(Value(frozenset({f"g:{name}"}), frozenset({f"g:{name}", f"h:{name}"})))
        if not self._nested:
            self._first.add(name)
        return either(found) if found else PLAIN

    def _foreign(self, name: str) -> bool:
        return name not in BUILTINS or self._is_own(name)

    def bind(self, name: str, value: Value, line: int) -> None:
        self._env[name] = either([self._env[name], value]) if name in self._env else value
        if name in self._globals and value.reaches:
            self._passed |= value.reaches

    def unbind(self, name: str, line: int) -> None:
        if name in self._globals:
            self._unbinds.add(name)

    def runs_modules(self, full: str, line: int) -> None:
        for one in run_by(full, self.own_modules):
            for state, how in one.does:
                self.state(state, how, ast.Pass(lineno=line))
                self._remembers = True  # the first call does more than the next one

    def bind_import(self, name: str, full: str, line: int, *, adds: bool = False) -> None:
        self._imports[name] = full
        self._locals -= {name}

    def star(self, module: str, line: int) -> None:
        pass  # Python refuses it in a function

    def full(self, chain: Chain) -> str | None:
        first = chain[0]
        if first in self._locals or first in self._env or any(first in names for names in self.inner):
            return None
        if first in self._imports:
            return self.through(dotted(chain, self._imports))
        return dotted(chain, {}) if not self._is_own(first) and _is_known(first) else None

    def mention(self, name: str, line: int) -> bool:
        if name not in self._locals:
            if not self._is_own(name) or self._nested:
                return False
            self._needs |= {name}
        self.load(name, line)
        return True

    def has_library(self, top: str) -> bool:
        return any(full.partition(".")[0] == top for full in self._imports.values())

    def is_own_method(self, name: str) -> bool:
        return self._is_own_method(name)

    def region(self, node: ast.AST) -> Region:
        region = self._regions.setdefault(id(node), len(self._regions))
        if self._nested:
            self._own_regions.add(region)
        return region

    def used_up(self, values: Sequence[Value], given: Sequence[Value], line: int) -> None:
        for value in values:
            self._used |= value.owns
        super().used_up(values, given, line)

    # -- effects ------------------------------------------------------------------------------------------------

    def change(self, what: frozenset[Region], stored: Value, line: int) -> None:
        self._changed |= what
        if not (self._acts or self._nested):
            self._acts = any(str(region)[:2] in ("g:", "h:") for region in what)
        if self._nested and not self._remembers:
            self._remembers = any(map(self._outlives, what))
        if stored.reaches or stored.makers or stored.tied:
            for name, value in self._env.items():
                if not value.reaches.isdisjoint(what) and not _lies_in(stored, value):
                    reaches, tied = value.reaches | stored.reaches, value.tied or stored.tied
                    self._env[name] = replace(value, reaches=reaches, tied=tied, kind="")
                    self.stores += 1
            if any(map(_is_outside, what)):
                self._passed |= stored.reaches

    def _outlives(self, region: Region) -> bool:
        """Whether it belongs to the function around, not to the one in it, nor to the notebook."""
        if isinstance(region, int):
            return region not in self._own_regions
        return region[0] in "pd" and INNER not in region

    def state(self, name: str, does: states.Does, node: ast.AST) -> None:
        self._states[name, does] = None
        if does != "use" and self._is_sure():
            self._surely.add(name)
        self._acts |= not (self._nested or is_of_logger(name))

    def _is_sure(self) -> bool:
        """Whether what stands here happens in each call."""
        return not (self._depth or self._nested or self._left)

    def inside(self, way: Callable[[], None]) -> None:
        way()

    def doubt(self, line: int, reason: str, *, reads: bool = True, binds: bool = True) -> None:
        self._doubts[reason, reads, binds] = None

    def same(self, values: Sequence[Value]) -> None:
        self._same |= either([PLAIN, *values]).owns

    def called(
        self, callee: Value, node: ast.Call, args: Sequence[Value], named: Mapping[str, Value]
    ) -> Value | None:
        every = [*args, *named.values()]
        if isinstance(node.func, ast.Name) and self._is_sure():
            self._runs.add(node.func.id)
        if self._outside(callee.reaches):
            self._calls = True
            for value in every:
                self._passed |= value.reaches
            return either([self.new(node), *every, *(value.inside() for value in every)]).with_kind("")
        if CLOSURE in callee.reaches:
            return either([self.new(node), *every, self._inner_given(every)]).with_kind("")
        return None

    def _inner_given(self, args: Sequence[Value]) -> Value:
        """What functions in this one may give back when they are called with these."""
        for name in self._inner_parameters:
            self._env[name] = either([self._env[name], *args])
        return self._gives

    def held(self, state: str) -> Value:
        return Value(frozenset({f"g:{state}"}), frozenset({f"g:{state}", f"h:{state}"}))

    def applied(self, held: Value, args: Sequence[Value], node: ast.expr) -> Value:
        if self._outside(held.reaches):
            for value in args:
                self._passed |= value.reaches
        if CLOSURE in held.reaches:
            return self._inner_given([*args, *(value.inside() for value in args)])
        return PLAIN

    def attribute(
        self, owner: Value, name: str, args: Sequence[Value] | None, node: ast.expr
    ) -> Value | None:
        names = {name, "__call__"} if self._is_held(name, args, node) else {name}
        for each in names:
            self._owners[each] = self._owners.get(each, frozenset()) | owner.reaches
        for value in args or ():
            self._passed |= value.reaches
        if args is not None and self._is_sure() and owner.owns & {f"p:{one}" for one in self._parameters[:1]}:
            self._runs.add(f".{name}")
        return None

    def _is_held(self, name: str, args: Sequence[Value] | None, node: ast.expr) -> bool:
        """Whether something that the method's object holds is called: `self.layer(x)`."""
        place = node.func if isinstance(node, ast.Call) else None
        owner = place.value if isinstance(place, ast.Attribute) else None
        itself = isinstance(owner, ast.Name) and owner.id in self._parameters[:1]
        return args is not None and itself and not self._is_own_method(name)

    def first_parameter(self) -> Value:
        return self._env.get(self._parameters[0], Value()) if self._parameters else Value()

    # -- what is made in it -------------------------------------------------------------------------------------

    def function(self, node: ast.Lambda) -> Value:
        return self._inner_function(node)

    def define(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Value:
        return self._inner_function(node)

    def _inner_function(self, node: FunctionNode) -> Value:
        every = self._everything()
        defaults = [
            self.value(each) for each in (*node.args.defaults, *node.args.kw_defaults) if each is not None
        ]
        given = either([Value(frozenset({f"p:{INNER}"}), frozenset({f"p:{INNER}", f"d:{INNER}"})), *defaults])
        for each in parameters(node.args):
            self._inner_parameters.add(each.arg)
            self._env[each.arg] = either([self._env[each.arg], given]) if each.arg in self._env else given
        self._nested += 1
        kept = self._returns
        self._returns = PLAIN
        if isinstance(node, ast.Lambda):
            self._returns = self.value(node.body)
        else:
            self.block(node.body)
        self._gives = either([self._gives, self._returns])
        self._returns = kept
        self._nested -= 1
        return Value(frozenset({CLOSURE}), frozenset({CLOSURE}) | every.reaches)

    def define_class(self, node: ast.ClassDef) -> Value:
        self.block(node.body)
        made = Value(frozenset({CLOSURE}), frozenset({CLOSURE}) | self._everything().reaches)
        self._gives = either([self._gives, made])  # its objects are no more than it is
        return made

    # -- paths: every one is taken ------------------------------------------------------------------------------

    def paths(self, *ways: Callable[[], None]) -> None:
        self._depth += 1
        for way in ways:
            way()
        self._depth -= 1

    def repeated(self, body: Callable[[], None], *, once: bool, forever: bool) -> None:
        self.paths(body)

    def attempted(
        self, body: Callable[[], None], handlers: Sequence[Callable[[], None]], rest: Callable[[], None]
    ) -> None:
        self.paths(body, *handlers, rest)

    def _try(self, node: ast.Try) -> None:
        missing = all(handler.type is not None and _is_missing(handler.type) for handler in node.handlers)
        if not (missing and node.handlers):
            super()._try(node)
            return
        self.block(node.body)  # where the library is missing nobody asks for what this sets of it
        self.paths(*(partial(self.block, handler.body) for handler in node.handlers))
        self.block([*node.orelse, *node.finalbody])

    def ends(self, node: ast.stmt, value: Value) -> None:
        if isinstance(node, ast.Return):
            self._returns = either([self._returns, value])
            self._left = self._left or not self._nested

    def declare_global(self, node: ast.Global | ast.Nonlocal) -> None:
        if self._nested and isinstance(node, ast.Nonlocal):
            self._remembers = True


def _is_outside(region: Region) -> bool:
    """Whether it was there before the function was called."""
    return isinstance(region, str) and region != CLOSURE


def _lies_in(stored: Value, value: Value) -> bool:
    """Whether a value of which nothing is certain is the same after something was stored in it."""
    return value.kind == "" and stored.reaches <= value.reaches and bool(value.tied or not stored.tied)


def _is_missing(node: ast.expr) -> bool:
    """Whether it stands for libraries that are not there."""
    some = node.elts if isinstance(node, ast.Tuple) else [node]
    return all(isinstance(one, ast.Name) and one.id in ("ImportError", "ModuleNotFoundError") for one in some)


def _is_known(name: str) -> bool:
    return name in BUILTINS or dotted((name,), {}) != name


def _yields(node: FunctionNode) -> bool:
    stack: list[ast.AST] = [node.body] if isinstance(node, ast.Lambda) else [*node.body]
    while stack:
        part = stack.pop()
        if isinstance(part, (ast.Yield, ast.YieldFrom)):
            return True
        if not isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            stack.extend(ast.iter_child_nodes(part))
    return False


def _always(node: FunctionNode) -> set[str]:
    """Names that the first statements of a function bind, before anything that might end it."""
    found: set[str] = set()
    for part in [] if isinstance(node, ast.Lambda) else node.body:
        if isinstance(part, ast.Assign):
            found |= {each.id for each in part.targets if isinstance(each, ast.Name)}
        elif isinstance(part, (ast.AugAssign, ast.AnnAssign)):
            if isinstance(part.target, ast.Name) and part.value is not None:
                found.add(part.target.id)
        elif any(
            isinstance(each, (ast.Return, ast.Raise, ast.Yield, ast.YieldFrom)) for each in ast.walk(part)
        ):
            break
    return found
