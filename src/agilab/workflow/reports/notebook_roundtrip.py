"""`agilab report notebook-roundtrip`: a lab to a notebook and back, now; nothing of it may be another thing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from agi_node.canonical import digest
from agi_node.errors import AgiError
from agilab.contracts.lab_stages import LabStages
from agilab.contracts.moments import kinds_in
from agilab.contracts.report import Check
from agilab.evidence.report import Scope
from agilab.notebooks.document.cells import Notebook
from agilab.notebooks.reading import read
from agilab.notebooks.supervisor.cell_text import Ends
from agilab.notebooks.supervisor.export import notebook_of, text
from agilab.notebooks.supervisor.read_back import ReadBack, read_back
from agilab.workflow.notebooks.exporting import differences, other_kinds
from agilab.workflow.notebooks.text_forms import PERCENT, in_text
from agilab.workflow.reports import counted, dialect, judged, lab_or_check, unknown

WayBack = Callable[[Notebook], ReadBack]
_LINE = "# a line that a person added"


def notebook_roundtrip(scope: Scope, *, lab: Path) -> tuple[list[Check], dict[str, Any]]:
    """Do the round trip, unedited and with an edit in each stage. Raises as `read_document` does for the lab's file."""
    about = lab.resolve().parent.name or lab.name
    document = lab_or_check(about, lab)
    if isinstance(document, Check):
        return [document], {}
    kinds = kinds_in(lab.read_text(encoding="utf-8"))
    checks = list(way_back_checks(about, document, read_back, kinds))
    return checks, {"lab": about, "stages": dialect.rows(document)}


def way_back_checks(
    about: str, document: LabStages, way: WayBack, kinds: Mapping[str, Any] | None = None
) -> Iterator[Check]:
    """Whether a way back from notebooks loses nothing of this document, nor a date of its TOML, which `kinds` tells."""
    notebook = notebook_of(document, kinds=kinds)
    back = _back(notebook, way)
    yield _identity(about, document, kinds or {}, back)
    yield _again(about, notebook, back)
    yield _percent(about, notebook, way)
    yield _words(about, document, back)
    yield dialect.dialect_check(about, document)
    yield from _edits(about, document, notebook, way)


def _back(notebook: Mapping[str, Any], way: WayBack) -> ReadBack:
    return way(read(text(notebook).encode(), name="lab.ipynb"))


def _identity(about: str, document: LabStages, kinds: Mapping[str, Any], back: ReadBack) -> Check:
    lost = [*differences(document, back.document), *other_kinds(document, kinds, back)]
    lost += [change.what for change in back.changes]
    said = [document.model_dump(mode="json"), back.document.model_dump(mode="json")]
    digests = [digest(one) for one in said]
    problem = "; ".join(lost[:3])
    if not problem and digests[0] != digests[1]:
        problem = "a field that nobody compares is another one"
    evidence = {"stages": len(document.stages), "before": digests[0], "after": digests[1]}
    return judged(
        about,
        "identity",
        problem,
        f"{counted(len(document.stages), 'stage')} as before",
        evidence,
        "executed",
    )


def _again(about: str, notebook: Mapping[str, Any], back: ReadBack) -> Check:
    """The lab that came back gives the notebook that it came from, byte for byte."""
    one, other = text(notebook).encode(), text(notebook_of(back.document, kinds=back.kinds)).encode()
    at = next(
        (n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )
    problem = "" if one == other else f"its notebook is another one from byte {at:,} on"
    return judged(
        about,
        "notebook",
        problem,
        f"its notebook is the same {len(one):,} bytes",
        {"bytes": len(one)},
        "executed",
    )


def _percent(about: str, notebook: Mapping[str, Any], way: WayBack) -> Check:
    """The same through a Python file with percent cells; what that refuses did not come back."""
    try:
        written = in_text(notebook, PERCENT)
    except AgiError as refused:
        if refused.code == "AGI-STAGE-050":
            return unknown(about, "percent", "jupytext is not installed: only .ipynb was tried")
        why = f"no Python file with percent cells can hold this lab, it would lose {refused.found}"
        return unknown(about, "percent", why)
    one, other = (
        way(read(data, name=name)).document
        for data, name in ((text(notebook).encode(), "lab.ipynb"), (written.encode(), PERCENT))
    )
    problem = "; ".join(differences(one, other)[:3])
    good = "the same by way of a Python file with percent cells"
    return judged(about, "percent", problem, good, {"bytes": len(written.encode())}, "executed")


def _words(about: str, document: LabStages, back: ReadBack) -> Check:
    changed = {word: names for word, names in dialect.kept(document, back.document).items() if names}
    problem = "; ".join(f"{word} of {', '.join(names[:3])}" for word, names in changed.items())
    evidence = {"stages": len(document.stages), "changed": changed}
    return judged(
        about,
        "D/Q/M/C/R",
        problem,
        "description, question, model, code and runtime kept",
        evidence,
        "executed",
    )


def _edits(about: str, document: LabStages, notebook: Mapping[str, Any], way: WayBack) -> Iterator[Check]:
    """A line is added to one stage's cell after the other: that stage must have it, and nothing else may change."""
    tried, wrong = 0, []
    for stage in document.stages:
        if stage.code is None:
            continue
        tried += 1
        back = _back(_with_a_line(notebook, stage.id), way)
        ends = Ends.of(stage.code)
        code = ends.code("\n".join(filter(None, [ends.cell(stage.code), _LINE])))
        wanted = [one.with_changes(code=code) if one.id == stage.id else one for one in document.stages]
        kinds = [(change.kind, change.stage, change.won) for change in back.changes]
        if list(back.document.stages) != wanted or kinds != [("edited", stage.id, "cell")]:
            wrong.append(stage.id)
    if not tried:
        yield unknown(about, "edits", "no stage has code of its own to edit")
        return
    problem = f"an edit of {', '.join(wrong[:4])} does not come back as that edit alone" if wrong else ""
    good = f"a line added to a cell comes back as that edit alone, tried on {counted(tried, 'cell')}"
    yield judged(about, "edits", problem, good, {"edited": tried, "wrong": wrong}, "executed")


def _with_a_line(notebook: Mapping[str, Any], stage: str) -> dict[str, Any]:
    def edited(cell: dict[str, Any]) -> dict[str, Any]:
        if cell["cell_type"] != "code" or cell["id"] != stage:
            return cell
        source = "".join(cell["source"]).rstrip("\n")
        return {**cell, "source": f"{source}\n{_LINE}"}

    return {**notebook, "cells": [edited(cell) for cell in notebook["cells"]]}
