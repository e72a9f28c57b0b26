"""An expansion as it is recorded: the lists that the run has so far, turned into units of a node."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from agilab.engine.core import RunState
from agilab.engine.expansion import Item, expanded, too_many
from agilab.engine.foreach import Over
from agilab.engine.recording import INLINE_VALUE_BYTES, canonical_text
from agilab.engine.tasks import TaskBuilder
from agilab.store.objects import ObjectStore

Rows = list[dict[str, Any]]


@contextmanager
def uncollected() -> Iterator[None]:
    """Look for no cyclic garbage meanwhile: Python would go through all rows again and again and find none."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


def rows_of(run: RunState, tasks: TaskBuilder, name: str, under: str) -> Rows:
    """The units of one expansion of a node, in order, in the form in which they are stored.

    Raises AGI-RUN-030 to 033 where there is no list, a key stands twice, or a limit of the node or the run is passed.
    """
    state = run.nodes[name]
    node = state.node
    if node.foreach is None:
        return expanded(name, [Item("", None)])
    if isinstance(node.foreach, Over) and state.origin is not None:
        first, end = run.nodes[state.origin].spans[under]
        # One unit for each of the node that it follows, whose value will be its payload.
        rows = [
            row
            for unit in run.nodes[state.origin].units[first:end]
            for row in expanded(name, [Item(unit.keys[-1], None, unit.cost)], above=unit.keys[:-1])
        ]
    else:
        parent = run.units[under] if under else None
        rows = expanded(
            name,
            tasks.items(node, parent),
            above=parent.keys if parent else (),
            limit=node.policy.max_units or tasks.max_units,
            setting="max_units of its policy",
            before=len(state.units),
        )
    before = sum(other.total for other in run.nodes.values() if other.axes)
    if before + len(rows) > run.graph.max_units:
        raise too_many(f"{name}, with those before it,", run.graph.max_units, "max_units of the run")
    return rows


def expansion_body(
    run: RunState, name: str, under: str, rows: Rows, objects: ObjectStore
) -> Mapping[str, Any]:
    """What `node_expanded` says: how many units, whether they may start at once, and the units or their digest."""
    state = run.nodes[name]
    body: dict[str, Any] = {"node": name, "count": len(rows)}
    if run.born_ready(name):
        body["ready"] = True
    if state.origin is not None:
        body |= {"under": under, "first": len(state.units)}
    # The one row of a node that is not mapped is short: its text is made once, with the event's.
    if state.node.foreach is not None and len(text := canonical_text(rows)) > INLINE_VALUE_BYTES:
        return {**body, "items_digest": objects.put(text)}
    return {**body, "items": rows}
