"""From notebooks to a pipeline of stages: the document, and a report of how it came about. Nothing is executed.

    staged = stage_notebooks([inspect("prepare.ipynb"), inspect("compare.ipynb")])
    staged.lab              # a LabStages document
    staged.report           # plain data: cells and stages, borders and why, edges, what is undecided

Several notebooks are one pipeline, joined by the files that they exchange; their values are kept apart.
"""

from __future__ import annotations

import ast
import hashlib
import math
import re
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from agilab.contracts.lab_stages import Input, Lab, LabStages, Origin, Stage, is_file
from agilab.notebooks.artifacts import Artifact
from agilab.notebooks.cells import Cell
from agilab.notebooks.findings import Finding
from agilab.notebooks.flow.findings import flow_findings
from agilab.notebooks.flow.groups import Per
from agilab.notebooks.flow.links import Join, Links
from agilab.notebooks.flow.notebook import analyse_cells
from agilab.notebooks.flow.plan import Plan, StageFlow, plan
from agilab.notebooks.inspecting import MODE, Inspection

_HEADING = re.compile(r"^(#{1,6})\s+(.+?)\s*#*\s*$", re.MULTILINE)
_HOLE = re.compile(r"\{[^{}]*\}")
_SHOWN = 200
"""Characters of an expected output that a report repeats."""


@dataclass(frozen=True)
class Staged:
    """Notebooks as stages.

    Attributes:
        lab: The document.
        report: Plain data, the same for the same notebooks.
        findings: Of the flow, by notebook, in the order of the report.
    """

    lab: LabStages
    report: dict[str, Any]
    findings: tuple[tuple[str, Finding], ...] = ()


@dataclass
class _One:
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


def stage_notebooks(inspections: Sequence[Inspection], *, per: Per = "flow") -> Staged:
    """Part notebooks into stages of one pipeline; `per="cell"` makes one of each cell, as far as that can be."""
    ones = [_planned(inspection, per) for inspection in inspections]
    ones = [ones[number] for number in _by_files([one.inspection.artifacts for one in ones])]
    _name(ones)
    params = _params(ones)
    stages = [stage for one in ones for stage in _stages(one)]
    stages = _apart(ones, stages)
    notebook = dict(inspections[0].notebook.metadata) if len(inspections) == 1 else {}
    title = _title_of(ones[0]) if len(ones) == 1 else ""
    lab = LabStages(lab=Lab(title=title, params=params, notebook=notebook), stages=tuple(stages))
    findings = [
        (one.name, finding)
        for one in ones
        for finding in flow_findings(
            one.plan, one.inspection.execution.order, [cell.index for cell in one.cells]
        )
    ]
    report = {
        "mode": MODE,
        "stages": len(stages),
        "notebooks": [_report(one) for one in ones],
        "findings": [finding.to_plain(name) for name, finding in findings],
    }
    return Staged(lab, report, tuple(findings))


# -- one notebook -----------------------------------------------------------------------------------------------


def _planned(inspection: Inspection, per: Per) -> _One:
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
    return _One(inspection, found, parameters)


def _headings(inspection: Inspection, number_of: dict[int, int]) -> dict[int, int]:
    """Code cells right below a heading, with the level of the highest one."""
    found: dict[int, int] = {}
    level: int | None = None
    for cell in inspection.notebook.cells:
        if cell.kind == "markdown":
            levels = [len(match.group(1)) for match in _HEADING.finditer(cell.source)]
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
    left, right = _glob(one), _glob(other)
    return fnmatchcase(right.replace("*", "x"), left) or fnmatchcase(left.replace("*", "x"), right)


def _glob(path: str) -> str:
    return _HOLE.sub("*", path)


# -- the stages -------------------------------------------------------------------------------------------------


def _stages(one: _One) -> Iterator[Stage]:
    for number, flow in enumerate(one.plan.stages):
        reads, writes = _files(one, flow)
        cells = [one.cells[cell] for cell in flow.cells]
        values: list[str | Input] = []
        for name, source in flow.inputs.items():
            if source is None and one.renamed.get(name, name) != name:
                values.append(Input(name=one.renamed[name], called=name))
            elif source is not None:
                values.append(Input(name=name, source=one.ids[source]))
            else:
                values.append(name)
        empty = all(one.plan.links.flows[cell].syntax for cell in flow.cells)
        tags = dict.fromkeys(tag for cell in cells for tag in cell.tags)
        yield Stage(
            id=one.ids[number],
            title=_heading_above(one, flow),
            description=_markdown_above(one, flow),
            code=flow.code,
            runtime="none" if empty else None,
            inputs=(*values, *reads),
            outputs=(*sorted(flow.outputs), *writes),
            uses={one.ids[other]: tuple(sorted(names)) for other, names in sorted(flow.uses.items())},
            tags=tuple(tag for tag in tags if tag.strip()),
            origin=_origin(one, cells),
            extra={"repeated": [setting.text for _, setting in flow.repeated]} if flow.repeated else {},
        )


def _origin(one: _One, cells: Sequence[Cell]) -> Origin:
    whole = "\n\n".join(cell.source for cell in cells)
    return Origin(
        notebook=one.name,
        cells=tuple(cell.id for cell in cells),
        indices=tuple(cell.index for cell in cells),
        execution_counts=tuple(cell.execution_count or 0 for cell in cells),
        digest=hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest(),
        mode="not_executed_import",
    )


def _files(one: _One, flow: StageFlow) -> tuple[list[str], list[str]]:
    """Files that a stage reads before it has written them, and those that it writes."""
    reads: dict[str, None] = {}
    writes: dict[str, None] = {}
    indices = {one.cells[cell].index for cell in flow.cells}
    for found in one.inspection.artifacts:
        if found.cell not in indices or found.where != "relative" or found.kind == "folder":
            continue
        path = _glob(found.path)
        path = path if is_file(path) else f"./{path}"
        if (
            found.direction in ("read", "both")
            and path not in writes
            and (found.direction == "read" or _is_written_above(one, found, flow))
        ):
            reads[path] = None
        if found.direction in ("written", "both"):
            writes[path] = None
    return list(reads), list(writes)


def _is_written_above(one: _One, found: Artifact, flow: StageFlow) -> bool:
    first = one.cells[flow.cells[0]].index
    return any(
        other.path == found.path and other.cell < first and other.direction in ("written", "both")
        for other in one.inspection.artifacts
    )


def _markdown_above(one: _One, flow: StageFlow) -> str:
    """The markdown above the cells of a stage, and between them."""
    parts: list[str] = []
    for cell in flow.cells:
        parts += [text.source.strip("\n") for text in _texts_above(one, one.cells[cell])]
    return "\n\n".join(part for part in parts if part.strip())


def _texts_above(one: _One, cell: Cell) -> list[Cell]:
    texts: list[Cell] = []
    for other in one.inspection.notebook.cells:
        if other.index == cell.index:
            return texts
        if other.kind == "markdown":
            texts.append(other)
        elif other.source.strip():
            texts = []
    return texts


def _heading_above(one: _One, flow: StageFlow) -> str:
    for text in _texts_above(one, one.cells[flow.cells[0]]):
        match = _HEADING.search(text.source)
        if match and len(match.group(2)) <= _SHOWN:
            return _bare(match.group(2))
    return ""


def _bare(text: str) -> str:
    """A heading without its marks."""
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)
    return re.sub(r"[*`_]{1,3}(\S.*?\S|\S)[*`_]{1,3}", r"\1", text).strip()


def _title_of(one: _One) -> str:
    for cell in one.inspection.notebook.cells:
        match = _HEADING.search(cell.source) if cell.kind == "markdown" else None
        if match and len(match.group(1)) == 1:
            return _bare(match.group(2))
    return ""


# -- several notebooks ------------------------------------------------------------------------------------------


def _by_files(artifacts: Sequence[Sequence[Artifact]]) -> list[int]:
    """The order in which a file is written before another notebook reads it; else as they were given."""
    written = [{one.path for one in found if one.direction in ("written", "both")} for found in artifacts]
    read = [{one.path for one in found if one.direction in ("read", "both")} for found in artifacts]
    before = [
        {
            other
            for other in range(len(artifacts))
            if other != number and written[other] & (read[number] - written[number])
        }
        for number in range(len(artifacts))
    ]
    order: list[int] = []
    while len(order) < len(artifacts):
        rest = [number for number in range(len(artifacts)) if number not in order]
        order.append(next((number for number in rest if before[number] <= set(order)), rest[0]))
    return order


def _name(ones: Sequence[_One]) -> None:
    """Give each stage an id: of its heading, else of what it makes; with the notebook's name where two would be equal."""
    wanted = [[_id_of(one, flow, number) for number, flow in enumerate(one.plan.stages)] for one in ones]
    clashing = {
        name
        for number, names in enumerate(wanted)
        for name in names
        if any(name in wanted[k] for k in range(number))
    }
    taken: set[str] = set()
    for one, names in zip(ones, wanted, strict=True):
        prefix = _slug(re.sub(r"\.(ipynb|py|md)$", "", one.name))
        for name in names:
            base = f"{prefix}-{name}" if name in clashing and len(ones) > 1 else name
            one.ids.append(_unused(base[:56], taken))
            taken.add(one.ids[-1])


def _id_of(one: _One, flow: StageFlow, number: int) -> str:
    if heading := _slug(_heading_above(one, flow)):
        return heading
    flows = one.plan.links.flows
    if not any(flows[cell].calls for cell in flow.cells):
        return "setup" if number == 0 else "definitions"
    made = [name for cell in flow.cells for name in flows[cell].binds if name in flow.outputs]
    return _slug(made[-1] if len(made) == 1 else "") or f"stage-{number + 1}"


def _slug(text: str) -> str:
    """A name of a stage out of any text.

    >>> _slug("2.1 Données: load & clean"), _slug("###"), _slug("df_clean")
    ('donnees-load-clean', '', 'df_clean')
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9_]+", "-", plain)
    return re.sub(r"^[^a-z]+", "", slug)[:40].strip("-_")


def _unused(name: str, taken: Collection[str]) -> str:
    number = 2
    found = name
    while found in taken:
        found, number = f"{name}-{number}", number + 1
    return found


def _params(ones: Sequence[_One]) -> dict[str, Any]:
    """The parameters of all notebooks; of two of one name with different values the second gets another name."""
    found: dict[str, Any] = {}
    for one in ones:
        for values in one.parameters.values():
            for name, value in values.items():
                other = name
                if name in found and found[name] != value:
                    other = _unused(f"{_slug(one.name.partition('.')[0]).replace('-', '_')}_{name}", found)
                one.renamed[name] = other
                found[other] = value
    return found


def _apart(ones: Sequence[_One], stages: Sequence[Stage]) -> list[Stage]:
    """Leave out `from` where the nearest stage above that has the value is the one that is meant anyway."""
    found: list[Stage] = []
    for number, stage in enumerate(stages):
        inputs: list[str | Input] = []
        for one in stage.inputs:
            if isinstance(one, Input) and one.called is None and one.source is not None:
                above = [other.id for other in stages[:number] if one.name in other.outputs]
                inputs.append(one.name if above and above[-1] == one.source else one)
            else:
                inputs.append(one)
        found.append(stage.model_copy(update={"inputs": tuple(inputs)}))
    return found


# -- the report -------------------------------------------------------------------------------------------------


def _report(one: _One) -> dict[str, Any]:
    index = [cell.index for cell in one.cells]
    grouping = one.plan.grouping
    links = one.plan.links
    return {
        "notebook": one.name,
        "stages": [
            {
                "id": one.ids[number],
                "cells": [index[cell] for cell in flow.cells],
                "repeats": [{"cell": index[cell], "text": setting.text} for cell, setting in flow.repeated],
                "expects": [expected for cell in flow.cells for expected in _expected(one.cells[cell])],
            }
            for number, flow in enumerate(one.plan.stages)
        ],
        "parameters": [index[cell] for cell in one.parameters],
        "borders": [
            {
                "after": index[border.after],
                "cut": border.cut,
                "crossing": list(border.crossing),
                "why": _with_indices(border.why, index),
            }
            for border in grouping.borders
        ],
        "edges": [
            {"name": edge.name, "from": index[edge.source], "to": index[edge.target], "how": edge.how}
            for edge in links.edges
        ],
        "undecided": [
            {"cell": index[doubt.cell], "line": doubt.line, "reason": doubt.reason}
            for flow in links.flows.cells
            for doubt in flow.undecided
        ],
        "finals": {
            name: one.ids[number]
            for name, number in one.plan.finals.items()
            if not links.stays(name, len(links.flows))
        },
    }


def _with_indices(why: str, index: Sequence[int]) -> str:
    return re.sub(r"\bcell (\d+)\b", lambda match: f"cell {index[int(match.group(1))]}", why)


def _expected(cell: Cell) -> Iterator[dict[str, Any]]:
    for output in cell.outputs:
        for part in output.parts:
            yield {
                "cell": cell.index,
                "kind": output.kind,
                "mime": part.mime,
                "size": part.size,
                "digest": part.digest,
                "text": part.text[:_SHOWN],
            }
