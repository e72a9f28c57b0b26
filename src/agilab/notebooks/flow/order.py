"""What another order of execution means: the counts say how the cells ran, and the text how they stand."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass

from agi_node.source.tree import chain_of
from agilab.notebooks.flow.links import Links
from agilab.notebooks.flow.makers import BUILTINS, Maker
from agilab.notebooks.flow.model import CellFlow, is_state
from agilab.notebooks.flow.module_effects import run_by
from agilab.notebooks.flow.notebook import Flows


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
            defined = [one for one in makers if links.flows.makers[one].name == name]
            is_definition = name in flow.modules or bool(defined)
            used = name in read or name in flow.used
            runs = run_by(flow.modules.get(name, ""), links.flows.modules)
            acting = {one.module for one in runs if one.does}
            registered = any(
                one.runs & acting or (one.known_as and not one.runs and one.line == flow.lines.get(name))
                for one in flow.settings
            )
            handed = any(_is_handed_on(links.flows.makers[one], flow, links.flows) for one in defined)
            if is_definition and not (used or registered or handed) and not name.startswith("_"):
                found.append((name, flow.index))
    return tuple(found)


def _is_handed_on(maker: Maker, flow: CellFlow, flows: Flows) -> bool:
    """Whether a definition is given to code of the notebook's own when it is made, which may keep it.

    A decorator gets it, and a class the `__init_subclass__` or the metaclass of a base.
    """

    def is_own(node: ast.expr) -> bool:
        chain = chain_of(node.func if isinstance(node, ast.Call) else node)
        if not chain:
            return True
        full = flow.modules.get(chain[0])
        return chain[0] not in BUILTINS if full is None else full.partition(".")[0] in flows.own_modules

    if any(map(is_own, getattr(maker.node, "decorator_list", ()))):
        return True
    waiting, seen = [maker], set[int]()
    while waiting:
        one = waiting.pop()
        if any(each.arg == "metaclass" and is_own(each.value) for each in getattr(one.node, "keywords", ())):
            return True
        new = one.bases - seen
        if any("__init_subclass__" in flows.makers[each].methods for each in new):
            return True
        seen |= new
        waiting += [flows.makers[each] for each in new]
    return False
