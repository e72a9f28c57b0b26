"""From a unit to the task that executes it: the seam between the engine and what it runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from agilab.engine.core import Unit
from agilab.engine.executor import Task
from agilab.engine.expansion import Item, items_of
from agilab.engine.graph import Graph, Node
from agilab.store.store import Store
from agilab.store.transitions import GOOD


class TaskBuilder(Protocol):
    """Knows what a node's items are and what a unit's attempt is given.

    Responsible for: turning recorded results into inputs. Not responsible for: when, where, how often.
    """

    max_units: int

    def recorded(self, unit: Unit, body: Mapping[str, Any]) -> None:
        """Told of every success, before it is in the tables."""
        ...

    def remembers(self, node: Node) -> bool:
        """Whether all that the node reads of others was told by `recorded`, so that no table need be current."""
        ...

    def items(self, node: Node) -> list[Item]:
        """The items of a mapped node whose needs have all been recorded."""
        ...

    def task(self, unit: Unit, node: Node, payload: Any, attempt_id: str, folder: Path) -> Task:
        """One attempt as data; whatever it reads lies in the store or below `folder` already."""
        ...


def attempt_of(
    run_id: str,
    unit: Unit,
    node: Node,
    attempt_id: str,
    folder: Path,
    *,
    args: Mapping[str, Any],
    payload: Any,
    inputs: Path | None = None,
) -> Task:
    """The task of one attempt, which stages below the run's `folder`."""
    return Task(
        run_id,
        unit.unit_id,
        unit.node,
        unit.key,
        attempt_id,
        unit.attempts,
        node.target,
        node.environment,
        args=args,
        payload=payload,
        inputs=inputs,
        staging=f"{folder}/staging/{attempt_id}",
        timeout_s=node.policy.timeout_s,
    )


class FunctionTasks:
    """Graphs of plain functions: needs arrive as keyword arguments of the same name.

    An unmapped need is its value; a mapped one the list of its good values in key order; the need that a node
    maps over arrives item by item as the first positional argument.
    """

    def __init__(self, store: Store, run_id: str, graph: Graph, *, max_units: int) -> None:
        self._store = store
        self._run_id = run_id
        self._mapped = {node.name for node in graph.nodes if node.foreach is not None}
        self.max_units = max_units
        self._values: dict[tuple[str, bool], Any] = {}

    def recorded(self, unit: Unit, body: Mapping[str, Any]) -> None:
        if unit.node not in self._mapped and "value" in body:
            self._values[unit.node, False] = body["value"]

    def remembers(self, node: Node) -> bool:
        return all((need, False) in self._values for need in node.needs)

    def items(self, node: Node) -> list[Item]:
        return items_of(self._value(str(node.foreach), mapped=False))

    def task(self, unit: Unit, node: Node, payload: Any, attempt_id: str, folder: Path) -> Task:
        needs = {need: self._need(need) for need in node.needs if need != node.foreach}
        args: Mapping[str, Any] = {**node.args, **needs} if needs else node.args
        return attempt_of(self._run_id, unit, node, attempt_id, folder, args=args, payload=payload)

    def _need(self, name: str) -> Any:
        return self._value(name, mapped=name in self._mapped)

    def _value(self, name: str, *, mapped: bool) -> Any:
        if (name, mapped) not in self._values:
            good = [
                self._store.value(body)
                for unit, body in self._store.results(self._run_id, name)
                if unit.state in GOOD
            ]
            self._values[name, mapped] = good if mapped else (good[0] if good else None)
        return self._values[name, mapped]
