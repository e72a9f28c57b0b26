"""The folder in which a stage, or a notebook, finds what its lab has: another one each time it runs.

A path into it that code keeps in a value (`ROOT = Path.cwd().parent`, `files = sorted(ROOT.glob("*.csv"))`), in an
object or within a longer text (`f"sqlite:///{ROOT}/a.db"`) leads, in the next stage, into the folder of that one.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
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
    return _mapped(value, left) if _current and _leads(value, _current) else None


def come(value: Any) -> Any:
    """The value that `leave` gave, with the paths of this folder."""
    return _mapped(value, brought) if _current else value


def left(text: str) -> str:
    """A text with `MARK` for the folder, wherever it is named.

    >>> with running_in(Path("/a/lab")):
    ...     left("sqlite:////a/lab/x.db"), left("/a/labour"), left("/b/a/lab")
    ('sqlite:///⟨lab⟩/x.db', '/a/labour', '/b/a/lab')
    """
    return _naming(_current).sub(MARK, text) if _current and _current in text else text


def brought(text: str) -> str:
    """The text that `left` gave, with this folder."""
    return text.replace(MARK, _current) if _current else text


def is_named_in(data: bytes) -> bool:
    """Whether bytes hold all parts of the folder's name, as they do where a path into it is pickled."""
    parts = sorted(_current.split("/"), key=len, reverse=True)
    return bool(_current) and all(part.encode("utf-8", "surrogateescape") in data for part in parts)


def parted(value: Any) -> Any:
    """What stands in a pickle for a text or a path that names the folder; None for any other object.

    It is what pickle calls a persistent id, which `joined` makes an object again.
    """
    kind = type(value)
    if kind is str:
        return (kind, text) if _current in value and (text := left(value)) != value else None
    if isinstance(value, PurePath) and (text := left(str(value))) != str(value):
        return kind, text
    return None


def joined(found: tuple[type, str]) -> Any:
    """The text or path that `parted` took, in this folder."""
    kind, text = found
    return kind(brought(text))


@functools.lru_cache(maxsize=8)
def _naming(folder: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w.-]){re.escape(folder)}(?![\w.-])")


def _leads(value: Any, here: str, depth: int = 0) -> bool:
    kind = type(value)
    if kind is str or issubclass(kind, PurePath):
        return here in str(value)
    if kind not in _HOLDERS or depth == _DEEPEST:
        return False
    for parts in (value.keys(), value.values()) if kind is dict else (value,):
        kinds = {one for one in set(map(type, parts)) if one in _HOLDERS or issubclass(one, (str, PurePath))}
        if kinds and any(_leads(one, here, depth + 1) for one in parts if type(one) in kinds):
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
