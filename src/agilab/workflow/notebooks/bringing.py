"""What goes along when a lab is made in another folder than its notebook's: data, modules, code, the project."""

from __future__ import annotations

import ast
import posixpath
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from agilab.contracts.lab_stages import LabStages, is_file
from agilab.notebooks.cells import Notebook
from agilab.notebooks.supervisor.export import KEY

PROJECT = ("pyproject.toml", "uv.lock")


def read_by(lab: LabStages) -> tuple[str, ...]:
    """The files that stages take and that none of them makes, sorted."""
    named = (one if isinstance(one, str) else one.name for stage in lab.stages for one in stage.inputs)
    made = {name for stage in lab.stages for name in stage.outputs}
    return tuple(sorted({name for name in named if is_file(name)} - made))


def home_of(notebook: Notebook, path: Path) -> Path:
    """The folder of the lab that a notebook was exported from, as the cell that opens the lab says it."""
    for cell in notebook.code_cells:
        about: Any = cell.metadata.get(KEY)
        if isinstance(about, dict) and about.get("role") == "open" and (said := _opened(cell.source)):
            return (path.parent / said).parent
    return path.parent


def _opened(source: str) -> str:
    """The text in `Lab('…')`; empty where the cell has become something else."""
    try:
        calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call) and node.args]
    except (SyntaxError, ValueError, RecursionError):
        return ""
    given = [call.args[0].value for call in calls if isinstance(call.args[0], ast.Constant)]
    return str(given[0]) if given and isinstance(given[0], str) and "\0" not in given[0] else ""


def beside(lab: LabStages) -> tuple[str, ...]:
    """What a lab's stages are run from besides their text: files of code, environments and apps in folders, sorted."""
    files = {stage.file for stage in lab.stages if stage.file}
    folders = {name for stage in lab.stages for name in (stage.env, stage.app or "") if "/" in name}
    return tuple(sorted(files | folders))


def bring(home: Path, folder: Path, names: Sequence[str]) -> list[str]:
    """Copy what names mean from one folder to another; returns the files that were copied.

    What is there already is left alone, and so is what lies outside the folder.
    """
    from agilab.workflow.document.lab_folder import matching

    copied: list[str] = []
    if home.resolve() == folder.resolve():
        return copied
    for file in dict.fromkeys(file for name in names if within(name) for file in matching(home, name)):
        target = folder / file
        if within(file) and not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(home / file, target)
            copied.append(file)
    return copied


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

    yield from (name for name in reads if not exists(folder, name))
    yield from (name for name in beside(lab) if not (folder / name).exists())
    own = any(stage.kind == "python" and not stage.env for stage in lab.stages)
    yield from ([PROJECT[0]] if own and not (folder / PROJECT[0]).exists() else [])
