"""Values that one stage may change where they stand, and that a stage below takes as their maker left them.

In a notebook the cell below sees the change; here it is lost, unless the stage gives the value on. No reading of code
tells for certain whether it changes what it is given, so the worker looks (`agi_node.watched`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from agilab.engine.graph import Graph
from agilab.store.store import Store
from agilab.workflow.document.resolved import Resolved, Source
from agilab.workflow.running.told import Told, listed, told_by


def watched(lab: Resolved) -> dict[str, dict[str, list[str]]]:
    """For each stage the values to look at, by the names that they have there, each with the stages below it that take
    the same one."""
    found: dict[str, dict[str, list[str]]] = {}
    below: dict[tuple[str | None, str], list[str]] = {}
    for name in reversed(lab.order):
        taken = [source for source in lab.stages[name].inputs if _is_shared(source)]
        given_on = set(lab.stages[name].stage.outputs)
        for source in taken:
            readers = below.get((source.stage, source.name), [])
            if readers and source.called not in given_on:
                found.setdefault(name, {})[source.called] = list(readers)
        for source in taken:
            below.setdefault((source.stage, source.name), []).insert(0, name)
    return found


def _is_shared(source: Source) -> bool:
    return source.kind == "value" and source.origin in ("stage", "param")


def changed_in_place(store: Store, run_id: str, graph: Graph, stages: Collection[str]) -> Iterator[Told]:
    """What to say of each value that one of the `stages` changed and did not give on, though a stage below takes it."""
    for node in graph.nodes:
        watch: Mapping[str, list[str]] = node.given.get("watch") or {}
        if not watch or node.name not in stages:
            continue
        changed = {
            name: None
            for _, body in store.results(run_id, node.name)
            for name in told_by(store, body).get("changed", ())
        }
        for name in changed:
            readers = watch.get(name, [])
            if readers:
                takes = f"{listed(readers)} {'takes' if len(readers) == 1 else 'take'} it as it was before"
                mend = f"if the change is meant for them, add {name} to the outputs of {node.name}"
                said = f"{node.name} changed {name} in place and does not give it on: {takes}; {mend}"
                yield Told(node.name, said)
