"""What the lab's own modules hold: did the code of a stage change it?

A notebook has one copy of a module, so that cells below see what was done to it: a list that a function filled, a
setting of a config object, a name that was set. Each stage imports a fresh one. No reading of code tells for certain
whether that matters, and only whoever runs the code knows whether anything was changed at all.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.machinery
import os
import pickle  # noqa: TID251  # only for a digest of what it would write; nothing is read
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

MOST = 4 * 2**20
"""Bytes of what one name holds from which on nobody looks."""
_NOT_HELD = (
    types.ModuleType,
    types.FunctionType,
    types.BuiltinFunctionType,
    type,
    property,
    classmethod,
    staticmethod,
)
GOES_ON = frozenset({"count", "Random", "Generator", "RandomState"})
"""Types of what can only be drawn from: two stages that do it alike get the same, and in a notebook what follows.

A list to which both add alike may be a setting that is repeated.
"""
_BUILT = tuple(importlib.machinery.EXTENSION_SUFFIXES)
"""Modules of these are there once in a process, whoever asks for them."""


class OwnState:
    """The lab's own modules that are imported while a stage runs, each as it was right after its import.

    Responsible for: `changed` names what they hold that is another value at the end.
    Not responsible for: what cannot be pickled (open files, connections), what functions keep, values above `MOST`
    bytes.
    """

    def __init__(self) -> None:
        self._before: dict[str, tuple[types.ModuleType, str, dict[str, str]]] = {}
        self._going_on: dict[str, dict[str, Any]] = {}

    def note(self, module: types.ModuleType, path: str) -> None:
        """A module whose import from a file has just ended."""
        self._before[module.__name__] = (module, path, _held(module))
        self._going_on[module.__name__] = {
            name: value for name, value in vars(module).items() if type(value).__name__ in GOES_ON
        }

    def names(self) -> frozenset[str]:
        """The first parts of their names."""
        return frozenset(name.partition(".")[0] for name in self._before)

    def texts(self) -> Iterator[str]:
        """What is written in their files."""
        for module, _, _ in self._before.values():
            with contextlib.suppress(OSError, ValueError):
                yield Path(str(module.__file__)).read_text("utf-8")

    def changed(self) -> dict[str, dict[str, Any]]:
        """By each own module: its `path`, `names`: those that hold something else now, each with a mark of it, and
        `on`: those of them that hold the same object of `GOES_ON`.
        """
        found: dict[str, dict[str, Any]] = {}
        for name, (module, path, before) in self._before.items():
            names = dict(_other(before, _held(module)))
            found[name] = {"path": path, "names": names}
            same = self._going_on[name]
            if on := [one for one in names if one in same and vars(module).get(one) is same[one]]:
                found[name]["on"] = on
        return found


@contextlib.contextmanager
def watched(*folders: Path) -> Iterator[OwnState]:
    """Meanwhile modules from files below these folders are noted."""
    state, inside = OwnState(), tuple(f"{folder}{os.sep}" for folder in folders)
    loader = importlib.machinery.SourceFileLoader
    run = loader.exec_module

    def exec_module(self: importlib.machinery.SourceFileLoader, module: types.ModuleType) -> None:
        run(self, module)
        place = str(getattr(module, "__file__", ""))
        for folder in inside:
            if place.startswith(folder) and not is_installed(place):
                state.note(module, place[len(folder) :])
                break

    loader.exec_module = exec_module  # type: ignore[method-assign, assignment]  # imports have no other place to stand
    try:
        yield state
    finally:
        loader.exec_module = run  # type: ignore[method-assign]


def is_installed(place: str) -> bool:
    """Whether a module is no lab's own although it lies below its folder: of an environment in it, or built."""
    return f"{os.sep}site-packages{os.sep}" in place or place.endswith(_BUILT)


def _held(module: types.ModuleType) -> dict[str, str]:
    """By name, and by `Class.name`, marks of what a module and its classes hold."""
    found: dict[str, str] = {}
    for name, value in vars(module).items():
        if isinstance(value, type) and value.__module__ == module.__name__:
            found |= {f"{name}.{each}": mark for each, mark in _marks(vars(value))}
    return found | dict(_marks(vars(module)))


def _marks(held: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in list(held.items()):
        if not (name.startswith("__") and name.endswith("__")) and not isinstance(value, _NOT_HELD):
            yield name, _mark(value)


def _other(before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, mark in now.items():
        if mark and before.get(name, "new") not in ("", mark):
            yield name, mark


class _Digest:
    """Takes what a pickler writes, up to a size."""

    def __init__(self) -> None:
        self.found = hashlib.sha256()
        self._left = MOST

    def write(self, part: bytes) -> int:
        self._left -= len(part)
        if self._left < 0:
            raise OverflowError
        self.found.update(part)
        return len(part)


def _mark(value: Any) -> str:
    """What is the same as long as nobody changes the value, with its type; empty where that cannot be told."""
    digest = _Digest()
    try:
        pickle.Pickler(digest, protocol=5).dump(value)
    except Exception:  # whatever an author's class does when it is asked
        return ""
    return f"{type(value).__name__} {digest.found.hexdigest()[:16]}"
