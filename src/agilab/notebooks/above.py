"""A notebook in `notebooks/` that reads `../data/table.csv`: its lab lies above, and its code runs where it lies.

The lab is then the folder that all its paths are in; its stages have a `workdir`, and name files from the lab's folder.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from agilab.notebooks.file_uses import FileUse
from agilab.notebooks.inspecting import Inspection
from agilab.notebooks.lying_files import there
from agilab.notebooks.named_files import where_of

MARKS = (".git", "pyproject.toml", "uv.lock", "lab_stages.toml")
"""A folder with one of these is a project of its own: its lab lies nowhere above."""
HIGHEST = 3
"""Folders above the notebook's own, among which the lab's is looked for."""


def levels_above(folder: Path, uses: Iterable[FileUse]) -> int:
    """How many folders above its own a notebook in `folder` reaches, with paths that lead to something there.

    A project is not left, and a home folder or what is above it never is a lab's.
    """
    folder = folder.resolve()
    most = _most(folder)
    named = (one.path for one in uses if one.artifact.where != "computed")
    return max(
        (up for path in named if 0 < (up := _ups(path)) <= most and _leads(folder, path, up)), default=0
    )


def raised(inspection: Inspection, folder: Path, levels: int) -> Inspection:
    """The inspection with paths from so many folders (1 or more) above `folder`, where the notebook lies."""
    folder = folder.resolve()
    root = folder.parents[levels - 1]
    workdir = folder.relative_to(root).as_posix()

    def from_root(path: str) -> str:
        if path == "." or where_of(path) not in ("relative", "outside"):
            return path
        return posixpath.normpath(posixpath.join(workdir, path))

    uses = tuple(
        replace(one, path=from_root(one.path), wide=one.wide and from_root(one.wide))
        if one.artifact.where != "computed"
        else one
        for one in inspection.uses
    )
    inside = {
        (one.cell, one.line)
        for one in inspection.artifacts
        if one.where == "outside" and where_of(from_root(one.path)) == "relative"
    }
    return replace(
        inspection,
        uses=uses,
        modules={top: tuple(map(from_root, files)) for top, files in inspection.modules.items()},
        there=there(root, uses),
        findings=tuple(
            one for one in inspection.findings if one.code != "NB-303" or (one.cell, one.line) not in inside
        ),
        workdir=workdir,
    )


def root_of(notebook: Path, workdir: str) -> Path:
    """The folder of which a notebook's own is the `workdir`.

    >>> root_of(Path("study/notebooks/a.ipynb"), "notebooks"), root_of(Path("a.ipynb"), "")
    (PosixPath('study'), PosixPath('.'))
    """
    levels = len(Path(workdir).parts)
    found = Path(os.path.normpath(notebook.parent.joinpath(*[".."] * levels)))
    real = notebook.parent.resolve().parents[levels - 1] if levels else found
    return found if not levels or found.resolve() == real else real


def _ups(path: str) -> int:
    """How many folders up a path leads.

    >>> _ups("../../a/b.csv"), _ups("a/../b.csv"), _ups("/etc"), _ups("../..")
    (2, 0, 0, 2)
    """
    parts = posixpath.normpath(path).split("/")
    return next((number for number, part in enumerate(parts) if part != ".."), len(parts))


def _most(folder: Path) -> int:
    """How many folders above this one may be a lab's."""
    home = Path.home().resolve()
    for number, (left, above) in enumerate(pairwise((folder, *folder.parents[:HIGHEST]))):
        if (
            any((left / mark).exists() for mark in MARKS)
            or home.is_relative_to(above)
            or above.parent == above
        ):
            return number
    return min(HIGHEST, len(folder.parents))


def _leads(folder: Path, path: str, up: int) -> bool:
    """Whether what a path begins with is there: one that leads nowhere moves no lab."""
    parts = posixpath.normpath(path).split("/")[up:]
    if not parts:
        return False
    return "*" in parts[0] or (folder.parents[up - 1] / parts[0]).exists()
