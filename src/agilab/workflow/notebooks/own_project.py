"""The uv project that an imported lab runs in: what the notebooks import, at the versions that they name; locked."""

from __future__ import annotations

import shlex
import tomllib
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

from agi_node.errors import ENVIRONMENT, AgiError
from agilab.contracts.lab_stages import LabStages, is_file
from agilab.notebooks.code.distributions import UP_TO, asked_for, distribution_of, needed_by_methods, standard
from agilab.notebooks.files.own_modules import needed_by
from agilab.notebooks.inspecting import Inspection
from agilab.notebooks.modules.named_versions import NamedVersions, normal
from agilab.workflow.document.create import project_name

_PROJECT = """[project]
name = "{name}"
version = "0.1.0"
description = "{description}"
requires-python = ">=3.11"
dependencies = [
{dependencies}
]
"""
_BOUNDS = """
[tool.uv]
# Versions that {file} names, of what comes along with the above.
constraint-dependencies = [
{constraints}
]
"""


def requirements_of(
    inspections: Sequence[Inspection], lab: LabStages, named: Collection[str] = ()
) -> tuple[str, ...]:
    """Requirements: what the notebooks import, at the versions that they install themselves; pydantic always.

    A distribution that is only assumed to provide what is imported is none: a person has to say so, or the project,
    which has it among those it has `named`.

    Objects of libraries that go from stage to stage hold functions and classes that have no name to pickle them by more
    often than not: cloudpickle takes these along.
    """
    found: dict[str, str] = {"pydantic": "pydantic>=2.9"}
    for inspection in inspections:
        for name in inspection.known_distributions:
            found.setdefault(normal(name), name)
        for module in needed_by(inspection.module_texts):  # of modules beside the notebook
            if standard(module):
                continue
            name, known = distribution_of(module)
            if (known != "assumed" or normal(module.partition(".")[0]) in named) and name != "agi-node":
                found.setdefault(normal(name), name)
        imported = {*(one.module for one in inspection.imports), *needed_by(inspection.module_texts)}
        bare = {one: distribution_of(one)[0] for one in imported if one.partition(".")[0] in UP_TO}
        found |= {name: asked_for(one) for one, name in bare.items() if found.get(name) == name}
        text = "\n".join(
            (*(one.python for one in inspection.parsed.cells), *inspection.module_texts.values())
        )
        for name in needed_by_methods(found, text):
            found.setdefault(name, name)
        for requirement in inspection.requirements:
            name, is_bare = requirement.distribution, normal(requirement.text) == requirement.distribution
            if name and not (is_bare and name in found):
                found[name] = requirement.text
    if any(not is_file(name) for stage in lab.stages if stage.kind != "none" for name in stage.outputs):
        found.setdefault("cloudpickle", "cloudpickle")
    # Tables of pandas are handed over as parquet, which pandas leaves to pyarrow.
    if "pandas" in found:
        found.setdefault("pyarrow", "pyarrow")
    return tuple(found[name] for name in sorted(found))


def project_text(folder: str, title: str, requirements: Iterable[str], named: NamedVersions) -> str:
    """The pyproject.toml of a lab in a folder of that name."""
    requirements = tuple(requirements)
    lines = "\n".join(f'    "{requirement}",' for requirement in requirements)
    description = " ".join(title.split()).replace("\\", "").replace('"', "'")[:100]
    text = _PROJECT.format(name=project_name(folder), description=description, dependencies=lines)
    constraints = "\n".join(f'    "{one}",' for one in named.beside(requirements))
    return text + (_BOUNDS.format(file=named.file, constraints=constraints) if constraints else "")


def is_for_tools_alone(file: Path) -> bool:
    """Whether a `pyproject.toml` has settings of tools and nothing that makes its folder a project."""
    table = _table(file)
    tools = table.get("tool") or {}
    return (
        table.keys() <= {"tool"} and isinstance(tools, dict) and not tools.keys() & {"poetry", "uv", "pixi"}
    )


def _table(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {"project": {}}  # whatever is wrong with it, uv says


def contradiction(folder: Path, versions: Iterable[str]) -> str:
    """Locks a project of ours whose requirements have versions that somebody named; why these cannot be had.

    Each of them has to be there for this Python: old ones would have to be compiled, which rarely works, and takes long
    to fail. Empty where all can be had, and where uv failed for another reason, which says nothing of them.
    """
    built = [word for name in versions for word in ("--no-build-package", name)]
    said = " ".join(_locked(folder, *built, ours=True).split())
    return said[said.index("Because") :][:300] if "Because" in said else ""


def _locked(folder: Path, *options: str, ours: bool) -> str:
    """Has uv lock a project; what it says where it cannot."""
    from agilab.envs import Uv
    from agilab.envs.interpreter import own_interpreter

    python = ("--python", str(own_interpreter().path)) if ours else ()
    done = Uv.found().call("lock", "--quiet", "--directory", folder, *python, *options)
    return done.err.strip()[:600] or "uv says nothing" if done.code else ""


def lock_project(folder: Path, *, ours: bool) -> None:
    """Have uv lock a project, with the Python of this process where the project is ours; no Python is fetched.

    Raises AGI-STAGE-046 where it cannot.
    """
    if "project" not in _table(folder / "pyproject.toml"):
        raise AgiError(
            "AGI-STAGE-046",
            "uv cannot lock an environment for the lab; the stages are written",
            found=f"pyproject.toml in {folder.resolve().name} has no [project] table",
            allowed="a project with dependencies, pydantic among them, or a folder without one",
            try_="agilab notebook import … --output DIR: a lab in a folder of its own has an environment of its own",
            whose="environment",
            exit_code=ENVIRONMENT,
        )
    if said := _locked(folder, ours=ours):
        at = [] if folder.resolve() == Path.cwd() else ["--directory", str(folder)]
        raise AgiError(
            "AGI-STAGE-046",
            "uv cannot lock what the notebooks import; the stages are written",
            found=said,
            allowed="distributions that exist and agree with each other",
            try_=f"edit {folder / 'pyproject.toml'}, then: {shlex.join(['uv', 'lock', *at])}",
            whose="environment",
            exit_code=ENVIRONMENT,
        )
