"""Is it a document of stages at all, and is every field of it right?"""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError

from agi_node.errors import AgiError
from agilab.contracts.lab_stages import LabStages
from agilab.contracts.refusal import explain
from agilab.contracts.scalars import RULE
from agilab.contracts.toml_layout import layout
from agilab.workflow.document.locate import LabFile, read_lab_file, read_text
from agilab.workflow.judging.findings import Finding, Location
from agilab.workflow.judging.rules import rules


def examined(path: Path) -> tuple[LabFile | None, list[Finding]]:
    """The document, or what is wrong with it. Raises where there is no file that can be read (AGI-DOC-001)."""
    try:
        return read_lab_file(path), []
    except AgiError as problem:
        if problem.code in ("AGI-DOC-004", "AGI-DOC-005"):
            return None, list(_fields(read_text(path), path))
        if problem.code in ("AGI-DOC-002", "AGI-DOC-003"):
            return None, [_no_document(path, problem)]
        raise


def dialect(file: LabFile) -> Iterator[Finding]:
    """A note that a file is of version 1, and its lines that want a person's eye."""
    if file.converted is None:
        return
    head = layout(file.text)
    line = head.line(head.offset(("__meta__",)))
    yield _finding(
        "004",
        Location(file.path.name, line),
        "this file is of version 1",
        mend=f"agilab workflow migrate {shlex.quote(str(file.path))}",
    )
    for note in file.converted.notes:
        if note.kind == "attention":
            yield _finding("004", Location(file.path.name, note.line), note.what, stage=note.stage)


def _no_document(path: Path, problem: AgiError) -> Finding:
    found = problem.found or ""
    place = re.search(r"\bline (\d+)(?:,? column (\d+))?", found)
    line, column = (int(place[1]), int(place[2] or 1)) if place else (1, 1)
    what = problem.what.removeprefix(f"{path}: ")
    return _finding("001", Location(path.name, line, column), f"the file {what}", found)


def _fields(text: str, path: Path) -> Iterator[Finding]:
    """Each wrong field by itself: a person mends them all in one go."""
    plain = tomllib.loads(text)
    found = layout(text)
    try:
        LabStages.model_validate_json(json.dumps(plain, default=_iso), strict=True)
    except ValidationError as error:
        told: set[tuple[Any, str]] = set()
        for problem in error.errors(include_url=False):
            steps = _steps(problem["loc"], plain)
            one = explain(
                cast(ValidationError, _One(problem)), plain, LabStages, LabStages.schema_name(), path.name
            )
            what = one.what.removeprefix(f"{path.name}: ")
            if (steps, what) in told:  # a union's branches, each with the same complaint
                continue
            told.add((steps, what))
            offset = found.offset(_where(problem, plain, steps))
            code = "003" if problem["type"] == RULE else "002"
            at = Location(path.name, found.line(offset), found.column(offset))
            mend = f"allowed: {one.allowed}" if one.allowed else ""
            yield _finding(code, at, what, one.found or "", mend, stage=_stage(steps, plain))


class _One:
    """One of the problems of a validation, told by itself."""

    def __init__(self, problem: Any) -> None:
        self._problem = problem

    def errors(self, *, include_url: bool = True) -> list[Any]:
        return [self._problem]


def _where(problem: Any, plain: dict[str, Any], steps: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """The place of a problem; of an id that stands twice, the second one."""
    context = problem.get("ctx", {})
    if problem["type"] == RULE and not steps and "found" in context:
        ids = [stage.get("id") for stage in plain.get("stages", []) if isinstance(stage, dict)]
        again = [number for number, name in enumerate(ids) if name == context["found"]]
        return ("stages", again[-1], "id") if len(again) > 1 else steps
    return steps


def _steps(loc: tuple[int | str, ...], plain: Any) -> tuple[str | int, ...]:
    """The steps of a location that lead into the data: it names branches of unions too."""
    here: Any = plain
    part: Any
    steps: list[int | str] = []
    for part in loc:
        if (isinstance(here, dict) and part in here) or (
            isinstance(here, list) and isinstance(part, int) and part < len(here)
        ):
            here = here[part]
            steps.append(part)
    return tuple(steps)


def _stage(steps: tuple[str | int, ...], plain: dict[str, Any]) -> str | None:
    if len(steps) < 2 or steps[0] != "stages" or not isinstance(steps[1], int):
        return None
    stage = plain["stages"][steps[1]]
    name = stage.get("id") if isinstance(stage, dict) else None
    return name if isinstance(name, str) else None


def _finding(
    code: str, at: Location, what: str, found: str = "", mend: str = "", *, stage: str | None = None
) -> Finding:
    known = rules()[f"AGI-STAGE-{code}"]
    return Finding(known.code, known.severity, at, stage, what, found, mend or known.mend)


def _iso(value: Any) -> str:
    return str(value.isoformat())
