"""An app of nodes, functions with dependencies, as a graph; and what each of them is given."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from agi_node.canonical import tag
from agi_node.errors import AgiError
from agi_node.files import Files, use_roots
from agilab.engine.executor import Task
from agilab.engine.graph import Graph, Node, Policy
from agilab.engine.state import Unit
from agilab.engine.tasks import FunctionTasks, Needs, attempt_of, plain_digest
from agilab.projects.inputs import FileDigests, fill_in_digests, refuse_changed
from agilab.store.store import Store

LAST = "publish"
_FORMAT = "agilab-files"


def has_nodes(described: Iterable[Mapping[str, Any]]) -> bool:
    """Whether an app's description is one of nodes, not of items."""
    return any(node.get("declared") for node in described)


def node_graph(
    reference: str,
    described: Sequence[Mapping[str, Any]],
    args: Mapping[str, Any],
    environment: str,
    *,
    keep_going: bool = False,
    policy: Policy = Policy(),
) -> Graph:
    """The graph of an app of nodes. What a node says of itself goes before `policy`, which is the run's.

    A node that does not take the arguments has none: its result does not depend on them.
    """
    return Graph(
        tuple(
            Node(
                node["name"],
                f"{reference}#{node['name']}",
                needs=tuple(node["needs"]),
                args=tag(dict(args)) if "args" in node["takes"] else {},
                environment=environment,
                policy=_policy(node, policy),
            )
            for node in described
        ),
        keep_going=keep_going,
    )


def of_nodes(graph: Graph) -> bool:
    """Whether a recorded graph is one of an app of nodes."""
    names = {node.target.partition("#")[2] for node in graph.nodes}
    return not names <= {"plan", "work", "reduce", LAST}


def files_named(schema: Mapping[str, Any], args: Mapping[str, Any]) -> list[str]:
    """The patterns of files that an app's arguments name, by the schema of these: what its nodes may read."""
    found: list[str] = []
    for name, field in schema.get("properties", {}).items():
        value = args.get(name)
        if _FORMAT in json.dumps(field):
            found += [
                text for text in (value if isinstance(value, list) else [value]) if isinstance(text, str)
            ]
    return found


def inputs_named(
    patterns: Sequence[str], roots: Mapping[str, str], digests: FileDigests
) -> list[dict[str, Any]]:
    """The files behind patterns, each with its digest, in their order; none of a pattern that names no file now.

    Raises what `fill_in_digests` raises.
    """
    found: dict[tuple[str, str], dict[str, Any]] = {}
    with use_roots(roots):
        for pattern in patterns:
            try:
                files = [file.to_plain() for file in Files(pattern)]
            except AgiError:
                continue  # the node that wants them tells what is wrong, with its own words
            found |= {(file["root"], file["path"]): tag(file) for file in files}
    fill_in_digests(list(found.values()), roots, digests)
    return list(found.values())


class NodeTasks(FunctionTasks):
    """Gives the nodes of an app what they need by name, and the last word the artifacts of all.

    `inputs` are the files that the arguments name, by digest: what a node that takes the arguments may read. `prefix`
    is how the names of its nodes begin where the app is a part of a larger graph; there it may be mapped as a whole.
    """

    def __init__(
        self,
        store: Store,
        run_id: str,
        graph: Graph,
        inputs: Sequence[Mapping[str, Any]],
        *,
        max_units: int,
        roots: Mapping[str, str],
        digests: FileDigests,
        prefix: str = "",
    ) -> None:
        super().__init__(store, run_id, graph, max_units=max_units)
        self._prefix, self._last = prefix, prefix + LAST
        self._inputs, self._roots, self._digests = inputs, roots, digests
        self._saved: dict[str, dict[tuple[str, str], str]] = {}
        for row in store.artifacts(run_id):
            self._note(row.unit_id, row.name, row.digest)

    def recorded(self, unit: Unit, body: Mapping[str, Any]) -> None:
        super().recorded(unit, body)
        for one in body.get("artifacts", ()):
            self._note(unit.unit_id, one["name"], one["digest"])

    def task(self, unit: Unit, node: Node, payload: Any, needs: Needs, attempt_id: str, folder: Path) -> Task:
        """One attempt of a node. Raises AGI-DATA-003 where a file that it may read is not as it was."""
        if node.args:
            refuse_changed(self._inputs, self._roots, self._digests)
        inputs: Path | None = None
        if needs := self._own(needs):
            given: dict[str, Any] = {
                "needs": {name.removeprefix(self._prefix): self._entry(one) for name, one in needs.items()}
            }
            if node.name == self._last:
                given["artifacts"] = self._artifacts(unit)
            inputs = folder / "staging" / f"{attempt_id}.needs.json"
            inputs.parent.mkdir(parents=True, exist_ok=True)
            inputs.write_text(json.dumps(given, ensure_ascii=False), encoding="utf-8")
        return attempt_of(
            self._run_id, unit, node, attempt_id, folder, args=node.args, payload=None, inputs=inputs
        )

    def identity(self, unit: Unit, node: Node, payload: Any, needs: Needs) -> tuple[str, str]:
        """Arguments and inputs of a node: the results that it is given, and the files that its arguments name."""
        # Which item it is for says its arguments, where they differ with it.
        identity = super().identity(unit, node, None, self._own(needs))
        assert identity is not None  # a function's arguments and inputs can always be told
        args, given = identity
        files = [[file["root"], file["path"], file["digest"]] for file in self._inputs]
        more: list[Any] = [files] if node.args and files else []
        if node.name == self._last:
            saved = self._saved.get(_branch_of(unit.unit_id), {})
            more.append(sorted([*place, digest] for place, digest in saved.items()))
        return args, plain_digest([given, *more]) if more else given

    def _own(self, needs: Needs) -> Needs:
        """The needs that are nodes of the app: before its first ones others may come in a larger graph."""
        return {name: one for name, one in needs.items() if name.startswith(self._prefix)}

    def _note(self, unit_id: str, name: str, digest: str) -> None:
        if unit_id.startswith(self._prefix):
            self._saved.setdefault(_branch_of(unit_id), {})[unit_id, name] = digest

    def _artifacts(self, unit: Unit) -> dict[str, list[list[str]]]:
        """Where the artifacts of all nodes lie, by name: (key, path), and a node's unit has no key."""
        found: dict[str, list[list[str]]] = {}
        for (_, name), digest in sorted(self._saved.get(_branch_of(unit.unit_id), {}).items()):
            found.setdefault(name, []).append(["", str(self._store.objects.path(digest))])
        return found

    def _entry(self, need: Unit | list[Unit] | None) -> dict[str, Any]:
        """The value of a need as a worker reads it: small plain data as they are, all else by where it lies."""
        assert isinstance(need, Unit)  # an app's nodes are mapped all together or not at all
        body = self._body(need.unit_id)
        digest = body.get("value_digest")
        return {
            "value": body.get("value"),
            "value_path": str(self._store.objects.path(digest)) if digest else None,
            **{name: body[name] for name in ("codec", "value_type") if name in body},
        }


def _branch_of(unit_id: str) -> str:
    """The keys of a unit as they stand in its id: those of one item of a mapped app have the same."""
    return unit_id.partition("[")[2]


def _policy(node: Mapping[str, Any], policy: Policy) -> Policy:
    said = {
        "max_retries": node.get("retries"),
        "timeout_s": node.get("timeout_s"),
        "cache": node.get("cache"),
    }
    return replace(policy, **{name: value for name, value in said.items() if value is not None})
