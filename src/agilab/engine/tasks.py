"""From a unit to the task that executes it: the seam between the engine and what it runs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from agi_node.codec import in_words, reference
from agi_node.errors import AgiError
from agilab.engine.executor import Task
from agilab.engine.expansion import Item, items_for
from agilab.engine.foreach import Nested, Over, Product, Zip, sources
from agilab.engine.graph import Graph, Node
from agilab.engine.state import Unit
from agilab.store.events import body_text
from agilab.store.store import Store
from agilab.store.transitions import WITH_VALUE

Needs = Mapping[str, Unit | list[Unit] | None]
"""For each need the one unit that shares the keys of the unit at hand, or all that do, in the order of keys."""
_OF_A_VALUE = ("value", "value_digest", "codec", "value_type", "value_size")
READ_AT_ONCE = 20
"""More units than this are read in one query, with the others of their node."""


class TaskBuilder(Protocol):
    """Knows what a node's items are and what a unit's attempt is given.

    Responsible for: turning recorded results into inputs. Not responsible for: when, where, how often.
    """

    max_units: int
    """Units that a node may expand to where its policy does not say."""

    def recorded(self, unit: Unit, body: Mapping[str, Any]) -> None:
        """Told of every success and every reuse, before it is in the tables."""
        ...

    def remembers(self, node: Node) -> bool:
        """Whether all that the node reads of others was told by `recorded`, so that no table need be current."""
        ...

    def items(self, node: Node, under: Unit | None) -> list[Item]:
        """The items of a mapped node whose lists have been recorded; `under` is the unit in which it nests."""
        ...

    def task(self, unit: Unit, node: Node, payload: Any, needs: Needs, attempt_id: str, folder: Path) -> Task:
        """One attempt as data; whatever it reads lies in the store or below `folder` already."""
        ...

    def identity(self, unit: Unit, node: Node, payload: Any, needs: Needs) -> tuple[str, str] | None:
        """Digests of a unit's arguments and of its inputs; None where equal ones do not mean an equal result."""
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
    mapped: bool = False,
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
        mapped=mapped,
    )


class FunctionTasks:
    """Graphs of plain functions: needs arrive as keyword arguments of the same name.

    A need with one unit for this one (unmapped, or with the same keys) is its value; one with several is a list of
    their good values in the order of keys, or all of them with their states where the parameter is annotated
    `Results`. What a node maps over arrives item by item as the first positional argument; the axes of a product or
    zip arrive as keyword arguments.
    """

    def __init__(self, store: Store, run_id: str, graph: Graph, *, max_units: int = 10_000) -> None:
        self._store = store
        self._run_id = run_id
        self._axes = graph.axes
        # Values that somebody will ask for one by one: read back from the log they would cost a query each.
        self._wanted = {need for node in graph.nodes for need in node.needs}
        self._bodies: dict[str, Mapping[str, Any]] = {}
        self.max_units = max_units

    def recorded(self, unit: Unit, body: Mapping[str, Any]) -> None:
        if unit.node in self._wanted:
            self._bodies[unit.unit_id] = {k: body[k] for k in _OF_A_VALUE if k in body}

    def remembers(self, node: Node) -> bool:
        return all(not self._axes[need] and need in self._bodies for need in node.needs)

    def items(self, node: Node, under: Unit | None) -> list[Item]:
        def value(name: str) -> Any:
            body = self._body(under.unit_id if under else name)
            if "codec" in body:
                raise _no_list(node, under.unit_id if under else name, body)
            return self._store.value(body)

        return items_for(node, value)

    def task(self, unit: Unit, node: Node, payload: Any, needs: Needs, attempt_id: str, folder: Path) -> Task:
        args: Mapping[str, Any] = node.args
        foreach = node.foreach
        over = sources(foreach)
        if isinstance(foreach, (Product, Zip)):
            args, payload = {**args, **payload}, None
        elif isinstance(foreach, Over) and self._axes[foreach.node]:
            payload = self._value(needs[foreach.node])
        gathered: dict[str, list[Unit]] = {}
        given: dict[str, Any] = {}
        for need, units in needs.items():
            if need in over:
                continue
            if isinstance(units, list):
                gathered[need] = units
            else:
                given[need] = self._value(units)
        inputs = None
        if gathered:
            inputs = folder / "staging" / f"{attempt_id}.needs.jsonl"
            self._gather(gathered, inputs)
        return attempt_of(
            self._run_id,
            unit,
            node,
            attempt_id,
            folder,
            args={**args, **given} if given else args,
            payload=payload,
            inputs=inputs,
            mapped=foreach is not None and not isinstance(foreach, (Product, Zip)),
        )

    def identity(self, unit: Unit, node: Node, payload: Any, needs: Needs) -> tuple[str, str] | None:
        inputs: dict[str, Any] = {}
        over = node.foreach.node if isinstance(node.foreach, Nested) else None
        for need, units in needs.items():
            if need == over or (need in sources(node.foreach) and not self._axes[need]):
                continue  # the item that came of it is the payload
            if isinstance(units, list):
                inputs[need] = [
                    [unit.key, _outcome(unit.state), body and value_digest(body)]
                    for unit, body in self._each(units)
                ]
            else:
                inputs[need] = units and [_outcome(units.state), self._digest(units)]
        return plain_digest({"args": node.args, "payload": payload}), plain_digest(inputs)

    def _digest(self, unit: Unit) -> str | None:
        return value_digest(self._body(unit.unit_id)) if unit.state in WITH_VALUE else None

    def _value(self, unit: Unit | list[Unit] | None) -> Any:
        if not isinstance(unit, Unit) or unit.state not in WITH_VALUE:
            return None
        body = self._body(unit.unit_id)
        return self._reference(body) if "codec" in body else self._store.value(body)

    def _reference(self, body: Mapping[str, Any]) -> str:
        """What stands for an object in a task: only the process that calls the function reads it."""
        return reference(self._store.objects.path(body["value_digest"]))

    def _body(self, unit_id: str) -> dict[str, Any]:
        """What the event that finished a unit says; remembered, or read from the log."""
        found = self._bodies.get(unit_id)
        if found is None:
            found = self._bodies[unit_id] = self._store.result(self._run_id, unit_id)
        return dict(found)

    def _each(self, units: Sequence[Unit]) -> Iterator[tuple[Unit, Mapping[str, Any]]]:
        """Units with the bodies of their successes (empty for the others), read in one go where there are many."""
        if len(units) > READ_AT_ONCE and any(unit.unit_id not in self._bodies for unit in units):
            bodies = {row.unit_id: body for row, body in self._store.results(self._run_id, units[0].node)}
            for unit in units:
                yield unit, bodies[unit.unit_id] if unit.state in WITH_VALUE else {}
            return
        for unit in units:
            yield unit, self._body(unit.unit_id) if unit.state in WITH_VALUE else {}

    def _gather(self, needs: Mapping[str, Sequence[Unit]], path: Path) -> None:
        """One line for each unit of each need, failed ones too; large values are named by where they lie."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8") as file:
            for need, units in needs.items():
                file.write(json.dumps({"of": need}, separators=(",", ":")) + "\n")
                for unit, body in self._each(units):
                    pickled = "codec" in body
                    digest = None if pickled else body.get("value_digest")
                    line = {
                        "key": unit.key,
                        "status": unit.state,
                        "value": self._reference(body) if pickled else body.get("value"),
                        "value_path": str(self._store.objects.path(digest)) if digest else None,
                        "digest": value_digest(body) if body else None,
                    }
                    file.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")


def _outcome(state: str) -> str:
    """A state as a unit that reads the result sees it: whether a value is new or used again makes no difference."""
    return "good" if state in WITH_VALUE else state


def _no_list(node: Node, source: str, body: Mapping[str, Any]) -> AgiError:
    return AgiError(
        "AGI-RUN-030",
        f"node {node.name} maps over what {source} returned, which is no plain data",
        found=in_words(body),
        allowed="a list or a mapping of plain data: what is in it becomes the keys of units",
        try_=f"map over names or numbers, and let {node.name} take {source.partition('[')[0]} apart",
        whose="author",
        exit_code=1,
    )


def value_digest(body: Mapping[str, Any]) -> str:
    """The digest of the value in the body of a success: the same whether it lies in the log or as an object."""
    if "value_digest" in body:
        return str(body["value_digest"])
    return plain_digest(body.get("value"))


def plain_digest(plain: Any) -> str:
    """The digest of (tagged) plain data: the SHA-256 of the bytes under which it would be stored."""
    return hashlib.sha256(body_text(plain).encode()).hexdigest()
