"""An import folder: which modules it holds, what a file says, and the files that are not Python."""

from __future__ import annotations

import os
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path

from agi_node.canonical import digest, sha256_bytes, sha256_file
from agi_node.source.module import Module
from agi_node.source.tree import Unreadable, parse, tree_digest

MANY = 200
"""Above so many files that are not Python they are one part for each top-level folder instead of one for each file."""

_NATIVE = (".so", ".pyd", ".pyx")
_BYTECODE = (".pyc", ".pyo")


class Folder:
    """The files below an import folder, read once each and only where they are asked for.

    `digests` are SHA-256 by path relative to `path` as far as they are known already. Hidden folders
    and bytecode are not seen; hidden files and stubs only where a text names them.
    """

    def __init__(self, path: Path, digests: Mapping[str, str] | None = None) -> None:
        self.path = path
        self._digests = digests or {}
        self._modules: dict[str, Module] = {}
        self._data: dict[str, str] | None = None
        self.files = _files(path)
        self._aside = [name for name in self.files if _is_aside(name)]
        self._python: dict[str, tuple[str, bool]] = {}
        self._others: set[str] = set()
        for name in self.files:
            if name.rpartition("/")[2].startswith("."):
                continue
            stem, _, suffix = name.rpartition("/")[2].partition(".")
            steps = [*name.split("/")[:-1], stem]
            if suffix == "py":
                is_package = stem == "__init__"
                module = ".".join(steps[:-1] if is_package else steps)
                if is_package or module not in self._python:  # a package hides a module of its name
                    self._python[module] = (name, is_package)
            elif f".{suffix}".endswith(_NATIVE):
                self._others.add(".".join(steps))
            if suffix == "py" or f".{suffix}".endswith(_NATIVE):
                # A folder that code lies in can be imported without an __init__.
                self._others.update(
                    ".".join(steps[:end]) for end in range(1, len(steps) - 1 + 1) if steps[:end]
                )
        self._python.pop("", None)

    def has(self, name: str) -> bool:
        """Whether a module, a package or a compiled module of this name lies here."""
        return name in self._python or name in self._others

    def module(self, name: str) -> Module | None:
        """The module, or None where it is compiled, a folder, or not here; `Unreadable` where it cannot be parsed."""
        if name not in self._python:
            return None
        if name not in self._modules:
            path, is_package = self._python[name]
            try:
                self._modules[name] = Module(name, is_package, self._read(path))
            except Unreadable as error:
                raise Unreadable(f"{path} cannot be parsed: {error}") from None
        return self._modules[name]

    def submodules(self, name: str) -> bool:
        """Whether modules lie below this name."""
        return any(other.startswith(f"{name}.") for other in (*self._python, *self._others))

    def data(self) -> dict[str, str]:
        """The parts that files other than Python are."""
        if self._data is None:
            found = {
                name: self._digests.get(name) or sha256_file(self.path / name)
                for name in self.files
                if not _is_aside(name)
            }
            if len(found) > MANY:
                tops: dict[str, dict[str, str]] = {}
                for name, content in found.items():
                    top, slash, _ = name.partition("/")
                    tops.setdefault(f"{top}/" if slash else "", {})[name] = content
                self._data = {f"data:{top or '.'}": digest(inside) for top, inside in tops.items()}
            else:
                self._data = {f"data:{name}": content for name, content in found.items()}
        return self._data

    def named(self, text: str) -> dict[str, str]:
        """The parts of files that count by name only (Python's, stubs, hidden ones) and that a text names."""
        wanted = text.rpartition("/")[2]
        if "." not in wanted or not wanted.strip(".*"):
            return {}
        if wanted in (".py", ".pyi"):
            wanted = f"*{wanted}"
        found = [name for name in self._aside if fnmatchcase(name.rpartition("/")[2], wanted)]
        return {f"data:{name}": sha256_file(self.path / name) for name in found}

    def whole(self) -> dict[str, str]:
        """The parts of all there is: the tree of every Python file, or its bytes where it has none."""
        parts = dict(self.data())
        for name in self.files:
            if name.endswith(".py"):
                data = self._read(name)
                try:
                    parts[name] = tree_digest(parse(data))
                except Unreadable:
                    parts[name] = sha256_bytes(data)
        return parts

    def _read(self, name: str) -> bytes:
        return (self.path / name).read_bytes()


def _is_aside(name: str) -> bool:
    return name.endswith((".py", ".pyi")) or name.rpartition("/")[2].startswith(".")


def _files(folder: Path) -> list[str]:
    """Relative paths in a fixed order. Links to folders are followed, as imports do, but none twice."""
    found: list[str] = []
    seen: set[str] = set()
    for at, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(at)
        if real in seen:
            folders[:] = []
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if name != "__pycache__" and not name.startswith("."))
        for name in sorted(names):
            path = Path(at, name)
            if not name.endswith(_BYTECODE) and path.is_file():
                found.append(path.relative_to(folder).as_posix())
    return sorted(found)
