"""The files of a lab's folder that stages read: found by path, by pattern, or as a whole folder."""

from __future__ import annotations

import glob
import re
from pathlib import Path
from typing import Any

from agilab.workflow.document.locate import FILE, REPORT

_ITEM = re.compile(r"\{[A-Za-z_][A-Za-z0-9_]*\}")


def matching(folder: Path, name: str) -> list[str]:
    """The files that an input means, relative to the folder, sorted: one, those of a pattern, those below a folder.

    `{city}` in a name, an item of a mapped stage, stands for anything here. What the lab itself keeps beside its
    document is never meant by a pattern.
    """
    name = name.removeprefix("./")
    pattern = _ITEM.sub("*", name)
    path = folder / pattern
    if pattern == name and path.is_file():
        return [name]
    if pattern == name and path.is_dir():
        found = [file for file in path.rglob("*") if file.is_file()]
        return sorted(file.relative_to(folder).as_posix() for file in found)
    if glob.has_magic(pattern):
        names = glob.glob(pattern, root_dir=folder, recursive=True)
        return sorted(one for one in names if (folder / one).is_file() and not is_labs(one))
    return []


def is_labs(path: str) -> bool:
    """Whether a file is the lab's document, one that was kept of it, or what its import said."""
    return path in (FILE, REPORT) or path.startswith(f"{FILE}.bak")


def exists(folder: Path, name: str) -> bool:
    """Whether an input means anything in the folder."""
    return bool(matching(folder, name))


def references(folder: Path, name: str, root: str) -> list[dict[str, Any]]:
    """The files that an input means, as file references whose digest is not yet known."""
    return [
        {"root": root, "path": path, "size": (folder / path).stat().st_size, "digest": ""}
        for path in matching(folder, name)
    ]
