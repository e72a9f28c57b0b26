"""What goes along when a lab is made in another folder than its notebook's: data, modules, code, the project."""

from __future__ import annotations

import posixpath
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from agi_node.errors import AgiError
from agilab.contracts.atomic import write_atomically
from agilab.contracts.lab_stages import Input, LabStages, is_file
from agilab.notebooks.document.attachments import paths_of
from agilab.notebooks.document.cells import Notebook
from agilab.notebooks.supervisor.bare import with_roles
from agilab.notebooks.supervisor.kernel import KEY
from agilab.notebooks.supervisor.opened import opened
from agilab.projects.discover import find_app
from agilab.store.workspace import Workspace

PROJECT = ("pyproject.toml", "uv.lock")
LEFT_OUT = frozenset({".git", ".venv", "__pycache__", ".ipynb_checkpoints", "node_modules"})


def read_by(lab: LabStages) -> tuple[str, ...]:
    """The files that stages take and that no other stage makes, sorted: also what a stage changes in place."""
    made: dict[str, set[str]] = {}
    for stage in lab.stages:
        for name in stage.outputs:
            made.setdefault(name, set()).add(stage.id)
    taken = (
        (stage.id, one if isinstance(one, str) else one.name) for stage in lab.stages for one in stage.inputs
    )
    return tuple(
        sorted({name for stage, name in taken if is_file(name) and not made.get(name, set()) - {stage}})
    )


def home_of(notebook: Notebook, path: Path) -> Path:
    """The folder of the lab that a notebook was exported from, as the cell that opens the lab says it."""
    for cell in with_roles(notebook).code_cells:
        about: Any = cell.metadata.get(KEY)
        if isinstance(about, dict) and about.get("role") == "open" and (said := opened(cell.source)):
            return (path.parent / said).parent
    return path.parent


def beside(lab: LabStages, home: Path) -> tuple[str, ...]:
    """What a lab's stages are run from besides their text: files of code, environments and apps in folders, sorted.

    `home` is the lab's folder: a name without a slash is a folder where a project lies there, else an app's.
    """
    files = {stage.file for stage in lab.stages if stage.file}
    folders = {name for name in _projects(lab) if "/" in name or (home / name / PROJECT[0]).is_file()}
    return tuple(sorted(files | folders))


def _projects(lab: LabStages) -> set[str]:
    """The environments and apps that stages name, without the lab's own project."""
    named = {name for stage in lab.stages for name in (stage.env, stage.app or "") if name}
    return {name for name in named if posixpath.normpath(name) != "."}


def put(files: Mapping[str, bytes], folder: Path) -> list[str]:
    """Write pictures that a notebook holds into a lab's folder; returns what was written.

    What is there already is left alone, and nothing is written outside the folder.
    """
    written = []
    for name, data in sorted(files.items()):
        target = folder / name
        if within(name) and target.resolve().is_relative_to(folder.resolve()) and not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(target, data)
            written.append(name)
    return written


def bring(home: Path, folder: Path, names: Sequence[str]) -> list[str]:
    """Copy what names mean from one folder to another; returns the files that were copied.

    What is there already is left alone, and so is what lies outside the folder, and in folders of projects what tools
    keep there.
    """
    from agilab.workflow.document.lab_folder import matching

    copied: list[str] = []
    if home.resolve() == folder.resolve():
        return copied
    for file in dict.fromkeys(file for name in names if within(name) for file in matching(home, name)):
        target = folder / file
        if within(file) and not target.exists() and not _is_kept_by_tools(file, names):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(home / file, target)
            copied.append(file)
    return copied


def _is_kept_by_tools(file: str, names: Sequence[str]) -> bool:
    """Whether a file lies in an environment or a cache, and is not itself what a name means."""
    return file not in names and bool(LEFT_OUT & set(PurePosixPath(file).parent.parts))


def within(name: str) -> bool:
    """Whether a path stays in the folder that it is relative to.

    >>> within("data/a.csv"), within("../a.csv"), within("/etc/passwd"), within("a/../../b")
    (True, False, False, False)
    """
    path = posixpath.normpath(name.replace("\\", "/"))
    return not path.startswith(("/", "../")) and path != ".." and not Path(name).is_absolute()


def wanted(lab: LabStages, folder: Path, reads: Sequence[str]) -> Iterator[str]:
    """What the stages of a lab name and its folder has not: data, files of code, folders, its own project."""
    from agilab.workflow.document.lab_folder import exists

    inputs = (one for stage in lab.stages for one in stage.inputs)
    optional = {one.name for one in inputs if isinstance(one, Input) and one.optional}
    yield from (name for name in reads if name not in optional and not exists(folder, name))
    yield from (name for name in (*beside(lab, folder), *paths_of(lab)) if not (folder / name).exists())
    apps = sorted(_projects(lab) - set(beside(lab, folder)))
    yield from (name for name in apps if not _is_an_app(name))
    own = any(stage.kind == "python" and not stage.env for stage in lab.stages)
    yield from ([PROJECT[0]] if own and not (folder / PROJECT[0]).exists() else [])


def _is_an_app(name: str) -> bool:
    """Whether an app is known by a name, as a run of the lab would find it."""
    try:
        find_app(name, Workspace.default())
    except AgiError:
        return False
    return True
