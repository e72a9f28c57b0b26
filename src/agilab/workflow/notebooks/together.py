"""The environments of several uv projects as one: resolved together by uv for real, or what keeps stages apart."""

from __future__ import annotations

import re
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Any

from agi_node.errors import ENVIRONMENT, AgiError
from agilab.envs import Uv
from agilab.envs.interpreter import candidates, own_interpreter
from agilab.notebooks.supervisor.endings import endings

MOST_TRIED = 30
"""Requirements of which each is left out in turn, to find those that cannot be had together."""
Wanted = dict[str, dict[str, tuple[str, ...]]]
"""For each requirement the projects that have it, and their stages."""
_PYTHONS = tuple(f"3.{minor}.{patch}" for minor in range(11, 40) for patch in range(30))
"""Pythons that there are, and some that may be."""


@dataclass(frozen=True)
class Obstacle:
    """Something that keeps stages from sharing one kernel.

    Attributes:
        kind: `runtime`, `foreach`, `workdir`, `environment`, `python`, `pin`, `name`, `changed`, `script` or
            `unreadable`.
        stages: Those concerned.
    """

    kind: str
    stages: tuple[str, ...]
    what: str

    def to_plain(self) -> dict[str, Any]:
        """The obstacle as JSON."""
        return {"kind": self.kind, "stages": list(self.stages), "what": self.what}


def as_a_cell(stage: str, code: str) -> Iterator[Obstacle]:
    """Where a stage's code does as a script of its own what no cell of a kernel can: end well, and ask for its file."""
    for one in endings(code):
        yield Obstacle("script", (stage,), f"{stage} has {one.what} in line {one.line}: {one.why}")


def resolved_together(
    projects: Mapping[Path, list[str]], names: Mapping[Path, str], *, offline: bool
) -> tuple[dict[str, str], list[Obstacle], str]:
    """All direct requirements in one project, locked by uv for real: the versions, else what keeps them apart.

    Where they go together on this machine's Python and system but not on every other one that the projects allow, the
    third says which these are. Raises AGI-STAGE-055 where uv cannot tell, as without a network, or where this machine
    has no Python that all the projects allow: none is fetched.
    """
    wanted: Wanted = {}
    pythons: dict[str, tuple[str, ...]] = {}
    for folder, ids in projects.items():
        table = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8")).get("project", {})
        for requirement in table.get("dependencies", []):
            wanted.setdefault(str(requirement), {})[names[folder]] = tuple(ids)
        pythons[str(table.get("requires-python", ">=3.11"))] = tuple(ids)
    locking = Locking(tuple(pythons), _python_for(pythons), offline=offline)
    found, said = locking.lock(wanted)
    if found is not None:
        return found, [], ""
    here = ".".join(map(str, sys.version_info[:2]))
    if all(_allows(python, here) for python in pythons):
        found, _ = locking.on_this_machine(here).lock(wanted)
        if found is not None:
            return found, [], f"Python {here} on {sys.platform}"
    conflicts = list(_pins(wanted, projects, names, locking))
    if len(pythons) > 1 and not conflicts:
        stages = tuple(_stages(pythons))
        conflicts.append(Obstacle("python", stages, f"Python {' and '.join(pythons)}"))
    elif not conflicts:
        conflicts += _at_odds(wanted, locking)
    everybody = tuple(name for ids in projects.values() for name in ids)
    return {}, [*conflicts, Obstacle("environment", everybody, f"uv: {_tidy(said)}")], ""


def _allows(python: str, version: str) -> bool:
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        return any(SpecifierSet(python).contains(f"{version}.{patch}") for patch in (0, 99))
    except InvalidSpecifier:
        return False


def _python_for(pythons: Mapping[str, tuple[str, ...]]) -> Path | None:
    """A Python of this machine that all of these allow; None where no Python ever could.

    Raises AGI-STAGE-055, which names those that are here, where one could and none is here.
    """
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    asked = ",".join(pythons)
    try:
        specifier = SpecifierSet(asked)
    except InvalidSpecifier:
        return None  # for uv to say
    own = own_interpreter()
    if specifier.contains(own.plain_version, prereleases=True):
        return own.path
    could = next(filter(specifier.contains, _PYTHONS), "").removesuffix(".0")
    if not could:
        return None
    seen = [own.version]
    for version, path in candidates():
        seen.append(version)
        if specifier.contains(version, prereleases=True):
            return path
    raise AgiError(
        "AGI-STAGE-055",
        "uv cannot tell whether the environments of the stages go together without a Python that they allow",
        found=f"on this machine: Python {', '.join(dict.fromkeys(seen))}",
        allowed=f"Python {' and '.join(pythons)} (requires-python of {', '.join(_stages(pythons))})",
        try_=f"uv python install {could}; or widen requires-python",
        whose="environment",
        exit_code=ENVIRONMENT,
    )


def _stages(pythons: Mapping[str, tuple[str, ...]]) -> list[str]:
    return [name for ids in pythons.values() for name in ids]


def _at_odds(wanted: Wanted, locking: Locking) -> Iterator[Obstacle]:
    """The requirements without any one of which the others could be had: they disagree about another package."""
    if len(wanted) > MOST_TRIED:
        return
    culprits = [one for one in wanted if locking.lock([o for o in wanted if o != one])[0] is not None]
    if culprits:
        said = [f"{one} ({', '.join(wanted[one])})" for one in culprits]
        stages = dict.fromkeys(stage for one in culprits for ids in wanted[one].values() for stage in ids)
        yield Obstacle("pin", tuple(stages), f"{' and '.join(said)} cannot be had together")


def _tidy(said: str) -> str:
    """uv's own words in one line, cut between two of them."""
    text = said.removeprefix("error: ").replace(" cause: ", ": ")
    return text if len(text) <= 400 else f"{text[:400].rpartition(' ')[0]} …"


@dataclass(frozen=True)
class Locking:
    """How uv is asked: for which Pythons, with which of this machine, with a network or without, for which system."""

    pythons: tuple[str, ...]
    python: Path | None
    offline: bool
    system: str = ""

    def on_this_machine(self, version: str) -> Locking:
        """The same for one Python and this system."""
        return replace(self, pythons=(*self.pythons, f"=={version}.*"), system=sys.platform)

    def lock(self, requirements: Iterable[str]) -> tuple[dict[str, str] | None, str]:
        """What uv locks for these requirements together, name to version; None, and why, where they contradict each
        other.

        Raises AGI-STAGE-055 where uv cannot tell, as without a network.
        """
        with tempfile.TemporaryDirectory(prefix="agilab-union-") as scratch:
            Path(scratch, "pyproject.toml").write_text(self._project(requirements), encoding="utf-8")
            words: list[str | Path] = ["lock", "--quiet", "--directory", scratch]
            words += ["--python", self.python] if self.python else []
            done = Uv.found().call(*words, *(["--offline"] if self.offline else []))
            if done.code == 0:
                return locked_in(Path(scratch)), ""
        said = " ".join(done.err.split())
        contradiction = "No solution found" in said or "conflicting Python requirements" in said
        if not contradiction or "network was disabled" in said:
            raise AgiError(
                "AGI-STAGE-055",
                "uv cannot tell whether the environments of the stages go together",
                found=said[:400],
                allowed="an index that answers, or everything in uv's cache",
                try_="agilab notebook union" if self.offline else "agilab env doctor",
                whose="environment",
                exit_code=ENVIRONMENT,
            )
        return None, said

    def _project(self, requirements: Iterable[str]) -> str:
        lines = "".join(f"    {_toml(one)},\n" for one in requirements)
        python = _toml(",".join(dict.fromkeys(self.pythons)))
        only = (
            f"[tool.uv]\nenvironments = [{_toml(f'sys_platform == {self.system!r}')}]\n"
            if self.system
            else ""
        )
        head = f'[project]\nname = "union"\nversion = "0"\nrequires-python = {python}\n'
        return f"{head}dependencies = [\n{lines}]\n{only}"


def _pins(
    wanted: Wanted,
    projects: Mapping[Path, list[str]],
    names: Mapping[Path, str],
    locking: Locking,
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
    locked = {names[folder]: locked_in(folder) for folder in projects}
    for name, entries in sorted(by_name.items()):
        for (one, home, ids), (other, elsewhere, others) in combinations(entries, 2):
            versions = {locked[place].get(name) for place in (home, elsewhere)} - {None}
            both = any(one.specifier.contains(v) and other.specifier.contains(v) for v in versions if v)
            if home == elsewhere or one.specifier == other.specifier or both:
                continue
            if locking.lock([str(one), str(other)])[0] is None:
                what = f"{name}: {home} wants {one.specifier or 'any'}, {elsewhere} wants {other.specifier or 'any'}"
                yield Obstacle("pin", (*ids, *others), what)


def locked_in(folder: Path) -> dict[str, str]:
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
