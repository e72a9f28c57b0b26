"""From notebooks to a pipeline of stages: the document, and a report of how it came about. Nothing is executed.

    staged = stage_notebooks([inspect("prepare.ipynb"), inspect("compare.ipynb")])
    staged.lab              # a LabStages document
    staged.report           # plain data: cells and stages, borders and why, edges, what is undecided

Several notebooks are one pipeline, joined by the files that they exchange; their values are kept apart.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agilab.contracts.lab_stages import Input, Lab, LabStages, Origin, Stage
from agilab.notebooks.document.cells import Cell
from agilab.notebooks.document.titles import slug, unused
from agilab.notebooks.findings import Finding, in_order
from agilab.notebooks.flow.findings import flow_findings, odd_parameter
from agilab.notebooks.flow.groups import Per
from agilab.notebooks.flow.stage import StageFlow
from agilab.notebooks.inspecting import MODE, Inspection
from agilab.notebooks.stages.files import Files, LabFiles, by_files
from agilab.notebooks.stages.names import (
    heading_above,
    markdown_above,
    name_stages,
    text_above,
    title_of,
    words_below,
    words_of,
)
from agilab.notebooks.stages.planned import Planned, planned
from agilab.notebooks.stages.report import report_of
from agilab.notebooks.stages.texts import text_stage


@dataclass(frozen=True)
class Staged:
    """Notebooks as stages.

    Attributes:
        lab: The document.
        report: Plain data, the same for the same notebooks.
        findings: Of the flow, by notebook, in the order of the report.
        files: Pictures that the document names, by path.
    """

    lab: LabStages
    report: dict[str, Any]
    findings: tuple[tuple[str, Finding], ...] = ()
    files: Mapping[str, bytes] = field(default_factory=dict)


def stage_notebooks(inspections: Sequence[Inspection], *, per: Per = "flow") -> Staged:
    """Part notebooks into stages of one pipeline; `per="cell"` makes one of each cell, as far as that can be."""
    ones = [planned(inspection, per) for inspection in inspections]
    ones = [ones[number] for number in by_files([one.inspection.uses for one in ones])]
    files = LabFiles(ones)
    name_stages(ones, {key: writes for key, (_, writes) in files.of.items()})
    params = _params(ones)
    texts = _asides(ones)
    stages = [
        stage
        for place, (one, text) in enumerate(zip(ones, texts, strict=True))
        for stage in _in_order(one, text, [files.of[place, number] for number in range(len(one.ids))])
    ]
    stages = _apart(ones, stages)
    stages += _last_words(ones)
    notebook = dict(inspections[0].notebook.metadata) if len(inspections) == 1 else {}
    lab = Lab(title=title_of(ones[0]), description=_words(ones), params=params, notebook=notebook)
    document = LabStages(lab=lab, stages=tuple(stages))
    findings = [(one.name, finding) for one in ones for finding in _findings(one, files)]
    report = {
        "mode": MODE,
        "stages": len(stages),
        "notebooks": [report_of(one) for one in ones],
        "findings": [finding.to_plain(name) for name, finding in findings],
    }
    return Staged(document, report, tuple(findings))


def _findings(one: Planned, files: LabFiles) -> tuple[Finding, ...]:
    index = [cell.index for cell in one.cells]
    of_flow = flow_findings(one.plan, one.inspection.execution.order, index)
    odd = [
        odd_parameter(each.name, each.why, code.cell.index, each.line)
        for code in one.code
        for each in code.odd
    ]
    return in_order([*of_flow, *files.findings(one), *odd])


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
    taken = {name for one in ones for name in (*one.ids, *one.aside_ids.values())}
    found: list[Stage] = []
    for one in ones:
        title, text = words_below(one)
        if title or text:
            name = unused(slug(title) or "words", taken)
            taken.add(name)
            origin = Origin(notebook=one.name, mode="not_executed_import")
            found.append(Stage(id=name, title=title, description=text, runtime="none", origin=origin))
    return found


def _asides(ones: Sequence[Planned]) -> list[dict[int, Stage]]:
    """Of each notebook the cells that are not run as stages of text, by their numbers."""
    taken = {name for one in ones for name in one.ids}
    found: list[dict[int, Stage]] = []
    for one in ones:
        stages = {
            number: text_stage(
                one.name, aside.cell, text_above(one, aside.cell), taken, language=aside.language
            )
            for number, aside in one.asides.items()
        }
        one.aside_ids |= {number: stage.id for number, stage in stages.items()}
        for number, flow in one.plan.asides.items():
            stages[number] = stages[number].with_changes(
                inputs=tuple(_values(one, flow)),
                outputs=one.asides[number].defines,
                uses=_uses(one, flow),
            )
        found.append(stages)
    return found


def _in_order(one: Planned, asides: Mapping[int, Stage], files: Sequence[Files]) -> list[Stage]:
    """All the stages of a notebook by their first cells."""
    stages = dict(zip((flow.cells[0] for flow in one.plan.stages), _stages(one, files), strict=True))
    return [stage for _, stage in sorted({**stages, **asides}.items())]


def _stages(one: Planned, files: Sequence[Files]) -> Iterator[Stage]:
    for number, flow in enumerate(one.plan.stages):
        reads, writes = files[number]
        cells = [one.cells[cell] for cell in flow.cells]
        empty = all(one.plan.links.flows[cell].syntax for cell in flow.cells)
        tags = dict.fromkeys(tag for cell in cells for tag in cell.tags)
        yield Stage(
            id=one.ids[number],
            title=heading_above(one, flow),
            description=markdown_above(one, flow),
            code=flow.code,
            runtime="none" if empty or (flow.idle and not reads and not writes) else None,
            inputs=(*_values(one, flow), *reads),
            outputs=(*sorted(flow.outputs), *writes),
            uses=_uses(one, flow),
            workdir=one.inspection.workdir,
            tags=tuple(tag for tag in tags if tag.strip()),
            origin=_origin(one, cells),
            extra={"repeated": [setting.text for _, setting in flow.repeated]} if flow.repeated else {},
        )


def _values(one: Planned, flow: StageFlow) -> Iterator[str | Input]:
    for name, source in flow.inputs.items():
        if name in flow.lacks:
            yield Input(name=name, source=one.aside_ids[flow.lacks[name]])
        elif source is None and one.renamed.get(name, name) != name:
            yield Input(name=one.renamed[name], called=name)
        elif source is not None:
            yield Input(name=name, source=one.ids[source])
        else:
            yield name


def _uses(one: Planned, flow: StageFlow) -> dict[str, tuple[str, ...]]:
    return {one.ids[other]: tuple(sorted(names)) for other, names in sorted(flow.uses.items())}


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
    """Leave out `from` where the nearest stage above that has the value is the one that is meant anyway.

    A stage that is only text is never meant unless it is named, as whoever lacks what its cell gave does.
    """
    gives = [stage for stage in stages if stage.kind != "none"]
    found: list[Stage] = []
    for number, stage in enumerate(stages):
        inputs: list[str | Input] = []
        for one in stage.inputs:
            if isinstance(one, Input) and one.called is None and one.source is not None:
                above = [
                    other.id for other in stages[:number] if other in gives and one.name in other.outputs
                ]
                inputs.append(one.name if above and above[-1] == one.source else one)
            else:
                inputs.append(one)
        found.append(stage.model_copy(update={"inputs": tuple(inputs)}))
    return found
