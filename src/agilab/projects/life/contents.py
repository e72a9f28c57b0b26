"""What belongs to an app: its files without caches, environments, version control and secrets."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agi_node.errors import AgiError
from agilab.projects.discover import AppProject

LARGE_FILE = 10 * 2**20
LARGE_DATA = 100 * 2**20
"""Data beyond this is not copied with an app: it has a place of its own, which a data root can name."""
LIBRARIES = "libraries"
"""Where in an app a library lies that was carried along with it."""

_CACHES = frozenset({"__pycache__", "node_modules", "mlruns", "htmlcov"})
_MADE = frozenset({"build", "dist", "runs", "mlflow.db"})
"""At the top of an app, what tools make there."""
_HIDDEN_KEPT = frozenset({".gitignore", ".gitattributes", ".python-version", ".editorconfig"})
_COMPILED = (".so", ".pyd", ".dll", ".dylib")


@dataclass(frozen=True)
class LeftOut:
    """A file that stayed behind, and why."""

    path: str
    why: str
    size: int = 0


@dataclass(frozen=True)
class Contents:
    """The files of an app.

    Attributes:
        files: Relative path (POSIX) to where the file lies.
        left_out: What a person might miss; caches and the like are not told.
        moved: Paths of local libraries as the app's documents spell them, and how they must be spelled now.
    """

    files: Mapping[str, Path]
    left_out: tuple[LeftOut, ...] = ()
    moved: Mapping[str, str] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(path.stat().st_size for path in self.files.values())


def contents_of(app: AppProject, *, data: bool = True, large: bool = False) -> Contents:
    """The files of an app, without its libraries.

    Below `data/` a README always belongs to it, the rest where `data` says so, and large files only where `large` does.
    A link to a file of the app counts as that file; any other link stays behind, since it would lead elsewhere.
    """
    files: dict[str, Path] = {}
    left_out: list[LeftOut] = []
    weight = 0
    for name, path in _walk(app.folder):
        why = _why_left_out(app.folder, name, path)
        size = path.stat().st_size if path.is_file() else 0
        if why is None and is_data(name):
            if not data:
                why = "data"
            elif not large and (size > LARGE_FILE or weight + size > LARGE_DATA):
                why = "large data"
            else:
                weight += size
        if why is None:
            files[name] = path
        else:
            left_out.append(LeftOut(name, why, size))
    return Contents(files, tuple(left_out))


def is_data(name: str) -> bool:
    """Whether a file of an app is data: below `data/`, and not what says what the data is."""
    top, _, rest = name.partition("/")
    return top == "data" and not rest.upper().startswith("README")


def with_libraries(found: Contents, app: AppProject) -> Contents:
    """The same with every local library that lies outside of the app, below `libraries/`: then it can go anywhere.

    Raises AGI-APP-126 for a library that is not there.
    """
    files, left_out, moved = dict(found.files), list(found.left_out), dict(found.moved)
    for spelled, path in outside(app):
        inside = f"{LIBRARIES}/{path.name}"
        if any(name.startswith(f"{inside}/") for name in files):
            raise AgiError(
                "AGI-APP-126",
                f"{app.name} has two libraries of one name, and they cannot lie in one folder",
                found=f"{spelled} and {inside}",
                allowed="one local library of each name",
                try_=f"edit {app.name}/pyproject.toml",
                whose="author",
            )
        if path.is_file():
            files[inside] = path
        else:
            library = contents_of(AppProject(path.name, path, None, "", built_in=False))
            files |= {f"{inside}/{name}": place for name, place in library.files.items()}
            left_out += [LeftOut(f"{inside}/{one.path}", one.why, one.size) for one in library.left_out]
        moved[spelled] = inside
    return Contents(files, tuple(left_out), moved)


def pointing_from(found: Contents, app: AppProject, target: Path) -> Contents:
    """The same with the paths of local libraries as they are from `target`: the libraries stay where they are."""
    moved = {
        spelled: Path(os.path.relpath(path, target)).as_posix()
        for spelled, path in outside(app)
        if not Path(spelled).is_absolute()
    }
    return Contents(found.files, found.left_out, {**found.moved, **moved})


def outside(app: AppProject) -> Iterator[tuple[str, Path]]:
    """(path as `pyproject.toml` spells it, where that is) of each local library outside of the app's folder."""
    text = (app.folder / "pyproject.toml").read_text(encoding="utf-8")
    sources: Mapping[str, Any] = tomllib.loads(text).get("tool", {}).get("uv", {}).get("sources", {})
    for library, source in sources.items():
        for one in source if isinstance(source, list) else [source]:
            if not isinstance(one, dict) or "path" not in one:
                continue
            spelled = str(one["path"])
            path = Path(os.path.normpath(app.folder / spelled))
            if not path.exists():
                raise AgiError(
                    "AGI-APP-126",
                    f"{app.name} needs the library {library}, which is not there",
                    found=spelled,
                    allowed="a folder, as [tool.uv.sources] in its pyproject.toml says",
                    try_=f"edit {app.name}/pyproject.toml",
                    whose="author",
                )
            if not path.is_relative_to(app.folder):
                yield spelled, path


def _walk(folder: Path) -> Iterator[tuple[str, Path]]:
    """Every file and every link below a folder that is no cache, in a fixed order."""
    for root, folders, names in os.walk(folder):
        top = Path(root) == folder
        links = [name for name in folders if Path(root, name).is_symlink()]
        folders[:] = sorted(
            name
            for name in folders
            if name not in _CACHES
            and not name.startswith(".")
            and not name.endswith(".egg-info")
            and name not in links
            and not (top and name in _MADE)
        )
        for name in sorted([*names, *links]):
            path = Path(root, name)
            if not name.endswith((".pyc", ".pyo")) and not (top and name in _MADE) and _is_told(name):
                yield path.relative_to(folder).as_posix(), path


def _is_told(name: str) -> bool:
    return not name.startswith(".") or name in _HIDDEN_KEPT or name.startswith(".env")


def _why_left_out(folder: Path, name: str, path: Path) -> str | None:
    last = name.rpartition("/")[2]
    if last.startswith(".env"):
        return "may hold secrets"
    if last.endswith(_COMPILED):
        return "compiled for this machine"
    if path.is_symlink() and not (
        path.is_file() and Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))
    ):
        return "a link that leads elsewhere"
    return None if path.is_file() else "no regular file"
