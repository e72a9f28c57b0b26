"""`agilab app new`: an app from a template, or from another app."""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agi_node.errors import AgiError
from agilab.envs import Uv
from agilab.envs.interpreter import own_interpreter
from agilab.projects.discover import AppProject, find_app, list_apps, read_app, remember
from agilab.projects.life.contents import (
    Contents,
    LeftOut,
    contents_of,
    outside,
    pointing_from,
    with_libraries,
)
from agilab.projects.life.names import Names, checked, locked_packages, names_of, suggestion
from agilab.projects.life.rewording import Rewording
from agilab.projects.life.staging import modules_of, put, stage, taken
from agilab.projects.life.templates import DEFAULT, find_template, read_template, usual_packages
from agilab.store.workspace import Workspace

Say = Callable[[str], None]


@dataclass(frozen=True)
class Created:
    """An app that is there now.

    Attributes:
        origin: The template or the app that it was made from.
        left_out: What was not copied and may be missed.
        notes: What a person should know.
    """

    app: AppProject
    names: Names
    origin: str
    files: int
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()

    def to_plain(self) -> dict[str, Any]:
        """The same as JSON."""
        return {
            "status": "succeeded",
            "app": self.app.name,
            "folder": str(self.app.folder),
            "project": self.names.project,
            "module": self.names.module,
            "origin": self.origin,
            "files": self.files,
            "left_out": [{"path": one.path, "why": one.why, "size": one.size} for one in self.left_out],
            "notes": list(self.notes),
        }


def create_app(
    workspace: Workspace,
    name: str,
    *,
    template: str | None = None,
    clone: str | None = None,
    into: Path | None = None,
    say: Say = lambda text: None,
) -> Created:
    """Make the app `<into>/NAME_project`, by default in the current folder, whole or not at all. Nothing is executed.

    Raises AGI-APP-120 for a name that no app can have, AGI-APP-121 where something lies there, AGI-APP-122 for a
    template that there is not, AGI-APP-123 for the name of another app, AGI-APP-126 for a library that is gone.
    """
    again = f"agilab app new {{}} {_origin_options(template, clone)}".rstrip()
    checked(name, command=again)
    if clone is not None:
        app, origin = find_app(clone, workspace), clone
    else:
        found = find_template(template or DEFAULT)
        app, origin = found.app, f"template {found.name}"
    packages = locked_packages(app.folder)
    names = Names.new(checked(name, packages=packages, usual=usual_packages(), command=again))
    target = free_place(workspace, names, into, command=again)
    pattern = read_template(app.folder)
    old = pattern.names if pattern is not None else names_of(app)
    contents, notes = _with_libraries(contents_of(app), app, target)
    if old.module is None:
        names = Names(names.folder, names.project, None)
    rewording = Rewording(
        old, names, pattern is not None, modules_of(contents.files, old.module), contents.moved
    )
    say(f"copying {app.name}")
    with tempfile.TemporaryDirectory(prefix="agilab-new-") as beside:
        put(stage(contents, rewording, Path(beside)), target)
    notes += lock_notes(target, say)
    made = read_app(target)
    remember(made, workspace)
    told = tuple(one for one in contents.left_out if one.why != "data")
    return Created(made, names, origin, len(contents.files), told, tuple(notes))


def _origin_options(template: str | None, clone: str | None) -> str:
    options = (("--template", template), ("--clone", clone))
    return " ".join(f"{option} {shlex.quote(value)}" for option, value in options if value is not None)


def free_place(workspace: Workspace, names: Names, into: Path | None, *, command: str) -> Path:
    """Where an app of these names would lie; raises AGI-APP-121 or AGI-APP-123 where it cannot.

    `command` is what would make it under another name, for which it has `{}`.
    """
    beside = (into or Path.cwd()).expanduser().absolute()
    target = beside / names.folder
    known = {app.name: app for app in list_apps(workspace)}
    free = next(
        base
        for number in range(2, 10_000)
        if (folder := names.renamed(base := f"{names.base}_{number}").folder) not in known
        and not (beside / folder).exists()
    )
    again = command.format(suggestion(free))
    if target.exists() or target.is_symlink():
        raise taken(target, try_=again)
    if names.folder in known:
        other = known[names.folder]
        raise AgiError(
            "AGI-APP-123",
            f"there is an app {names.folder} already, and runs are told apart by the names of their apps",
            found="a built-in app" if other.built_in else str(other.folder),
            allowed="a name that no app here has",
            try_=again,
        )
    return target


def _with_libraries(contents: Contents, app: AppProject, target: Path) -> tuple[Contents, list[str]]:
    """Local libraries of a built-in app come along: where AGILab lies changes with every upgrade.

    Those of one's own app stay where they are and are pointed at: a copy would quietly become another library.
    """
    libraries = [path.name for _, path in outside(app)]
    if not libraries:
        return contents, []
    if app.built_in:
        return with_libraries(contents, app), [
            f"libraries/{name} is a copy of AGILab's, and yours to change" for name in libraries
        ]
    return pointing_from(contents, app, target), [
        f"{name} is the same library that {app.name} uses" for name in libraries
    ]


def lock_notes(folder: Path, say: Say = lambda text: None) -> list[str]:
    """Make sure that an app's lock answers its `pyproject.toml`, without a network; what is to be done otherwise."""
    again = f"uv lock --project {shlex.quote(str(folder))}"
    if not (folder / "uv.lock").is_file():
        return [f"it has no uv.lock yet: {again}"]
    uv, python = Uv.found(), own_interpreter().path
    say("checking its lock")
    if uv.call("lock", "--check", "--offline", "--python", python, cwd=folder).code == 0:
        return []
    say("locking it")
    before = (folder / "uv.lock").read_bytes()
    if uv.call("lock", "--offline", "--python", python, cwd=folder).code == 0:
        return ["its uv.lock did not match its pyproject.toml, and was made anew"]
    (folder / "uv.lock").write_bytes(before)
    return [f"its uv.lock does not match its pyproject.toml, as that of its origin: {again}"]
