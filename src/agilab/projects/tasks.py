"""An app as a graph: plan → work → reduce → publish, or its nodes; and what each of these is given."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from agi_node.canonical import tag
from agilab.engine.executor import Task
from agilab.engine.expansion import Item, items_of
from agilab.engine.foreach import Over, sources
from agilab.engine.graph import Graph, Node, Policy
from agilab.engine.state import Unit
from agilab.engine.tasks import Needs, TaskBuilder, attempt_of, plain_digest, value_digest
from agilab.projects.costs import with_learnt_costs
from agilab.projects.inputs import FileDigests, fill_in_digests
from agilab.projects.node_tasks import NodeTasks, has_nodes, node_graph, of_nodes
from agilab.store.rows import ArtifactRow
from agilab.store.store import Store
from agilab.store.transitions import GOOD, WITH_VALUE


def app_graph(
    reference: str,
    described: Sequence[Mapping[str, Any]],
    args: Mapping[str, Any],
    environment: str,
    *,
    keep_going: bool = False,
    policy: Policy = Policy(),
) -> Graph:
    """The graph of an app by its own description: of its steps (some of plan, work, reduce, publish), or of its nodes.

    With `keep_going` a reduce is content with whatever succeeded; otherwise it wants everything.
    """
    if has_nodes(described):
        return node_graph(reference, described, args, environment, keep_going=keep_going, policy=policy)
    nodes = [node["name"] for node in described]
    chain: list[Node] = []
    for name in ("plan", "work", "reduce", "publish"):
        if name in nodes:
            chain.append(
                Node(
                    name,
                    f"{reference}#{name}",
                    needs=(chain[-1].name,) if chain else (),
                    foreach=Over("plan") if name == "work" else None,
                    args=tag(dict(args)),
                    require="any" if keep_going and name == "reduce" else "all",
                    fresh=not chain,
                    environment=environment,
                    policy=policy
                    if name == "work"
                    else Policy(timeout_s=policy.timeout_s, cache=policy.cache),
                )
            )
    return Graph(tuple(chain), keep_going=keep_going)


def tasks_of(
    graph: Graph,
    store: Store,
    run_id: str,
    roots: Mapping[str, str],
    digests: FileDigests,
    *,
    inputs: Sequence[Mapping[str, Any]] = (),
    max_units: int,
    check_keys: Callable[[list[str]], None] | None = None,
) -> TaskBuilder:
    """What gives the units of an app's graph what they read; `inputs` are files that its arguments name."""
    if of_nodes(graph):
        return NodeTasks(store, run_id, graph, inputs, max_units=max_units)
    return AppTasks(store, run_id, roots, digests, max_units=max_units, check_keys=check_keys)


class AppTasks:
    """Gives the nodes of an app what they read: the plan's items, the partials to merge, the artifacts to publish.

    `prefix` is how the names of its nodes begin where the app is a part of a larger graph.
    """

    def __init__(
        self,
        store: Store,
        run_id: str,
        roots: Mapping[str, str],
        digests: FileDigests,
        *,
        max_units: int,
        check_keys: Callable[[list[str]], None] | None = None,
        prefix: str = "",
    ) -> None:
        self._prefix = prefix
        self._store = store
        self._run_id = run_id
        self._roots = roots
        self._digests = digests
        self.max_units = max_units
        self._check_keys = check_keys

    def recorded(self, unit: Unit, body: Mapping[str, Any]) -> None:
        """Nothing is kept in memory: partials are read when they are merged."""

    def remembers(self, node: Node) -> bool:
        return not node.needs

    def items(self, node: Node, under: Unit | None) -> list[Item]:
        """The plan's items, with the digest of every file they refer to, and what they should cost by earlier runs.

        Raises what `check_keys` raises, which a static placement hands in: a unit without a place must not start any.
        """
        (plan,) = sources(node.foreach)
        for unit, body in self._store.results(self._run_id, plan):
            if unit.state in WITH_VALUE:
                items = items_of(self._store.value(body))
                if self._check_keys:
                    self._check_keys([item.key for item in items])
                items = with_learnt_costs(
                    self._store, self._run_id, items, node=node.name, target=node.target, plan=plan
                )
                fill_in_digests([item.payload for item in items], self._roots, self._digests)
                return items
        return []

    def task(self, unit: Unit, node: Node, payload: Any, needs: Needs, attempt_id: str, folder: Path) -> Task:
        role = node.target.partition("#")[2]
        inputs: Path | None = None
        if role == "reduce":
            inputs = self._partials(node.needs[0], folder / "staging" / f"{attempt_id}.partials.jsonl")
        elif role == "publish":
            inputs = self._publication(node.needs, folder / "staging" / f"{attempt_id}.publish.json")
        return attempt_of(
            self._run_id, unit, node, attempt_id, folder, args=node.args, payload=payload, inputs=inputs
        )

    def identity(self, unit: Unit, node: Node, payload: Any, needs: Needs) -> tuple[str, str] | None:
        """What a step of an app depends on beyond its code.

        The first one looks at folders, whose contents no digest tells: a plan, or the publish of an app that has
        nothing else.
        """
        role = node.target.partition("#")[2]
        if not node.needs or role == "plan":
            return None
        inputs: list[Any] = []
        if role != "work":
            for row, body in self._store.results(self._run_id, node.needs[0]):
                inputs.append([row.key, value_digest(body) if row.state in WITH_VALUE else row.state])
        if role == "publish":
            inputs += [[row.unit_id, row.name, row.digest] for row in self._artifacts()]
        return plain_digest({"args": node.args, "payload": payload}), plain_digest(inputs)

    def _artifacts(self) -> list[ArtifactRow]:
        """What the app's own nodes have saved so far: in a graph of several parts they share a prefix."""
        rows = self._store.artifacts(self._run_id)
        return [row for row in rows if row.unit_id.startswith(self._prefix)]

    def _partials(self, node: str, path: Path) -> Path:
        """One line per unit in key order: failed ones too, so that a reduce knows what is missing."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8") as file:
            for unit, body in self._store.results(self._run_id, node):
                line: dict[str, Any] = {
                    "key": unit.key,
                    "status": unit.state,
                    "worker": unit.worker or "reused",
                }
                if unit.state in WITH_VALUE:
                    digest = body.get("value_digest")
                    line["value"] = None if digest else body["value"]
                    line["value_path"] = str(self._store.objects.path(digest)) if digest else None
                else:
                    line["value"] = line["value_path"] = None
                file.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")
        return path

    def _publication(self, needs: tuple[str, ...], path: Path) -> Path:
        """The merged state (None without a reduce), and where the units' artifacts lie, by name and in key order."""
        path.parent.mkdir(parents=True, exist_ok=True)
        state: Any = None
        for need in needs:
            for unit, body in self._store.results(self._run_id, need):
                if unit.state in GOOD:
                    value = self._store.value(body)
                    state = value["whole"]["state"] if isinstance(value, dict) and "whole" in value else None
        artifacts: dict[str, list[list[str]]] = {}
        keys = {unit.unit_id: unit.key for unit in self._store.units(self._run_id)}
        for row in self._artifacts():
            artifacts.setdefault(row.name, []).append(
                [keys[row.unit_id], str(self._store.objects.path(row.digest))]
            )
        for rows in artifacts.values():
            rows.sort()
        path.write_text(
            json.dumps({"state": state, "artifacts": artifacts}, ensure_ascii=False), encoding="utf-8"
        )
        return path
