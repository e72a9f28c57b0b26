"""A notebook in `notebooks/` that reads `../data/table.csv`: its lab lies above, and its code runs where it lies.

The lab is then the folder that all its paths are in; its stages have a `workdir`, and name files from the lab's folder.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from agilab.notebooks.code.named_files import where_of
from agilab.notebooks.files.file_uses import FileUse
from agilab.notebooks.files.lying_files import there
from agilab.notebooks.inspecting import Inspection, inspect
from agilab.notebooks.modules.settled import most_above


def levels_above(folder: Path, uses: Iterable[FileUse], least: int = 0) -> int:
    """How many folders above its own a notebook in `folder` reaches, with paths that lead to something there.

    A project is not left, and a home folder or what is above it never is a lab's. `least` are those that it finds
    (`settled`).
    """
    folder = folder.resolve()
    most = most_above(folder)
    named = (one.path for one in uses if one.artifact.where != "computed")
    return max(
        least,
        *(up for path in named if 0 < (up := _ups(path)) <= most and _leads(folder, path, up)),
        0,
    )


def inspected_in_place(path: Path) -> Inspection:
    """`inspect`, as of a notebook that is imported alone: with its lab above it where it reaches there."""
    inspection, folder = inspect(path), path.resolve().parent
    levels = levels_above(folder, inspection.uses, inspection.levels)
    return raised(inspect(path, beside=True), folder, levels) if levels else inspection


def common_root(folders: Sequence[Path], levels: Sequence[int]) -> Path | None:
    """The folder of the lab of notebooks in `folders`, each of which reaches so far up; None where there is none.

    It is one for all of them, so each must be allowed to have its lab there.
    """
    every = [folder.resolve() for folder in folders]
    roots = {folder if not up else folder.parents[up - 1] for folder, up in zip(every, levels, strict=True)}
    root = Path(os.path.commonpath(roots))
    may = (
        folder.is_relative_to(root) and len(folder.relative_to(root).parts) <= most_above(folder)
        for folder in every
    )
    return root if all(may) else None


def raised(inspection: Inspection, folder: Path, levels: int) -> Inspection:
    """The inspection with paths from so many folders above `folder`, where the notebook lies."""
    if not levels:
        return inspection
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
        if one.where == "outside" and where_of(from_root(one.path)) in ("relative", "computed")
    }
    return replace(
        inspection,
        uses=uses,
        modules={top: tuple(map(from_root, files)) for top, files in inspection.modules.items()},
        there=there(root, uses),
        opened=frozenset(map(from_root, inspection.opened)),
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


def _leads(folder: Path, path: str, up: int) -> bool:
    """Whether what a path begins with is there: one that leads nowhere moves no lab."""
    parts = posixpath.normpath(path).split("/")[up:]
    if not parts:
        return False
    return "*" in parts[0] or (folder.parents[up - 1] / parts[0]).exists()
