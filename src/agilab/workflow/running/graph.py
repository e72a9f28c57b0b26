"""A lab as a graph: a node for each stage, mapped over what its `foreach` walks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from agi_node.canonical import sha256_bytes, tag
from agi_node.errors import FAILED, AgiError
from agi_node.handover import exact_text
from agi_node.stage import TARGET
from agi_node.values import NOT_PLAIN, as_plain
from agilab.engine.expansion import items_of
from agilab.engine.foreach import Foreach, Items, Nested, Over, Product, Zip
from agilab.engine.graph import Graph, Node, Policy
from agilab.workflow.document.resolve import Axis, Resolved, ResolvedStage, name_of
from agilab.workflow.running.app_stages import nodes_of
from agilab.workflow.running.prepare import PreparedLab


def lab_graph(
    prepared: PreparedLab,
    *,
    keep_going: bool = False,
    cache: bool = False,
    also: Mapping[str, Iterable[str]] | None = None,
) -> Graph:
    """The graph of a lab; with `cache` every stage may use earlier results, otherwise those that say so.

    `also` names values of stages whose fingerprints are wanted although nobody takes them.
    """
    resolved = prepared.lab.resolved
    also = also or {}
    nodes: list[Node] = []
    for name in resolved.order:
        node = _node(prepared, resolved.stages[name], also, cache=cache)
        if name in prepared.apps:
            stage = resolved.stages[name]
            called = nodes_of(prepared.apps[name], stage, keep_going=keep_going, policy=node.policy)
            nodes += called
            node = replace(node, needs=(called[-1].name,), policy=Policy())
        nodes.append(node)
    return Graph(tuple(nodes), keep_going=keep_going)


def _node(
    prepared: PreparedLab, resolved: ResolvedStage, also: Mapping[str, Iterable[str]], *, cache: bool
) -> Node:
    stage = resolved.stage
    code = prepared.code[stage.id]
    params = prepared.lab.document.lab.params
    return Node(
        stage.id,
        f"{TARGET}{stage.id}",
        needs=resolved.needs,
        foreach=_foreach(prepared.lab.resolved, resolved, params),
        args=tag(
            {
                "code": code.text,
                "file": stage.file,
                "carried": [list(taken) for taken in code.carried],
                "outputs": [name_of(name) for name in stage.outputs],
                "inputs": [
                    {"name": source.name, "called": source.called, "kind": source.kind, "stage": source.stage}
                    for source in resolved.inputs
                ],
                "params": {
                    source.called: params[source.name]
                    for source in resolved.inputs
                    if source.origin == "param"
                },
                "files": prepared.files.get(stage.id, {}),
                "axes": [axis.name for axis in resolved.foreach],
                **({"also": list(also[stage.id])} if stage.id in also else {}),
            }
        ),
        require=stage.require,
        environment=prepared.environment_of[stage.id],
        policy=Policy(max_retries=stage.retries, timeout_s=stage.timeout, cache=cache or stage.cache),
    )


def _foreach(lab: Resolved, resolved: ResolvedStage, params: Mapping[str, Any]) -> Foreach | None:
    axes = {axis.name: _axis(lab, axis, params) for axis in resolved.foreach}
    if not axes:
        return None
    if len(axes) == 1:
        return next(iter(axes.values()))
    for name, axis in axes.items():
        if isinstance(axis, Nested):
            raise AgiError(
                "AGI-STAGE-035",
                f"stage {resolved.stage.id} combines {name} with another list",
                found=f"{axis.node}, which makes it, is mapped itself",
                allowed="one list in foreach where it nests in a mapped stage",
                whose="author",
                exit_code=FAILED,
            )
    combined: dict[str, Any] = axes
    return Zip(combined) if resolved.stage.zip else Product(combined)


def _axis(lab: Resolved, axis: Axis, params: Mapping[str, Any]) -> Over | Nested | Items:
    if axis.source is None:
        return Items(entries(list(axis.items or ()), axis.name))
    if axis.source.origin == "param":
        return Items(entries(params[axis.source.name], axis.source.name))
    maker = axis.source.stage or ""
    return (Nested if lab.stages[maker].axes else Over)(maker, axis.source.name)


def entries(value: Any, name: str) -> list[dict[str, str]]:
    """The items of a list (or of a dict, whose names become keys), each with its key and exactly as it is, as JSON.

    Raises AGI-RUN-030 for what is no list, or has items that are no data.
    """
    pairs: Iterable[tuple[str | None, Any]]
    if isinstance(value, dict):
        pairs = [(str(key), item) for key, item in value.items()]
    elif isinstance(value, (list, tuple, range)):
        pairs = [(None, item) for item in value]
    elif isinstance(value, (set, frozenset)):
        pairs = [(None, item) for item in sorted(value, key=repr)]
    else:
        raise _no_list(name, f"{type(value).__name__}: {value!r:.80}")
    found = []
    for key, item in pairs:
        text = exact_text(item)
        if text is None:
            raise _no_list(name, f"an item of type {type(item).__name__}")
        found.append({"key": key if key is not None else _key(item, text), "payload": text})
    return found


def _key(item: Any, text: str) -> str:
    plain = as_plain(item)
    return sha256_bytes(text.encode())[:12] if plain is NOT_PLAIN else items_of([tag(plain)])[0].key


def _no_list(name: str, found: str) -> AgiError:
    return AgiError(
        "AGI-RUN-030",
        f"a stage is to run for each of {name}, which is no list of data",
        found=found,
        allowed="a list, a tuple, a range, a set or a dict of texts and numbers",
        try_=f"{name} = list({name}), or {name}.tolist() of an array",
        whose="author",
        exit_code=FAILED,
    )
