"""A plain function as a node of a flow: its name, its parameters, what it maps over."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from agi_node.errors import AgiError
from agi_node.signature import objection, positional_only
from agi_node.values import NOT_PLAIN, as_plain
from agilab.engine.foreach import Axis, Foreach, Items, Nested, Over, Product, Zip
from agilab.engine.graph import Policy

Function = Callable[..., Any]
CONTEXT = "run"
"""The parameter that gets the run context (`agi_node.RunContext`): metrics, artifacts, progress."""


@dataclass(frozen=True)
class Of:
    """A node named by its function, until the flow says what it is called."""

    function: Function


@dataclass(frozen=True)
class Declared:
    """A function with what was said of it.

    Attributes:
        foreach: What it maps over; other nodes in it may still be functions (`Of`).
        parameters: What the signature asks for, in order.
    """

    name: str
    function: Function
    foreach: Any
    policy: Policy
    require: str | int | float
    on_empty: bool
    parameters: tuple[inspect.Parameter, ...]

    @property
    def item(self) -> str | None:
        """The parameter that gets the item of a mapped node; None where items arrive by the names of their axes."""
        mapped = self.foreach is not None and not isinstance(self.foreach, (Product, Zip))
        return self.parameters[0].name if mapped else None

    @property
    def asked(self) -> tuple[inspect.Parameter, ...]:
        """Parameters that other nodes or arguments must give."""
        axes = self.foreach.axes if isinstance(self.foreach, (Product, Zip)) else ()
        given = {self.item, CONTEXT, *axes}
        return tuple(parameter for parameter in self.parameters if parameter.name not in given)


def declared(
    function: Function,
    *,
    name: str | None,
    foreach: Any,
    policy: Policy,
    require: str | int | float,
    on_empty: bool,
) -> Declared:
    """A function as a node. Raises AGI-FLOW-001 for what cannot be one, AGI-FLOW-005 for items that are no data."""
    chosen: str = name or str(getattr(function, "__name__", ""))
    if objected := objection(function, chosen, (CONTEXT,)):
        raise _no_node(chosen or repr(function)[:60], *objected)
    node = Declared(
        chosen,
        function,
        over(foreach, chosen),
        policy,
        require,
        on_empty,
        tuple(inspect.signature(function).parameters.values()),
    )
    _check_items(node)
    return node


def _check_items(node: Declared) -> None:
    foreach = node.foreach
    names = {parameter.name for parameter in node.parameters}
    if isinstance(foreach, (Product, Zip)):
        if missing := [axis for axis in foreach.axes if axis not in names]:
            raise _no_node(node.name, f"no parameter called {missing[0]}", "a parameter for each axis")
        if CONTEXT in foreach.axes:
            raise _no_node(
                node.name, f"an axis called {CONTEXT}", "another name: that one gets the run context"
            )
    elif foreach is not None:
        _check_item(node)
    by_name = node.parameters[1:] if node.item else node.parameters
    if unnamed := positional_only(by_name):
        raise _no_node(node.name, f"the positional-only parameter {unnamed}", "parameters by name")


def _check_item(node: Declared) -> None:
    allowed = "a first parameter: it gets the item"
    if not node.parameters:
        raise _no_node(node.name, "no parameter for the item", allowed)
    first = node.parameters[0]
    if first.name == CONTEXT:
        raise _no_node(
            node.name, f"{CONTEXT} as the first parameter, which gets the item", f"{CONTEXT} after it"
        )
    if first.kind is first.KEYWORD_ONLY:
        raise _no_node(node.name, f"the keyword-only parameter {first.name} for the item", allowed)


def product(**axes: Any) -> Product:
    """Every combination of one item from each axis, the last axis fastest; the axes are parameters of the node.

    An axis is a list, or a node (its function or its name) that returns one.

    >>> list(product(lr=[0.1, 0.2], seed=range(3)).axes)
    ['lr', 'seed']
    """
    return Product({name: _axis(value, name) for name, value in axes.items()})


def zipped(*, fill: bool = False, **axes: Any) -> Zip:
    """The first items of all axes together, then the second, and so on.

    `fill` allows axes of different lengths; what is missing is None.
    """
    return Zip({name: _axis(value, name) for name, value in axes.items()}, fill=fill)


def _axis(value: Any, name: str) -> Axis:
    axis = over(value, f"the axis {name}")
    if isinstance(axis, (Over, Items, Of)):
        return axis  # type: ignore[return-value]  # the flow resolves what is `Of` a function
    raise AgiError(
        "AGI-GRAPH-006",
        f"the axis {name}: this is no list",
        found=type(value).__name__,
        allowed="a list, or a node that returns one",
        whose="author",
    )


def over(value: Any, whose: str) -> Any:
    """What is mapped over, as the engine knows it; nodes that are named by their function stay `Of` for now.

    Raises AGI-FLOW-005 for items that are no plain data.
    """
    if value is None or isinstance(value, (Over, Items, Product, Zip)):
        return value
    if isinstance(value, Nested):
        return Nested(Of(value.node)) if callable(value.node) else value  # type: ignore[arg-type]  # until resolved
    if isinstance(value, str):
        return Over(value)
    if callable(value):
        return Of(value)
    if isinstance(value, (bytes, set, frozenset)) or not isinstance(value, Iterable):
        raise AgiError(
            "AGI-GRAPH-006",
            f"{whose}: this is nothing to map over",
            found=f"{type(value).__name__}: {value!r:.60}",
            allowed="a list, a range, a dict, a node, product(…), zipped(…) or Nested(node)",
            try_="sorted(…)" if isinstance(value, (set, frozenset)) else None,
            whose="author",
        )
    items = as_plain(dict(value) if isinstance(value, Mapping) else list(value))
    if items is NOT_PLAIN:
        raise AgiError(
            "AGI-FLOW-005",
            f"{whose}: the items to map over are no plain data",
            found=_first_object(value),
            allowed="numbers, texts, None, and lists and dicts of these: they become the keys of units",
            try_="map over names or positions, and look the object up in the function",
            whose="author",
        )
    return Items(items)


def _first_object(value: Any) -> str:
    items: Sequence[Any] = list(value.values() if isinstance(value, Mapping) else value)
    for position, item in enumerate(items):
        if as_plain(item) is NOT_PLAIN:
            return f"{type(item).__module__}.{type(item).__qualname__} at position {position}"
    return "keys that are no text"


def names_of(nodes: Mapping[str, Declared]) -> dict[int, str]:
    """What nodes are called, by the id of their function; the first one's name where several share a function."""
    return {id(node.function): node.name for node in reversed(list(nodes.values()))}


def resolved(foreach: Any, names: Mapping[int, str]) -> Any:
    """The same with functions replaced by the names of their nodes; those that are no nodes (yet) stay `Of`."""

    def named(axis: Any) -> Any:
        return Over(names[id(axis.function)]) if isinstance(axis, Of) and id(axis.function) in names else axis

    if isinstance(foreach, Nested):
        found = named(foreach.node)
        return Nested(found.node) if isinstance(found, Over) else foreach
    if isinstance(foreach, (Product, Zip)):
        return replace(foreach, axes={name: named(axis) for name, axis in foreach.axes.items()})
    return named(foreach)


def settled(node: Declared, names: Mapping[int, str]) -> Foreach | None:
    """What a node maps over, all by name; AGI-FLOW-003 where it is a function that is no node."""
    foreach: Foreach | None = resolved(node.foreach, names)
    parts = (
        foreach.axes.values() if isinstance(foreach, (Product, Zip)) else [getattr(foreach, "node", foreach)]
    )
    for part in parts:
        if isinstance(part, Of):
            raise AgiError(
                "AGI-FLOW-003",
                f"node {node.name} maps over a function that is no node of this flow",
                found=getattr(part.function, "__name__", repr(part.function)[:60]),
                allowed=", ".join(reversed(list(names.values()))),
                whose="author",
            )
    return foreach


def _no_node(name: str, found: str, allowed: str) -> AgiError:
    return AgiError(
        "AGI-FLOW-001", f"{name or 'this'} cannot be a node", found=found, allowed=allowed, whose="author"
    )
