"""`D`, `Q`, `M`, `C` and `R` of a lab's stages: the five words that version 1 has for a stage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agi_node.canonical import sha256_bytes
from agi_node.errors import AgiError
from agilab.contracts.lab_stages import LabStages, Stage
from agilab.contracts.report import Check
from agilab.workflow.legacy.reading import from_v1
from agilab.workflow.legacy.writing import to_v1

WORDS: Mapping[str, str] = {"D": "description", "Q": "question", "M": "model", "C": "code", "R": "kind"}
_SHOWN = 80


def rows(lab: LabStages) -> list[dict[str, Any]]:
    """For each stage its five words; of a code the digest and the number of lines."""
    return [
        {
            "stage": stage.id,
            "D": _first_line(stage.description or stage.title),
            "Q": _first_line(stage.question),
            "M": stage.model,
            "C": {"lines": len((stage.code or "").splitlines()), "sha256": _digest(stage.code)},
            "R": stage.kind,
        }
        for stage in lab.stages
    ]


def kept(before: LabStages, after: LabStages) -> dict[str, list[str]]:
    """For each of the five words the stages in which it is another one, or gone."""
    theirs = {stage.id: stage for stage in after.stages}
    return {
        word: [
            stage.id
            for stage in before.stages
            if stage.id not in theirs or getattr(theirs[stage.id], field) != getattr(stage, field)
        ]
        for word, field in WORDS.items()
    }


def dialect_check(about: str, lab: LabStages) -> Check:
    """The lab as a file of version 1 and read again: nothing of it may be another thing."""
    evidence: dict[str, Any] = {"stages": len(lab.stages), "with": _said(lab.stages)}
    problem = ""
    try:
        again = from_v1(to_v1(lab)).lab
        changed = kept(lab, again)
        evidence["changed"] = {word: names for word, names in changed.items() if names}
        if evidence["changed"]:
            problem = "; ".join(
                f"{word} of {', '.join(names[:3])}" for word, names in evidence["changed"].items()
            )
        elif _without_spelling(again) != _without_spelling(lab):
            problem = "something besides these five is another thing"
    except AgiError as error:
        problem = error.what
    said = ", ".join(f"{count:,} {word}" for word, count in evidence["with"].items())
    return Check(
        about=about,
        name="dialect",
        state="failed" if problem else "passed",
        how="executed",
        evidence=evidence,
        message=f"not the same after D, Q, M, C, R: {problem}"
        if problem
        else f"written as D, Q, M, C, R and read: {said}",
    )


def _without_spelling(lab: LabStages) -> dict[str, Any]:
    """The lab as plain data, without the note of how a file of version 1 spelled it."""
    plain = lab.model_dump()
    for one in (plain["lab"], *plain["stages"]):
        one["extra"].pop("v1", None)
    return plain


def _said(stages: tuple[Stage, ...]) -> dict[str, int]:
    return {word: sum(bool(getattr(stage, field)) for stage in stages) for word, field in WORDS.items()}


def _first_line(text: str) -> str:
    line = text.strip().partition("\n")[0]
    return line if len(line) <= _SHOWN else f"{line[: _SHOWN - 2]} …"


def _digest(text: str | None) -> str | None:
    return None if text is None else sha256_bytes(text.encode("utf-8", "surrogatepass"))
