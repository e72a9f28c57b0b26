"""One notebook on its way to stages: its flow, its parameters, and how its cells are parted."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
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
    links = Links(analyse_cells([one.python for one in parsed]))
    found = plan(
        links,
        per=per,
        headings=_headings(inspection, number_of),
        joins=[*_computed_paths(inspection.artifacts, number_of)],
        parameters=parameters,
    )
    return Planned(inspection, found, parameters)


def _headings(inspection: Inspection, number_of: dict[int, int]) -> dict[int, int]:
    """Code cells right below a heading, with the level of the highest one."""
    found: dict[int, int] = {}
    level: int | None = None
    for cell in inspection.notebook.cells:
        if cell.kind == "markdown":
            levels = [len(match.group(1)) for match in HEADING.finditer(cell.source)]
            level = min([*levels, *([level] if level else [])], default=None)
        elif cell.index in number_of and cell.source.strip():
            if level is not None:
                found[number_of[cell.index]] = level
            level = None
    return found


def _literals(source: str) -> dict[str, Any] | None:
    """The names of a cell of nothing but literals that JSON has, or None."""
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
    return found if found and all(map(_is_json, found.values())) else None


def _is_json(value: object) -> bool:
    if isinstance(value, list):
        return all(map(_is_json, value))
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_json(one) for key, one in value.items())
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or isinstance(value, (bool, str)) or (isinstance(value, int) and abs(value) < 2**53)


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
