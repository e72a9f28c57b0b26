"""The source of an app and of its libraries: none is installed, and a worker puts it before all else, just so."""

from __future__ import annotations

import shutil
import sys
import tomllib
from pathlib import Path


def sources_of(app: Path) -> list[Path]:
    """The folders of an app's modules and of those of its local libraries."""
    project = tomllib.loads((app / "pyproject.toml").read_text(encoding="utf-8"))
    paths = [source["path"] for source in project["tool"]["uv"]["sources"].values()]
    return [(app / path / "src").resolve() for path in (".", *paths)]


def import_from(app: Path) -> None:
    """From now on all of them can be imported."""
    sys.path[:0] = map(str, sources_of(app))


def laid_out(app: Path, folder: Path) -> Path:
    """The folder with all of them below `src`, as in a snapshot."""
    for source in sources_of(app):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(source, folder / "src", ignore=ignored, dirs_exist_ok=True)
    return folder
