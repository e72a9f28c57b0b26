"""Folders that are there before the code of a stage, for the files that it promises.

In a notebook an earlier cell may have made them. Where the code makes one itself (`os.mkdir("out")`), it must find
nothing there: Python tells an audit hook before it makes a folder, and then the empty one goes; so it does where code
that makes folders asks whether it is there (`agi_node.sought`). And where it makes one
in a folder that lies in the lab (`os.mkdir("data/out")`), that one is made with it: a stage has only what it takes.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

_ready: set[str] = set()
"""The folders, while the code of a stage runs."""
_works: list[str] = []
"""The folders in which that code runs."""
_hooked = False


@contextlib.contextmanager
def ready(folders: Iterable[Path], work: Path) -> Iterator[None]:
    """Make folders below `work`, and those above them; while this is open, code may make them again."""
    global _hooked
    for folder in folders:
        there = next(one for one in (folder, *folder.parents) if one.exists())
        folder.mkdir(parents=True, exist_ok=True)
        while folder not in (work, there):
            _ready.add(os.path.realpath(folder))
            folder = folder.parent
    _works.append(os.path.realpath(work))
    if not _hooked:
        sys.addaudithook(_before)  # there is no way to take one back
        _hooked = True
    try:
        yield
    finally:
        _ready.clear()
        _works.pop()


def _before(event: str, arguments: tuple[Any, ...]) -> None:
    """Take a folder away that is about to be made; one in which a file is stays, and making it fails as it would."""
    if event != "os.mkdir" or not _works or not isinstance(arguments[0], (str, os.PathLike)):
        return
    path = os.path.abspath(arguments[0])
    above = os.path.dirname(path)
    if os.path.realpath(above).startswith(f"{_works[-1]}{os.sep}") and not os.path.lexists(above):
        os.makedirs(above, exist_ok=True)
    vacate(path)


def is_ready(path: str) -> bool:
    """Whether a folder is there for the stage's files alone."""
    return bool(_ready) and os.path.abspath(path) in _ready


def vacate(path: str) -> None:
    """Take such a folder away, and those in it, if they are empty."""
    path = os.path.abspath(path)
    if path not in _ready:
        return
    with contextlib.suppress(OSError):
        for folder in sorted(
            (one for one in _ready if f"{one}{os.sep}".startswith(f"{path}{os.sep}")), reverse=True
        ):
            _ready.discard(folder)
            os.rmdir(folder)
