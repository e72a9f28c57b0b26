"""The order in which results of a mapped node are seen: that of the lists they came from, as in nested loops."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from agilab.engine.core import RunState
from agilab.engine.executor import Task
from agilab.engine.expansion import keys_of
from agilab.engine.foreach import Nested
from agilab.engine.graph import Graph, Node
from agilab.engine.state import Fact, Unit
from agilab.engine.tasks import FunctionTasks, Needs
from agilab.store.projection import expanded_items
from agilab.store.store import Store

Rank = tuple[int, ...]


class Order:
    """Ranks units by the positions of their items, outer lists first.

    Nested maps expand whenever their parents are done, so positions in the node alone would depend on who was quicker.
    """

    def __init__(self, state: RunState) -> None:
        self._state = state
        self._ranks: dict[str, dict[tuple[str, ...], Rank]] = {}

    def __call__(self, node: str, units: Iterable[Unit]) -> list[Unit]:
        if self._state.nodes[node].origin is None:
            return sorted(units, key=lambda unit: unit.position)
        ranks = self._ranked(node)
        return sorted(units, key=lambda unit: ranks[unit.keys])

    def _ranked(self, node: str) -> dict[tuple[str, ...], Rank]:
        """Ranks of all units so far by their keys; units are only ever added."""
        state = self._state.nodes[node]
        ranks = self._ranks.setdefault(node, {})
        if len(ranks) < state.total:
            above = self._ranked(state.origin) if state.origin else {}
            nested = isinstance(state.node.foreach, Nested)
            for unit in state.units[len(ranks) :]:
                if nested:
                    ranks[unit.keys] = (*above[unit.keys[:-1]], unit.position)
                else:
                    ranks[unit.keys] = above[unit.keys] if state.origin else (unit.position,)
        return ranks


class FlowTasks(FunctionTasks):
    """Gives functions the results of several units in the order of the lists that these came from.

    `state` is that of whoever runs (or previews) the graph, and must be set before the first task.
    """

    state: RunState

    def task(self, unit: Unit, node: Node, payload: Any, needs: Needs, attempt_id: str, folder: Path) -> Task:
        return super().task(unit, node, payload, self._in_order(needs), attempt_id, folder)

    def identity(self, unit: Unit, node: Node, payload: Any, needs: Needs) -> tuple[str, str] | None:
        return super().identity(unit, node, payload, self._in_order(needs))

    def _in_order(self, needs: Needs) -> Needs:
        if not any(isinstance(units, list) for units in needs.values()):
            return needs
        order = self.__dict__.setdefault("_order", Order(self.state))
        return {
            name: order(name, units) if isinstance(units, list) else units for name, units in needs.items()
        }


def units_in_order(store: Store, run_id: str, graph: Graph, node: str) -> Sequence[str]:
    """Ids of a recorded node's units in that order."""
    if len(graph.axes[node]) < 2:
        return [unit.unit_id for unit in store.units(run_id, node=node)]
    state = RunState(graph)
    for event in store.events(run_id, kinds=("node_expanded",)):
        data = event.data
        rows = expanded_items(data, store.objects.read)
        units = [(row["unit_id"], keys_of(row), row["cost"]) for row in rows]
        _expand(state, Fact(event.kind, event.run_seq, data=data, units=units))
    return [unit.unit_id for unit in Order(state)(node, state.nodes[node].units)]


def _expand(state: RunState, fact: Fact) -> None:
    # The expansions alone: what happened to the units between them does not matter for their order.
    under = fact.data.get("under", "")
    if state.nodes[fact.data["node"]].origin is not None:
        state.nodes[fact.data["node"]].todo[under] = None
    state.apply(fact)
