"""Who makes what a cell reads, and whether the text of it suffices instead of its value.

Everything here is derived from `Flows` and pure. A *border* b lies between cell b and cell b + 1.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from functools import cached_property

from agi_node.source.carried import Carried, Statements
from agi_node.source.pure import by_custom
from agilab.notebooks.flow import states
from agilab.notebooks.flow.makers import BUILTINS
from agilab.notebooks.flow.model import is_state
from agilab.notebooks.flow.module_effects import run_by
from agilab.notebooks.flow.notebook import Flows
from agilab.notebooks.flow.values import NOTHING, Region, Value

_NAME = re.compile(r"[A-Za-z_]\w*")
_SHAPES: Mapping[str, tuple[bool, re.Pattern[str]]] = {
    "<options numpy>": (
        True,
        re.compile(r"\b(?:str|repr|format|array2string|array_str|array_repr)\(|\bf['\"]"),
    ),
    "<options decimal>": (True, re.compile("")),
    "<options mpmath>": (True, re.compile("")),
    "<options torch>": (True, re.compile("")),
    "<options locale>": (
        False,
        re.compile("format|strftime|strptime|atof|currency|localeconv|strcoll|strxfrm"),
    ),
    "<options codecs>": (False, re.compile(r"\b(?:en|de)code\(|\b(?:str|bytes)\(|\bcodecs\.")),
    "<options time>": (False, re.compile("strftime|localtime|mktime|ctime|timestamp|astimezone|now")),
    states.ENVIRONMENT: (False, re.compile("environ|getenv|expanduser|expandvars|home|localtime|mktime")),
}
"""Which statements may give something else by a setting: whether they have to name its library, and what is in them."""


class Sources:
    """Where the names of a notebook come from.

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
    def live(self) -> list[frozenset[str]]:
        """By border: names whose value from before it is read after it."""
        cells = self.flows.cells
        at_end = frozenset(cells[-1].bound) if self.keeps_all and cells else frozenset[str]()
        found = [at_end] * len(cells)
        for border in range(len(cells) - 2, -1, -1):
            flow = cells[border + 1]
            found[border] = (found[border + 1] - flow.always) | frozenset(flow.reads)
        return found

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

    @cached_property
    def imports_inside(self) -> Mapping[int, frozenset[str]]:
        """By the number of a function or class that has imports in its text: the first parts of what they import."""
        found: dict[int, frozenset[str]] = {}
        for number, maker in enumerate(self.flows.makers):
            nodes = [part for part in ast.walk(maker.node) if isinstance(part, (ast.Import, ast.ImportFrom))]
            if nodes:
                names = [each.name for part in nodes if isinstance(part, ast.Import) for each in part.names]
                names += [part.module for part in nodes if isinstance(part, ast.ImportFrom) and part.module]
                found[number] = frozenset(name.partition(".")[0] for name in names)
        return found

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
        there = self.flows[source]
        if name not in there.binds or name in there.alters or name in there.by_calls:
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
        if not makers and name not in self.flows[source].modules and self._is_set(taken[1], source):
            return False
        if not self.finds_environment(name, source):
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

    def finds_environment(self, name: str, source: int) -> bool:
        """Whether an own module that cell `source` imports finds the environment variables and options wherever it is
        taken that it found there; where it asks for none, and for any other name, it does."""
        full = self.flows[source].modules.get(name)
        if full is None or not self.flows.modules or name not in self.flows[source].binds:
            return True
        named = [one for one in self.flows.modules if one == full or one.startswith(f"{full}.")] or [full]
        effects = [one for each in named for one in run_by(each, self.flows.modules) if one.asks]
        asks = {one.module for one in effects}
        asked = tuple({state for one in effects for state in one.asks})
        settings = [(flow.index, one) for flow in self.flows.cells[: source + 1] for one in flow.settings]
        first = next(((cell, one.line) for cell, one in settings if one.runs & asks), None)
        before = [
            (cell, one.text)
            for cell, one in settings
            if first is not None and one.state.startswith(asked) and (cell, one.line) < first
        ]
        if not before:
            return True
        own = self.statements(source)
        here = _statements(own.take([name]).text) if own is not None and name in own.names else set()
        alone = Statements("\n".join([*(text for _, text in before), f"import {full.partition('.')[0]}"]))
        anywhere = _statements(alone.take([full.partition(".")[0]]).text)
        return all(text in anywhere or (cell == source and text in here) for cell, text in before)

    def _is_set(self, taken: Carried, cell: int) -> bool:
        """Whether a statement of a cell gives something else where a setting from up there does not hold."""
        settings = [
            one
            for flow in self.flows.cells[: cell + 1]
            for one in flow.settings
            if one.state in _SHAPES or self.flows.is_of_own_module(one.state)
        ]
        if not settings:  # the text is as long as the cell: for each name of it that would be its square
            return False
        text = taken.text
        names = set(_NAME.findall(text))
        modules = {self.flows[cell].modules[name] for name in names & self.flows[cell].modules.keys()}
        tops = {module.partition(".")[0] for module in modules}
        shapes = ((one.state, *_SHAPES.get(one.state, (True, _NAME))) for one in settings)
        return any(
            (state.removeprefix("<options ").rstrip(">") in tops or not by_library)
            and shape.search(text) is not None
            for state, by_library, shape in shapes
        )

    def _is_hidden(self, name: str, cell: int) -> bool:
        """Whether a cell reads a name of the notebook's own where others mean Python's, or a library's."""
        return name in BUILTINS or (by_custom(name) and name not in self.flows[cell].modules)

    def _taken_here(self, name: str, cell: int) -> bool:
        text = self.statements(cell)
        return text is not None and name in text.names


def _statements(text: str) -> set[str]:
    return {ast.unparse(node) for node in ast.parse(text).body}
