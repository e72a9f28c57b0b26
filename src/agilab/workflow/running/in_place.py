"""Values that one stage may change where they stand, and that a stage below takes as their maker left them.

In a notebook the cell below sees the change; here it is lost, unless the stage gives the value on. No reading of code
tells for certain whether it changes what it is given, so the worker looks (`agi_node.watched`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from agilab.engine.graph import Graph
from agilab.store.store import Store
from agilab.workflow.document.resolved import Resolved, Source


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


def changed_in_place(store: Store, run_id: str, graph: Graph) -> Iterator[str]:
    """A sentence for each value that a unit of a run changed and did not give on, though a stage below takes it."""
    for node in graph.nodes:
        watch: Mapping[str, list[str]] = node.given.get("watch") or {}
        if not watch:
            continue
        changed = {
            name: None for _, body in store.results(run_id, node.name) for name in changed_of(store, body)
        }
        for name in changed:
            readers = watch.get(name, [])
            if readers:
                takes = f"{_listed(readers)} {'takes' if len(readers) == 1 else 'take'} it as it was before"
                mend = f"if the change is meant for them, add {name} to the outputs of {node.name}"
                yield f"{node.name} changed {name} in place and does not give it on: {takes}; {mend}"


def changed_of(store: Store, body: dict[str, object]) -> list[str]:
    """The values that the unit of a stage changed in place, from the event that finished it."""
    value = store.value(body)
    return list(value.get("changed", ())) if isinstance(value, dict) and "item" in value else []


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
