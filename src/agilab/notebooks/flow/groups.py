"""From cells to stages: where the flow is thin there is a border, and where something cannot cross there is none.

A border costs something, more for each value that must cross it, less where a heading stands or where definitions
end; a long stage costs something as well, by the square of its length. The cheapest way to part the cells is found
exactly (dynamic programming over borders), so the result depends on nothing but the notebook.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from agilab.notebooks.flow.links import Join, Links
from agilab.notebooks.flow.model import is_state

Per = Literal["flow", "cell"]

COMFORTABLE = 25
"""Lines that a stage may have before its length begins to count for more than a border."""
_BORDER, _VALUE, _HEADING, _SUBHEADING, _DEFINITIONS = 1.0, 0.4, 1.5, 0.9, 0.6
_NEVER = float("inf")


@dataclass(frozen=True)
class Border:
    """Between two cells, whether it parts stages, and why.

    Attributes:
        after: The cell before it.
        cut: Whether stages part here.
        crossing: Values that go from before to after it.
        why: In words.
    """

    after: int
    cut: bool
    crossing: tuple[str, ...]
    why: str


@dataclass(frozen=True)
class Grouping:
    """Cells in stages.

    Attributes:
        groups: Cells of each stage, in order; cells without code are in none.
        borders: Between every two cells with code.
    """

    groups: tuple[tuple[int, ...], ...]
    borders: tuple[Border, ...]


def group(
    links: Links,
    *,
    per: Per = "flow",
    headings: Mapping[int, int] | None = None,
    joins: Sequence[Join] = (),
    alone: Collection[int] = (),
    without: Collection[int] = (),
) -> Grouping:
    """Part the cells of a notebook.

    Args:
        links: What ties the cells together.
        per: `flow` for stages as the flow has them; `cell` for one a cell, as far as that can be.
        headings: Cells before which a heading stands, with its level (1 is the highest).
        joins: Cells that other knowledge keeps together, besides `links.joins`.
        alone: Cells that are a stage of their own where nothing keeps them with others.
        without: Cells that are in no stage.
    """
    cells = [k for k, source in enumerate(links.flows.sources) if source.strip() and k not in without]
    held = [*links.joins, *joins]
    costs: list[float] = []
    borders: list[tuple[tuple[str, ...], str]] = []
    for at, cell in enumerate(cells[:-1]):
        after = cells[at + 1]
        join = next((one for one in held if one.first <= cell and one.last >= after), None)
        crossing = crossing_at(links, cell)
        if join is not None:
            costs.append(_NEVER)
            borders.append((crossing, join.why))
        else:
            cost, why = _cost(links, cell, after, crossing, headings or {})
            costs.append(-1.0 if per == "cell" or cell in alone or after in alone else cost)
            borders.append((crossing, why))
    lengths = [len([line for line in links.flows.sources[k].splitlines() if line.strip()]) for k in cells]
    ends = _cheapest(lengths, costs, by_cell=per == "cell")
    groups: list[tuple[int, ...]] = []
    begin = 0
    for end in ends:
        groups.append(tuple(cells[begin:end]))
        begin = end
    cut = set(ends[:-1])
    return Grouping(
        tuple(groups),
        tuple(
            Border(cells[at], at + 1 in cut, crossing, _said(at + 1 in cut, costs[at], why))
            for at, (crossing, why) in enumerate(borders)
        ),
    )


def crossing_at(links: Links, cell: int) -> tuple[str, ...]:
    """Values that are made before the border behind a cell and read after it."""
    names = [name for name in links.live[cell] if not is_state(name) and name in links.flows[cell].bound]
    return tuple(sorted(name for name in names if not links.carries(name, cell + 1)))


def _cost(
    links: Links, cell: int, after: int, crossing: Sequence[str], headings: Mapping[int, int]
) -> tuple[float, str]:
    cost = _BORDER + _VALUE * len(crossing)
    why = (
        "nothing crosses"
        if not crossing
        else f"only {', '.join(crossing)} crosses"
        if len(crossing) == 1
        else ""
    )
    why = why or f"{', '.join(crossing)} cross"
    level = next((headings[k] for k in range(cell + 1, after + 1) if k in headings), None)
    if level is not None:
        cost -= _HEADING if level <= 2 else _SUBHEADING
        why = f"a heading stands here; {why}"
    if not links.flows[cell].calls or not links.flows[after].calls:
        cost -= _DEFINITIONS * (links.flows[cell].calls != links.flows[after].calls)
    return cost, why


def _said(cut: bool, cost: float, why: str) -> str:
    return why if cut or cost == _NEVER else f"short enough to stay together ({why})"


def _cheapest(lengths: Sequence[int], costs: Sequence[float], *, by_cell: bool) -> list[int]:
    """Ends of the groups (positions behind the last cell of each) that cost least; of equals, the fewest borders."""
    best: list[tuple[float, int]] = [(0.0, 0)]
    back: list[int] = [0]
    for end in range(1, len(lengths) + 1):
        size = 0
        found: tuple[float, int] = (_NEVER, 0)
        origin = 0
        for begin in range(end - 1, -1, -1):
            size += lengths[begin]
            border = costs[begin - 1] if begin else 0.0
            if border == _NEVER:
                continue
            long = 0.0 if by_cell else (size / COMFORTABLE) ** 2
            whole = (round(best[begin][0] + border + long, 9), best[begin][1] + 1)
            if whole < found:
                found, origin = whole, begin
        best.append(found)
        back.append(origin)
    ends: list[int] = []
    end = len(lengths)
    while end:
        ends.append(end)
        end = back[end]
    return ends[::-1]
