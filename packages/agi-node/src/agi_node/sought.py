"""What the code of a stage looks for in its folder: files that are not there, folders and patterns.

A stage has the files that it takes and no others, so a `glob` finds nothing where the notebook found everything, and
what asks `exists()` or opens in a `try` goes another way, without a word. Which of it lies in the lab only the manager
knows.
"""

from __future__ import annotations

import contextlib
import functools
import os
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from agi_node import ready_folders

MOST = 100
"""Paths that are told of one unit."""
_LISTS = frozenset({"os.listdir", "os.scandir"})
_GLOBS = {"glob.glob": "", "pathlib.Path.glob": "", "pathlib.Path.rglob": "**/"}
_EVENTS = _LISTS | _GLOBS.keys() | {"open", "sqlite3.connect", "os.mkdir"}
_FINDERS = ("importlib", "pkgutil", "pkg_resources", "zipp", "linecache", "inspect.py")
"""Who looks in every folder in which modules may lie, the stage's own among them."""
_CARRIERS = ("glob.py", "pathlib.py", "pathlib/_abc.py", "pathlib/_local.py", "_glob.py")
_ASKED_THROUGH = (*_CARRIERS, "genericpath.py", "genericpath>", "os.py", "<frozen os>", __file__)
"""Who asks for others whether a path is there."""
_STANDARD = (os.path.dirname(os.__file__) + os.sep, "<frozen ")
_TOLD = "agi_sought"
_MAKES = {"mkdir", "makedirs"}
"""Names in code that makes folders."""
_stat = os.stat
_hooked = False
_current: Sought | None = None


class Sought:
    """The paths below a folder that code asked for while it ran.

    Responsible for: what Python itself opens, lists or asks about (`exists`, `is_dir`), and SQLite.
    Not responsible for: libraries that open files on their own (pyarrow, polars); processes that the code starts.
    """

    def __init__(self, work: Path) -> None:
        self._above = f"{os.path.realpath(work)}{os.sep}"
        self._files: dict[str, None] = {}
        self._patterns: dict[str, None] = {}
        self._in_passing: set[str] = set()
        self._begun: dict[str, None] = {}
        self._folders: set[str] = set()

    def paths(self) -> list[str]:
        """What was not there when it was asked for, and what was listed, as patterns; from the folder.

        A file may be there by now, since code often makes what it does not find. Not so a folder, which is often asked
        for in order to make it, nor what a library asks about on its way to write it.
        """
        return [*(path for path in self._files if not self._is_made(path)), *self._patterns]

    def begun(self) -> list[str]:
        """Files that were added to and were not there."""
        return [*self._begun]

    def ask(self, path: str, *, in_passing: bool = False) -> None:
        """A path that is opened or asked about, `in_passing` by a library that tells nobody."""
        inside = self._inside(path)
        if inside and (inside in self._begun or not os.path.lexists(self._above + inside)):
            if not in_passing:
                self._in_passing.discard(inside)
            elif inside not in self._files:
                self._in_passing.add(inside)
            _add(inside, self._files)

    def begin(self, path: str) -> None:
        """A file that is added to: where it is not there, whoever reads it afterwards reads another one."""
        inside = self._inside(path)
        if inside and inside not in self._files and not os.path.lexists(self._above + inside):
            _add(inside, self._begun)

    def make(self, folder: str) -> None:
        """A folder that is made."""
        self._folders.add(self._inside(folder))

    def list(self, pattern: str) -> None:
        """A pattern that is looked for."""
        if inside := self._inside(pattern):
            _add(inside, self._patterns)

    def may_hold(self, path: str) -> bool:
        """Whether a path may lie in the folder, at a glance."""
        return not os.path.isabs(path) or path.startswith(self._above)

    def _is_made(self, path: str) -> bool:
        whole = self._above + path
        return path in self._folders or (path in self._in_passing and os.path.lexists(whole))

    def _inside(self, path: str) -> str:
        with contextlib.suppress(OSError, ValueError):  # what is wrong with a path the code is told of itself
            whole = os.path.normpath(os.path.join(os.getcwd(), path))
            if whole.startswith(self._above):
                return whole[len(self._above) :]
        return ""


def _add(path: str, found: dict[str, None]) -> None:
    if len(found) < MOST:
        found.setdefault(path)


@contextlib.contextmanager
def watched(work: Path) -> Iterator[Sought]:
    """Meanwhile what is asked for below this folder is noted; an error that ends it takes that along (`sought_by`)."""
    global _hooked, _current
    if not _hooked:
        sys.addaudithook(_see)  # there is no way to take one back
        _hooked = True
    before, _current = _current, Sought(work)
    sets = [one for one in (os.supports_dir_fd, os.supports_fd, os.supports_follow_symlinks) if _stat in one]
    for one in sets:
        one.add(_asked)
    os.stat = _asked
    try:
        yield _current
    except BaseException as error:
        if paths := _current.paths():
            with contextlib.suppress(Exception):  # of a class that allows no more attributes
                setattr(error, _TOLD, paths)
        raise
    finally:
        if before is None:
            os.stat = _stat
        _current = before


def sought_by(error: BaseException) -> list[str]:
    """What a stage had looked for when this error ended it; see `Sought.paths`."""
    return list(getattr(error, _TOLD, ()))


@functools.wraps(_stat)
def _asked(path: Any, *, dir_fd: int | None = None, follow_symlinks: bool = True) -> os.stat_result:
    """`os.stat`, which no hook is told of, and through which `exists` and the like ask."""
    try:
        found = _stat(path, dir_fd=dir_fd, follow_symlinks=follow_symlinks)
        text = _text(path) if _current is not None and dir_fd is None else None
        if text is None or not ready_folders.is_ready(text):
            return found
        code = _asker()
        if code is not None and _MAKES & {*code.co_names} and "site-packages" not in code.co_filename:
            ready_folders.vacate(
                text
            )  # whoever makes folders, and asks first, finds what is there without us
        return _stat(path, dir_fd=dir_fd, follow_symlinks=follow_symlinks)
    except (FileNotFoundError, NotADirectoryError):
        if _current is not None and dir_fd is None and (text := _text(path)) and _current.may_hold(text):
            code = _asker()
            file = code.co_filename if code is not None else ""
            if not any(part in file for part in _FINDERS):
                _current.ask(text, in_passing=file.startswith(_STANDARD) or "site-packages" in file)
        raise


def _asker() -> types.CodeType | None:
    """The code that asks, through `exists` and the like, whether a path is there."""
    frame: types.FrameType | None = sys._getframe(2)
    while frame is not None and frame.f_code.co_filename.endswith(_ASKED_THROUGH):
        frame = frame.f_back
    return frame.f_code if frame is not None else None


def _see(event: str, arguments: tuple[Any, ...]) -> None:
    if _current is None or event not in _EVENTS or not arguments:
        return
    path = _text(arguments[0])
    if path is None or _is_of_others(event, sys._getframe(1).f_code):
        return
    if event == "open":
        _opened(_current, path, arguments)
    elif event == "sqlite3.connect":
        _current.ask(path)
    elif event == "os.mkdir":
        _current.make(path)
    elif event in _LISTS:
        _current.list(os.path.join(path, "*"))
    elif event == "glob.glob":
        _current.list(path)
    elif (pattern := _text(arguments[1])) is not None:
        _current.list(os.path.join(path, _GLOBS[event] + pattern))


def _opened(sought: Sought, path: str, arguments: tuple[Any, ...]) -> None:
    """A file as it is, or one that is added to; one that is made anew nobody had looked for, unless it must be new."""
    _, mode, flags = (*arguments, None, None)[:3]
    if isinstance(flags, int) and flags & os.O_EXCL:
        sought.ask(path)
    elif isinstance(mode, str):
        if "a" in mode and "+" not in mode:
            sought.begin(path)
        elif not set(mode) & set("wx"):
            sought.ask(path)
    elif not isinstance(flags, int) or not flags & os.O_CREAT:
        sought.ask(path)


def _text(path: object) -> str | None:
    with contextlib.suppress(Exception):
        path = os.fspath(path)  # type: ignore[call-overload]  # a number, for a file that is open
    return path if isinstance(path, str) else None


def _is_of_others(event: str, caller: types.CodeType) -> bool:
    """Whether it is Python that looks for modules and packages, or that carries out a pattern that was noted."""
    if any(part in caller.co_filename for part in _FINDERS):
        return True
    carries = event == "os.scandir" and caller.co_filename.endswith(_CARRIERS)
    return carries and caller.co_name != "iterdir"  # which from Python 3.13 on asks in this way
