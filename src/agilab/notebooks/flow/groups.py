"""From cells to stages: where a border costs little there is one, and where something cannot cross there is none.

Every way of parting the cells has a cost, and the cheapest one is found exactly (dynamic programming over the stages),
so the result depends on nothing but the notebook. A stage costs something by itself, less where it is only text;
something for each value that it must hand over, because it made it and others below want it; a little for each that it
takes; and something for its length, by the square. A value that only passes by costs nothing. Sections that are joined
cost something as well, more the higher their heading; so does a setup, at the top, that is joined with work although
others take its text, two pictures that would become one, and a border before a line or two that only look at something.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from agilab.notebooks.flow import states
from agilab.notebooks.flow.figures import begins_a_figure
from agilab.notebooks.flow.links import Join, Links
from agilab.notebooks.flow.model import is_state

Per = Literal["flow", "cell"]

COMFORTABLE = 25
"""Lines of a stage whose length costs as much as a stage by itself."""
STAGE, GIVEN, TAKEN = 1.0, 0.5, 0.1
"""What a stage costs by itself, for each value that it hands over, and for each that it takes."""
SECTIONS: Mapping[int, float] = {1: 2.0, 2: 0.9, 3: 0.4, 4: 0.2}
"""What it costs to join what a heading parts, by its rank; 4 is text without a heading."""
FEW = 3
"""Lines of a cell that may be a look."""
_WHOLE = 2
"""Lines of a section that weighs in full."""
LOOKING, _TEXT, _SETUP, _PICTURES = 0.5, 0.6, 1.2, 3.0
_APART = 1000.0
"""More than everything else together."""
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
    parting: Collection[int] = (),
) -> Grouping:
    """Part the cells of a notebook.

    Args:
        links: What ties the cells together.
        per: `flow` for stages as the flow has them; `cell` for one a cell, as far as that can be.
        headings: Cells above which a heading or a text stands, with its rank: see `SECTIONS`.
        joins: Cells that other knowledge keeps together, besides `links.joins`.
        alone: Cells that are a stage of their own where nothing keeps them with others.
        without: Cells that are in no stage.
        parting: Those of them between whose neighbours stages part where nothing keeps these together.
    """
    cells = [k for k, source in enumerate(links.flows.sources) if source.strip() and k not in without]
    held = [*links.joins, *joins]
    together = [
        next((one for one in held if one.first <= cell and one.last >= after), None)
        for cell, after in itertools.pairwise(cells)
    ]
    parts = [any(cell < one < after for one in parting) for cell, after in itertools.pairwise(cells)]
    costs = _Costs(links, cells, headings or {}, per, frozenset(alone), parts)
    ends = cheapest(len(cells), [join is not None for join in together], costs)
    begins = [0, *ends[:-1]]
    cut = set(ends[:-1])
    borders = [
        Border(
            cells[at],
            at + 1 in cut,
            crossing,
            _said(join, at + 1 in cut, crossing, costs.rank(at + 1), aside=parts[at]),
        )
        for at, join in enumerate(together)
        for crossing in [crossing_at(links, cells[at])]
    ]
    return Grouping(
        tuple(tuple(cells[begin:end]) for begin, end in zip(begins, ends, strict=False) if end),
        tuple(borders),
    )


def crossing_at(links: Links, cell: int) -> tuple[str, ...]:
    """Values that are made before the border behind a cell and read after it."""
    names = [name for name in links.live[cell] if not is_state(name) and name in links.flows[cell].bound]
    return tuple(sorted(name for name in names if not links.carries(name, cell + 1)))


def _said(
    join: Join | None, cut: bool, crossing: Sequence[str], rank: int | None, *, aside: bool = False
) -> str:
    if join is not None:
        return join.why
    names = ", ".join(crossing)
    why = (
        f"only {names} crosses" if len(crossing) == 1 else f"{names} cross" if crossing else "nothing crosses"
    )
    if aside and cut:
        why = f"a cell that is not run stands here; {why}"
    elif rank is not None and rank < 4:
        why = f"a heading stands here; {why}"
    return why if cut else f"short enough to stay together ({why})"


class _Costs:
    """What each stage would cost, from cell to cell of those that are parted (by position, not by number)."""

    def __init__(
        self,
        links: Links,
        cells: Sequence[int],
        headings: Mapping[int, int],
        per: Per,
        alone: frozenset[int],
        parts: Sequence[bool],
    ) -> None:
        self._links = links
        self._cells = cells
        self._by_cell = per == "cell"
        self._alone = [cell in alone for cell in cells]
        self._parts = [False, *parts]
        self._lines = [
            sum(1 for line in links.flows.sources[cell].splitlines() if line.strip()) for cell in cells
        ]
        self._ranks = [
            min((headings[k] for k in range(before + 1, cell + 1) if k in headings), default=None)
            for before, cell in zip([-1, *cells], cells, strict=False)
        ]
        self._sections = [self._section(at) for at in range(len(cells))]
        self._drawn_on = self._one_picture()
        self._top = next((at for at in range(len(cells)) if not self._is_setup(at)), len(cells))
        self._place = {cell: at for at, cell in enumerate(cells)}
        self._live: list[frozenset[str]] = []
        """Behind each cell: values that a stage above made and one below reads."""
        self._made: list[list[int]] = []
        """Behind each cell: where those were made last."""
        self._texts: list[bool] = []
        """Behind each cell: whether text of the setup is taken below."""
        for at, cell in enumerate(cells):
            made = {name: self._made_at(name, cell) for name in crossing_at(links, cell)}
            self._live.append(frozenset(name for name, one in made.items() if one is not None))
            self._made.append(sorted(one for one in made.values() if one is not None))
            taken = (self._made_at(name, cell) for name in links.live[cell] if at >= self._top)
            self._texts.append(any(one is not None and one < self._top for one in taken))

    def _made_at(self, name: str, cell: int) -> int | None:
        """The place of the cell that made a name last, behind a cell; None where none that is parted did."""
        maker = self._links.maker(name, cell + 1)
        return None if maker is None else self._place.get(maker)

    def rank(self, at: int) -> int | None:
        """Of the heading above a cell."""
        return self._ranks[at]

    def _is_setup(self, at: int) -> bool:
        """Whether a cell at the top is part of the setup, which ends at the first heading."""
        headed = at > 0 and (self._ranks[at] or 4) < 4
        return self._links.is_text(self._cells[at]) and not headed

    def _section(self, at: int) -> float:
        """What it costs to join a cell with the one above it, apart from length; a section of a line weighs less."""
        rank = self._ranks[at]
        if rank is None:
            return 0.0
        lines = self._lines[at]
        for below in range(at + 1, len(self._cells)):
            other = self._ranks[below]
            if lines >= _WHOLE or (other is not None and other <= rank):
                break
            lines += self._lines[below]
        return SECTIONS.get(rank, 0.0) * min(1.0, lines / _WHOLE)

    def backwards(self, end: int) -> Iterator[tuple[float, float]]:
        """What a stage costs that ends before `end` and begins one cell earlier each time; and what it costs at least,
        however much earlier it begins."""
        flows, links = self._links.flows, self._links
        lines, joined = 0, 0.0
        by_itself = STAGE if end > self._top else _TEXT
        wanted: set[str] = set()
        for begin in range(end - 1, -1, -1):
            if begin < end - 1:
                joined += self._sections[begin + 1]
                joined += _PICTURES if begin < self._drawn_on.get(begin, end) < end else 0.0
                if self._by_cell or self._alone[begin] or self._alone[begin + 1] or self._parts[begin + 1]:
                    joined += _APART
            flow = flows[self._cells[begin]]
            lines += self._lines[begin]
            wanted -= flow.always
            wanted |= links.reads[self._cells[begin]].keys()
            least = by_itself + joined + (0.0 if self._by_cell else (lines / COMFORTABLE) ** 2)
            cost = least
            if not self._by_cell:
                made = self._made[end - 1]
                cost += GIVEN * (len(made) - bisect_left(made, begin))
                cost += TAKEN * len(wanted & self._live[begin - 1]) if begin else 0.0
                if begin < self._top < end and self._texts[end - 1]:
                    cost += _SETUP
                if begin and self._ranks[begin] is None and self._only_looks(begin):
                    cost += LOOKING
            yield cost, least

    def _one_picture(self) -> dict[int, int]:
        """By a cell that leaves pyplot a figure, the next one that would draw into it: a figure each in Jupyter."""
        found: dict[int, int] = {}
        last: int | None = None
        for at, cell in enumerate(self._cells):
            flow = self._links.flows[cell]
            draws = states.FIGURE in flow.lines
            if draws and last is not None and not begins_a_figure(self._links.flows.sources[cell]):
                found[last] = at
            if draws and states.FIGURE in flow.bound:
                last = at
            elif states.FIGURE in flow.unbinds:
                last = None
        return found

    def _only_looks(self, at: int) -> bool:
        """Whether a cell of a few lines makes nothing that anybody reads."""
        cell = self._cells[at]
        flow = self._links.flows[cell]
        made = (flow.binds | flow.alters) & self._links.live[cell]
        return flow.calls and self._lines[at] <= FEW and not any(not is_state(name) for name in made)


def cheapest(count: int, together: Sequence[bool], costs: _Costs) -> list[int]:
    """Ends of the stages (positions behind the last cell of each) that cost least; of equals, the fewest stages.

    `together` says of each border that it cannot be one.
    """
    best: list[tuple[float, int]] = [(0.0, 0)]
    back: list[int] = [0]
    for end in range(1, count + 1):
        found: tuple[float, int] = (_NEVER, 0)
        origin = 0
        for begin, (cost, least) in zip(range(end - 1, -1, -1), costs.backwards(end), strict=True):
            if least > found[0]:
                break
            if begin and together[begin - 1]:
                continue
            whole = (round(best[begin][0] + cost, 9), best[begin][1] + 1)
            if whole < found:
                found, origin = whole, begin
        best.append(found)
        back.append(origin)
    ends: list[int] = []
    end = count
    while end:
        ends.append(end)
        end = back[end]
    return ends[::-1]
