"""One notebook on its way to stages: its flow, its parameters, and how its cells are parted."""

from __future__ import annotations

import ast
import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any

from agilab.notebooks.artifacts import Artifact
from agilab.notebooks.cells import Cell
from agilab.notebooks.flow.groups import Per
from agilab.notebooks.flow.links import Join, Links
from agilab.notebooks.flow.notebook import analyse_cells
from agilab.notebooks.flow.plan import Plan, plan
from agilab.notebooks.inspecting import Inspection

HEADING = re.compile(r"^(#{1,6})\s+(.+?)\s*#*\s*$", re.MULTILINE)
"""A heading of markdown: its marks and its words."""
_LONGEST_LINE = 500
"""Characters of a line of text that may stand in code."""
_FIGURES_STAY = re.compile(r"^\s*%matplotlib\s+(?!inline\b|agg\b|-)\w", re.MULTILINE)
"""Figures as windows or widgets, which a later cell may go on drawing in."""
_HOLE = re.compile(r"\{[^{}]*\}")


@dataclass
class Planned:
    """One notebook on its way."""

    inspection: Inspection
    plan: Plan
    parameters: dict[int, dict[str, Any]]
    ids: list[str] = field(default_factory=list)
    renamed: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.inspection.notebook.name or "notebook"

    @cached_property
    def texts(self) -> dict[int, list[Cell]]:
        """See `texts_above`."""
        return texts_above(self.inspection)

    @property
    def cells(self) -> list[Cell]:
        """The cells of the flow, by its numbers."""
        return [one.cell for one in self.inspection.parsed.cells]


def planned(inspection: Inspection, per: Per) -> Planned:
    parsed = inspection.parsed.cells
    number_of = {one.cell.index: number for number, one in enumerate(parsed)}
    parameters = {
        number: given
        for number, one in enumerate(parsed)
        if "parameters" in one.cell.tags and (given := _literals(one.python)) is not None
    }
    stay = any(_FIGURES_STAY.search(one.cell.source) for one in parsed)
    links = Links(analyse_cells([one.python for one in parsed], figures_stay=stay))
    found = plan(
        links,
        per=per,
        headings=_headings(inspection),
        joins=[*_computed_paths(inspection.artifacts, number_of)],
        parameters=parameters,
        texts=_texts(inspection, number_of),
    )
    return Planned(inspection, found, parameters)


def _headings(inspection: Inspection) -> dict[int, int]:
    """Code cells right below a heading or a text, with its rank.

    1 is the level by which the notebook is divided (the highest that stands there twice), whichever that is; 2 and 3
    are below it; 4 is a text without a heading.
    """
    levels: dict[int, int | None] = {}
    above = texts_above(inspection)
    for number, one in enumerate(inspection.parsed.cells):
        texts = [cell.source for cell in above.get(one.cell.index, []) if cell.source.strip()]
        if texts:
            found = (len(match.group(1)) for text in texts for match in HEADING.finditer(text))
            levels[number] = min(found, default=None)
    counts = Counter(found for found in levels.values() if found)
    main = min((one for one, count in counts.items() if count > 1), default=min(counts, default=1))
    return {cell: 4 if found is None else min(max(found - main + 1, 1), 3) for cell, found in levels.items()}


def texts_above(inspection: Inspection) -> dict[int, list[Cell]]:
    """The texts between a cell of code and the one above it, by the index of the cell below them; -1 is the end.

    A cell of which nothing is left (`%matplotlib inline`) does not stand between, nor does one of another language.
    """
    full = {one.cell.index for one in inspection.parsed.cells if one.python.strip()}
    found: dict[int, list[Cell]] = {}
    texts: list[Cell] = []
    for cell in inspection.notebook.cells:
        if cell.kind == "markdown":
            texts.append(cell)
        elif cell.index in full:
            found[cell.index], texts = texts, []
    return {**found, -1: texts}


def fits_in_code(text: str) -> bool:
    """Whether a text may stand in code as a comment: pictures within a text are lines that nobody reads."""
    return all(len(line) <= _LONGEST_LINE for line in text.split("\n"))


def _texts(inspection: Inspection, number_of: dict[int, int]) -> dict[int, str]:
    """What is said above each cell, as far as it may stand in the code."""
    found: dict[int, str] = {}
    for index, cells in texts_above(inspection).items():
        parts = [cell.source.strip("\n") for cell in cells if fits_in_code(cell.source)]
        if index in number_of and (text := "\n\n".join(part for part in parts if part.strip())):
            found[number_of[index]] = text.replace("\r\n", "\n").replace("\r", "\n")
    return found


def _literals(source: str) -> dict[str, Any] | None:
    """The names of a cell of nothing but literals that a lab's params can be, or None."""
    found: dict[str, Any] = {}
    try:
        body = ast.parse(source).body
        for node in body:
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
                continue
            target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
            value = getattr(node, "value", None)
            single = not isinstance(node, ast.Assign) or len(node.targets) == 1
            if (
                not isinstance(target, ast.Name)
                or value is None
                or not single
                or isinstance(node, ast.AugAssign)
            ):
                return None
            found[target.id] = ast.literal_eval(value)
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        return None
    return found if found and all(map(_is_plain, found.values())) else None


def _is_plain(value: object) -> bool:
    """Whether JSON and TOML both have it; TOML has no null."""
    if isinstance(value, list):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_plain(one) for key, one in value.items())
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, (bool, str)) or (isinstance(value, int) and abs(value) < 2**53)


def _computed_paths(artifacts: Sequence[Artifact], number_of: dict[int, int]) -> Iterator[Join]:
    """Cells that write and read what may be one file although the text does not say so."""
    written = [one for one in artifacts if one.direction in ("written", "both") and one.cell in number_of]
    for after in artifacts:
        if after.direction not in ("read", "both") or after.cell not in number_of:
            continue
        for before in written:
            if (
                before.cell >= after.cell
                or before.path == after.path
                or not (before.computed or after.computed)
            ):
                continue
            if before.where == "url" or after.where == "url":
                continue
            if _may_be_one(before.path, after.path):
                why = f"{before.path} and {after.path} may be one file"
                yield Join(
                    number_of[before.cell],
                    number_of[after.cell],
                    (before.path, after.path),
                    why,
                    undecided=True,
                )


def _may_be_one(one: str, other: str) -> bool:
    left, right = glob_of(one), glob_of(other)
    return fnmatchcase(right.replace("*", "x"), left) or fnmatchcase(left.replace("*", "x"), right)


def glob_of(path: str) -> str:
    return _HOLE.sub("*", path)
