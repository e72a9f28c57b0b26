"""The units that may start, in the order in which they should, and the caps on how many run at once."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence

from agilab.engine.graph import Graph
from agilab.engine.state import NodeState, Unit
from agilab.store import transitions as t


class Line:
    """Counts what runs and holds in line what is ready.

    Responsible for: order (deepest node first, then highest cost, then position), caps of nodes, pools and the run.
    Not responsible for: whether a unit is ready, and where it runs.

    `lanes` names the worker that a static plan chose for a unit: units of one never stand in another's way.
    """

    def __init__(self, graph: Graph, nodes: Mapping[str, NodeState], lanes: Mapping[str, str]) -> None:
        self._graph = graph
        self._nodes = nodes
        self._lanes = lanes
        # Of equally deep nodes the first of the plan, never the order of a set.
        self._rank = {name: (-state.depth, number) for number, (name, state) in enumerate(nodes.items())}
        self.waiting: set[str] = set()
        self.running = 0
        self.pool_running: dict[str, int] = dict.fromkeys(graph.pools, 0)

    def __bool__(self) -> bool:
        return bool(self.waiting)

    def join(self, unit: Unit) -> None:
        """A unit is ready."""
        lane = self._nodes[unit.node].ready.setdefault(self._lanes.get(unit.unit_id, ""), [])
        heapq.heappush(lane, (-unit.cost, unit.position, unit))
        self.waiting.add(unit.node)

    def join_all(self, state: NodeState, units: Sequence[Unit]) -> None:
        """Units of one node are ready at once, as after an expansion: heaps are made of them, not pushed one by one."""
        for unit in units:
            lane = state.ready.setdefault(self._lanes.get(unit.unit_id, ""), [])
            lane.append((-unit.cost, unit.position, unit))
        for lane in state.ready.values():
            heapq.heapify(lane)
        if units:
            self.waiting.add(state.node.name)

    def leave(self, unit: Unit) -> None:
        """A unit is ready no more. Whoever is not at the head of its lane is passed over when its turn comes."""
        ready = self._nodes[unit.node].ready
        lane = ready[self._lanes.get(unit.unit_id, "")]
        if lane and lane[0][2] is unit:
            heapq.heappop(lane)
            if not lane and not any(ready.values()):
                self.waiting.discard(unit.node)

    def count(self, unit: Unit, step: int) -> None:
        """A unit runs (1), or runs no more (-1)."""
        node = self._nodes[unit.node]
        self.running += step
        node.running += step
        if node.node.policy.pool is not None:
            self.pool_running[node.node.policy.pool] += step

    def first(self, limit: int) -> list[Unit]:
        """Up to `limit` units to start now; they stay in line. Caps hold for them and what runs together."""
        if self._graph.max_parallel is not None:
            limit = min(limit, self._graph.max_parallel - self.running)
        chosen: list[Unit] = []
        taken: dict[str, int] = {}
        for name in sorted(self.waiting, key=self._rank.__getitem__):
            if len(chosen) >= limit:
                break
            state = self._nodes[name]
            pool = state.node.policy.pool
            found = self._of(state, min(limit - len(chosen), self._room(state, taken)))
            chosen += found
            if pool is not None:
                taken[pool] = taken.get(pool, 0) + len(found)
            if not any(state.ready.values()):
                self.waiting.discard(name)
        return chosen

    def _room(self, state: NodeState, taken: Mapping[str, int]) -> int:
        """How many more units of a node may run, `taken` being promised of each pool."""
        policy = state.node.policy
        room = self._graph.max_units if policy.max_parallel is None else policy.max_parallel - state.running
        if policy.pool is not None:
            used = self.pool_running[policy.pool] + taken.get(policy.pool, 0)
            room = min(room, self._graph.pools[policy.pool] - used)
        return max(0, room)

    def _of(self, state: NodeState, room: int) -> list[Unit]:
        """The first units of a node, as many from each lane."""
        lanes = [lane for lane in state.ready.values() if lane]
        each = -(-room // max(1, len(lanes)))
        found: list[tuple[float, int, Unit]] = []
        for lane in lanes:
            mine: list[tuple[float, int, Unit]] = []
            while lane and len(mine) < each:
                entry = heapq.heappop(lane)
                if entry[2].state == t.READY:
                    mine.append(entry)
            for entry in mine:
                heapq.heappush(lane, entry)
            found += mine
        return [unit for _, _, unit in sorted(found)[:room]]
