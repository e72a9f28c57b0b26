"""Earlier runs of a flow: which one is meant, whether it can be gone on with, and what has changed since."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from agi_node.canonical import canonical
from agi_node.errors import AgiError
from agilab.engine.graph import Graph
from agilab.flow.execution import Purpose, app_of
from agilab.flow.provenance import codes_of
from agilab.store.rows import RunRow
from agilab.store.store import Store
from agilab.store.transitions import SUCCEEDED


def run_of(store: Store, flow: str, name: str) -> RunRow:
    """A run of this flow; `last` is its newest. AGI-FLOW-007 where it has none, or the run is another flow's."""
    app = app_of(flow)
    if name == "last":
        newest = store.runs(app=app, limit=1)
        if not newest:
            raise AgiError("AGI-FLOW-007", f"flow {flow} has no run yet", found=name, try_="flow.run(…)")
        return newest[0]
    run = store.run(name)
    if run.app != app:
        raise AgiError(
            "AGI-FLOW-007", f"run {run.run_id} is no run of flow {flow}", found=run.app, allowed=app
        )
    return run


def interrupted(store: Store, flow: str, name: str) -> RunRow:
    """A run of this flow that can be gone on with; AGI-RUN-013 for one that has ended."""
    run = run_of(store, flow, name)
    if run.state != "running" and store.verdict(run) is not None:
        over = run.over(allowed="a run that was interrupted")
        if run.state != SUCCEEDED:
            over.try_ = f"flow.rerun({run.run_id!r}, failed=True)"
        raise over
    return run


def refuse_another_flow(store: Store, run: RunRow, purpose: Purpose) -> None:
    """AGI-FLOW-007 where a flow is not what it was when a run began, saying what differs."""
    if found := list(_differences(store, run, purpose)):
        raise AgiError(
            "AGI-FLOW-007",
            f"flow {purpose.flow} is not what it was when run {run.run_id} began",
            found="; ".join(sorted(found))[:600],
            allowed="the nodes, arguments and code that the run began with",
            try_=f"flow.rerun({run.run_id!r}, failed=True): what it recorded is used again",
        )


def _differences(store: Store, run: RunRow, purpose: Purpose) -> Iterator[str]:
    from agi_node.source import explain

    graph = Graph.from_bytes(store.objects.read(run.plan_digest or ""))
    old, new = _nodes(graph), _nodes(purpose.bound.graph)
    yield from (f"node {name} is gone" for name in old if name not in new)
    yield from (f"node {name} is new" for name in new if name not in old)
    both = old.keys() & new.keys()
    same = old.keys() == new.keys()
    for name in both:
        fields = [field for field in old[name] if canonical(old[name][field]) != canonical(new[name][field])]
        if fields:
            same = False
            yield f"node {name} has another {', '.join(fields)}"
    if same and purpose.bound.graph.digest != run.plan_digest:
        yield "the nodes stand in another order, or the flow has other limits"
    parts = json.loads(store.objects.read(store.created(run.run_id)["codes_digest"]))
    for name, code in codes_of({name: purpose.nodes[name] for name in both}).items():
        if parts.get(name) != dict(code.parts):
            yield f"{name}: {explain(parts.get(name, {}), code.parts)}"


def _nodes(graph: Graph) -> Mapping[str, Mapping[str, Any]]:
    return {node["name"]: node for node in graph.to_plain()["nodes"]}
