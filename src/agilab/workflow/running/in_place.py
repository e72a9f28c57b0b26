"""Values that one stage may change where they stand, and that a stage below takes as their maker left them.

In a notebook the cell below sees the change; here it is lost, unless the stage gives the value on. No reading of code
tells for certain whether it changes what it is given, so the worker looks (`agi_node.watched`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from agilab.engine.graph import Graph
from agilab.store.store import Store
from agilab.workflow.document.resolved import Resolved, Source
from agilab.workflow.running.told import Told, Value, all_told, listed


def watched(lab: Resolved) -> dict[str, dict[str, list[str]]]:
    """For each stage the values to look at, by the names that they have there, each with the stages below it that take
    the same one; none where stages below take only what may hold the same objects: it was made of it, or both of a
    third.
    """
    found: dict[str, dict[str, list[str]]] = {}
    of: dict[Value, frozenset[Value]] = {}
    for name in lab.order:
        stage = lab.stages[name]
        taken = [source for source in stage.inputs if _is_shared(source)]
        roots = frozenset[Value]().union(*(of.get(_value(one), {_value(one)}) for one in taken))
        of |= {(name, output): roots | {(name, name)} for output in stage.stage.outputs}
    below: dict[Value, list[str]] = {}
    roots_below: set[Value] = set()
    for name in reversed(lab.order):
        taken = [source for source in lab.stages[name].inputs if _is_shared(source)]
        given_on = set(lab.stages[name].stage.outputs)
        for source in taken:
            readers = below.get(_value(source), [])
            if readers and source.called not in given_on:
                found.setdefault(name, {})[source.called] = list(readers)
            elif not roots_below.isdisjoint(of.get(_value(source), {_value(source)})):
                found.setdefault(name, {})[source.called] = []
        for source in taken:
            below.setdefault(_value(source), []).insert(0, name)
            roots_below |= of.get(_value(source), {_value(source)})
    return found


def _value(source: Source) -> Value:
    return source.stage or "", source.name


def _is_shared(source: Source) -> bool:
    return source.kind == "value" and source.origin in ("stage", "param")


def changed_in_place(store: Store, run_id: str, graph: Graph, stages: Collection[str]) -> Iterator[Told]:
    """What to say of each value that one of the `stages` changed and did not give on, though a stage below takes it."""
    for node in graph.nodes:
        watch: Mapping[str, list[str]] = node.given.get("watch") or {}
        if not watch or node.name not in stages:
            continue
        for name in dict.fromkeys(all_told(store, run_id, node.name, "changed")):
            readers = watch.get(name, [])
            if readers:
                takes = f"{listed(readers)} {'takes' if len(readers) == 1 else 'take'} it as it was before"
                mend = f"if the change is meant for them, add {name} to the outputs of {node.name}"
                said = f"{node.name} changed {name} in place and does not give it on: {takes}; {mend}"
                yield Told(node.name, said)
