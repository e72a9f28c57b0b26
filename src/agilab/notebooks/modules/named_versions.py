"""The versions that a project names for its packages, in `requirements.txt` and the like, for the lab's environment.

A notebook on other versions gives other values, or none. What its project names counts for what the notebook imports,
and bounds whatever comes along with that; nothing is installed for being listed.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from agilab.notebooks.code.brought_code import text_of_file
from agilab.notebooks.code.distributions import UP_TO
from agilab.notebooks.findings import Finding
from agilab.notebooks.modules.settled import most_above
from agilab.notebooks.rules import found

if TYPE_CHECKING:
    from packaging.requirements import Requirement

_OURS = frozenset({"agi-node", "agilab", "pydantic"})
"""The worker's own needs: what a project names of them does not count."""
_CONDA = re.compile(r"\s*-\s*([A-Za-z][\w.-]*)(?:\s*(==?|[<>!~]=?)\s*([\w.*,<>=!~]+))?\s*(?:#.*)?$")
_DEEPEST = 5


@dataclass(frozen=True)
class NamedVersions:
    """What a file names.

    Attributes:
        file: Its path as a person calls it from where the notebook lies.
        versions: By distribution, in lower case with hyphens, which of its versions: "==2.1.4", "<2".
    """

    file: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)

    def of(self, dependencies: Iterable[str]) -> tuple[str, ...]:
        """Requirements with the versions for those that name none themselves."""
        ours = (*UP_TO.values(),)
        bare = (
            name_of(one) if one in ours and name_of(one) in self.versions else one for one in dependencies
        )
        return tuple(
            f"{one}{self.versions.get(normal(one), '')}" if re.fullmatch(r"[\w.-]+", one) else one
            for one in bare
        )

    def beside(self, dependencies: Iterable[str]) -> tuple[str, ...]:
        """The versions of everything else, which bound what comes along."""
        names = {name_of(one) for one in dependencies}
        return tuple(f"{name}{of}" for name, of in sorted(self.versions.items()) if name not in names)

    def is_of(self, requirement: str) -> bool:
        """Whether a requirement has the versions that are named here."""
        return requirement.endswith(self.versions.get(name_of(requirement)) or "\0")

    def findings(self, dependencies: Iterable[str]) -> Iterator[Finding]:
        """NB-207 where a version counts for one of these requirements."""
        counting = [one for one in dependencies if self.is_of(one)]
        if counting:
            told = ", ".join(counting[:6]) + (f" and {len(counting) - 6} more" if len(counting) > 6 else "")
            yield found("NB-207", f"{self.file} names versions, which count: {told}")


def named_distributions(folder: Path) -> frozenset[str]:
    """The distributions that the project of a notebook in a folder names, in whatever version."""
    here = folder.resolve()
    for above in (here, *here.parents[: most_above(here)]):
        lines = (line for name, read in _FILES.items() for line in read(above / name))
        names = {normal(one.name) for line in lines if (one := _parsed(line)) is not None}
        if names:
            return frozenset(names)
    return frozenset()


def named_versions(notebook: Path) -> NamedVersions:
    """Those that count for a notebook: of the file that lies nearest, in its folder or above in its project."""
    here = notebook.resolve().parent
    for number, folder in enumerate([here, *here.parents[: most_above(here)]]):
        for name, read in _FILES.items():
            versions = dict(_versions(read(folder / name)))
            if versions:
                return NamedVersions("../" * number + name, versions)
    return NamedVersions()


def _versions(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        parsed = _parsed(line)
        if parsed is None or parsed.url or normal(parsed.name) in _OURS:
            continue
        if parsed.specifier and (parsed.marker is None or parsed.marker.evaluate()):
            yield normal(parsed.name), str(parsed.specifier)


def _parsed(line: str) -> Requirement | None:
    from packaging.requirements import InvalidRequirement, Requirement

    text = re.sub(r"(^|\s)#.*|\s--hash\S*|\\$", "", line).strip()
    try:
        return Requirement(text) if text and not text.startswith("-") else None
    except InvalidRequirement:
        return None


def _of_requirements(file: Path, depth: int = 0) -> Iterator[str]:
    """The lines of a file, and of those that it names by `-r` and `-c`."""
    text = text_of_file(file) or ""
    if "\0" in text:  # as PowerShell writes what `pip freeze` prints
        text = file.read_bytes().decode("utf-16", "replace")
    for line in text.splitlines():
        other = re.match(r"\s*(?:-r|-c|--requirement|--constraint)[\s=]*(\S+)", line)
        if other is None:
            yield line
        elif depth < _DEEPEST:
            yield from _of_requirements(file.parent / other[1], depth + 1)


def _of_project(file: Path) -> Iterator[str]:
    try:
        table = tomllib.loads(text_of_file(file) or "").get("project", {})
    except tomllib.TOMLDecodeError:
        return
    listed = table.get("dependencies", []) if isinstance(table, dict) else []
    yield from (one for one in listed if isinstance(one, str))


def _of_conda(file: Path) -> Iterator[str]:
    """As pip writes them: `numpy=1.26` of conda is any 1.26."""
    for line in (text_of_file(file) or "").splitlines():
        if (match := _CONDA.match(line)) and match[1] not in ("python", "pip"):
            name, how, version = match.group(1), match.group(2) or "", match.group(3) or ""
            version = version.partition("=")[0] if how == "=" else version  # the third part is a build's
            yield f"{name}=={version.rstrip('.*')}.*" if how == "=" else f"{name}{how}{version}"


_FILES = {
    "requirements.txt": _of_requirements,
    "pyproject.toml": _of_project,
    "environment.yml": _of_conda,
    "environment.yaml": _of_conda,
}


def name_of(requirement: str) -> str:
    """The distribution of a requirement, in lower case with hyphens.

    >>> name_of("Flask_SQLAlchemy[asyncio]>=3")
    'flask-sqlalchemy'
    """
    return normal(re.split(r"[^\w.-]", requirement, maxsplit=1)[0])


def normal(name: str) -> str:
    """The name of a distribution in lower case with hyphens."""
    return re.sub(r"[-_.]+", "-", name).lower()
