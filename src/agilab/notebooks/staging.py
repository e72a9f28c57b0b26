"""From notebooks to a pipeline of stages: the document, and a report of how it came about. Nothing is executed.

    staged = stage_notebooks([inspect("prepare.ipynb"), inspect("compare.ipynb")])
    staged.lab              # a LabStages document
    staged.report           # plain data: cells and stages, borders and why, edges, what is undecided

Several notebooks are one pipeline, joined by the files that they exchange; their values are kept apart.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from agilab.contracts.lab_stages import Input, Lab, LabStages, Origin, Stage, is_file
from agilab.notebooks.artifacts import Artifact
from agilab.notebooks.cells import Cell
from agilab.notebooks.findings import Finding
from agilab.notebooks.flow.findings import flow_findings
from agilab.notebooks.flow.groups import Per
from agilab.notebooks.flow.plan import StageFlow
from agilab.notebooks.inspecting import MODE, Inspection
from agilab.notebooks.planned import Planned, glob_of, planned
from agilab.notebooks.stage_names import (
    heading_above,
    markdown_above,
    name_stages,
    slug,
    title_of,
    unused,
    words_below,
    words_of,
)
from agilab.notebooks.stage_report import report_of


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


def stage_notebooks(inspections: Sequence[Inspection], *, per: Per = "flow") -> Staged:
    """Part notebooks into stages of one pipeline; `per="cell"` makes one of each cell, as far as that can be."""
    ones = [planned(inspection, per) for inspection in inspections]
    ones = [ones[number] for number in _by_files([one.inspection.artifacts for one in ones])]
    name_stages(ones)
    params = _params(ones)
    stages = [stage for one in ones for stage in _stages(one)]
    stages = _apart(ones, stages)
    stages += _last_words(ones)
    notebook = dict(inspections[0].notebook.metadata) if len(inspections) == 1 else {}
    lab = Lab(title=title_of(ones[0]), description=_words(ones), params=params, notebook=notebook)
    document = LabStages(lab=lab, stages=tuple(stages))
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
        "notebooks": [report_of(one) for one in ones],
        "findings": [finding.to_plain(name) for name, finding in findings],
    }
    return Staged(document, report, tuple(findings))


def _words(ones: Sequence[Planned]) -> str:
    """What the notebooks say of themselves; of the second and so on below their titles."""
    parts = []
    for number, one in enumerate(ones):
        title = title_of(one)
        heading = f"## {title}\n\n" if number and title else ""
        if words := words_of(one):
            parts.append(heading + words)
    return "\n\n".join(parts)


def _last_words(ones: Sequence[Planned]) -> list[Stage]:
    """What stands below the last code of a notebook, its conclusions, as stages that are only text."""
    taken = {name for one in ones for name in one.ids}
    found: list[Stage] = []
    for one in ones:
        title, text = words_below(one)
        if title or text:
            name = unused(slug(title) or "words", taken)
            taken.add(name)
            origin = Origin(notebook=one.name, mode="not_executed_import")
            found.append(Stage(id=name, title=title, description=text, runtime="none", origin=origin))
    return found


def _stages(one: Planned) -> Iterator[Stage]:
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
            title=heading_above(one, flow),
            description=markdown_above(one, flow),
            code=flow.code,
            runtime="none" if empty or (flow.idle and not reads and not writes) else None,
            inputs=(*values, *reads),
            outputs=(*sorted(flow.outputs), *writes),
            uses={one.ids[other]: tuple(sorted(names)) for other, names in sorted(flow.uses.items())},
            tags=tuple(tag for tag in tags if tag.strip()),
            origin=_origin(one, cells),
            extra={"repeated": [setting.text for _, setting in flow.repeated]} if flow.repeated else {},
        )


def _origin(one: Planned, cells: Sequence[Cell]) -> Origin:
    whole = "\n\n".join(cell.source for cell in cells)
    return Origin(
        notebook=one.name,
        cells=tuple(cell.id for cell in cells),
        indices=tuple(cell.index for cell in cells),
        execution_counts=tuple(cell.execution_count or 0 for cell in cells),
        digest=hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest(),
        mode="not_executed_import",
    )


def _files(one: Planned, flow: StageFlow) -> tuple[list[str], list[str]]:
    """Files that a stage reads before it has written them, and those that it writes."""
    reads: dict[str, None] = {}
    writes: dict[str, None] = {}
    indices = {one.cells[cell].index for cell in flow.cells}
    for found in one.inspection.artifacts:
        if found.cell not in indices or found.where != "relative" or found.kind == "folder":
            continue
        path = glob_of(found.path)
        path = path if is_file(path) else f"./{path}"
        if "*" in path and found.direction == "read" and (made := _made_above(one, found, path)):
            reads |= {name: None for name in made if name not in writes}
        elif (
            found.direction in ("read", "both")
            and path not in writes
            and (found.direction == "read" or _is_written_above(one, found, flow))
        ):
            reads[path] = None
        if found.direction in ("written", "both"):
            writes[path] = None
    return list(reads), list(writes)


def _made_above(one: Planned, found: Artifact, pattern: str) -> list[str]:
    """Files that cells above write and a pattern finds: a folder that is listed holds these, whoever else fills it."""
    return [
        other.path
        for other in one.inspection.artifacts
        if other.cell <= found.cell
        and other.direction in ("written", "both")
        and other.kind != "folder"
        and not other.computed
        and fnmatchcase(other.path, pattern)
    ]


def _is_written_above(one: Planned, found: Artifact, flow: StageFlow) -> bool:
    first = one.cells[flow.cells[0]].index
    return any(
        other.path == found.path and other.cell < first and other.direction in ("written", "both")
        for other in one.inspection.artifacts
    )


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


def _params(ones: Sequence[Planned]) -> dict[str, Any]:
    """The parameters of all notebooks; of two of one name with different values the second gets another name."""
    found: dict[str, Any] = {}
    for one in ones:
        for values in one.parameters.values():
            for name, value in values.items():
                other = name
                if name in found and found[name] != value:
                    other = unused(f"{slug(one.name.partition('.')[0]).replace('-', '_')}_{name}", found)
                one.renamed[name] = other
                found[other] = value
    return found


def _apart(ones: Sequence[Planned], stages: Sequence[Stage]) -> list[Stage]:
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
