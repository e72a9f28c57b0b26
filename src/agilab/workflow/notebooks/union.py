"""Whether a lab's stages could share one kernel: their runtimes, their environments resolved together, their names."""

from __future__ import annotations

import re
import subprocess
import tempfile
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from agi_node.errors import ENVIRONMENT, AgiError
from agilab.contracts.lab_stages import Stage
from agilab.envs import find_uv
from agilab.notebooks.flow.notebook import analyse
from agilab.projects.discover import find_app
from agilab.store.workspace import Workspace
from agilab.workflow.document.resolve import Source
from agilab.workflow.running.code import text_of
from agilab.workflow.running.prepare import Lab, project_of


@dataclass(frozen=True)
class Obstacle:
    """Something that keeps stages from sharing one kernel.

    Attributes:
        kind: `runtime`, `foreach`, `environment`, `python`, `pin`, `name`, `changed` or `unreadable`.
        stages: Those concerned.
    """

    kind: str
    stages: tuple[str, ...]
    what: str

    def to_plain(self) -> dict[str, Any]:
        """The obstacle as JSON."""
        return {"kind": self.kind, "stages": list(self.stages), "what": self.what}


@dataclass(frozen=True)
class Union:
    """The answer, and how it was found.

    Attributes:
        environments: For each uv project the stages that run in it.
        resolved: The packages that hold for all, name to version, by uv; empty where it found none or was not asked.
        moved: Packages that another version stands for than a stage's own lock has: (project, name, own, shared).
    """

    environments: Mapping[str, tuple[str, ...]]
    resolved: Mapping[str, str]
    moved: tuple[tuple[str, str, str, str], ...]
    obstacles: tuple[Obstacle, ...]

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
    names = {folder: _name_of(folder, lab.folder) for folder in projects}
    resolved: dict[str, str] = {}
    moved: list[tuple[str, str, str, str]] = []
    if len(projects) > 1:
        resolved, found = _resolved(projects, names, offline=offline)
        obstacles += found
        for folder in projects:
            locked = _locked(folder)
            moved += [
                (names[folder], package, locked[package], version)
                for package, version in sorted(resolved.items())
                if package in locked and locked[package] != version
            ]
    obstacles += _names(lab)
    return Union(
        {names[folder]: tuple(ids) for folder, ids in projects.items()},
        resolved,
        tuple(moved),
        tuple(obstacles),
    )


def _name_of(folder: Path, home: Path) -> str:
    if folder == home.resolve():
        return "the lab's own"
    try:
        return folder.relative_to(home.resolve()).as_posix()
    except ValueError:
        return folder.name


# -- environments -----------------------------------------------------------------------------------------------


def _resolved(
    projects: Mapping[Path, list[str]], names: Mapping[Path, str], *, offline: bool
) -> tuple[dict[str, str], list[Obstacle]]:
    """All direct requirements in one project, locked by uv for real."""
    wanted: dict[str, dict[str, tuple[str, ...]]] = {}
    pythons: dict[str, tuple[str, ...]] = {}
    for folder, ids in projects.items():
        table = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8")).get("project", {})
        for requirement in table.get("dependencies", []):
            wanted.setdefault(str(requirement), {})[names[folder]] = tuple(ids)
        pythons[str(table.get("requires-python", ">=3.11"))] = tuple(ids)
    found, said = _lock(wanted, pythons, offline=offline)
    if found is not None:
        return found, []
    conflicts = list(_pins(wanted, pythons, projects, names, offline=offline))
    if len(pythons) > 1 and not conflicts:
        stages = tuple(name for ids in pythons.values() for name in ids)
        conflicts.append(Obstacle("python", stages, f"Python {' and '.join(pythons)}"))
    everybody = tuple(name for ids in projects.values() for name in ids)
    return {}, [*conflicts, Obstacle("environment", everybody, f"uv: {said[:500]}")]


def _lock(
    requirements: Iterable[str], pythons: Iterable[str], *, offline: bool
) -> tuple[dict[str, str] | None, str]:
    """What uv locks for these requirements together, name to version; None, and why, where they contradict each other.

    Raises AGI-STAGE-055 where uv cannot tell, as without a network.
    """
    with tempfile.TemporaryDirectory(prefix="agilab-union-") as scratch:
        lines = "".join(f"    {_toml(one)},\n" for one in requirements)
        python = _toml(",".join(dict.fromkeys(pythons)))
        head = f'[project]\nname = "union"\nversion = "0"\nrequires-python = {python}\n'
        Path(scratch, "pyproject.toml").write_text(f"{head}dependencies = [\n{lines}]\n", encoding="utf-8")
        command = [str(find_uv()), "lock", "--quiet", "--no-progress", "--directory", scratch]
        command += ["--offline"] if offline else []
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return _locked(Path(scratch)), ""
    said = " ".join(done.stderr.split())
    contradiction = "No solution found" in said or "conflicting Python requirements" in said
    if not contradiction or "network was disabled" in said:
        raise AgiError(
            "AGI-STAGE-055",
            "uv cannot tell whether the environments of the stages go together",
            found=said[:400],
            allowed="an index that answers, or everything in uv's cache",
            try_="agilab notebook union" if offline else "agilab env doctor",
            whose="environment",
            exit_code=ENVIRONMENT,
        )
    return None, said


def _pins(
    wanted: Mapping[str, Mapping[str, tuple[str, ...]]],
    pythons: Mapping[str, tuple[str, ...]],
    projects: Mapping[Path, list[str]],
    names: Mapping[Path, str],
    *,
    offline: bool,
) -> Iterator[Obstacle]:
    """The pins that contradict each other, by name: two requirements of one package that uv cannot lock even alone."""
    from packaging.requirements import InvalidRequirement, Requirement

    by_name: dict[str, list[tuple[Requirement, str, tuple[str, ...]]]] = {}
    for text, homes in wanted.items():
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue
        name = re.sub(r"[-_.]+", "-", requirement.name).lower()
        by_name.setdefault(name, []).extend((requirement, home, ids) for home, ids in homes.items())
    locked = {names[folder]: _locked(folder) for folder in projects}
    for name, entries in sorted(by_name.items()):
        for (one, home, ids), (other, elsewhere, others) in combinations(entries, 2):
            versions = {locked[place].get(name) for place in (home, elsewhere)} - {None}
            both = any(one.specifier.contains(v) and other.specifier.contains(v) for v in versions if v)
            if home == elsewhere or one.specifier == other.specifier or both:
                continue
            if _lock([str(one), str(other)], pythons, offline=offline)[0] is None:
                what = f"{name}: {home} wants {one.specifier or 'any'}, {elsewhere} wants {other.specifier or 'any'}"
                yield Obstacle("pin", (*ids, *others), what)


def _locked(folder: Path) -> dict[str, str]:
    try:
        lock = tomllib.loads((folder / "uv.lock").read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError):
        return {}
    return {
        str(package["name"]): str(package["version"])
        for package in lock.get("package", [])
        if "version" in package
        and "virtual" not in package.get("source", {})
        and "editable" not in package.get("source", {})
    }


def _toml(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


# -- names ------------------------------------------------------------------------------------------------------


def _names(lab: Lab) -> Iterator[Obstacle]:
    """Names that would mean something else in one kernel, where the latest to bind a name counts."""
    bound: dict[str, set[str]] = {}
    altered: dict[str, set[str]] = {}
    order = list(lab.resolved.order)
    for name in order:
        stage = lab.resolved.stages[name].stage
        if stage.kind != "python":
            continue
        flow = analyse(text_of(stage, lab.folder))
        if flow.syntax:
            yield Obstacle("unreadable", (name,), f"{name}: {flow.syntax}")
        bound[name] = set(flow.binds)
        altered[name] = set(flow.alters)
    for at, name in enumerate(order):
        resolved = lab.resolved.stages[name]
        for source in resolved.inputs:
            if source.kind == "value":
                yield from _taken(resolved.stage, source, order[:at], bound, altered)
        yield from _used(resolved.stage, order[:at], bound)


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
