"""What ties the cells of a notebook together: who makes what each cell reads, and which cells cannot be parted.

Everything here is derived from `Flows` and pure. A *border* b lies between cell b and cell b + 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from agi_node.source.carried import Carried, Statements
from agi_node.source.pure import by_custom
from agilab.notebooks.flow import knowledge as known
from agilab.notebooks.flow.functions import BUILTINS
from agilab.notebooks.flow.model import Setting, is_state
from agilab.notebooks.flow.notebook import Flows
from agilab.notebooks.flow.values import NOTHING, Region, Value

How = Literal["value", "definition", "state"]
"""How a name reaches a cell: as a value, as the statement that makes it, or as a state of the process."""

_HISTORY = frozenset({"_", "__", "___", "In", "Out", "_i", "_ii", "_oh", "_dh", "_ih", "exit", "quit"})


@dataclass(frozen=True)
class Edge:
    """A name that one cell takes from another."""

    name: str
    source: int
    target: int
    how: How


@dataclass(frozen=True)
class Join:
    """Cells that cannot be parted: `first`, `last` and all between.

    Attributes:
        names: What holds them together.
        why: In words.
        undecided: Whether it is for want of knowledge.
    """

    first: int
    last: int
    names: tuple[str, ...]
    why: str
    undecided: bool = False


@dataclass(frozen=True)
class Unmade:
    """A name that a cell reads and no cell above has made.

    Attributes:
        below: The first cell below that makes it; None where none does.
        deleted: The cell above that deletes it.
    """

    name: str
    cell: int
    line: int
    below: int | None = None
    deleted: int | None = None
    history: bool = False


class Links:
    """The links of a notebook.

    Attributes:
        given: Names that are there before the first cell: what a run puts in.
        keeps_all: Whether what every name holds at the end counts as read, so that it is what the notebook leaves.
    """

    def __init__(self, flows: Flows, given: frozenset[str] = frozenset(), *, keeps_all: bool = False) -> None:
        self.flows = flows
        self.given = given
        self.keeps_all = keeps_all
        self._texts: dict[int, Statements | None] = {}
        self._carries: dict[tuple[str, int], bool] = {}
        changed: dict[Region, int] = {}
        for flow in flows.cells:
            changed |= dict.fromkeys(flow.changed, flow.index)
        self.changed: Mapping[Region, int] = changed
        """Each region that is changed, with the last cell that does."""

    @cached_property
    def reads(self) -> tuple[Mapping[str, int], ...]:
        """By cell, the names whose value from before matters, with the line where first.

        What a cell binds on some paths only is among them where somebody reads it afterwards.
        """
        return tuple(
            {
                **{name: flow.lines.get(name, 1) for name in sorted(flow.keeps & self.live[flow.index])},
                **flow.reads,
            }
            for flow in self.flows.cells
        )

    # -- who makes what -----------------------------------------------------------------------------------------

    @cached_property
    def _makers(self) -> list[dict[str, int]]:
        """Before each cell: who made or changed each name last."""
        found: list[dict[str, int]] = []
        last: dict[str, int] = {}
        for flow in self.flows.cells:
            found.append(dict(last))
            for name in (*flow.binds, *flow.alters):
                last[name] = flow.index
        return [*found, last]

    def maker(self, name: str, cell: int) -> int | None:
        """The nearest cell above that binds or changes a name; `cell` may be the number of cells."""
        return self._makers[cell].get(name)

    def binder(self, name: str, cell: int) -> int | None:
        """The nearest cell above that binds it."""
        return next((k for k in range(cell - 1, -1, -1) if name in self.flows[k].binds), None)

    def certain(self, name: str, cell: int) -> bool:
        """Whether a name is bound for certain when a cell begins."""
        return cell > 0 and self.flows[cell - 1].bound.get(name, False)

    def perhaps(self, name: str, cell: int) -> bool:
        """Whether it may be bound then."""
        return cell > 0 and name in self.flows[cell - 1].bound

    def value(self, name: str, cell: int) -> Value:
        """What is known of it when a cell begins."""
        return self.flows[cell - 1].values.get(name, Value()) if cell > 0 else Value()

    @cached_property
    def edges(self) -> tuple[Edge, ...]:
        """Every name that a cell takes from one above."""
        return tuple(self._edges())

    def _edges(self) -> Iterator[Edge]:
        for flow in self.flows.cells:
            for name in self.reads[flow.index]:
                source = self.maker(name, flow.index)
                if source is not None and self.perhaps(name, flow.index):
                    how: How = (
                        "state"
                        if is_state(name)
                        else "definition"
                        if self.carries(name, flow.index)
                        else "value"
                    )
                    yield Edge(name, source, flow.index, how)

    @cached_property
    def unmade(self) -> tuple[Unmade, ...]:
        """Names that are read where no cell above has made them."""
        found: list[Unmade] = []
        doubtful = next(
            (flow.index for flow in self.flows.cells if any(one.binds for one in flow.undecided)), None
        )
        for flow in self.flows.cells:
            for name, line in flow.reads.items():
                if self.perhaps(name, flow.index) or name in self.given or is_state(name) or name in BUILTINS:
                    continue
                if doubtful is not None and doubtful <= flow.index:
                    continue
                if name in flow.keeps and self.maker(name, flow.index) is None:
                    continue
                below = next((k.index for k in self.flows.cells[flow.index :] if name in k.binds), None)
                deleted = next(
                    (k for k in range(flow.index - 1, -1, -1) if name in self.flows[k].unbinds), None
                )
                found.append(Unmade(name, flow.index, line, below, deleted, name in _HISTORY))
        return tuple(found)

    # -- what its text suffices for -----------------------------------------------------------------------------

    def statements(self, cell: int) -> Statements | None:
        """The statements of a cell; None where it is not Python."""
        if cell not in self._texts:
            flow = self.flows[cell]
            lazy = any("annotations" in text for other in self.flows.cells[:cell] for text in other.future)
            self._texts[cell] = None if flow.syntax else Statements(self.flows.sources[cell], lazy=lazy)
        return self._texts[cell]

    def taken(self, name: str, cell: int) -> tuple[int, Carried] | None:
        """The cell whose text says what a name is when `cell` begins, and what of that text."""
        source = self.binder(name, cell)
        text = self.statements(source) if source is not None else None
        if source is None or text is None or name not in text.names:
            return None
        return source, text.take([name])

    def carries(self, name: str, cell: int) -> bool:
        """Whether a name's statement can be taken instead of its value when `cell` begins."""
        source = self.maker(name, cell)
        if source is None or is_state(name) or not self.certain(name, cell):
            return False
        key = (name, source)
        if key not in self._carries:
            self._carries[key] = False  # what needs itself cannot
            self._carries[key] = self._can_carry(name, source, cell)
        return self._carries[key]

    def _can_carry(self, name: str, source: int, cell: int) -> bool:
        if name not in self.flows[source].binds or name in self.flows[source].alters:
            return False
        if (name in self.flows[source].keeps and name in self.reads[source]) or any(
            one.binds for one in self.flows[source].undecided
        ):
            return False
        value = self.value(name, cell)
        if value.tied and not value.makers:
            return False
        derived = self.flows[source].derived.get(name, NOTHING)
        if not self.changed.keys().isdisjoint(value.reaches | derived):
            return False
        makers = [self.flows.makers[number] for number in value.makers]
        if any(maker.stateful for maker in makers):
            return False
        wants = {name for maker in makers for name in maker.wants if name not in BUILTINS}
        taken = self.taken(name, cell)
        if taken is None:
            return False
        own = self.flows[source].binds
        reads = self.reads[source]
        if any(self._is_hidden(other, source) and other in taken[1].text for other in reads):
            return False
        return all(
            self.carries(other, source)
            if other not in own or other in reads
            else self._taken_here(other, source)
            for other in wants
        ) and all(
            (other in reads or other not in own) and (self.carries(other, source) or other in BUILTINS)
            for other in taken[1].before
        )

    def _is_hidden(self, name: str, cell: int) -> bool:
        """Whether a cell reads a name of the notebook's own where others mean Python's, or a library's."""
        return name in BUILTINS or (by_custom(name) and name not in self.flows[cell].modules)

    def _taken_here(self, name: str, cell: int) -> bool:
        text = self.statements(cell)
        return text is not None and name in text.names

    # -- what cannot be parted ----------------------------------------------------------------------------------

    @cached_property
    def carried_settings(self) -> Mapping[int, tuple[tuple[int, Setting], ...]]:
        """By cell that uses a seed: the seed statements above that it can repeat instead of following them."""
        return {cell: found for cell in range(len(self.flows)) if (found := tuple(self._seeds_for(cell)))}

    def _seeds_for(self, cell: int) -> Iterator[tuple[int, Setting]]:
        for name in self.flows[cell].reads:
            if name in known.RANDOM:
                source = self.maker(name, cell)
                if source is not None and (setting := self._seed(name, source, cell)):
                    yield source, setting

    def _seed(self, name: str, source: int, cell: int) -> Setting | None:
        """The one statement by which `source` leaves a state, if repeating it where `cell` begins gives the same."""
        flow = self.flows[source]
        settings = [setting for setting in flow.settings if setting.state == name]
        if len(settings) != 1 or name in flow.alters or name in flow.reads or name not in flow.always:
            return None
        (setting,) = settings
        if not setting.text or not self.can_repeat(setting, cell):
            return None
        first = next(k.index for k in self.flows.cells[source + 1 :] if name in k.reads)
        return setting if first == cell else None

    def can_repeat(self, setting: Setting, cell: int) -> bool:
        """Whether the statement has what it needs where `cell` begins."""
        return bool(setting.text) and all(self.carries(name, cell) for name in setting.needs)

    @cached_property
    def joins(self) -> tuple[Join, ...]:
        """Cells that cannot be parted, nearest first."""
        found = [*self._undecided(), *self._crossings(), *self._shared()]
        return tuple(
            sorted(dict.fromkeys(found), key=lambda join: (join.first, join.last, join.names, join.why))
        )

    def _crossings(self) -> Iterator[Join]:
        for edge in self.edges:
            why = self._keeps_together(edge)
            if why:
                yield Join(edge.source, edge.target, (edge.name,), why)
        for flow in self.flows.cells:
            for name in sorted((flow.alters & self.live[flow.index]) - self.reads[flow.index].keys()):
                source = self.maker(name, flow.index)
                if source is not None:
                    yield Join(source, flow.index, (name,), f"{name} is changed by another name")

    def _keeps_together(self, edge: Edge) -> str:
        name, cell = edge.name, edge.target
        if edge.how == "state":
            setting = self._seed(name, edge.source, cell) if name in known.RANDOM else None
            return "" if setting else f"{known.STATES.get(name, name)} cannot be handed on"
        if edge.how == "definition":
            return ""
        if not self.certain(name, cell):
            return f"{name} is there only if cell {edge.source} came to it"
        return self.stays(name, cell)

    def stays(self, name: str, cell: int) -> str:
        """Why the value of a name cannot be handed to `cell` from another stage; empty if it can."""
        value = self.value(name, cell)
        if value.tied:
            return f"{name} is {value.tied}"
        for number in sorted(value.makers):
            maker = self.flows.makers[number]
            if maker.kind != "class":
                return f"{name} is or holds a function that is more than its text"
            if maker.stateful or not self._is_class_there(maker.name, number, cell):
                return f"{name} holds objects of {maker.name}, which is more than its text"
        return ""

    def _is_class_there(self, name: str, number: int, cell: int) -> bool:
        return self.carries(name, cell) and number in self.value(name, cell).makers

    def classes_of(self, name: str, cell: int) -> Iterator[str]:
        """The notebook's classes whose objects a value may hold."""
        for number in sorted(self.value(name, cell).makers):
            yield self.flows.makers[number].name

    def _undecided(self) -> Iterator[Join]:
        for flow in self.flows.cells:
            for doubt in flow.undecided:
                first = next((k.index for k in self.flows.cells if k.binds), flow.index)
                if doubt.reads and first < flow.index:
                    yield Join(first, flow.index, (), doubt.reason, undecided=True)
                if doubt.binds:
                    yield from self._after(flow.index, doubt.reason)

    def _after(self, cell: int, reason: str) -> Iterator[Join]:
        """Cells after an undecided one that read what it may have bound or changed."""
        last = max(
            (
                k.index
                for k in self.flows.cells[cell + 1 :]
                for name in self.reads[k.index]
                if self._open(name, k.index, cell)
            ),
            default=cell,
        )
        if last > cell:
            names = sorted(
                {
                    name
                    for k in self.flows.cells[cell + 1 : last + 1]
                    for name in self.reads[k.index]
                    if self._open(name, k.index, cell)
                }
            )
            yield Join(cell, last, tuple(names), reason, undecided=True)

    def _open(self, name: str, cell: int, doubtful: int) -> bool:
        return not any(name in self.flows[k].always for k in range(doubtful + 1, cell))

    # -- values that share something ----------------------------------------------------------------------------

    @cached_property
    def live(self) -> list[frozenset[str]]:
        """By border: names whose value from before it is read after it."""
        cells = self.flows.cells
        at_end = frozenset(cells[-1].bound) if self.keeps_all and cells else frozenset[str]()
        found = [at_end] * len(cells)
        for border in range(len(cells) - 2, -1, -1):
            flow = cells[border + 1]
            found[border] = (found[border + 1] - flow.always) | frozenset(flow.reads)
        return found

    def _shared(self) -> Iterator[Join]:
        last: dict[Region, int] = dict(self.changed)
        for flow in self.flows.cells:
            for region in flow.same:
                last[region] = max(last.get(region, -1), flow.index)
        for border, names in enumerate(self.live[:-1]):
            by_region: dict[Region, list[str]] = {}
            values = self.flows[border].values
            for name in names:
                for region in values[name].reaches if name in values else NOTHING:
                    if last.get(region, -1) > border:
                        by_region.setdefault(region, []).append(name)
            groups = {tuple(sorted(group)): region for region, group in by_region.items() if len(group) > 1}
            for group in sorted(groups):
                why = f"{', '.join(group)} share what is changed in place later"
                yield Join(border, border + 1, group, why)
