"""An app as a graph: plan → work → reduce → publish, or its nodes; and what each of these is given."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from agi_node.canonical import tag
from agilab.contracts.rooted import file_references
from agilab.engine.executor import Task
from agilab.engine.expansion import Item, items_of
from agilab.engine.foreach import Over, sources
from agilab.engine.graph import Graph, Node, Policy
from agilab.engine.state import Unit
from agilab.engine.tasks import Needs, TaskBuilder, attempt_of, plain_digest, value_digest
from agilab.projects.branch import Branch
from agilab.projects.costs import with_learnt_costs
from agilab.projects.inputs import FileDigests, fill_in_digests, refuse_changed
from agilab.projects.node_tasks import NodeTasks, has_nodes, node_graph, of_nodes
from agilab.store.store import Store
from agilab.store.transitions import WITH_VALUE

STEPS = ("plan", "work", "reduce", "publish")
"""The nodes that an app of items may have, in their order."""


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
    for name in STEPS:
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
        return NodeTasks(store, run_id, graph, inputs, max_units=max_units, roots=roots, digests=digests)
    return AppTasks(store, run_id, roots, digests, max_units=max_units, check_keys=check_keys)


class AppTasks:
    """Gives the nodes of an app what they read: the plan's items, the partials to merge, the artifacts to publish.

    `prefix` is how the names of its nodes begin where the app is a part of a larger graph. There it may be mapped as a
    whole: what is planned, merged and published is then what its units left below the same outer keys.
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
        self._nodes = [prefix + step for step in STEPS]
        self._reduce = f"{prefix}reduce"
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
        body = self._store.result(self._run_id, under.unit_id if under else plan)
        if "value" not in body and "value_digest" not in body:
            return []
        items = items_of(self._store.value(body))
        if self._check_keys:
            self._check_keys([item.key for item in items])
        items = with_learnt_costs(
            self._store,
            self._run_id,
            items,
            node=node.name,
            target=node.target,
            plan=plan,
            keys=under.keys if under else (),
        )
        fill_in_digests([item.payload for item in items], self._roots, self._digests)
        return items

    def task(self, unit: Unit, node: Node, payload: Any, needs: Needs, attempt_id: str, folder: Path) -> Task:
        """One attempt of a step. Raises AGI-DATA-003 where a file of the payload is not as it was planned."""
        role = node.target.partition("#")[2]
        inputs: Path | None = None
        if role == "work":
            refuse_changed(file_references(payload), self._roots, self._digests)
        elif role == "reduce":
            path = folder / "staging" / f"{attempt_id}.partials.jsonl"
            inputs = self._partials(node.needs[0], self._branch(unit), path)
        elif role == "publish":
            path = folder / "staging" / f"{attempt_id}.publish.json"
            inputs = self._publication(node, self._branch(unit), path)
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
            branch = self._branch(unit)
            for one in branch.results(node.needs[0]):
                inputs.append([one.key, value_digest(one.body) if one.state in WITH_VALUE else one.state])
            if role == "publish":
                inputs += [[row.unit_id, row.name, row.digest] for _, row in branch.artifacts()]
        return plain_digest({"args": node.args, "payload": payload}), plain_digest(inputs)

    def _branch(self, unit: Unit) -> Branch:
        """What the app's own nodes have left for a reduce or a publish."""
        return Branch(self._store, self._run_id, self._nodes, unit.keys)

    def _partials(self, node: str, branch: Branch, path: Path) -> Path:
        """One line per unit in key order: failed ones too, so that a reduce knows what is missing."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8") as file:
            for one in branch.results(node):
                line: dict[str, Any] = {"key": one.key, "status": one.state, "worker": one.worker or "reused"}
                if one.state in WITH_VALUE:
                    digest = one.body.get("value_digest")
                    line["value"] = None if digest else one.body["value"]
                    line["value_path"] = str(self._store.objects.path(digest)) if digest else None
                else:
                    line["value"] = line["value_path"] = None
                file.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")
        return path

    def _publication(self, node: Node, branch: Branch, path: Path) -> Path:
        """The merged state (None without a reduce), and where the units' artifacts lie, by name and in key order."""
        path.parent.mkdir(parents=True, exist_ok=True)
        artifacts: dict[str, list[list[str]]] = {}
        for key, row in branch.artifacts():
            artifacts.setdefault(row.name, []).append([key, str(self._store.objects.path(row.digest))])
        for rows in artifacts.values():
            rows.sort()
        whole = merged_by(branch, self._reduce) if self._reduce in node.needs else None
        given = {"state": whole["state"] if whole else None, "artifacts": artifacts}
        path.write_text(json.dumps(given, ensure_ascii=False), encoding="utf-8")
        return path


def merged_by(branch: Branch, reduce: str) -> dict[str, Any] | None:
    """The (tagged) document of the whole that a reduce left; None where the node is none, or did not succeed."""
    for one in branch.results(reduce):
        value = branch.store.value(one.body) if one.state in WITH_VALUE else None
        if isinstance(value, dict) and "whole" in value:
            found: dict[str, Any] = value["whole"]
            return found
    return None
