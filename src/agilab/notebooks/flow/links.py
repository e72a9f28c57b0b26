"""What ties the cells of a notebook together: edges, and which cells cannot be parted."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from agilab.notebooks.flow import states
from agilab.notebooks.flow.first_reads import HowRead
from agilab.notebooks.flow.makers import BUILTINS
from agilab.notebooks.flow.missing import how_read
from agilab.notebooks.flow.model import Setting, is_state
from agilab.notebooks.flow.notebook import defines
from agilab.notebooks.flow.sources import Sources
from agilab.notebooks.flow.values import NOTHING, Region

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
        how: Whether it fails where it is come to, or may go well all the same.
    """

    name: str
    cell: int
    line: int
    below: int | None = None
    deleted: int | None = None
    history: bool = False
    how: HowRead = "surely"


class Links(Sources):
    """The links of a notebook."""

    @cached_property
    def _setups(self) -> dict[int, bool]:
        return {}

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
                if name in flow.binds and flow.lines.get(name, line) < line:
                    continue  # made further up in this cell, on some ways at least: by a called function, a `:=`
                below = next((k.index for k in self.flows.cells[flow.index :] if name in k.binds), None)
                deleted = next(
                    (k for k in range(flow.index - 1, -1, -1) if name in self.flows[k].unbinds), None
                )
                how = how_read(self.flows, flow.index, name, line)
                if how is not None:
                    found.append(Unmade(name, flow.index, line, below, deleted, name in _HISTORY, how))
        return tuple(found)

    @cached_property
    def carried_settings(self) -> Mapping[int, tuple[tuple[int, Setting], ...]]:
        """By cell that uses a seed: the seed statements above that it can repeat instead of following them."""
        return {cell: found for cell in range(len(self.flows)) if (found := tuple(self._seeds_for(cell)))}

    def _seeds_for(self, cell: int) -> Iterator[tuple[int, Setting]]:
        for name in self.flows[cell].reads:
            if name in states.RANDOM:
                source = self.maker(name, cell)
                if source is not None and (setting := self._seed(name, source, cell)):
                    yield source, setting

    def _seed(self, name: str, source: int, cell: int) -> Setting | None:
        """The one statement by which `source` leaves a state, if repeating it where `cell` begins gives the same."""
        flow = self.flows[source]
        settings = [setting for setting in flow.settings if setting.state == name]
        while len(settings) > 1 and settings[0].runs:  # an import, and then a seed
            settings.pop(0)
        if len(settings) != 1 or name in flow.alters or name in flow.reads or name not in flow.always:
            return None
        (setting,) = settings
        if not setting.text or not self.can_repeat(setting, source, cell):
            return None
        first = next(k.index for k in self.flows.cells[source + 1 :] if name in k.reads)
        return setting if first == cell else None

    def settings_above(self, cell: int) -> list[tuple[int, Setting]]:
        """All settings of the cells above one, each with its cell."""
        return [(flow.index, setting) for flow in self.flows.cells[:cell] for setting in flow.settings]

    def can_repeat(self, setting: Setting, source: int, cell: int) -> bool:
        """Whether the statement has what it needs where `cell` begins."""
        return bool(setting.text) and all(
            self.carries(name, cell) and self._is_as_needed(name, setting, source, cell)
            for name in setting.needs | setting.later
        )

    def can_hand_on(self, setting: Setting, source: int, cell: int) -> bool:
        """Whether it can be repeated where `cell` begins, if it gets the values that it needs, unchanged.

        Those that functions read which it puts away are as they are by then.
        """
        return bool(setting.text) and all(
            self._is_as_needed(name, setting, source, cell)
            and (self.carries(name, cell) or (self.certain(name, cell) and not self.stays(name, cell)))
            for name in setting.needs | setting.later
        )

    def _is_as_needed(self, name: str, setting: Setting, source: int, cell: int) -> bool:
        """Whether a name is by then what the statement of cell `source` found, or its statement says the same."""
        if name in setting.later or self.maker(name, cell) == self.maker(name, source + 1):
            return True
        then, now = self.taken(name, source + 1), self.taken(name, cell)
        texts = [ast.unparse(ast.parse(one[1].text)) for one in (then, now) if one is not None]
        return len(texts) == 2 and texts[0] == texts[1]

    @cached_property
    def joins(self) -> tuple[Join, ...]:
        """Cells that cannot be parted, nearest first."""
        found = [*self._undecided(), *self._crossings(), *self._shared()]
        return tuple(
            sorted(dict.fromkeys(found), key=lambda join: (join.first, join.last, join.names, join.why))
        )

    def is_text(self, cell: int) -> bool:
        """Whether a cell is a setup: nothing in it needs to run for others, who take its statements or repeat them.

        Imports, functions, classes, constants, and settings that can be repeated.
        """
        if cell not in self._setups:
            self._setups[cell] = self._is_text(cell)
        return self._setups[cell]

    def _is_text(self, cell: int) -> bool:
        flow = self.flows[cell]
        if flow.syntax or flow.undecided or flow.alters or flow.unbinds:
            return False
        if not all(self.carries(name, cell + 1) for name in flow.binds if not is_state(name)):
            return False
        if not flow.calls:
            return True
        settings = {
            one.text
            for one in flow.settings
            if one.state != states.FOLDER and self.can_repeat(one, cell, cell + 1)
        }
        return all(
            defines(node)
            or (isinstance(node, ast.AnnAssign) and node.value is None)
            or (isinstance(node, (ast.Assign, ast.AnnAssign)) and _binds_names(node))
            or ast.unparse(node) in settings
            for node in ast.parse(self.flows.sources[cell]).body
        )

    def _crossings(self) -> Iterator[Join]:
        for edge in self.edges:
            why = self._keeps_together(edge)
            if why:
                yield Join(edge.source, edge.target, (edge.name,), why)
        for flow in self.flows.cells:
            for name in sorted((flow.alters & self.live[flow.index]) - self.reads[flow.index].keys()):
                source = self.maker(name, flow.index)
                if source is not None and not is_state(name):  # a state that is not read was set anew
                    yield Join(source, flow.index, (name,), f"{name} is changed by another name")

    def _keeps_together(self, edge: Edge) -> str:
        name, cell = edge.name, edge.target
        if edge.how == "state":
            setting = self._seed(name, edge.source, cell) if name in states.RANDOM else None
            return "" if setting else f"{states.in_words(name)} cannot be handed on"
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
        source = self.maker(name, cell)
        if source is not None and not self.carries(name, cell) and not self.finds_environment(name, source):
            return f"{name} was imported where the environment or options were set as no other stage has them by then"
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


def _binds_names(node: ast.Assign | ast.AnnAssign) -> bool:
    """Whether an assignment gives values to nothing but names; whether these can be taken is asked elsewhere."""
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return all(
        isinstance(part, (ast.Name, ast.Tuple, ast.List, ast.Store))
        for target in targets
        for part in ast.walk(target)
    )
