"""What a run left for one stage: its log, folded as far as the stage takes of it, with the stage itself behind it.

What the stages above recorded counts, whatever became of those above them: a unit that was made from a part of its
inputs has a result like any other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from agi_node.errors import AgiError
from agilab.engine import verdict
from agilab.engine.core import RunState
from agilab.engine.expanding import rows_of
from agilab.engine.expansion import keys_of
from agilab.engine.foreach import Foreach, Nested, Over, sources
from agilab.engine.graph import Graph, Node
from agilab.engine.state import Fact, Unit
from agilab.engine.tasks import TaskBuilder
from agilab.store import transitions as t
from agilab.store.projection import expanded_items
from agilab.store.store import Store
from agilab.workflow.running.given import each

_FOLDED = (*t.UNIT_TRANSITIONS, "node_expanded", "expansion_failed", "node_finished")


class Recorded:
    """The units of `node` as it is in `graph` now, on what a run recorded of the nodes that it takes.

    `state` is the run's, as far as it is told here.
    """

    def __init__(self, store: Store, run_id: str, graph: Graph, node: Node) -> None:
        self._node = node
        self._payloads: dict[str, Any] = {}
        before, now = _before(store, run_id), {one.name: one for one in graph.nodes}
        wanted, self._unknown = _walked(node, now, before)
        if self._unknown:
            wanted, node = {}, replace(node, needs=(), foreach=None)
        # What is folded has happened: nobody waits in it but for lists.
        above = [replace(now[name], needs=()) for name in wanted]
        self.state = RunState(Graph((*above, node), max_units=graph.max_units))
        for event in store.events(run_id, kinds=_FOLDED) if wanted else ():
            if (event.unit_id.partition("[")[0] if event.unit_id else event.data["node"]) in wanted:
                data = event.data
                expands = event.kind == "node_expanded"
                rows = expanded_items(data, store.objects.read) if expands else []
                units = [(row["unit_id"], keys_of(row), row["cost"]) for row in rows]
                fact = Fact(event.kind, event.run_seq, event.unit_id, event.attempt_id, data, units)
                self.state.apply(fact)

    def expand(self, tasks: TaskBuilder) -> list[Unit]:
        """The units of the node, along lists as the run left them; none where one of these is not there.

        Raises what keeps a run from walking a list, where that leaves nothing.
        """
        if self._unknown:
            return []
        own = self.state.nodes[self._node.name]
        lists = [self.state.units.get(source) for source in sources(self._node.foreach)]
        there = all(one is not None and one.state in t.WITH_VALUE for one in lists)
        problem: AgiError | None = None
        for under in sorted(own.todo, key=self._position) if own.origin else [""] * there:
            try:
                rows = rows_of(self.state, tasks, self._node.name, under)
            except AgiError as one:  # of several lists the others can be walked
                problem = problem or one
                continue
            self._payloads |= {row["unit_id"]: row["payload"] for row in rows}
            units = [(row["unit_id"], keys_of(row), row["cost"]) for row in rows]
            data = {"node": self._node.name, "under": under}
            self.state.apply(Fact("node_expanded", 0, data=data, units=units))
        if problem is not None and not own.units:
            raise problem
        return own.units

    def payload(self, unit: Unit) -> Any:
        """The item that a unit of the node works on; None for the one unit of a node that walks nothing."""
        return self._payloads.get(unit.unit_id)

    def lacks(self, unit: Unit | None) -> list[str]:
        """What keeps a run from beginning a unit, or any of them: units without a result, or nodes without units."""
        own, nodes = self.state.nodes[self._node.name], self.state.nodes
        if self._unknown:
            return self._unknown
        ended, because = verdict.prevented(own, nodes)
        if not ended and unit is not None:
            names = verdict.of_released(unit, nodes).data.get("because", [])
            because = [name.partition("[")[0] for name in names]
        elif not ended:
            because = [name for name in sources(self._node.foreach) if nodes[name].good < nodes[name].total]
        return [one for need in because for one in self._undone(need, unit)]

    def _position(self, under: str) -> int:
        return self.state.units[under].position if under in self.state.units else 0

    def _undone(self, need: str, unit: Unit | None) -> list[str]:
        units = list(each(self.state.inputs(unit).get(need))) if unit else self.state.nodes[need].units
        return [one.unit_id for one in units if one.state not in t.WITH_VALUE] or [need]


def _before(store: Store, run_id: str) -> Mapping[str, Node]:
    plan = store.run(run_id).plan_digest if run_id else None
    return {node.name: node for node in Graph.from_bytes(store.objects.read(plan)).nodes} if plan else {}


def _walked(
    node: Node, now: Mapping[str, Node], before: Mapping[str, Node]
) -> tuple[dict[str, None], list[str]]:
    """The nodes that one takes, after those whose lists they walk; and those of them that the run does not have."""
    found: dict[str, None] = {}
    lacking: list[str] = []

    def take(name: str) -> Iterator[str]:
        if name == node.name or name not in before or not _alike(now[name].foreach, before[name].foreach):
            lacking.append(name)
            return
        for source in sources(now[name].foreach):
            yield from take(source)
        yield name

    for need in node.needs:
        found |= dict.fromkeys(take(need))
    return found, list(dict.fromkeys(lacking))


def _alike(one: Foreach | None, other: Foreach | None) -> bool:
    """Whether units of both have keys of one kind; a literal list may have become another."""
    if isinstance(one, Over | Nested):
        return one == other
    return type(one) is type(other) and sources(one) == sources(other)
