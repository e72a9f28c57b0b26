"""Whether a lab's stages could share one kernel: their runtimes, their environments resolved together, their names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agilab.contracts.lab_stages import Stage
from agilab.notebooks.flow.notebook import analyse
from agilab.projects.discover import find_app
from agilab.store.workspace import Workspace
from agilab.workflow.document.locate import LabFile
from agilab.workflow.document.resolved import Source
from agilab.workflow.judging.checks.case import Case
from agilab.workflow.judging.names import Names
from agilab.workflow.notebooks.together import Obstacle, as_a_cell, locked_in, resolved_together
from agilab.workflow.running.code import text_of
from agilab.workflow.running.prepare import Lab, project_of


@dataclass(frozen=True)
class Union:
    """The answer, and how it was found.

    Attributes:
        environments: For each uv project the stages that run in it.
        resolved: The packages that hold for all, name to version, by uv; empty where it found none or was not asked.
        moved: Packages that another version stands for than a stage's own lock has: (project, name, own, shared).
        only: The Python and system that these hold for, where that is not all that the projects allow.
    """

    environments: Mapping[str, tuple[str, ...]]
    resolved: Mapping[str, str]
    moved: tuple[tuple[str, str, str, str], ...]
    obstacles: tuple[Obstacle, ...]
    only: str = ""

    @property
    def allowed(self) -> bool:
        """Whether a notebook with one kernel can stand for the lab."""
        return not self.obstacles

    def to_plain(self) -> dict[str, Any]:
        """The answer as JSON."""
        return {
            "allowed": self.allowed,
            "environments": {name: list(stages) for name, stages in self.environments.items()},
            "resolved": dict(self.resolved),
            "only": self.only or None,
            "moved": [
                {"environment": env, "package": name, "locked": own, "shared": shared}
                for env, name, own, shared in self.moved
            ],
            "obstacles": [obstacle.to_plain() for obstacle in self.obstacles],
        }


def union_of(lab: Lab, workspace: Workspace, *, offline: bool = False) -> Union:
    """Try to bring a lab's stages into one kernel; uv is asked to resolve their environments together.

    Raises AGI-STAGE-034 where a stage's environment cannot be found, AGI-STAGE-055 where uv cannot tell.
    """
    projects: dict[Path, list[str]] = {}
    obstacles: list[Obstacle] = []
    stages = [lab.resolved.stages[name].stage for name in lab.resolved.order]
    for stage in stages:
        if stage.kind.startswith("app."):
            folder = find_app(str(stage.app), workspace).folder
            obstacles.append(Obstacle("runtime", (stage.id,), f"{stage.id} calls the app {stage.app}"))
        else:
            folder = project_of(stage, lab.folder, workspace)
        projects.setdefault(folder.resolve(), []).append(stage.id)
        if stage.foreach:
            what = f"{stage.id} runs once for each item of {', '.join(stage.foreach)}"
            obstacles.append(Obstacle("foreach", (stage.id,), what))
        if stage.workdir:
            what = f"{stage.id} runs in {stage.workdir}/, and a notebook's kernel in the folder above"
            obstacles.append(Obstacle("workdir", (stage.id,), what))
    names = {folder: _name_of(folder, lab.folder) for folder in projects}
    resolved: dict[str, str] = {}
    moved: list[tuple[str, str, str, str]] = []
    only = ""
    if len(projects) > 1:
        resolved, found, only = resolved_together(projects, names, offline=offline)
        obstacles += found
        for folder in projects:
            locked = locked_in(folder)
            moved += [
                (names[folder], package, locked[package], version)
                for package, version in sorted(resolved.items())
                if package in locked and locked[package] != version
            ]
    obstacles += _names(lab)
    obstacles += _undeclared(lab, workspace)
    return Union(
        {names[folder]: tuple(ids) for folder, ids in projects.items()},
        resolved,
        tuple(moved),
        tuple(obstacles),
        only,
    )


def _name_of(folder: Path, home: Path) -> str:
    if folder == home.resolve():
        return "the lab's own"
    try:
        return folder.relative_to(home.resolve()).as_posix()
    except ValueError:
        return folder.name


# -- names ------------------------------------------------------------------------------------------------------


def kernel_order(lab: Lab) -> list[str]:
    """What one kernel would run, in order: the stages, each after the texts that are only there for it to take."""
    by_id = {stage.id: stage for stage in lab.document.stages}
    found: dict[str, None] = {}
    for name in lab.resolved.order:
        used: set[str] = set()
        todo = {name}
        while todo:
            todo = {other for one in todo for other in by_id[one].uses if other in by_id} - used
            used |= todo
        found |= {one.id: None for one in lab.document.stages if one.kind == "none" and one.id in used}
        found[name] = None
    return list(found)


def _names(lab: Lab) -> Iterator[Obstacle]:
    """Names that would mean something else in one kernel, where the latest to bind a name counts."""
    bound: dict[str, set[str]] = {}
    altered: dict[str, set[str]] = {}
    order = kernel_order(lab)
    by_id = {stage.id: stage for stage in lab.document.stages}
    for name in order:
        stage = by_id[name]
        if stage.kind not in ("python", "none"):
            continue
        text = text_of(stage, lab.folder)
        flow = analyse(text)
        if flow.syntax:
            yield Obstacle("unreadable", (name,), f"{name}: {flow.syntax}")
        yield from as_a_cell(name, text)
        bound[name] = set(flow.binds)
        altered[name] = set(flow.alters)
    for at, name in enumerate(order):
        if name not in lab.resolved.stages:
            continue
        resolved = lab.resolved.stages[name]
        for source in resolved.inputs:
            if source.kind == "value":
                yield from _taken(resolved.stage, source, order[:at], bound, altered)
        yield from _used(resolved.stage, order[:at], bound)


def _undeclared(lab: Lab, workspace: Workspace) -> Iterator[Obstacle]:
    """Names that a stage reads and nothing gives it, which one kernel would find where stages above bind them.

    They are the names that `validate` finds (AGI-STAGE-071, 074), and those that a later round of a loop finds: apart,
    the stage stops there or goes another way; in one kernel it would go on with whatever was bound last.
    """
    case = Case(LabFile(lab.path, "", lab.document), workspace)
    above: list[tuple[str, frozenset[str]]] = []
    for name in kernel_order(lab):
        stage = case.stage(name)
        found = case.names(stage) if stage.kind in ("python", "none") else None
        if not isinstance(found, Names):
            continue
        asked = {**found.needed, **found.perhaps}
        for word in asked if name in lab.resolved.stages and found.open is None else ():
            if owners := [other for other, bound in above if word in bound]:
                binds = "bound by " + " and by ".join(owners)
                what = f"{name} reads {word}, which it does not take: in one kernel it is {binds}"
                yield Obstacle("name", (*owners, name), what)
        above.append((name, found.bound))


def _taken(
    stage: Stage,
    source: Source,
    above: list[str],
    bound: Mapping[str, set[str]],
    altered: Mapping[str, set[str]],
) -> Iterator[Obstacle]:
    if source.called != source.name:
        yield Obstacle(
            "name",
            (stage.id,),
            f"{stage.id} calls {source.name} of {source.stage or 'the lab'} {source.called}",
        )
        return
    maker = source.stage
    between = above[above.index(maker) + 1 :] if maker in above else above
    for other in between:
        if source.name in bound.get(other, ()) or source.name in altered.get(other, ()):
            word = "binds" if source.name in bound.get(other, ()) else "changes"
            of = f"of {maker}" if maker else "of the lab"
            yield Obstacle(
                "name",
                (other, stage.id),
                f"{stage.id} takes {source.name} {of}, and {other} {word} it in between",
            )


def _used(stage: Stage, above: list[str], bound: Mapping[str, set[str]]) -> Iterator[Obstacle]:
    for owner, names in stage.uses.items():
        if owner not in above:
            yield Obstacle(
                "name",
                (owner, stage.id),
                f"{stage.id} uses {', '.join(names)} of {owner}, which stands below",
            )
            continue
        for other in above[above.index(owner) + 1 :]:
            if again := sorted(set(names) & bound.get(other, set())):
                what = f"{stage.id} uses {', '.join(again)} of {owner}, and {other} binds it in between"
                yield Obstacle("changed", (other, stage.id), what)
