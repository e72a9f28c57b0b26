"""What is to run: nodes, what they need, and the policy under which their units are tried."""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

from agi_node.canonical import sha256_bytes, tag, untag
from agi_node.errors import AgiError
from agilab.engine.foreach import Foreach, axes_of, foreach_of, plain_foreach, sources
from agilab.store.events import body_text

GATHER = "gather"
"""The target of a node that runs nothing."""


@dataclass(frozen=True)
class Policy:
    """How hard a unit is tried.

    Attributes:
        max_retries: Further attempts after the author's code failed.
        max_losses: Further attempts after the process was lost: a budget of its own, so that a machine's
            out-of-memory kill does not eat the author's retries.
        delay_s: Wait before the first retry; each further one waits `backoff` times longer, up to `max_delay_s`.
        timeout_s: Wall time after which an attempt is ended and counts as failed.
        max_parallel: Units of this node that may run at one instant.
        pool: Named pool of the graph from which a running unit takes one slot.
        max_units: Units that the node may expand to; None takes the default of 10,000.
        cache: Whether a result of an earlier run is used again where code, arguments, inputs and environment are equal.
    """

    max_retries: int = 0
    max_losses: int = 2
    delay_s: float = 0.5
    backoff: float = 2.0
    max_delay_s: float = 60.0
    timeout_s: float | None = None
    max_parallel: int | None = None
    pool: str | None = None
    max_units: int | None = None
    cache: bool = False

    def delay(self, retry: int) -> float:
        """Seconds to wait before retry number `retry`, counted from 1.

        >>> [Policy(delay_s=1, max_delay_s=3).delay(n) for n in (1, 2, 3)]
        [1.0, 2.0, 3.0]
        """
        return float(min(self.delay_s * self.backoff ** (retry - 1), self.max_delay_s))


@dataclass(frozen=True)
class Node:
    """A declared step.

    Attributes:
        target: `module:function` of a source snapshot, or a role of an app object (`flight:app#work`). `GATHER` for
            a node that only puts together what its needs left: the run's owner does that, no executor is asked.
        needs: Nodes that must come first. A unit waits for those units of them that share its keys, and for all of
            a node with which it shares no axis.
        foreach: What the node maps over, one unit per item (see `foreach`); None for a single unit. The nodes that it
            names count as needs.
        require: How much of each need must be good: `all`, `any`, a count (int) or a ratio (float in (0, 1]). A
            count is of needs that are several units; of a need that is one unit, that one.
        on_empty: Whether the node runs although what it needs expanded to nothing, or was skipped.
        fresh: Whether its result is of the moment, as a list of what lies in a folder is: a rerun asks again, and
            compares the items by their content.
        args: What it is given, tagged (`agi_node.canonical.tag`), as whoever runs it gets it; `given` is it untagged.
        environment: Fingerprint of the environment in which it runs; empty for the engine's own process.
    """

    name: str
    target: str
    needs: tuple[str, ...] = ()
    foreach: Foreach | None = None
    args: Mapping[str, Any] = field(default_factory=dict)
    require: str | int | float = "all"
    on_empty: bool = False
    fresh: bool = False
    environment: str = ""
    policy: Policy = Policy()

    def __post_init__(self) -> None:
        foreach = foreach_of(self.foreach)
        object.__setattr__(self, "foreach", foreach)
        object.__setattr__(self, "needs", tuple(dict.fromkeys((*self.needs, *sources(foreach)))))

    @cached_property
    def given(self) -> dict[str, Any]:
        """What it is given, as plain data: who looks into `args` reads people's own texts here."""
        plain: dict[str, Any] = untag(dict(self.args))
        return plain

    @property
    def gathers(self) -> bool:
        """Whether it only puts together what its needs left."""
        return self.target == GATHER

    def satisfied(self, good: int, total: int, *, single: bool = False) -> bool:
        """Whether a need that ended with `good` of `total` units good lets this node run.

        `single`: the need is one unit, and not a list that happens to have one item.
        """
        if self.require == "all":
            return good == total
        if self.require == "any":
            return good > 0
        if isinstance(self.require, float):
            return good >= self.require * total
        return good >= (min(int(self.require), total) if single else int(self.require))


@dataclass(frozen=True)
class Graph:
    """Nodes in an order in which each comes after what it needs.

    Raises AGI-GRAPH-001 to -007 for a graph that cannot run.

    Attributes:
        keep_going: Whether units go on starting after one has failed for good.
        max_parallel: Units of all nodes together that may run at one instant.
        pools: Slots of each named pool; a policy names the pool that its units take from.
        max_units: Units that the run may have in all.
    """

    nodes: tuple[Node, ...]
    keep_going: bool = False
    max_parallel: int | None = None
    pools: Mapping[str, int] = field(default_factory=dict)
    max_units: int = 100_000

    def __post_init__(self) -> None:
        object.__setattr__(self, "nodes", _ordered(self.nodes))
        _check_caps(self)
        _ = self.axes

    @cached_property
    def axes(self) -> dict[str, tuple[str, ...]]:
        """For each node what its keys run over, from the outermost in; empty for a node with a single unit."""
        found: dict[str, tuple[str, ...]] = {}
        for node in self.nodes:
            found[node.name] = axes_of(node.name, node.foreach, found)
        return found

    def to_plain(self) -> dict[str, Any]:
        """Plain data, from which `from_plain` makes an equal graph."""
        return {
            "keep_going": self.keep_going,
            "max_parallel": self.max_parallel,
            "max_units": self.max_units,
            "pools": dict(self.pools),
            "nodes": [_node_plain(node) for node in self.nodes],
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Graph:
        nodes = tuple(
            Node(**{**node, "needs": tuple(node["needs"]), "policy": Policy(**node["policy"])})
            for node in plain["nodes"]
        )
        options = {name: value for name, value in plain.items() if name != "nodes"}
        return cls(nodes, **options)

    def to_bytes(self) -> bytes:
        """The plan as it is stored: compact JSON with sorted names, whose SHA-256 is `digest`; 1.0 stays a float."""
        return self._bytes

    @cached_property
    def _bytes(self) -> bytes:
        return body_text(tag(self.to_plain())).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Graph:
        """The graph that `to_bytes` wrote."""
        return cls.from_plain(untag(json.loads(data)))

    @cached_property
    def digest(self) -> str:
        return sha256_bytes(self._bytes)


def _node_plain(node: Node) -> dict[str, Any]:
    return {
        **{one.name: getattr(node, one.name) for one in fields(node)},
        "needs": list(node.needs),
        "foreach": plain_foreach(node.foreach),
        "args": dict(node.args),
        "policy": dict(vars(node.policy)),
    }


def _ordered(nodes: Iterable[Node]) -> tuple[Node, ...]:
    """Nodes after their needs, otherwise as given. Raises where a name is double, unknown, or in a cycle."""
    waiting: dict[str, Node] = {}
    for node in nodes:
        if node.name in waiting:
            raise AgiError("AGI-GRAPH-001", f"two nodes are called {node.name}", allowed="one name per node")
        waiting[node.name] = node
    for node in waiting.values():
        for need in node.needs:
            if need not in waiting:
                raise AgiError(
                    "AGI-GRAPH-002",
                    f"node {node.name} needs a node that does not exist",
                    found=need,
                    allowed=", ".join(waiting),
                )
        if not _is_requirement(node.require):
            raise AgiError(
                "AGI-GRAPH-005",
                f"node {node.name} requires something that cannot be",
                found=repr(node.require),
                allowed='"all", "any", a count from 1, or a ratio in (0, 1]',
            )
    # Kahn (1962), with the position as given to choose among nodes that are free at the same time.
    position = {name: number for number, name in enumerate(waiting)}
    left = {name: len(set(node.needs)) for name, node in waiting.items()}
    dependants: dict[str, list[str]] = {}
    for node in waiting.values():
        for need in dict.fromkeys(node.needs):
            dependants.setdefault(need, []).append(node.name)
    free = [(position[name], name) for name, count in left.items() if not count]
    done: list[Node] = []
    while free:
        _, name = heapq.heappop(free)
        done.append(waiting.pop(name))
        for dependant in dependants.get(name, ()):
            left[dependant] -= 1
            if not left[dependant]:
                heapq.heappush(free, (position[dependant], dependant))
    if waiting:
        raise AgiError(
            "AGI-GRAPH-004",
            "the graph has a cycle",
            found=" -> ".join(_cycle(waiting)),
            allowed="edges that lead forward only",
        )
    return tuple(done)


def _check_caps(graph: Graph) -> None:
    caps: list[tuple[str, int | None]] = [("the graph", graph.max_parallel)]
    caps += [(f"pool {name}", slots) for name, slots in graph.pools.items()]
    caps += [(f"node {node.name}", node.policy.max_parallel) for node in graph.nodes]
    for what, cap in caps:
        if cap is not None and cap < 1:
            raise AgiError(
                "AGI-GRAPH-007",
                f"{what} lets nothing run",
                found=str(cap),
                allowed="1 or more at one instant",
            )
    for node in graph.nodes:
        if node.policy.pool is not None and node.policy.pool not in graph.pools:
            raise AgiError(
                "AGI-GRAPH-003",
                f"node {node.name} takes from a pool that the graph does not have",
                found=node.policy.pool,
                allowed=", ".join(graph.pools) or "no pools are declared",
            )


def _is_requirement(value: object) -> bool:
    if isinstance(value, str):
        return value in ("all", "any")
    if isinstance(value, bool):
        return False
    return (isinstance(value, int) and value >= 1) or (isinstance(value, float) and 0 < value <= 1)


def _cycle(waiting: Mapping[str, Node]) -> list[str]:
    path: list[str] = []
    name = next(iter(waiting))
    while name not in path:
        path.append(name)
        name = next(need for need in waiting[name].needs if need in waiting)
    return [*path[path.index(name) :], name]
