"""The outline of a run: its plan's nodes, each with the state that it is in. Where every view of a run begins."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from agi_node.canonical import untag
from agi_node.errors import AgiError
from agilab.engine.graph import Graph, Node
from agilab.store.rows import NodeRow, RunRow, UnitRow
from agilab.store.store import Store
from agilab.store.transitions import GOOD, PENDING, TERMINAL


@dataclass(frozen=True)
class OutlineNode:
    """A declared node with what became of it so far.

    Attributes:
        foreach: What it maps over, as the plan has it (plain data); None for a single unit.
        args: What it is given, tagged, as `engine.graph.Node` has it.
        axes: What its keys run over, from the outermost in; empty for a single unit.
        depth: 0 for a node without needs, otherwise one more than the deepest need.
        because: Why it ended without its units (`node_finished` says it): names of nodes, or `expansion`.
        error: What first kept it from expanding, or None; `error_seq` is the event that says so.
    """

    name: str
    target: str
    needs: tuple[str, ...]
    foreach: Any
    axes: tuple[str, ...]
    require: str | int | float
    on_empty: bool
    environment: str
    policy: Mapping[str, Any]
    args: Mapping[str, Any]
    depth: int
    row: NodeRow
    because: tuple[str, ...] = ()
    error: Mapping[str, Any] | None = None
    error_seq: int | None = None

    @property
    def state(self) -> str:
        return self.row.state

    @property
    def total(self) -> int:
        return self.row.total

    @property
    def counts(self) -> Mapping[str, int]:
        return self.row.counts

    @property
    def finished(self) -> bool:
        return self.state not in (PENDING, "running")

    @property
    def good(self) -> int:
        """Units that ended well."""
        return sum(self.counts.get(state, 0) for state in GOOD)

    @property
    def ended(self) -> int:
        """Units that ended, well or not."""
        return sum(self.counts.get(state, 0) for state in TERMINAL)

    def satisfied_by(self, need: OutlineNode) -> bool:
        """Whether a need that has ended is good enough for this node."""
        if need.state == "skipped":
            return True
        if need.state in ("upstream_failed", "cancelled") or (need.state == "failed" and not need.total):
            return False
        required = Node(self.name, self.target, require=self.require)
        return required.satisfied(need.good, need.total, single=not need.axes)


@dataclass(frozen=True)
class Outline:
    """The plan of a run, nodes in its order. A run that was killed before it had a plan has none."""

    nodes: Mapping[str, OutlineNode]
    keep_going: bool = False
    max_parallel: int | None = None
    pools: Mapping[str, int] = field(default_factory=dict)

    @cached_property
    def dependants(self) -> Mapping[str, tuple[str, ...]]:
        """For each node those that need it directly."""
        found: dict[str, list[str]] = {name: [] for name in self.nodes}
        for node in self.nodes.values():
            for need in node.needs:
                found[need].append(node.name)
        return {name: tuple(users) for name, users in found.items()}

    def downstream(self, name: str) -> tuple[str, ...]:
        """Every node that needs this one, directly or not, in plan order."""
        reached = {name}
        for node in self.nodes.values():
            if reached.intersection(node.needs):
                reached.add(node.name)
        reached.discard(name)
        return tuple(node for node in self.nodes if node in reached)

    def shared(self, one: str, other: str) -> int:
        """How many keys tie the units of two nodes together; 0 where each waits for all of the other."""
        count = 0
        for mine, theirs in zip(self.nodes[one].axes, self.nodes[other].axes, strict=False):
            if mine != theirs:
                break
            count += 1
        return count

    def layers(self) -> list[list[OutlineNode]]:
        """Nodes by depth, each layer in plan order."""
        found: list[list[OutlineNode]] = []
        for node in self.nodes.values():
            while len(found) <= node.depth:
                found.append([])
            found[node.depth].append(node)
        return found


def keys_of(unit: UnitRow) -> tuple[str, ...]:
    """The keys of a unit from the outermost in, as its id spells them; none for a node's single unit."""
    inside = unit.unit_id.removeprefix(unit.node)
    return tuple(inside[1:-1].split("/")) if inside else ()


def read_outline(store: Store, run: RunRow) -> Outline:
    """The plan that the run recorded, with the states of its nodes.

    A plan whose object cannot be read any more still has its nodes, from the log, without what they need.
    """
    rows = {row.node: row for row in store.nodes(run.run_id)}
    plan = _plan(store, run)
    axes = _axes(plan)
    ends: dict[str, dict[str, Any]] = {}
    errors: dict[str, tuple[int, dict[str, Any]]] = {}
    for event in store.events(run.run_id, kinds=("node_finished", "expansion_failed")):
        data = event.data
        if event.kind == "node_finished":
            ends[data["node"]] = data
        if data.get("error"):
            errors.setdefault(data["node"], (event.run_seq, data["error"]))
    plain = {node["name"]: node for node in plan.get("nodes", ())}
    nodes: dict[str, OutlineNode] = {}
    for name, row in rows.items():
        node = plain.get(name, {})
        needs = tuple(need for need in node.get("needs", ()) if need in rows)
        seq, error = errors.get(name, (None, None))
        nodes[name] = OutlineNode(
            name,
            row.target,
            needs,
            node.get("foreach"),
            axes.get(name, ()),
            node.get("require", "all"),
            bool(node.get("on_empty")),
            node.get("environment") or "",
            node.get("policy", {}),
            node.get("args", {}),
            1 + max((nodes[need].depth for need in needs if need in nodes), default=-1),
            row,
            tuple(ends.get(name, {}).get("because", ())),
            error,
            seq,
        )
    return Outline(nodes, bool(plan.get("keep_going")), plan.get("max_parallel"), plan.get("pools") or {})


def _plan(store: Store, run: RunRow) -> dict[str, Any]:
    if run.plan_digest is None:
        return {}
    try:
        plan: dict[str, Any] = untag(json.loads(store.objects.read(run.plan_digest)))
    except (OSError, AgiError):
        return {}
    return plan


def _axes(plan: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    return dict(Graph.from_plain(plan).axes) if plan else {}


def foreach_words(foreach: Any) -> str:
    """What a node maps over, in a few words.

    >>> foreach_words("tracks"), foreach_words({"nested": "days"}), foreach_words({"items": [1, 2, 3]})
    ('each of tracks', 'each of what days returned', 'each of 3 items')
    >>> foreach_words({"over": ["load", "stations"]})
    'each of stations'
    >>> foreach_words({"product": [["lr", {"items": [1, 2]}], ["seed", {"over": "seeds"}]]})
    'lr by seed'
    """
    if foreach is None:
        return ""
    if isinstance(foreach, str):
        return f"each of {foreach}"
    if not isinstance(foreach, Mapping):
        return "each item"
    if "over" in foreach:
        return f"each of {_list_words(foreach['over'])}"
    if "nested" in foreach:
        named = isinstance(foreach["nested"], list)
        return (
            f"each of {_list_words(foreach['nested'])}"
            if named
            else f"each of what {foreach['nested']} returned"
        )
    if "items" in foreach:
        return f"each of {len(foreach['items']):,} items"
    for kind, sign in (("product", " by "), ("zip", " with ")):
        if kind in foreach:
            return sign.join(str(axis[0]) if isinstance(axis, list) else str(axis) for axis in foreach[kind])
    return "each item"


def _list_words(source: Any) -> str:
    """The list that is walked: one of several values of a node by its name, or the node whose value it is."""
    return str(source[1] if isinstance(source, list) else source)
