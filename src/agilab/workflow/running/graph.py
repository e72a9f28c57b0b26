"""A lab as a graph: a node for each stage, mapped over what its `foreach` walks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from agi_node.canonical import tag
from agi_node.errors import FAILED, AgiError
from agi_node.stage import TARGET
from agilab.contracts.lab_stages import Stage
from agilab.engine.foreach import Foreach, Items, Nested, Over, Product, Zip
from agilab.engine.graph import Graph, Node, Policy
from agilab.workflow.document.paths import name_of
from agilab.workflow.document.resolved import Axis, Resolved, ResolvedStage
from agilab.workflow.document.walked import entries
from agilab.workflow.running.app_stages import nodes_of
from agilab.workflow.running.in_place import watched
from agilab.workflow.running.prepare import PreparedLab


def lab_graph(
    prepared: PreparedLab,
    *,
    keep_going: bool = False,
    cache: bool = False,
    also: Mapping[str, Iterable[str]] | None = None,
) -> Graph:
    """The graph of a lab; with `cache` every stage may use earlier results, otherwise those that say so.

    A stage that is content with a share of a mapped one says that items may fail, so a run of it goes on after a
    failure, asked to or not.
    `also` names values of stages whose fingerprints are wanted although nobody takes them.
    """
    resolved = prepared.lab.resolved
    also, watch = also or {}, watched(resolved)
    keep_going = keep_going or any(_wants_a_share(resolved, one) for one in resolved.stages.values())
    nodes: list[Node] = []
    for name in resolved.order:
        node = _node(prepared, resolved.stages[name], also, watch.get(name, {}), cache=cache)
        app = prepared.apps.get(name)
        nodes += nodes_of(app, node, resolved.stages[name], keep_going=keep_going) if app else [node]
    return Graph(tuple(nodes), keep_going=keep_going)


def _wants_a_share(lab: Resolved, one: ResolvedStage) -> bool:
    """Whether a stage takes several units of another as one, and need not have them all."""
    mine = [axis.name for axis in one.axes]
    theirs = [[axis.name for axis in lab.stages[need].axes] for need in one.needs]
    return one.stage.require != "all" and any(axes != mine[: len(axes)] for axes in theirs)


def _node(
    prepared: PreparedLab,
    resolved: ResolvedStage,
    also: Mapping[str, Iterable[str]],
    watch: Mapping[str, list[str]],
    *,
    cache: bool,
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
                **({"folder": prepared.lab.folder.resolve().name} if code.asks_where else {}),
                **({"workdir": stage.workdir} if stage.workdir else {}),
                "carried": [list(taken) for taken in code.carried],
                "outputs": [name_of(name) for name in stage.outputs],
                "inputs": [
                    {
                        "name": source.name,
                        "called": source.called,
                        "kind": source.kind,
                        "stage": source.stage,
                        **({"optional": True} if source.optional else {}),
                    }
                    for source in resolved.inputs
                ],
                "params": {
                    source.called: params[source.name]
                    for source in resolved.inputs
                    if source.origin == "param"
                },
                "files": prepared.files.get(stage.id, {}),
                "axes": [axis.name for axis in resolved.foreach],
                **({"watch": watch} if watch else {}),
                **({"notebook": stage.origin.notebook} if stage.origin and stage.origin.notebook else {}),
                **({"repeated": _repeated(stage)} if "repeated" in stage.extra else {}),
                **({"also": list(also[stage.id])} if stage.id in also else {}),
            }
        ),
        require=stage.require,
        environment=prepared.environment_of[stage.id],
        policy=Policy(
            max_retries=stage.retries,
            timeout_s=None if stage.timeout is None else float(stage.timeout),
            cache=cache or stage.cache,
        ),
    )


def _repeated(stage: Stage) -> list[str]:
    """The statements of stages above that an import has put at the head of this one."""
    said = stage.extra["repeated"]
    return [one for one in said if isinstance(one, str)] if isinstance(said, list) else []


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
