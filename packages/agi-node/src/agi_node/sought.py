"""What the code of a stage looks for in its folder: files that it opens and are not there, folders and patterns.

A stage has the files that it takes and no others, so a `glob` finds nothing where the notebook found everything, and a
`try` around `open` goes another way, without a word. Which of it lies in the lab only the manager knows.
"""

from __future__ import annotations

import contextlib
import os
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

MOST = 100
"""Paths that are told of one unit."""
_OPENS = frozenset({"open", "sqlite3.connect"})
_LISTS = frozenset({"os.listdir", "os.scandir"})
_GLOBS = {"glob.glob": "", "pathlib.Path.glob": "", "pathlib.Path.rglob": "**/"}
_EVENTS = _OPENS | _LISTS | _GLOBS.keys()
_FINDERS = ("importlib", "pkgutil", "pkg_resources", "zipp")
"""Who lists every folder in which modules may lie, the stage's own among them."""
_CARRIERS = ("glob.py", "pathlib.py", "pathlib/_abc.py", "pathlib/_local.py", "_glob.py")
_hooked = False
_current: Sought | None = None


class Sought:
    """The paths below a folder that code asked for while it ran.

    Responsible for: what Python itself opens or lists, and SQLite.
    Not responsible for: libraries that open files on their own (pyarrow, polars), and `exists`.
    """

    def __init__(self, work: Path) -> None:
        self._above = f"{os.path.realpath(work)}{os.sep}"
        self._files: dict[str, None] = {}
        self._patterns: dict[str, None] = {}

    def paths(self) -> list[str]:
        """Files that were to be read and are still not there, and what was listed, as patterns; from the folder."""
        lacking = (path for path in self._files if not os.path.lexists(self._above + path))
        return [*lacking, *self._patterns]

    def note(self, path: str, *, listed: bool) -> None:
        """A path that was opened, or a pattern that was looked for."""
        whole = os.path.normpath(os.path.join(os.getcwd(), path))
        if not whole.startswith(self._above) or (not listed and os.path.lexists(whole)):
            return
        found = self._patterns if listed else self._files
        if len(found) < MOST:
            found.setdefault(whole[len(self._above) :])


@contextlib.contextmanager
def watched(work: Path) -> Iterator[Sought]:
    """Meanwhile what is asked for below this folder is noted."""
    global _hooked, _current
    if not _hooked:
        sys.addaudithook(_see)  # there is no way to take one back
        _hooked = True
    before, _current = _current, Sought(work)
    try:
        yield _current
    finally:
        _current = before


def _see(event: str, arguments: tuple[Any, ...]) -> None:
    if _current is None or event not in _EVENTS or not arguments:
        return
    path = _text(arguments[0])
    if path is None or _is_of_others(event, sys._getframe(1).f_code):
        return
    if event in _OPENS:
        if event != "open" or _reads(arguments):
            _note(path, listed=False)
    elif event in _LISTS:
        _note(os.path.join(path, "*"), listed=True)
    elif event == "glob.glob":
        _note(path, listed=True)
    elif (pattern := _text(arguments[1])) is not None:
        _note(os.path.join(path, _GLOBS[event] + pattern), listed=True)


def _note(path: str, *, listed: bool) -> None:
    assert _current is not None
    with contextlib.suppress(OSError, ValueError):  # what is wrong with a path the code is told of itself
        _current.note(path, listed=listed)


def _text(path: object) -> str | None:
    with contextlib.suppress(Exception):
        path = os.fspath(path)  # type: ignore[call-overload]  # a number, for a file that is open
    return path if isinstance(path, str) else None


def _reads(arguments: tuple[Any, ...]) -> bool:
    """Whether a file is opened to be read: as it is, and not made."""
    _, mode, flags = (*arguments, None, None)[:3]
    if isinstance(mode, str):
        return not set(mode) & set("wax")
    return not isinstance(flags, int) or not flags & os.O_CREAT


def _is_of_others(event: str, caller: types.CodeType) -> bool:
    """Whether it is Python that looks for modules and packages, or that carries out a pattern that was noted."""
    if any(part in caller.co_filename for part in _FINDERS):
        return True
    carries = event == "os.scandir" and caller.co_filename.endswith(_CARRIERS)
    return carries and caller.co_name != "iterdir"  # which from Python 3.13 on asks in this way
