"""The folder in which a stage, or a notebook, finds what its lab has: another one each time it runs.

A path into it that code keeps in a value (`ROOT = Path.cwd().parent`, `files = sorted(ROOT.glob("*.csv"))`) leads, in
the next stage, into the folder of that one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePath
from typing import Any

MARK = "⟨lab⟩"
"""Stands for the folder in values that are handed over."""
_DEEPEST = 40
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


def leave(value: Any) -> Any:
    """A value for another stage: a copy with `MARK` in the paths into the folder; None where it has none.

    Looked into are Python's own lists, tuples, dicts and sets.
    """
    here = _current
    if not here or not _any(value, lambda text: text == here or text.startswith(f"{here}/")):
        return None
    return _mapped(value, lambda text: _moved(text, here, MARK))


def come(value: Any) -> Any:
    """The value that `leave` gave, with the paths of this folder."""
    here = _current
    return _mapped(value, lambda text: _moved(text, MARK, here)) if here else value


def _moved(text: str, source: str, target: str) -> str:
    return target + text[len(source) :] if text == source or text.startswith(f"{source}/") else text


def _any(value: Any, fits: Callable[[str], bool], depth: int = 0) -> bool:
    kind = type(value)
    if kind is str:
        return fits(value)
    if isinstance(value, PurePath):
        return fits(str(value))
    if depth < _DEEPEST:
        if kind is dict:
            return any(_any(one, fits, depth + 1) for pair in value.items() for one in pair)
        if kind in (list, tuple, set, frozenset):
            return any(_any(one, fits, depth + 1) for one in value)
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
        if kind in (list, tuple, set, frozenset):
            return kind(_mapped(one, change, depth + 1) for one in value)
    return value
