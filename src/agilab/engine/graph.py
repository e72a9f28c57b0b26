"""What is to run: nodes, what they need, and the policy under which their units are tried."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from agi_node.canonical import digest
from agi_node.errors import AgiError


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
    """

    max_retries: int = 0
    max_losses: int = 2
    delay_s: float = 0.5
    backoff: float = 2.0
    max_delay_s: float = 60.0
    timeout_s: float | None = None
    max_parallel: int | None = None

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
        target: `module:function` of a source snapshot, or a role of an app object (`flight:app#work`).
        needs: Nodes that must have finished first.
        foreach: The node (one of `needs`) whose list this one maps over, one unit per item; None for a single unit.
        require: How much of each need must be good: `all`, `any`, a count (int) or a ratio (float in (0, 1]).
        on_empty: Whether the node runs although what it needs expanded to nothing.
        environment: Fingerprint of the environment in which it runs; empty for the engine's own process.
    """

    name: str
    target: str
    needs: tuple[str, ...] = ()
    foreach: str | None = None
    args: Mapping[str, Any] = field(default_factory=dict)
    require: str | int | float = "all"
    on_empty: bool = False
    environment: str = ""
    policy: Policy = Policy()

    def satisfied(self, good: int, total: int) -> bool:
        """Whether a need that ended with `good` of `total` units good lets this node run."""
        if self.require == "all":
            return good == total
        if self.require == "any":
            return good > 0
        if isinstance(self.require, float):
            return good >= self.require * total
        return good >= int(self.require)


@dataclass(frozen=True)
class Graph:
    """Nodes in an order in which each comes after what it needs.

    `keep_going` says whether units go on starting after one has failed for good.
    Raises AGI-GRAPH-001 to -005 for a graph that cannot run; see `check`.
    """

    nodes: tuple[Node, ...]
    keep_going: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "nodes", _ordered(self.nodes))

    def to_plain(self) -> dict[str, Any]:
        """Plain data, from which `from_plain` makes an equal graph."""
        return {"keep_going": self.keep_going, "nodes": [_node_plain(node) for node in self.nodes]}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Graph:
        nodes = tuple(
            Node(**{**node, "needs": tuple(node["needs"]), "policy": Policy(**node["policy"])})
            for node in plain["nodes"]
        )
        return cls(nodes, keep_going=plain["keep_going"])

    @property
    def digest(self) -> str:
        return digest(self.to_plain())


def _node_plain(node: Node) -> dict[str, Any]:
    return {
        **vars(node),
        "needs": list(node.needs),
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
        if node.foreach is not None and node.foreach not in node.needs:
            raise AgiError(
                "AGI-GRAPH-003",
                f"node {node.name} maps over a node that it does not need",
                found=node.foreach,
                allowed=", ".join(node.needs) or "a node named in needs",
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
