"""Expansion: from the list that an upstream unit returned to the units of a mapped node.

A pure function of the list; its result is stored with `node_expanded` and never computed again for that run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from agi_node.canonical import canonical, digest, untag
from agi_node.errors import AgiError
from agilab.contracts.identifiers import unit_id

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
    if isinstance(tagged, Mapping) and "key" in tagged and "payload" in tagged:
        return Item(str(untag(tagged["key"])), tagged["payload"], float(untag(tagged.get("cost", 1.0))))
    plain = untag(tagged)
    if isinstance(plain, str):
        return Item(plain, tagged)
    if isinstance(plain, (int, float, bool)) or plain is None:
        return Item(canonical(plain).decode(), tagged)
    return Item(digest(plain)[:12], tagged)


def expanded(
    node: str, items: Iterable[Item], *, limit: int = MAX_UNITS_PER_NODE, setting: str = "max_units"
) -> list[dict[str, Any]]:
    """The stored form of an expansion, in order: unit id, key, cost and payload.

    Raises AGI-RUN-031 for a key that stands twice (naming both positions), AGI-RUN-032 beyond the limit.
    """
    rows: list[dict[str, Any]] = []
    seen: dict[str, int] = {}
    for position, item in enumerate(items):
        if position >= limit:
            raise AgiError(
                "AGI-RUN-032",
                f"node {node} would have more than {limit:,} units",
                found=f"more than {limit:,} items",
                allowed=f"up to {limit:,}; raise {setting} where that is meant",
                whose="user",
                exit_code=1,
            )
        name = unit_id(node, item.key) if item.key else node
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
        rows.append({"unit_id": name, "key": item.key, "cost": item.cost, "payload": item.payload})
    return rows
