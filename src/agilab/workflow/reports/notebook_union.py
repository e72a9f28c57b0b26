"""`agilab report notebook-union-environment`: whether a lab's stages could share one kernel, tried with uv, now."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from agilab.contracts.report import Check
from agilab.evidence.report import Scope
from agilab.workflow.notebooks.union import Union, union_of
from agilab.workflow.reports import counted, dialect, judged, lab_or_check, unknown
from agilab.workflow.running.prepare import Lab, lab_from, project_of

_ENVIRONMENTS = ("environment", "python", "pin")
_KINDS = {
    "runtime": "every stage is Python",
    "foreach": "every stage runs once",
    "workdir": "every stage runs in the lab's folder",
    "name": "every name means in one kernel what it means in its stage",
    "changed": "what a stage uses of another is not bound again in between",
    "script": "every stage's code goes on to the next, and none asks for its own file",
    "unreadable": "every stage's code can be read",
}
"""What keeps stages apart besides their environments, and what holds where it does not."""


def notebook_union_environment(
    scope: Scope, *, lab: Path, offline: bool = False
) -> tuple[list[Check], dict[str, Any]]:
    """Resolve the environments together, and look for what else keeps stages apart. Raises as `read_lab` does."""
    about = lab.resolve().parent.name or lab.name
    document = lab_or_check(about, lab)
    if isinstance(document, Check):
        return [document], {}
    if not document.stages:
        return [unknown(about, "environments", "the lab has no stages: nothing would run in one kernel")], {}
    found_lab = lab_from(lab, document, to_run=False)
    union = union_of(found_lab, scope.workspace, offline=offline)
    checks = [_resolved(found_lab.name, union)]
    if union.resolved:
        checks.append(_honoured(found_lab, union, scope))
    checks += _obstacles(found_lab.name, union)
    return checks, {**union.to_plain(), "lab": found_lab.name, "stages": dialect.rows(found_lab.document)}


def _resolved(about: str, union: Union) -> Check:
    conflicts = [one for one in union.obstacles if one.kind in _ENVIRONMENTS]
    evidence = {
        "environments": {name: list(stages) for name, stages in union.environments.items()},
        "packages": len(union.resolved),
        "other_versions_than_locked": len(union.moved),
        "conflicts": [one.what for one in conflicts],
    }
    named = [one for one in conflicts if one.kind != "environment"] or conflicts
    problem = "; ".join(one.what for one in named[:3])
    if len(union.environments) == 1:
        good = "all stages run in one environment already"
    else:
        packages = counted(len(union.resolved), "package")
        good = f"uv resolved {len(union.environments):,} environments together: {packages}"
        good += f", {len(union.moved):,} at another version than locked" if union.moved else ""
    return judged(about, "environments", problem, good, evidence, "executed")


def _honoured(lab: Lab, union: Union, scope: Scope) -> Check:
    """What each project asks for, held against the versions that hold for all; markers for other machines left out."""
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    asked, broken = 0, []
    for stage in lab.document.stages:
        if stage.kind != "python" or not stage.enabled:
            continue
        folder = project_of(stage, lab.folder, scope.workspace)
        table = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
        for text in table.get("project", {}).get("dependencies", []):
            requirement = Requirement(text)
            if requirement.marker is not None and not requirement.marker.evaluate():
                continue
            asked += 1
            version = union.resolved.get(canonicalize_name(requirement.name))
            if version is None or not requirement.specifier.contains(version, prereleases=True):
                broken.append(f"{text} of {stage.id}: {version}")
    problem = "; ".join(broken[:3])
    good = f"{counted(asked, 'requirement')} of its stages hold for the shared versions"
    return judged(
        lab.name, "requirements", problem, good, {"requirements": asked, "broken": broken}, "executed"
    )


def _obstacles(about: str, union: Union) -> Iterator[Check]:
    for kind, good in _KINDS.items():
        found = [one for one in union.obstacles if one.kind == kind]
        stages = sorted({stage for one in found for stage in one.stages})
        evidence = {"stages": stages, "found": [one.what for one in found]}
        yield judged(about, kind, "; ".join(one.what for one in found[:3]), good, evidence, "static")
