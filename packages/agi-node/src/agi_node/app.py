"""The app: a name, arguments, and plain functions that know their place in a run."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, overload

from agi_node.args import Args
from agi_node.errors import FAILED, AgiError
from agi_node.nodes import LAST, Node, NodePolicy, check, declared, needs_of
from agi_node.partial import Partial

NODES = ("plan", "work", "reduce", "publish")
"""The steps of an app's run, in order. The reduce is ours: the partial says how."""

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_FIRST = {"plan": None, "work": "payload", "publish": "summary"}


@dataclass(frozen=True, slots=True)
class Step:
    """A registered function and what it asks for.

    Attributes:
        function: The author's function, unchanged.
        first: Name of its first parameter where that is a payload or summary, None for a plan or a publish without.
        takes: Which of `args` and `run` it wants.
    """

    function: Callable[..., Any]
    first: str | None
    takes: frozenset[str]

    def call(self, first: Any, args: Any, run: Any) -> Any:
        """Call the function with what it asks for."""
        given = {name: value for name, value in (("args", args), ("run", run)) if name in self.takes}
        return self.function(**given) if self.first is None else self.function(first, **given)


class App:
    """Registers the functions of an app and leaves them as they are.

    An app works items (`plan`, `work`, and a reduce by its partial), or it has nodes, functions that need each other;
    either may have the last word in `publish`.

    Responsible for: saying which steps and nodes exist, and what each function asks for.
    Not responsible for: running anything.

    >>> app = App("double", args=Args)
    >>> @app.work
    ... def double(payload: int, args, run):
    ...     return payload * 2
    >>> double(21, None, None), app.nodes()
    (42, ('work',))
    """

    def __init__(self, name: str, *, args: type[Args] = Args, partial: type[Partial] | None = None) -> None:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise _misuse(
                "an app cannot have this name", repr(name)[:80], "a letter, then letters, digits, _ and -"
            )
        if not (isinstance(args, type) and issubclass(args, Args)):
            raise _misuse(
                f"args of app {name!r} is no arguments class", repr(args)[:80], "a subclass of agi_node.Args"
            )
        if partial is not None and not (isinstance(partial, type) and issubclass(partial, Partial)):
            raise _misuse(
                f"partial of app {name!r} is no partial class",
                repr(partial)[:80],
                "a subclass of agi_node.Partial",
            )
        self.name = name
        self.args = args
        self.partial = partial
        self._steps: dict[str, Step] = {}
        self._nodes: dict[str, Node] = {}

    def plan(self, function: FunctionT) -> FunctionT:
        """Register `plan(args)` (or `(args, run)`): yields the `WorkItem`s of a run."""
        return self._register("plan", function)

    def work(self, function: FunctionT) -> FunctionT:
        """Register `work(payload, args, run)`: returns the app's partial, plain data where it has none, or a `Skip`."""
        return self._register("work", function)

    def publish(self, function: FunctionT) -> FunctionT:
        """Register `publish(summary, args, run)`, called after the reduce: returns plain data or nothing.

        An app that has nothing to distribute is a `publish(args, run)` alone: one unit, called once. In an app with
        nodes it comes after all of them, and its parameters are those whose values it wants.
        """
        return self._register("publish", function)

    @overload
    def node(self, function: FunctionT, /) -> FunctionT: ...

    @overload
    def node(
        self,
        function: None = None,
        /,
        *,
        name: str | None = ...,
        retries: int | None = ...,
        timeout_s: float | None = ...,
        cache: bool | None = ...,
    ) -> Callable[[FunctionT], FunctionT]: ...

    def node(
        self,
        function: Any = None,
        /,
        *,
        name: str | None = None,
        retries: int | None = None,
        timeout_s: float | None = None,
        cache: bool | None = None,
    ) -> Any:
        """Register a function with dependencies: a parameter is another node, `args`, `run`, or has a default.

        It returns plain data, a whole table of polars, pandas or pyarrow, bytes, or a `Skip`; whoever names it as a
        parameter is given that. Each node is a unit of the run, of its own name; what needs nothing of each other may
        run at the same time.

        >>> app = App("sums")
        >>> @app.node
        ... def squares(): return [1, 4, 9]
        >>> @app.node(retries=2)
        ... def total(squares): return sum(squares)
        >>> app.nodes(), app.needs("total"), total([1, 4])
        (('squares', 'total'), ('squares',), 5)

        Args:
            name: Instead of the function's own, for nodes that are made in a loop.
            retries: Further attempts after the function raised.
            timeout_s: Seconds after which an attempt is ended.
            cache: Whether the result of an earlier run is used again where nothing it depends on has changed.
        """

        def register(given: FunctionT) -> FunctionT:
            self._refuse_both("nodes", tuple(step for step in self._steps if step != LAST))
            one = declared(self.name, given, name, NodePolicy(retries, timeout_s, cache))
            if one.name in self._nodes:
                raise _misuse(
                    f"two nodes of the app {self.name!r} are called {one.name}",
                    _shown(given),
                    "one name for each node; name=… gives a function another one",
                )
            last = self._steps.pop(LAST, None)
            if last is not None:
                self._nodes[LAST] = declared(self.name, last.function, LAST)
            self._nodes[one.name] = one
            return given

        return register if function is None else register(function)

    def nodes(self) -> tuple[str, ...]:
        """The steps that exist, in the order of a run, or the nodes as they were declared; `publish` is the last.

        There is a reduce where there is a partial and work.
        """
        if self._nodes:
            return (*(name for name in self._nodes if name != LAST), *([LAST] if LAST in self._nodes else ()))
        return tuple(name for name in NODES if name in self._steps or (name == "reduce" and self._reduces()))

    def needs(self, name: str) -> tuple[str, ...]:
        """What must come before a step or a node."""
        if name in self._nodes:
            return needs_of(name, self._nodes)
        before = self.nodes()[: self.nodes().index(name)]
        return before[-1:]

    def declared(self, name: str) -> Node | None:
        """The node of that name, the `publish` of an app with nodes among them; None for a step."""
        return self._nodes.get(name)

    def check(self) -> None:
        """Raise AGI-APP-007 where the nodes cannot be put in an order: an unknown need, a circle."""
        check(self.name, self._nodes)

    def step(self, name: str) -> Step:
        """The function registered for a step; AGI-APP-004 if there is none."""
        if name not in self._steps:
            raise AgiError(
                "AGI-APP-004",
                f"the app {self.name!r} has no {name}",
                found=name,
                allowed=", ".join(self.nodes()) or "nothing: no function is registered",
                whose="author",
                exit_code=FAILED,
            )
        return self._steps[name]

    def _reduces(self) -> bool:
        return self.partial is not None and "work" in self._steps

    def _register(self, name: str, function: FunctionT) -> FunctionT:
        before = self._steps.get(name) or self._nodes.get(name)
        if before is not None:
            raise _misuse(
                f"the app {self.name!r} already has a {name} function",
                _shown(function),
                f"one; {_shown(before.function)} is registered",
            )
        if self._nodes and name == LAST:
            self._nodes[LAST] = declared(self.name, function, LAST)
        else:
            self._refuse_both(f"a {name}", tuple(self._nodes))
            self._steps[name] = _step(name, function)
        return function

    def _refuse_both(self, added: str, others: tuple[str, ...]) -> None:
        """Items and nodes are two ways to say what a run does; an app has one of them."""
        if added == "nodes" and self.partial is not None:
            others = (*others, f"the partial {self.partial.__name__}")
        if others:
            raise _misuse(
                f"the app {self.name!r} cannot have {added} too",
                f"{', '.join(others[:5])} beside {added}",
                "items (plan, work, a partial), or nodes; either with a publish",
            )

    def __repr__(self) -> str:
        return f"<App {self.name}: {', '.join(self.nodes()) or 'no steps'}>"


def _step(name: str, function: Callable[..., Any]) -> Step:
    first = _FIRST[name]
    wanted = f"{name}({first + ', ' if first else ''}args, run)"
    shown = getattr(function, "__qualname__", repr(function))
    if (
        not callable(function)
        or inspect.iscoroutinefunction(function)
        or inspect.isasyncgenfunction(function)
    ):
        raise _misuse(
            f"the {name} function {shown} cannot be called as one", repr(function)[:80], f"def {wanted}"
        )
    parameters = list(inspect.signature(function).parameters.values())
    head = None
    alone = name == "publish" and (not parameters or parameters[0].name in ("args", "run"))
    if first is not None and not alone:
        positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        if not parameters or parameters[0].kind not in positional or parameters[0].name in ("args", "run"):
            raise _misuse(f"the {name} function {shown} takes no {first}", _signature(function), wanted)
        head = parameters.pop(0).name
    takes = set()
    for parameter in parameters:
        named = parameter.kind in (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
        if named and parameter.name in ("args", "run"):
            takes.add(parameter.name)
        elif parameter.default is inspect.Parameter.empty and parameter.kind not in (
            inspect.Parameter.VAR_POSITIONAL,
            inspect.Parameter.VAR_KEYWORD,
        ):
            raise _misuse(
                f"the {name} function {shown} asks for {parameter.name!r}, which nobody gives it",
                _signature(function),
                f"{wanted}, any of args and run left out",
            )
    return Step(function, head, frozenset(takes))


def _shown(function: Callable[..., Any]) -> str:
    return str(getattr(function, "__name__", repr(function)[:80]))


def _signature(function: Callable[..., Any]) -> str:
    return f"{getattr(function, '__name__', '')}{inspect.signature(function)}"


def _misuse(what: str, found: str, allowed: str) -> AgiError:
    return AgiError("AGI-APP-003", what, found=found, allowed=allowed, whose="author")
