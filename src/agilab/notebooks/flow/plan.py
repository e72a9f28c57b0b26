"""What each stage takes, gives and uses, once the cells are in stages."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

from agi_node.source.carried import Statements
from agilab.notebooks.flow import states
from agilab.notebooks.flow.figures import closed_before
from agilab.notebooks.flow.finals import Other, finals, others
from agilab.notebooks.flow.generators import GENERATORS, GoesOn, going_on
from agilab.notebooks.flow.groups import Grouping, Per, group
from agilab.notebooks.flow.links import Join, Links
from agilab.notebooks.flow.makers import BUILTINS
from agilab.notebooks.flow.model import is_state
from agilab.notebooks.flow.repeats import repeated
from agilab.notebooks.flow.stage import StageFlow

_UNPICKLES = re.compile(
    r"\b(?:pickle|dill|cloudpickle|joblib|torch|jsonpickle)\.(?:load|loads|Unpickler)\b|\bread_pickle\(|\ballow_pickle"
    r"|\bshelve\.open\("
)
"""How objects are read whose classes have to be there."""
_GLOBAL = re.compile(r"\bglobal\b")


@dataclass(frozen=True)
class Plan:
    """A notebook as stages.

    Attributes:
        asides: Cells that are not run, by number, with what each says it takes.
        finals: Values that the notebook leaves at its end and that its stages leave as well, with the stage where; also
            such as cannot be handed on.
        going_on: Random numbers that several stages draw one after another.
        others: The other values that it leaves, with the stages that may leave them.
    """

    links: Links
    grouping: Grouping
    stages: tuple[StageFlow, ...]
    finals: Mapping[str, int]
    asides: Mapping[int, StageFlow] = field(default_factory=dict)
    others: Mapping[str, Other] = field(default_factory=dict)
    going_on: tuple[GoesOn, ...] = ()


def plan(
    links: Links,
    *,
    per: Per = "flow",
    headings: Mapping[int, int] | None = None,
    joins: Sequence[Join] = (),
    alone: Collection[int] = (),
    parameters: Collection[int] = (),
    asides: Collection[int] = (),
    texts: Mapping[int, str] | None = None,
) -> Plan:
    """Part the cells, and say what crosses.

    `parameters` are cells whose names are given from outside and that are in no stage; `asides` cells that are not run
    and in none either, whose names nobody gives; `texts` what is said above a cell, a comment where it is not the first
    of its stage; the rest as in `group`.
    """
    more = list(joins)
    without = frozenset((*parameters, *asides))
    parting = [cell for cell in asides if links.flows[cell].reads or links.flows[cell].binds]
    while True:
        grouping = group(
            links, per=per, headings=headings, joins=more, alone=alone, without=without, parting=parting
        )
        builder = _Builder(links, grouping, frozenset(parameters), frozenset(asides), texts or {})
        stages = builder.stages()
        found = [join for join in builder.failed() if join not in more]
        if not found:
            known = finals(links, stages, without)
            more_of_them = others(links, stages, without, known)
            return Plan(links, grouping, stages, known, builder.asides, more_of_them, builder.going_on)
        more += found


def stages_of(links: Links, grouping: Grouping) -> tuple[StageFlow, ...]:
    """The stages that a grouping makes, whether or not its borders are good ones."""
    return _Builder(links, grouping, frozenset(), frozenset(), {}).stages()


class _Builder:
    def __init__(
        self,
        links: Links,
        grouping: Grouping,
        parameters: frozenset[int],
        asides: frozenset[int],
        texts: Mapping[int, str],
    ) -> None:
        self._texts = texts
        self.asides = {cell: StageFlow((cell,)) for cell in sorted(asides)}
        self._links = links
        self._flows = links.flows
        self._parameters = parameters
        self._stages = tuple(StageFlow(cells) for cells in grouping.groups)
        self.going_on = tuple(going_on(links, grouping.groups))
        self._stage_of = {cell: number for number, cells in enumerate(grouping.groups) for cell in cells}

    def stages(self) -> tuple[StageFlow, ...]:
        self._hand_on_generators()
        for number, stage in enumerate(self._stages):
            self._take(number, stage)
        for cell, aside in self.asides.items():
            self._take_aside(cell, aside)
        for stage in self._stages:
            stage.code = self._code(stage)
            repeats = stage.repeated and any(self._flows[cell].calls for cell in stage.cells)
            stage.idle = not (stage.inputs or stage.outputs or repeats) and all(
                map(self._links.is_text, stage.cells)
            )
        if all(stage.idle for stage in self._stages):
            for stage in self._stages:
                stage.idle = False  # there is nothing else that could be run
        return self._stages

    def _hand_on_generators(self) -> None:
        for one in self.going_on:
            generator = GENERATORS[one.state].named(self._names)
            for above, below in pairwise(one.stages):
                self._stages[above].given[one.state] = self._stages[below].taken[one.state] = generator
                self._stages[above].outputs.add(generator.value)
                self._stages[below].inputs[generator.value] = above

    @cached_property
    def _names(self) -> frozenset[str]:
        return frozenset[str]().union(*(flow.used | flow.binds for flow in self._flows.cells))

    def _take(self, number: int, stage: StageFlow) -> None:
        begin = stage.cells[0]
        stage.future = tuple(
            dict.fromkeys(text for flow in self._flows.cells[: stage.cells[-1] + 1] for text in flow.future)
        )
        stage.unmade = tuple(one for one in self._links.unmade if one.cell in stage.cells)
        for name, cell in self._needs(stage):
            # A cell of parameters, or one that is not run, may stand between those of the stage.
            apart = self._links.maker(name, cell) in self._parameters | self.asides.keys()
            self._get(stage, name, cell if apart else begin)
        stage.repeated = tuple(repeated(self._links, stage.cells, stage.taken))
        for _, setting in stage.repeated:
            for name in sorted(setting.needs | setting.later):
                self._get(stage, name, begin)
        for name in self._later_needs(stage):
            if self._links.carries(name, begin):
                self._use(stage, name, begin)
        for name in (*self._effects(begin), *self._pickled(stage)):
            self._use(stage, name, begin)
        stage.uses.pop(number, None)

    def _take_aside(self, cell: int, aside: StageFlow) -> None:
        """What a cell takes that is not run: it is given all the same, where it can be, to whoever runs the cell."""
        for name in self._links.reads[cell]:
            if self._links.stays(name, cell) and not self._links.carries(name, cell):
                aside.inputs[name] = None
            else:
                self._get(aside, name, cell)

    def _needs(self, stage: StageFlow) -> Iterator[tuple[str, int]]:
        """Names that the stage reads and has not bound itself by then, each with the cell that reads it."""
        bound: set[str] = set()
        for cell in stage.cells:
            flow = self._flows[cell]
            for name in self._links.reads[cell]:
                if name not in bound and not is_state(name):
                    yield name, cell
            bound |= flow.always

    def _later_needs(self, stage: StageFlow) -> list[str]:
        """Names that functions of the stage read when others call them."""
        found: set[str] = set()
        for cell in stage.cells:
            text = self._links.statements(cell)
            flow = self._flows[cell]
            if text is not None and any(self._links.value(name, cell + 1).makers for name in flow.binds):
                found |= text.take(text.names).missing
        own = {name for cell in stage.cells for name in self._flows[cell].binds}
        return sorted(found - own - BUILTINS)

    def _effects(self, begin: int) -> Iterator[str]:
        """Imports above that are made for what importing them does."""
        for flow in self._flows.cells[:begin]:
            for name in sorted(flow.binds):
                if name.startswith(states.SIDE_EFFECTS) and self._links.carries(name, begin):
                    yield name

    def _pickled(self, stage: StageFlow) -> Iterator[str]:
        """Classes and functions above that what a file or a text holds may be made of, where the stage reads such."""
        if not any(_UNPICKLES.search(self._flows.sources[cell]) for cell in stage.cells):
            return
        begin = stage.cells[0]
        last = self._flows[begin - 1].values if begin else {}
        for name, value in sorted(last.items()):
            made = [self._flows.makers[number] for number in value.makers]
            is_class = any(one.name == name and one.kind == "class" for one in made)
            if is_class and self._links.carries(name, begin):
                yield name

    def _get(self, stage: StageFlow, name: str, begin: int) -> None:
        links = self._links
        if not links.perhaps(name, begin):
            if name in links.given:
                stage.inputs.setdefault(name, None)
            return
        source = links.maker(name, begin)
        if source is None:
            return
        if source in self._parameters:
            stage.inputs.setdefault(name, None)
        elif source in self.asides:
            self._lack(stage, name, source)
        elif links.carries(name, begin):
            self._use(stage, name, begin)
        else:
            stage.inputs[name] = self._stage_of[source]
            self._stages[self._stage_of[source]].outputs.add(name)
            for kind in links.classes_of(name, begin):
                if links.carries(kind, begin):
                    self._use(stage, kind, begin)

    def _lack(self, stage: StageFlow, name: str, source: int) -> None:
        stage.inputs.setdefault(name, None)
        stage.lacks[name] = source

    def _use(self, stage: StageFlow, name: str, begin: int) -> None:
        """Take the statement, and all that it adds to: `import a.b` after `import a.c`."""
        cell: int | None = begin
        while cell is not None and self._links.carries(name, cell):
            source = self._links.maker(name, cell)
            assert source is not None
            if source in self._parameters:
                stage.inputs.setdefault(name, None)
                return
            if source in self.asides:
                self._lack(stage, name, source)
                return
            number = self._stage_of[source]
            if self._stages[number] is not stage:
                stage.uses.setdefault(number, set()).add(name)
            taken = self._links.taken(name, cell)
            for other in sorted(taken[1].before if taken else ()):
                if other != name and self._links.carries(other, source):
                    self._use(stage, other, source)
            cell = source if name in self._links.reads[source] else None

    def _code(self, stage: StageFlow) -> str:
        parts = []
        closed = dict(closed_before(self._links, stage.cells))
        for cell in stage.cells:
            source = self._flows.sources[cell].replace("\r\n", "\n").replace("\r", "\n").strip("\n")
            if self._flows[cell].syntax:
                source = comment(source)
            elif len(stage.cells) > 1 and _GLOBAL.search(source):
                source = _without_global(source)
            if cell in closed:
                source = f"{closed[cell]}\n{source}"
            if cell != stage.cells[0] and cell in self._texts:
                source = f"{comment(self._texts[cell])}\n{source}"
            parts.append(source)
        parts += [one.give(taken=state in stage.taken) for state, one in stage.given.items()]
        head = [setting.text for _, setting in stage.repeated]
        head += [one.take() for one in stage.taken.values()]
        code = "\n\n\n".join(parts)
        if stage.future:
            head = [*stage.future, *head]
            code = _without_future(code).strip("\n")
        return "\n".join([*head, "", code]) if head else code

    def failed(self) -> Iterator[Join]:
        """Statements that the text of a stage as a whole does not give although its cells do."""
        used = {number for stage in self._stages for number in stage.uses}
        texts = {number: self._text(self._stages[number]) for number in sorted(used)}
        for stage in self._stages:
            for number, names in sorted(stage.uses.items()):
                there = self._stages[number]
                for name in sorted(names):
                    taken = texts[number].take([name])
                    known_there = {one for others in there.uses.values() for one in others} | BUILTINS
                    if name not in taken.found or not taken.before <= known_there:
                        why = f"the text of {name} alone does not say what it is"
                        yield Join(there.cells[0], stage.cells[0], (name,), why)

    def _text(self, stage: StageFlow) -> Statements:
        alone = self._links.statements(stage.cells[0]) if len(stage.cells) == 1 else None
        same = alone is not None and stage.code == self._flows.sources[stage.cells[0]]
        return alone if alone is not None and same else Statements(stage.code)


def comment(text: str) -> str:
    """A text as lines of comment.

    >>> print(comment("## Clean\\n\\nThe hours."))
    # ## Clean
    #
    # The hours.
    """
    return "\n".join(f"# {line}".rstrip() for line in text.split("\n"))


def _without_global(code: str) -> str:
    """The code of a cell without `global` outside of functions: it says nothing there, and below other cells that have
    bound the name Python refuses it.
    """
    lines = code.split("\n")
    todo: list[ast.AST] = [ast.parse(code)]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Global) and node.lineno == node.end_lineno:
            line = lines[node.lineno - 1].encode()
            begin, end = node.col_offset, node.end_col_offset or node.col_offset
            lines[node.lineno - 1] = (
                (line[:begin] + b"pass".ljust(end - begin) + line[end:]).decode().rstrip()
            )
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            todo += ast.iter_child_nodes(node)
    return "\n".join(lines)


def _without_future(code: str) -> str:
    """The code with the statements blanked that have to stand first; they do, above it."""
    lines = code.split("\n")
    for node in ast.parse(code).body:
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            end = node.end_lineno or node.lineno
            rest = lines[end - 1].encode()[node.end_col_offset or 0 :].decode()
            lines[node.lineno - 1 : end] = [""] * (end - node.lineno) + [rest.lstrip("; ")]
    return "\n".join(lines)
