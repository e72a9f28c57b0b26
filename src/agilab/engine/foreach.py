"""What a node maps over, as data: a list that a need returned, a literal one, or a combination of several.

A mapped node has *axes*: what its keys run over, from the outermost in. Two nodes that map over the same thing share
their axis, so that `B[k]` needs `A[k]` alone; see `axes_of`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agi_node.canonical import canonical, tag, untag
from agi_node.errors import AgiError


@dataclass(frozen=True)
class Over:
    """The list (or mapping) that `node` returned; where `node` is mapped itself, its units one by one.

    `value` names one of several values that the node returns; what that means is the task builder's to know.
    """

    node: str
    value: str = ""


@dataclass(frozen=True)
class Nested:
    """The list that each unit of the mapped `node` returned: `B[k/j]` for every item `j` of what `A[k]` returned."""

    node: str
    value: str = ""


@dataclass(frozen=True)
class Items:
    """A literal list (or mapping) of plain data."""

    items: Any


Axis = Over | Items


@dataclass(frozen=True)
class Product:
    """Every combination of one item from each axis, the last axis fastest. The key is `lr=0.1,seed=3`."""

    axes: Mapping[str, Axis]


@dataclass(frozen=True)
class Zip:
    """The first items of all axes together, then the second, and so on.

    `fill` allows axes of different lengths: what is missing is None. Otherwise that is an error.
    """

    axes: Mapping[str, Axis]
    fill: bool = False


Foreach = Over | Nested | Items | Product | Zip


def product(**axes: Any) -> Product:
    """A product whose axes are lists, or names of nodes that return one.

    >>> product(lr=[0.1, 0.2], seed="seeds").axes["seed"]
    Over(node='seeds', value='')
    """
    return Product({name: _axis(value) for name, value in axes.items()})


def zipped(*, fill: bool = False, **axes: Any) -> Zip:
    """A zip whose axes are lists, or names of nodes that return one."""
    return Zip({name: _axis(value) for name, value in axes.items()}, fill=fill)


def _axis(value: Any) -> Axis:
    if isinstance(value, (Over, Items)):
        return value
    return Over(value) if isinstance(value, str) else Items(value if isinstance(value, dict) else list(value))


def foreach_of(value: Any) -> Foreach | None:
    """A foreach as a node declares it: one of the classes here, a node's name, a literal list, or plain data.

    >>> foreach_of("tracks"), foreach_of([1, 2]), foreach_of({"nested": "tracks"})
    (Over(node='tracks', value=''), Items(items=[1, 2]), Nested(node='tracks', value=''))
    """
    if value is None or isinstance(value, (Over, Nested, Items, Product, Zip)):
        return value
    if isinstance(value, str):
        return Over(value)
    if isinstance(value, (list, tuple, range)):
        return Items(list(value))
    if isinstance(value, Mapping) and len(keys := set(value) - {"fill"}) == 1:
        (kind,) = keys
        if kind == "over":
            return Over(*_named(value[kind]))
        if kind == "nested":
            return Nested(*_named(value[kind]))
        if kind == "items":
            return Items(untag(value[kind]))
        if kind in ("product", "zip"):
            axes = {}
            # Pairs, not an object: the order of the axes is that of the keys, and canonical JSON sorts names.
            for name, axis in value[kind]:
                found = foreach_of(axis)
                assert isinstance(found, (Over, Items))
                axes[name] = found
            return Product(axes) if kind == "product" else Zip(axes, fill=bool(value.get("fill")))
    raise AgiError(
        "AGI-GRAPH-006",
        "this is nothing to map over",
        found=f"{value!r:.80}",
        allowed="a node's name, a list, product(…), zipped(…) or Nested(node)",
        whose="author",
    )


def plain_foreach(foreach: Foreach | None) -> Any:
    """Plain data from which `foreach_of` makes an equal one. `Over` stays a bare name."""
    if foreach is None:
        return None
    if isinstance(foreach, Over):
        return {"over": [foreach.node, foreach.value]} if foreach.value else foreach.node
    if isinstance(foreach, Nested):
        return {"nested": [foreach.node, foreach.value] if foreach.value else foreach.node}
    if isinstance(foreach, Items):
        return {"items": tag(foreach.items)}
    pairs = [[name, _plain_axis(axis)] for name, axis in foreach.axes.items()]
    return {"product": pairs} if isinstance(foreach, Product) else {"zip": pairs, "fill": foreach.fill}


def _plain_axis(axis: Axis) -> dict[str, Any]:
    if isinstance(axis, Over):
        return {"over": [axis.node, axis.value] if axis.value else axis.node}
    return {"items": tag(axis.items)}


def _named(spelled: Any) -> tuple[str, ...]:
    return (spelled,) if isinstance(spelled, str) else tuple(spelled)


def sources(foreach: Foreach | None) -> tuple[str, ...]:
    """The nodes whose lists are mapped over."""
    if isinstance(foreach, (Over, Nested)):
        return (foreach.node,)
    if isinstance(foreach, (Product, Zip)):
        return tuple(axis.node for axis in foreach.axes.values() if isinstance(axis, Over))
    return ()


def axes_of(name: str, foreach: Foreach | None, axes: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """The axes of a node, given those of the nodes before it: one text for each key of its units.

    Mapping over the units of a mapped node keeps that node's axes; mapping over the lists that they return adds one.
    Raises AGI-GRAPH-006 for a nested map over a node that is not mapped, and for an axis that is.
    """
    if foreach is None:
        return ()
    if isinstance(foreach, Over):
        return axes[foreach.node] or (f"over {_list_of(foreach)}",)
    if isinstance(foreach, Nested):
        if not axes[foreach.node]:
            raise AgiError(
                "AGI-GRAPH-006",
                f"node {name} nests in a node that is not mapped",
                found=foreach.node,
                allowed=f"a mapped node; foreach={foreach.node!r} maps over the one list that it returns",
                whose="author",
            )
        return (*axes[foreach.node], f"nested {_list_of(foreach)}")
    for source in sources(foreach):
        if axes[source]:
            raise AgiError(
                "AGI-GRAPH-006",
                f"node {name} combines the items of a node that is mapped itself",
                found=source,
                allowed="nodes that return one list",
                whose="author",
            )
    return (canonical(plain_foreach(foreach)).decode(),)


def _list_of(foreach: Over | Nested) -> str:
    return f"{foreach.node}.{foreach.value}" if foreach.value else foreach.node


def common(one: tuple[str, ...], other: tuple[str, ...]) -> int:
    """How many axes two nodes share, from the outermost in: that many keys tie their units together."""
    count = 0
    for mine, theirs in zip(one, other, strict=False):
        if mine != theirs:
            break
        count += 1
    return count
