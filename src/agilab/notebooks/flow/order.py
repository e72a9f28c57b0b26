"""What another order of execution means: the counts say how the cells ran, and the text how they stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agilab.notebooks.flow.links import Links
from agilab.notebooks.flow.model import is_state
from agilab.notebooks.flow.module_effects import run_by


@dataclass(frozen=True)
class Reordered:
    """A name that a cell took from another cell, as it was run, than from where it would take it from top to bottom.

    Attributes:
        cell: The cell that reads it.
        ran: The cell that had made it last when the cell ran; None if none had.
        stands: The nearest cell above that makes it; None if none does.
    """

    name: str
    cell: int
    ran: int | None
    stands: int | None


def reordered(links: Links, order: Sequence[int]) -> tuple[Reordered, ...]:
    """Where running the cells in `order` (those that ran, by count) gives a cell something else than reading down.

    A cell that never ran is left out of both. A cell that ran several times is known by its last count only.
    """
    ran = [cell for cell in order if cell < len(links.flows)]
    found: list[Reordered] = []
    by_run = _makers(links, ran)
    by_place = _makers(links, sorted(ran))
    for cell in sorted(ran):
        for name in links.flows[cell].reads:
            if not is_state(name) and by_run[cell].get(name) != by_place[cell].get(name):
                found.append(Reordered(name, cell, by_run[cell].get(name), by_place[cell].get(name)))
    return tuple(found)


def _makers(links: Links, order: Sequence[int]) -> dict[int, dict[str, int]]:
    found: dict[int, dict[str, int]] = {}
    last: dict[str, int] = {}
    for cell in order:
        found[cell] = dict(last)
        flow = links.flows[cell]
        last |= dict.fromkeys((*flow.binds, *flow.alters), cell)
        for name in flow.unbinds:
            last.pop(name, None)
    return found


def unused(links: Links) -> tuple[tuple[str, int], ...]:
    """Functions, classes and imports that no cell reads after their own, with the cell of each."""
    read = {name for flow in links.flows.cells for name in flow.reads}
    found: list[tuple[str, int]] = []
    for flow in links.flows.cells:
        text = links.statements(flow.index)
        later = text.take(text.names).missing if text is not None else frozenset()
        read |= later
    for flow in links.flows.cells:
        for name in sorted(flow.binds, key=lambda one: (flow.lines.get(one, 0), one)):
            makers = links.value(name, flow.index + 1).makers
            is_definition = name in flow.modules or any(
                links.flows.makers[one].name == name for one in makers
            )
            used = name in read or name in flow.used
            runs = run_by(flow.modules.get(name, ""), links.flows.modules)
            acting = {one.module for one in runs if one.does}
            registered = any(
                one.runs & acting or (one.known_as and not one.runs and one.line == flow.lines.get(name))
                for one in flow.settings
            )
            if is_definition and not (used or registered) and not name.startswith("_"):
                found.append((name, flow.index))
    return tuple(found)
