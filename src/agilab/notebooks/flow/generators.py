"""Random numbers of the process: which cells may draw some, and how they go on from stage to stage.

A stage has its own process. Where one alone draws after a seed, it repeats that (`repeats`). Where several may, each
begins with the generator as the one above it has left it: its state is a value like any other, taken at the head of
the stage's code and given at its end.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from agilab.notebooks.flow import states
from agilab.notebooks.flow.libraries import DRAWN, libraries
from agilab.notebooks.flow.links import Links
from agilab.notebooks.flow.model import Setting

DRAW_UNSEEN: Mapping[str, frozenset[str]] = {
    states.RANDOM_NUMPY: frozenset(),
    states.RANDOM_PYTHON: frozenset(),
    states.RANDOM_TORCH: frozenset(
        {"torch", "torchvision", "lightning", "pytorch_lightning", "transformers"}
    ),
    states.RANDOM_TENSORFLOW: frozenset({"tensorflow", "keras"}),
}
"""Random numbers that libraries draw unseen, with the libraries that do; of no names: any."""
_DRAW_NOTHING = frozenset(sys.stdlib_module_names) | states.words(
    """
    numpy pandas polars pyarrow matplotlib mpl_toolkits plotly altair bokeh IPython ipywidgets tqdm yaml requests bs4
    lxml sqlalchemy duckdb openpyxl xlrd PIL tabulate rich dotenv attr attrs pydantic pint uncertainties sympy
    """
)
"""What draws no numbers of the process's own but where the code says so."""


@dataclass(frozen=True)
class Generator:
    """A generator that a whole process shares, and how code asks for its state.

    Attributes:
        module: Where its functions are.
        name: By which name the code of a stage has that module.
        get: The function that gives its state.
        set: The one that takes it.
    """

    module: str
    name: str
    get: str
    set: str

    @property
    def value(self) -> str:
        """How its state is called among the values of stages."""
        return f"{self.name}_state"

    def named(self, taken: Collection[str]) -> Generator:
        """The same under names that are not taken."""
        one = self
        while one.name in taken or one.value in taken:
            one = replace(one, name=f"{one.name}_")
        return one

    def take(self) -> str:
        """The lines with which a stage begins that takes its state."""
        return f"import {self.module} as {self.name}\n{self.name}.{self.set}({self.value})"

    def give(self, *, taken: bool) -> str:
        """The lines with which a stage ends that gives it; one that has taken it knows the module by then."""
        known = "" if taken else f"import {self.module} as {self.name}\n"
        return f"{known}{self.value} = {self.name}.{self.get}()"


GENERATORS: Mapping[str, Generator] = {
    states.RANDOM_NUMPY: Generator("numpy.random", "numpy_random", "get_state", "set_state"),
    states.RANDOM_PYTHON: Generator("random", "python_random", "getstate", "setstate"),
}


@dataclass(frozen=True)
class GoesOn:
    """Numbers that several stages draw one after another.

    Attributes:
        state: Of which generator.
        seed: The statement after which they are drawn.
        cell: Where that stands.
        stages: Their numbers, in order. The first begins by a seed, its own or a repeated one.
    """

    state: str
    seed: Setting
    cell: int
    stages: tuple[int, ...]


def going_on(links: Links, groups: Sequence[Sequence[int]]) -> list[GoesOn]:
    """The generators whose numbers go on from one of these groups of cells to another."""
    return [
        GoesOn(state, run.seed, run.cell, tuple(run.stages))
        for state in GENERATORS
        if any(one.state == state for flow in links.flows.cells for one in flow.settings)
        for run in _runs(state, links, groups)
        if len(run.stages) > 1
    ]


@dataclass
class _Run:
    """What is drawn after a seed: the seed, its cell, the stage of that, and the stages that draw."""

    seed: Setting
    cell: int
    number: int
    stages: list[int]


def _runs(state: str, links: Links, groups: Sequence[Sequence[int]]) -> Iterator[_Run]:
    run: _Run | None = None
    for number, cells in enumerate(groups):
        seeds = [(one, cell) for cell in cells for one in links.flows[cell].settings if one.state == state]
        draws = bool(run or seeds) and _draws(state, links, cells)
        if seeds and (run is None or _begins_anew(state, links, cells)):
            if run is not None:
                yield run
            run = _Run(*seeds[-1], number, [number] if draws else [])
        elif run is not None and (seeds or draws):
            if not run.stages and not links.can_hand_on(run.seed, run.cell, cells[0]):
                run.stages.append(run.number)
            run.stages.append(number)
    if run is not None:
        yield run


def _begins_anew(state: str, links: Links, cells: Sequence[int]) -> bool:
    """Whether these cells seed before anything in them draws, whatever way they take."""
    for cell in cells:
        flow = links.flows[cell]
        if state in flow.reads:
            return False
        if state in flow.always:
            return True
        if flow.calls and may_draw(state, links, cell):
            return False
    return False


def _draws(state: str, links: Links, cells: Sequence[int]) -> bool:
    return any(
        state in links.flows[cell].reads
        or (state, "use") in links.flows[cell].does
        or (links.flows[cell].calls and may_draw(state, links, cell))
        for cell in cells
    )


def seeds_of_what_may_draw(links: Links, cells: Sequence[int]) -> Iterator[tuple[int, Setting]]:
    """The last seeds above, where a library that nobody knows here may draw numbers and no cell is seen to.

    What draws in one stage alone so has the notebook's numbers.
    """
    begin = cells[0]
    for state in DRAW_UNSEEN:
        seeds = [one for one in links.settings_above(begin) if one[1].state == state]
        if not seeds or not links.can_hand_on(seeds[-1][1], seeds[-1][0], begin):
            continue
        for cell in cells:
            if state in links.flows[cell].reads or any(
                one.state == state for one in links.flows[cell].settings
            ):
                break
            if links.flows[cell].calls and may_draw(state, links, cell):
                yield seeds[-1]
                break


def may_draw(state: str, links: Links, cell: int) -> bool:
    """Whether a cell uses a library that may draw such numbers where nobody sees it."""
    used = libraries(links, [cell])
    if of := DRAW_UNSEEN[state]:
        return bool(used & of)
    if used - _DRAW_NOTHING - links.flows.own_modules - {DRAWN}:
        return True
    flow = links.flows[cell]
    if flow.syntax:
        return False
    values = [
        links.value(name, cell)
        for name in _asked(links.flows.sources[cell])
        if name in flow.reads.keys() - flow.modules
    ]
    if any(one.kind == "" and one.owns and not (one.calm or one.makers) for one in values):
        return True
    kinds = {number for one in values for number in one.makers}
    said = {name for number in kinds for name in _names_in(links.flows.makers[number].node)}
    tops = {flow.modules[name].partition(".")[0] for name in said & flow.modules.keys()}
    return bool(tops - _DRAW_NOTHING - links.flows.own_modules)


def _names_in(node: ast.AST) -> set[str]:
    """The names that the text of a function or class mentions, whose objects may hold what these make."""
    return {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}


def _asked(source: str) -> Iterator[str]:
    """The names of what methods are called of, or of something in it."""
    for node in ast.walk(ast.parse(source)):
        inner: ast.expr | None = node.func if isinstance(node, ast.Call) else None
        if isinstance(inner, ast.Name):  # a function, and no method
            continue
        while isinstance(inner, ast.Attribute | ast.Subscript):
            inner = inner.value
        if isinstance(inner, ast.Name):
            yield inner.id
