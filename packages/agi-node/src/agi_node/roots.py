"""Which folder a named root is: each process knows for itself, no document says."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from agi_node.errors import AgiError

ROOT_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]+")
_default_roots: dict[str, Path] = {}
_roots: ContextVar[dict[str, Path] | None] = ContextVar("agi_node_roots", default=None)


def set_roots(roots: Mapping[str, Path | str]) -> None:
    """Set the folders behind root names for this whole process, its threads included."""
    global _default_roots
    _default_roots = {name: Path(folder) for name, folder in roots.items()}


@contextmanager
def use_roots(roots: Mapping[str, Path | str]) -> Iterator[None]:
    """Other folders behind root names, for the current context (thread or task) only."""
    token = _roots.set({name: Path(folder) for name, folder in roots.items()})
    try:
        yield
    finally:
        _roots.reset(token)


def root_folder(name: str) -> Path:
    """The absolute folder behind a root's name; AGI-DATA-004 where it has none here."""
    roots = _roots.get()
    if roots is None:
        roots = _default_roots
    folder = roots.get(name)
    if folder is None:
        raise AgiError(
            "AGI-DATA-004",
            f"the root {name!r} is no folder here",
            found=name,
            allowed=", ".join(sorted(roots)) or "nothing: no roots are set",
            try_="declare it in settings.toml, or agi_node.files.use_roots({name: folder}) in a test",
        )
    return Path(os.path.abspath(folder))


def escapes(path: str) -> bool:
    """Whether a path in a document may lead out of its root."""
    return path.startswith(("/", "~")) or "\\" in path or "\0" in path or ".." in path.split("/")
