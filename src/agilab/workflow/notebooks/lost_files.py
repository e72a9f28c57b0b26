"""Files that a notebook wrote, and that no stage of its pipeline leaves."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from agilab.contracts.notebook_import import Compared, ImportedNotebook

CACHES = frozenset(
    {
        *("__pycache__", ".ipynb_checkpoints", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis"),
        *(".cache", ".ipython", ".jupyter", ".matplotlib", ".numba_cache", ".virtual_documents", "joblib"),
    }
)
"""Folders in which tools keep what they make again when it is gone."""
TAG = "CACHEDIR.TAG"
"""A file that says of its folder that it is one (https://bford.info/cachedir/)."""
MANY = 12
"""So many files of one folder are told as one."""

LOST = "written by the notebook"
"""Begins the words on a file that no stage leaves."""

TICK = 0.004
"""Seconds by which the time of a file may lie before it was written: file systems look at a coarse clock."""


def caches_in(paths: Collection[str]) -> tuple[str, ...]:
    """The folders of caches in which these files are."""
    tagged = {str(PurePosixPath(path).parent) for path in paths if PurePosixPath(path).name == TAG}
    return tuple(sorted({cache for path in paths if (cache := _cache_of(path, tagged))}))


def lost_files(
    notebook: ImportedNotebook,
    written: Mapping[str, float],
    left: Collection[str],
    promised: Iterable[str],
    began: Mapping[int, float],
) -> list[Compared]:
    """What the notebook wrote besides what stages have `left`; where a stage did not end, `promised` is what it would.

    `written` are the files with the time of their last change, `began` says when each cell did.
    """
    caches = caches_in(written)
    stages = {cell: stage.id for stage in notebook.stages for cell in stage.cells}
    promised = tuple(promised)
    gone: dict[tuple[str, int | None], list[str]] = {}
    for path, when in sorted(written.items()):
        if path in left or any(_is_under(path, cache) for cache in caches):
            continue
        if any(fnmatchcase(path, one) or (one.endswith("/") and path.startswith(one)) for one in promised):
            continue
        cell = next((one for one, at in sorted(began.items(), reverse=True) if at <= when + TICK), None)
        gone.setdefault((str(PurePosixPath(path).parent), cell), []).append(path)
    found = []
    for (folder, cell), paths in gone.items():
        names = paths if len(paths) < MANY else [f"{folder}/ ({len(paths):,} files)"]
        stage = stages.get(cell, "") if cell is not None else ""
        found += [
            Compared(kind="file", name=name, stage=stage, equal=False, why=_why(name, stage), cell=cell)
            for name in names
        ]
    return found


def _why(name: str, stage: str) -> str:
    if name.startswith("../"):
        return f"{LOST}, by no stage: it is outside the folder"
    if not stage:
        return f"{LOST}, by no stage"
    return f"{LOST} in a cell of stage {stage}, among whose outputs it is not"


def _cache_of(path: str, tagged: Collection[str]) -> str:
    parts = PurePosixPath(path).parts[:-1]
    for depth, part in enumerate(parts, 1):
        folder = "/".join(parts[:depth])
        if part in CACHES or folder in tagged:
            return folder
    return ""


def _is_under(path: str, folder: str) -> bool:
    return path.startswith(f"{folder}/")
