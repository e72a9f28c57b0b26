"""Judging a lab without running anything of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agilab.store.workspace import Workspace
from agilab.workflow.document.locate import LabFile
from agilab.workflow.judging.checks import code, document, edges, packages, params, picture, risks, work
from agilab.workflow.judging.checks.case import Case, Check
from agilab.workflow.judging.findings import SEVERITIES, Finding, in_order

CHECKS: Sequence[Check] = (
    *(edges.problems, edges.rings, edges.inputs, edges.outputs, edges.lists, edges.shares),
    *(
        params.numbers,
        params.keys,
        params.secrets,
        params.idle,
        work.anything,
        work.files,
        work.environments,
        work.apps,
    ),
    *(packages.locks, packages.imports),
    *(code.syntax, code.uses, code.names, risks.risks, picture.picture),
)


@dataclass(frozen=True)
class Judgement:
    """What was found in a lab.

    Attributes:
        file: The document; None where it could not be read, and `findings` say why.
        stages: How many stages would run.
    """

    path: Path
    file: LabFile | None
    stages: int
    findings: tuple[Finding, ...]

    def count(self, severity: str) -> int:
        return sum(one.severity == severity for one in self.findings)

    def failed(self, *, strict: bool = False) -> bool:
        """Whether something was found that keeps it from running; `strict` also minds warnings."""
        return bool(self.count("error") or (strict and self.count("warning")))

    def to_plain(self, *, strict: bool = False) -> dict[str, Any]:
        """The judgement as JSON."""
        return {
            "status": "failed" if self.failed(strict=strict) else "succeeded",
            "path": str(self.path),
            "dialect": self.file.dialect if self.file else None,
            "stages": self.stages,
            "executed": False,
            **{f"{severity}s": self.count(severity) for severity in SEVERITIES},
            "findings": [one.to_plain() for one in self.findings],
        }


def validate(path: Path, workspace: Workspace) -> Judgement:
    """Judge the lab at `path`: the file, who makes what, code, names, apps, environments. Nothing is executed.

    Raises AGI-DOC-001 where there is no file; whatever is wrong inside of it is a finding.
    """
    file, found = document.examined(path)
    if file is None:
        return Judgement(path, None, 0, in_order(found))
    case = Case(file, workspace)
    found += document.dialect(file)
    for check in CHECKS:
        found += check(case)
    return Judgement(path, file, len(case.resolved.stages), in_order(found))
