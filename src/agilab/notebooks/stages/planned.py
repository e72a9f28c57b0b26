"""One notebook on its way to stages: its flow, its parameters, and how its cells are parted."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any

from agilab.notebooks.code.literals import Names, names_after
from agilab.notebooks.document.cells import Cell, Notebook
from agilab.notebooks.document.titles import HEADING
from agilab.notebooks.files.file_uses import FileUse
from agilab.notebooks.files.told_programs import changed_by_programs, is_word, joined_by_programs
from agilab.notebooks.flow.groups import Per
from agilab.notebooks.flow.links import Join, Links
from agilab.notebooks.flow.module_states import with_modules
from agilab.notebooks.flow.plan import Plan, plan
from agilab.notebooks.inspecting import Inspection
from agilab.notebooks.python.parameters import Odd, given_again, parameters_of
from agilab.notebooks.stages.own_values import held_by_names
from agilab.notebooks.stages.texts import Aside, aside_of
from agilab.notebooks.stages.written_again import after_import, removed_between

_LONGEST_LINE = 500
"""Characters of a line of text that may stand in code."""
_FIGURES_STAY = re.compile(
    r"^\s*%matplotlib\s+(?!inline\b|-)\w|\bInlineBackend\.close_figures\s*=\s*False"
    r"|\b(?:matplotlib|mpl)\.use\(|\bswitch_backend\(",
    re.MULTILINE,
)
"""Backends other than Jupyter's own, and a setting of that, with which figures do not end with their cell."""


@dataclass(frozen=True)
class Code:
    """A cell of code as the flow has it: its Python, or what it is if it is kept and not run.

    A cell of parameters is two: one that gives values, and one with the rest of its text, if there is any.

    Attributes:
        given: The values, of the first of these.
        odd: Its names that are no values of a lab's, each with its line and why.
    """

    cell: Cell
    python: str
    aside: Aside | None = None
    given: Mapping[str, Any] | None = None
    odd: tuple[Odd, ...] = ()


@dataclass
class Planned:
    """One notebook on its way.

    Attributes:
        code: Its cells of code, by the numbers of the flow.
        ids: Of its stages, in the order of the plan.
        aside_ids: Of the stages that are only text, by the number of their cell.
        renamed: What its parameters are called in the lab.
    """

    inspection: Inspection
    code: tuple[Code, ...]
    plan: Plan
    parameters: dict[int, dict[str, Any]]
    ids: list[str] = field(default_factory=list)
    aside_ids: dict[int, str] = field(default_factory=dict)
    renamed: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.inspection.notebook.name or "notebook"

    @cached_property
    def texts(self) -> dict[int, list[Cell]]:
        """See `texts_above`."""
        return texts_above(self.inspection.notebook, self.code)

    @cached_property
    def held(self) -> dict[str, frozenset[str]]:
        """See `held_by_names`."""
        one = self.inspection
        return held_by_names(self.plan.links.flows, one.modules, one.module_texts)

    @property
    def cells(self) -> list[Cell]:
        """The cells of the flow, by its numbers."""
        return [one.cell for one in self.code]

    @property
    def asides(self) -> dict[int, Aside]:
        """Cells that are kept and not run, by their numbers."""
        return {number: one.aside for number, one in enumerate(self.code) if one.aside is not None}


def planned(inspection: Inspection, per: Per) -> Planned:
    code = tuple(_code(inspection))
    number_of = {one.cell.index: number for number, one in enumerate(code)}
    parameters = {number: dict(one.given) for number, one in enumerate(code) if one.given is not None}
    stay = any(_FIGURES_STAY.search(one.cell.source) for one in code)
    sources = [one.python if one.aside is None else one.aside.flow for one in code]
    links = Links(with_modules(sources, inspection.module_texts, figures_stay=stay))
    above = texts_above(inspection.notebook, code)
    found = plan(
        links,
        per=per,
        headings=_headings(above, number_of),
        joins=[
            *_computed_paths(inspection.uses, number_of),
            *_updated(inspection, number_of),
            *_named_before(inspection, number_of),
            *joined_by_programs(inspection.uses, inspection.there, number_of),
            *removed_between(inspection.uses, number_of),
            *after_import(inspection, links, number_of),
        ],
        parameters=parameters,
        asides=[number for number, one in enumerate(code) if one.aside is not None],
        texts=_texts(above, number_of),
    )
    return Planned(inspection, code, found, parameters)


def _code(inspection: Inspection) -> Iterator[Code]:
    parsed = {one.cell.index: one for one in inspection.parsed.cells}
    names: Names = {}
    both = dict(given_again(inspection.parsed))
    for cell in inspection.notebook.code_cells:
        one = parsed.get(cell.index)
        if one is not None and one.cell.gives_parameters:
            found = parameters_of(one.python, names, both.get(cell.index))
            if found.given:
                yield Code(one.cell, found.text, given=found.given)
            if found.rest or not found.given:
                yield Code(one.cell, found.rest, aside_of(one.cell, one), odd=found.odd)
        elif one is not None:
            yield Code(one.cell, one.python, aside_of(one.cell, one))
        elif (aside := aside_of(cell, None)) is not None:
            yield Code(cell, "", aside)
        if one is not None and one.tree is not None:
            names = names_after(one.tree.body, names)


def _headings(above: Mapping[int, Sequence[Cell]], number_of: Mapping[int, int]) -> dict[int, int]:
    """Code cells right below a heading or a text, with its rank.

    1 is the level by which the notebook is divided (the highest that stands there twice), whichever that is; 2 and 3
    are below it; 4 is a text without a heading.
    """
    levels: dict[int, int | None] = {}
    for index, number in number_of.items():
        texts = [cell.source for cell in above.get(index, []) if cell.source.strip()]
        if texts:
            found = (len(match.group(1)) for text in texts for match in HEADING.finditer(text))
            levels[number] = min(found, default=None)
    counts = Counter(found for found in levels.values() if found)
    main = min((one for one, count in counts.items() if count > 1), default=min(counts, default=1))
    return {cell: 4 if found is None else min(max(found - main + 1, 1), 3) for cell, found in levels.items()}


def texts_above(notebook: Notebook, code: Sequence[Code]) -> dict[int, list[Cell]]:
    """The texts between a cell of code and the one above it, by the index of the cell below them; -1 is the end.

    A cell of which nothing is left (`%matplotlib inline`) does not stand between.
    """
    full = {one.cell.index for one in code if one.aside is not None or one.python.strip()}
    found: dict[int, list[Cell]] = {}
    texts: list[Cell] = []
    for cell in notebook.cells:
        if cell.kind == "markdown":
            texts.append(cell)
        elif cell.index in full:
            found[cell.index], texts = texts, []
    return {**found, -1: texts}


def fits_in_code(text: Cell) -> bool:
    """Whether a text may stand in code as a comment: not with a picture in it, nor where one is a line of letters."""
    return not text.attachments and all(len(line) <= _LONGEST_LINE for line in text.source.split("\n"))


def _texts(above: Mapping[int, Sequence[Cell]], number_of: Mapping[int, int]) -> dict[int, str]:
    """What is said above each cell, as far as it may stand in the code."""
    found: dict[int, str] = {}
    for index, cells in above.items():
        parts = [cell.source.strip("\n") for cell in cells if fits_in_code(cell)]
        if index in number_of and (text := "\n\n".join(part for part in parts if part.strip())):
            found[number_of[index]] = text.replace("\r\n", "\n").replace("\r", "\n")
    return found


def _computed_paths(uses: Sequence[FileUse], number_of: dict[int, int]) -> Iterator[Join]:
    """Cells that write and read what may be one file although the text does not say so."""
    written = [one for one in uses if one.does in ("write", "add") and one.cell in number_of]
    computed = [one for one in written if one.artifact.computed]
    for after in uses:
        if after.does not in ("read", "add") or after.cell not in number_of:
            continue
        for before in written if after.artifact.computed else computed:
            if before.cell >= after.cell:
                continue
            names = before.artifact.path, after.artifact.path
            if names[0] != names[1] and _may_be_one(before.path, after.path):
                why = f"{names[0]} and {names[1]} may be one file"
                yield Join(number_of[before.cell], number_of[after.cell], names, why, undecided=True)


def _updated(inspection: Inspection, number_of: Mapping[int, int]) -> Iterator[Join]:
    """Cells that read a file that no cell above makes and one below writes: who gives it would have to come first."""
    first: dict[str, int | None] = {}
    changed = changed_by_programs(inspection.uses, inspection.there)
    for use in inspection.uses:
        if use.cell not in number_of or not use.is_own or "*" in use.path:
            continue
        lying = inspection.there is not None and use.path in inspection.there
        if use.does in ("write", "add") or (is_word(use) and (use.cell, use.path) in changed):
            reader = first.setdefault(use.path, None)
            if reader is not None and reader != use.cell:
                yield Join(
                    number_of[reader],
                    number_of[use.cell],
                    (use.path,),
                    f"{use.path} is read and then written",
                    undecided=is_word(use),
                )
        elif use.does == "read":
            if lying or not (use.turns or use.artifact.missable) or inspection.there is None:
                first.setdefault(use.path, use.cell)
        elif is_word(use) and lying:
            first.setdefault(use.path, use.cell)


def _named_before(inspection: Inspection, number_of: Mapping[int, int]) -> Iterator[Join]:
    """Cells of which one reads a file that nobody is seen to make, and one above calls something with its name."""
    for read in inspection.unseen:
        above = [
            one.cell
            for one in inspection.artifacts
            if one.path == read.path and one.cell < read.cell and one.cell in number_of
        ]
        if above and read.cell in number_of:
            why = f"{read.path} may be made by a call that takes its name"
            yield Join(number_of[min(above)], number_of[read.cell], (read.path,), why, undecided=True)


def _may_be_one(one: str, other: str) -> bool:
    return fnmatchcase(other.replace("*", "x"), one) or fnmatchcase(one.replace("*", "x"), other)
