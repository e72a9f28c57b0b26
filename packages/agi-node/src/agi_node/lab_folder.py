"""The folder in which a stage, or a notebook, finds what its lab has: another one each time it runs.

A path into it that code keeps in a value (`ROOT = Path.cwd().parent`, `files = sorted(ROOT.glob("*.csv"))`) leads, in
the next stage, into the folder of that one.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePath
from typing import Any

MARK = "⟨lab⟩"
"""Stands for the folder in values that are handed over."""
_DEEPEST = 40
_HOLDERS = (list, tuple, dict, set, frozenset)
_current = ""


@contextlib.contextmanager
def running_in(folder: Path) -> Iterator[None]:
    """Meanwhile this is the folder."""
    global _current
    before, _current = _current, str(folder)
    try:
        yield
    finally:
        _current = before


def stays_in(folder: str) -> None:
    """From now on this is the folder: for a process that runs one notebook."""
    global _current
    _current = folder


def levels_above(folder: str, root: str = "") -> int:
    """How many folders above one are named by the way that leads there: those up to the one that the lab lies in.

    >>> levels_above("/a/lab/notebooks/eda", "/a/lab"), levels_above("/a/lab", "/a/lab"), levels_above("/x")
    (3, 1, 1)
    """
    root = root or _current
    if not root or not f"{folder}/".startswith(f"{root}/"):
        return 1
    return folder.removeprefix(root).count("/") + 1


def module_folders() -> list[str]:
    """Where below the folder the modules were found that lie there, by the way from it, in their order."""
    here = f"{os.path.realpath(_current)}/"
    loaded = (getattr(one, "__file__", None) for one in list(sys.modules.values()) if _current)
    below = (f"{_current}/", here)
    own = [os.path.realpath(path) for path in loaded if isinstance(path, str) and path.startswith(below)]
    places = dict.fromkeys(f"{os.path.realpath(one)}/" for one in sys.path if own)
    found = [one for one in places if one.startswith(here) and any(path.startswith(one) for path in own)]
    return [os.path.relpath(one, here) for one in found]


@contextlib.contextmanager
def looking_in(folders: Sequence[str]) -> Iterator[None]:
    """Meanwhile modules are looked for there too, as `module_folders` said it of another such folder."""
    before = list(sys.path)
    sys.path += [os.path.normpath(os.path.join(_current, one)) for one in folders if _current]
    try:
        yield
    finally:
        sys.path[:] = before


def leave(value: Any) -> Any:
    """A value for another stage: a copy with `MARK` in the paths into the folder; None where it has none.

    Looked into are Python's own lists, tuples, dicts and sets; a list of a million numbers costs what telling their
    types does.
    """
    here = _current
    if not here or not _leads(value, here, f"{here}/"):
        return None
    return _mapped(value, lambda text: _moved(text, here, MARK))


def come(value: Any) -> Any:
    """The value that `leave` gave, with the paths of this folder."""
    here = _current
    return _mapped(value, lambda text: _moved(text, MARK, here)) if here else value


def _moved(text: str, source: str, target: str) -> str:
    return target + text[len(source) :] if text == source or text.startswith(f"{source}/") else text


def _leads(value: Any, here: str, below: str, depth: int = 0) -> bool:
    kind = type(value)
    if kind is str or issubclass(kind, PurePath):
        text = str(value)
        return text == here or text.startswith(below)
    if kind not in _HOLDERS or depth == _DEEPEST:
        return False
    for parts in (value.keys(), value.values()) if kind is dict else (value,):
        kinds = {one for one in set(map(type, parts)) if one in _HOLDERS or issubclass(one, (str, PurePath))}
        if kinds and any(_leads(one, here, below, depth + 1) for one in parts if type(one) in kinds):
            return True
    return False


def _mapped(value: Any, change: Callable[[str], str], depth: int = 0) -> Any:
    kind = type(value)
    if kind is str:
        return change(value)
    if isinstance(value, PurePath):
        text = str(value)
        return value if (new := change(text)) == text else kind(new)
    if depth < _DEEPEST:
        if kind is dict:
            return {
                _mapped(key, change, depth + 1): _mapped(one, change, depth + 1) for key, one in value.items()
            }
        if kind in _HOLDERS:
            return kind(_mapped(one, change, depth + 1) for one in value)
    return value
