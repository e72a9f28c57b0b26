"""Finding an app: a built-in one by name, one the workspace remembers, or any folder by path."""

from __future__ import annotations

import difflib
import json
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from agi_node.errors import AgiError
from agilab.contracts.atomic import write_atomically
from agilab.store.workspace import Workspace

BUILT_IN = Path(__file__).parent.parent / "apps"


@dataclass(frozen=True)
class AppProject:
    """An app as it lies on disk: a normal uv project that names its `App` object.

    Attributes:
        name: The folder's name, by which people call it.
        reference: `module:object` from `[tool.agilab] app`, or None for an app without code of that kind.
        built_in: Whether it came with AGILab.
        compiled: Whether its build backend compiles part of it (`[tool.agilab] compiled = true`).
    """

    name: str
    folder: Path
    reference: str | None
    description: str
    built_in: bool
    compiled: bool = False

    @property
    def settings(self) -> Path:
        return self.folder / "app_settings.toml"

    @property
    def locked(self) -> bool:
        return (self.folder / "uv.lock").is_file()


def find_app(text: str, workspace: Workspace) -> AppProject:
    """The app that a person means: a path, a built-in or remembered name, also without its `_project`.

    Raises AGI-APP-101 with suggestions where there is none.
    """
    path = Path(text).expanduser()
    if (path / "pyproject.toml").is_file() and (
        len(path.parts) > 1 or path.is_absolute() or text in (".", "..")
    ):
        return read_app(path.resolve())
    known = {app.name: app for app in list_apps(workspace)}
    for name in (text, f"{text}_project"):
        if name in known:
            return known[name]
    if (path / "pyproject.toml").is_file():
        return read_app(path.resolve())
    close = [name for name in known if name.startswith(text)] if text else []
    close = close or difflib.get_close_matches(text, known, n=3, cutoff=0.5)
    raise AgiError(
        "AGI-APP-101",
        "there is no such app",
        found=text,
        allowed=", ".join(close or sorted(known)) + ", or the path of an app's folder",
        try_=f"agilab app show {close[0]}" if close else "agilab app list",
    )


def instead(text: str, app: AppProject) -> str | None:
    """What to say where a name stood for somebody's folder and AGILab has an app of that name; None anywhere else.

    >>> app = read_app(BUILT_IN / "flight_project")
    >>> instead("flight", app) is None
    True
    """
    named = text in (app.name, app.name.removesuffix("_project"))
    if app.built_in or not named or not (BUILT_IN / app.name).is_dir():
        return None
    return f"{text} is {app.folder}, from where it was run before; AGILab's own is {BUILT_IN / app.name}"


def list_apps(workspace: Workspace) -> list[AppProject]:
    """Built-in apps and those the workspace remembers, by name. A remembered folder that is gone is left out."""
    apps: dict[str, AppProject] = {}
    for folder in [*_built_in(), *_remembered(workspace)]:
        try:
            apps[folder.name] = read_app(folder)
        except AgiError:
            continue
    return [apps[name] for name in sorted(apps)]


def read_app(folder: Path) -> AppProject:
    """Read an app's `pyproject.toml`. Raises AGI-APP-102 where there is none, AGI-APP-003 where it cannot be read."""
    path = folder / "pyproject.toml"
    try:
        project = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise AgiError(
            "AGI-APP-102",
            "this folder is no app",
            found=f"{folder} without pyproject.toml",
            allowed="a folder with pyproject.toml and uv.lock",
            try_="agilab app list",
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise AgiError(
            "AGI-APP-103", f"{folder.name}/pyproject.toml cannot be read", found=str(problem), whose="author"
        ) from problem
    table = project.get("tool", {}).get("agilab", {})
    reference = table.get("app")
    if reference is not None and (not isinstance(reference, str) or reference.count(":") != 1):
        raise AgiError(
            "AGI-APP-103",
            f"{folder.name}/pyproject.toml: tool.agilab.app does not name an App object",
            found=repr(reference),
            allowed='"module:object", such as "flight:app"',
            whose="author",
        )
    compiled = table.get("compiled", False)
    if not isinstance(compiled, bool):
        raise AgiError(
            "AGI-APP-103",
            f"{folder.name}/pyproject.toml: tool.agilab.compiled does not say whether the app is compiled",
            found=repr(compiled),
            allowed="true or false",
            whose="author",
        )
    return AppProject(
        folder.name,
        folder,
        reference,
        str(project.get("project", {}).get("description", "")),
        built_in=folder.parent == BUILT_IN,
        compiled=compiled,
    )


def remember(app: AppProject, workspace: Workspace) -> None:
    """Keep the folder of somebody's app, so that its name is enough next time."""
    if app.built_in:
        return
    path = workspace.home / "apps.json"
    known = _known(workspace)
    if known.get(app.name) != str(app.folder):
        known[app.name] = str(app.folder)
        workspace.ensure()
        write_atomically(path, (json.dumps(known, indent=2, sort_keys=True) + "\n").encode("utf-8"))


def _built_in() -> Iterator[Path]:
    for folder in sorted(BUILT_IN.iterdir()):
        if (folder / "pyproject.toml").is_file():
            yield folder


def _remembered(workspace: Workspace) -> Iterator[Path]:
    for _, folder in sorted(_known(workspace).items()):
        if (Path(folder) / "pyproject.toml").is_file():
            yield Path(folder)


def _known(workspace: Workspace) -> dict[str, str]:
    try:
        known = json.loads((workspace.home / "apps.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    # A damaged memory is as good as none: paths still work, and what is run is remembered again.
    return {str(name): str(folder) for name, folder in known.items()} if isinstance(known, dict) else {}
