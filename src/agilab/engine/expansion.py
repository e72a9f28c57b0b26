"""Expansion: from lists to the units of a mapped node.

A pure function of the lists and the plan; its result is stored with `node_expanded` and never computed again for
that run.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from agi_node.canonical import canonical, digest, tag, untag
from agi_node.errors import AgiError
from agilab.contracts.identifiers import unit_label, unit_namer
from agilab.engine.foreach import Axis, Items, Nested, Over, Product, Zip
from agilab.engine.graph import Node

MAX_UNITS_PER_NODE = 10_000
MAX_UNITS_PER_RUN = 100_000


@dataclass(frozen=True, slots=True)
class Item:
    """One unit to be: its key, the payload (tagged plain data) and its estimated cost, any unit of measure."""

    key: str
    payload: Any
    cost: float = 1.0


def items_of(value: Any) -> list[Item]:
    """The items of an upstream (tagged) value: a list of anything plain, or a mapping whose keys become keys.

    A key is the item's own `key` (where the item is `{"key", "payload", …}`), the mapping's key, the canonical JSON
    of a scalar, or 12 hex digits of the item's digest. Raises AGI-RUN-030 where the value is no list.

    >>> [item.key for item in items_of(["a", 2, {"x": 1}])]
    ['a', '2', '5041bf1f713d']
    """
    if isinstance(value, Mapping):
        return [Item(str(key), item) for key, item in value.items()]
    if not isinstance(value, list):
        raise AgiError(
            "AGI-RUN-030",
            "a node maps over something that is no list",
            found=type(value).__name__,
            allowed="a list or a mapping",
            whose="author",
            exit_code=1,
        )
    return [_item(item) for item in value]


def _item(tagged: Any) -> Item:
    # What most lists hold, a hundred thousand times: numbers and plain words.
    if type(tagged) is int or (type(tagged) is str and tagged and tagged[0] != "$"):
        return Item(str(tagged), tagged)
    if isinstance(tagged, Mapping) and "key" in tagged and "payload" in tagged:
        return Item(str(untag(tagged["key"])), tagged["payload"], float(untag(tagged.get("cost", 1.0))))
    plain = untag(tagged)
    if isinstance(plain, str) and plain:
        return Item(plain, tagged)
    if isinstance(plain, (str, int, float, bool)) or plain is None:
        return Item(canonical(plain).decode(), tagged)
    return Item(digest(plain)[:12], tagged)


def items_for(node: Node, value: Callable[[str], Any]) -> list[Item]:
    """The items of a mapped node in order; `value` gives the (tagged) value of a node that it maps over.

    Raises AGI-RUN-030 for something that is no list, AGI-RUN-033 for a zip of axes of different lengths.
    """
    foreach = node.foreach
    if isinstance(foreach, (Over, Nested)):
        return items_of(value(foreach.node))
    if isinstance(foreach, Items):
        return items_of(tag(foreach.items))
    assert isinstance(foreach, (Product, Zip))
    axes = {name: _axis_items(axis, value) for name, axis in foreach.axes.items()}
    if isinstance(foreach, Product):
        # The last axis runs fastest, as in nested loops.
        rows: Iterable[tuple[Item | None, ...]] = itertools.product(*axes.values())
    elif foreach.fill:
        rows = itertools.zip_longest(*axes.values())
    elif len({len(items) for items in axes.values()}) > 1:
        raise AgiError(
            "AGI-RUN-033",
            f"node {node.name} zips axes of different lengths",
            found=", ".join(f"{name}: {len(items):,}" for name, items in axes.items()),
            allowed="axes of one length, or zipped(…, fill=True)",
            whose="author",
            exit_code=1,
        )
    else:
        rows = zip(*axes.values(), strict=True)
    return [_combined(tuple(axes), row) for row in rows]


def _axis_items(axis: Axis, value: Callable[[str], Any]) -> list[Item]:
    return items_of(value(axis.node) if isinstance(axis, Over) else tag(axis.items))


def _combined(names: tuple[str, ...], row: tuple[Item | None, ...]) -> Item:
    key = ",".join(
        f"{name}={'null' if item is None else item.key}" for name, item in zip(names, row, strict=True)
    )
    payload = {name: None if item is None else item.payload for name, item in zip(names, row, strict=True)}
    cost = 1.0
    for item in row:
        cost *= 1.0 if item is None else item.cost
    return Item(key, payload, cost)


def expanded(
    node: str,
    items: Iterable[Item],
    *,
    above: tuple[str, ...] = (),
    before: int = 0,
    limit: int = MAX_UNITS_PER_NODE,
    setting: str = "max_units",
) -> list[dict[str, Any]]:
    """The stored form of an expansion, in order: unit id, key, cost and payload; `keys` as well where maps nest.

    `above` are the keys of the unit under which the node expands, `before` how many units it has already.
    Raises AGI-RUN-031 for a key that stands twice (naming both positions), AGI-RUN-032 beyond the limit.
    """
    rows: list[dict[str, Any]] = []
    seen: dict[str, int] = {}
    name_of = unit_namer(node, *above)
    for position, item in enumerate(items):
        if before + position >= limit:
            raise too_many(node, limit, setting)
        name = name_of(item.key)
        if name in seen:
            raise AgiError(
                "AGI-RUN-031",
                f"two items of node {node} have the same key",
                found=f"{item.key!r} at positions {seen[name]} and {position}",
                allowed="one key per item",
                whose="author",
                exit_code=1,
            )
        seen[name] = position
        row = {"unit_id": name, "key": item.key, "cost": item.cost, "payload": item.payload}
        if above:
            row |= {"key": unit_label(*above, item.key), "keys": [*above, item.key]}
        rows.append(row)
    return rows


def too_many(node: str, limit: int, setting: str) -> AgiError:
    """The error for an expansion beyond its limit. The producer did nothing wrong, so it is the user's to raise it."""
    return AgiError(
        "AGI-RUN-032",
        f"node {node} would have more than {limit:,} units",
        found=f"more than {limit:,} items",
        allowed=f"up to {limit:,}; raise {setting} where that is meant",
        whose="user",
        exit_code=1,
    )


def keys_of(row: Mapping[str, Any]) -> tuple[str, ...]:
    """The keys of a stored row, from the outermost in; none for the one unit of an unmapped node."""
    if "keys" in row:
        return tuple(row["keys"])
    return (row["key"],) if row["key"] else ()
