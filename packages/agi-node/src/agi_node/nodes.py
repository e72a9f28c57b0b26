"""An app's nodes: functions with dependencies. What a node needs are the names of its parameters."""

from __future__ import annotations

import difflib
import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any

from agi_node.errors import FAILED, AgiError
from agi_node.signature import objection, positional_only

GIVEN = ("args", "run")
"""Parameters that are no nodes: the app's arguments and the run context."""
STEPS = ("plan", "work", "reduce", "publish")
LAST = "publish"


@dataclass(frozen=True, slots=True)
class NodePolicy:
    """How a node is tried, where its author says so; None leaves it to whoever runs the app.

    Attributes:
        retries: Further attempts after the function raised.
        timeout_s: Seconds of wall time after which an attempt is ended and has failed.
        cache: Whether the result of an earlier run is used again where code, arguments, inputs and environment are
            equal.
    """

    retries: int | None = None
    timeout_s: float | None = None
    cache: bool | None = None

    def to_plain(self) -> dict[str, Any]:
        """The policy as a description carries it."""
        return {"retries": self.retries, "timeout_s": self.timeout_s, "cache": self.cache}


@dataclass(frozen=True, slots=True)
class Node:
    """A declared function and what it asks for.

    Attributes:
        function: The author's function, unchanged.
        asks: Its parameters but for `args` and `run`, in order, and whether each must be given.
        takes: Which of `args` and `run` it wants.
    """

    name: str
    function: Callable[..., Any]
    asks: Mapping[str, bool]
    takes: frozenset[str]
    policy: NodePolicy = NodePolicy()

    def call(self, needs: Mapping[str, Any], args: Any, run: Any) -> Any:
        """Call the function with what it asks for."""
        given = {name: value for name, value in (("args", args), ("run", run)) if name in self.takes}
        return self.function(**needs, **given)


def declared(
    app: str, function: Callable[..., Any], name: str | None = None, policy: NodePolicy = NodePolicy()
) -> Node:
    """A function as a node of an app. Raises AGI-APP-003 for what cannot be one."""
    chosen = name or str(getattr(function, "__name__", ""))
    reserved = GIVEN if chosen == LAST else (*GIVEN, *STEPS)
    objected = objection(function, chosen, reserved)
    if objected is None:
        parameters = tuple(inspect.signature(function).parameters.values())
        if unnamed := positional_only(parameters):
            objected = f"the positional-only parameter {unnamed}", "parameters by name"
        else:
            _check_policy(app, chosen, policy)
            asks = {one.name: one.default is one.empty for one in parameters if one.name not in GIVEN}
            takes = frozenset(one.name for one in parameters) & set(GIVEN)
            return Node(chosen, function, asks, takes, policy)
    raise AgiError(
        "AGI-APP-003",
        f"{chosen or repr(function)[:60]} cannot be a node of the app {app!r}",
        found=objected[0],
        allowed=objected[1],
        whose="author",
    )


def needs_of(name: str, nodes: Mapping[str, Node]) -> tuple[str, ...]:
    """The nodes that must come first. An app's last word, its `publish`, waits for those that nobody else needs."""
    named = tuple(ask for ask in nodes[name].asks if ask in nodes)
    if name != LAST:
        return named
    needed = {need for other in nodes if other != LAST for need in needs_of(other, nodes)}
    return tuple(
        dict.fromkeys((*named, *(other for other in nodes if other not in needed and other != LAST)))
    )


def check(app: str, nodes: Mapping[str, Node]) -> None:
    """Raise AGI-APP-007 for a parameter that nobody gives, and for nodes that need each other in a circle."""
    for node in nodes.values():
        known = [name for name in nodes if name not in (node.name, LAST)]
        for ask, must in node.asks.items():
            if ask == LAST or (must and ask not in nodes):
                raise AgiError(
                    "AGI-APP-007",
                    f"nobody gives the parameter {ask} of node {node.name} in the app {app!r}",
                    found=f"{ask}: {'what comes last' if ask == LAST else 'no node, no default'}",
                    allowed=", ".join([*known, *GIVEN, "or a default"]),
                    try_=_close(ask, [*known, *GIVEN]),
                    whose="author",
                    exit_code=FAILED,
                )
    try:
        TopologicalSorter({name: needs_of(name, nodes) for name in nodes}).prepare()
    except CycleError as circle:
        raise AgiError(
            "AGI-APP-007",
            f"nodes of the app {app!r} need each other in a circle",
            found=" → ".join(circle.args[1]),
            allowed="parameters that lead from one node to the next, and never back",
            whose="author",
            exit_code=FAILED,
        ) from None


def _close(name: str, known: list[str]) -> str | None:
    near = difflib.get_close_matches(name, known, 1)
    return f"did you mean {near[0]}?" if near else None


def _check_policy(app: str, name: str, policy: NodePolicy) -> None:
    retries, timeout_s, cache = policy.retries, policy.timeout_s, policy.cache
    rules = (
        ("retries", retries, type(retries) is int and retries >= 0, "0, 1, 2, …"),
        (
            "timeout_s",
            timeout_s,
            type(timeout_s) in (int, float) and 0 < (timeout_s or 0) < math.inf,
            "seconds, more than 0",
        ),
        ("cache", cache, type(cache) is bool, "True or False"),
    )
    for rule, value, good, allowed in rules:
        if value is not None and not good:
            raise AgiError(
                "AGI-APP-003",
                f"node {name} of the app {app!r} has an impossible {rule}",
                found=repr(value)[:80],
                allowed=allowed,
                whose="author",
            )
