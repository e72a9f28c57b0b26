"""What happened to a run since somebody last looked: the nodes and units that events after a cursor speak of."""

from __future__ import annotations

from dataclasses import dataclass

from agilab.store.projection import expanded_items
from agilab.store.rows import RunRow, UnitRow
from agilab.store.store import Store
from agilab.store.transitions import CANCELLING

_SWEEPING = ("run_stopping", "cancel_requested", "node_expanded")
"""Events without a unit of their own that move many units at once."""


@dataclass(frozen=True)
class Changes:
    """What events after a cursor speak of.

    Attributes:
        nodes, units: Names that something happened to.
        sweep: Whether units may have moved that no event names.
        cancelling: Whether a cancel was asked for, which moves every unit that runs.
    """

    since: int
    nodes: frozenset[str]
    units: frozenset[str]
    sweep: bool
    cancelling: bool

    def has(self, unit: UnitRow) -> bool:
        """Whether something happened to this unit."""
        return (
            unit.unit_id in self.units
            or (unit.done_seq or 0) > self.since
            or (self.cancelling and unit.state == CANCELLING)
        )


def changes_since(store: Store, run: RunRow, since: int) -> Changes:
    """Everything that was touched by events after `since`."""
    units: set[str] = set()
    nodes: set[str] = set()
    sweep = cancelling = False
    for event in store.events(run.run_id, after=since):
        if event.unit_id:
            units.add(event.unit_id)
            nodes.add(event.unit_id.partition("[")[0])
        elif event.kind in ("node_expanded", "node_finished", "expansion_failed"):
            data = event.data
            nodes.add(data["node"])
            if event.kind == "node_expanded":
                units.update(item["unit_id"] for item in expanded_items(data, store.objects.read))
        elif event.kind == "plan_recorded":
            nodes.update(node["name"] for node in event.data["nodes"])
        sweep = sweep or event.kind in _SWEEPING
        cancelling = cancelling or event.kind == "cancel_requested"
    if sweep:
        nodes.update(
            unit.node
            for unit in store.units(run.run_id)
            if (unit.done_seq or 0) > since or (cancelling and unit.state == CANCELLING)
        )
    return Changes(since, frozenset(nodes), frozenset(units), sweep, cancelling)
