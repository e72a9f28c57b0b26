"""`agilab app import`: an app comes in, verified first, whole or not at all, and nothing of it is executed."""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agilab.contracts.app_export import StayedBehind
from agilab.envs.wheelhouse import Platform, add_wheel
from agilab.projects.discover import AppProject, read_app, remember
from agilab.projects.life.create import free_place
from agilab.projects.life.names import checked, locked_packages, names_of
from agilab.projects.life.rewording import Rewording
from agilab.projects.life.staging import modules_of, put, stage
from agilab.projects.life.unpacking import Arrived, unpacked
from agilab.store.workspace import Workspace

Say = Callable[[str], None]


@dataclass(frozen=True)
class ImportedApp:
    """An app that came in.

    Attributes:
        verified: Whether an index vouched for every byte; a plain folder has none.
        wheels: How many wheels came along and are at hand for its environment.
        missing: What the export says it does not bring.
    """

    app: AppProject
    files: int
    verified: bool
    wheels: int
    missing: tuple[StayedBehind, ...]
    notes: tuple[str, ...]

    def to_plain(self) -> dict[str, Any]:
        """The same as JSON."""
        return {
            "status": "succeeded",
            "app": self.app.name,
            "folder": str(self.app.folder),
            "files": self.files,
            "verified": self.verified,
            "wheels": self.wheels,
            "missing": [one.plain() for one in self.missing],
            "notes": list(self.notes),
        }


def import_app(
    workspace: Workspace,
    path: Path,
    *,
    into: Path | None = None,
    name: str | None = None,
    max_bytes: int | None = None,
    say: Say = lambda text: None,
) -> ImportedApp:
    """Bring an app into the current folder (or `into`), under its own name or another.

    `path` is what `agilab app export` or `agilab app package` wrote, such a file unpacked, or the folder of an app.

    Raises AGI-APP-130 for what is none of these, AGI-APP-131 for a path that leads elsewhere, a link, or names that
    some systems take for one, AGI-APP-132 where it would unpack to too much, AGI-APP-133 where a byte differs from
    the index; AGI-APP-121 and AGI-APP-123 where the name is taken, and AGI-APP-103 for a `pyproject.toml` that is none.
    """
    beside = (into or Path.cwd()).expanduser().absolute()
    say(f"verifying {path.name}")
    with unpacked(path, beside, max_bytes) as arrived:
        old = names_of(arrived.app)
        again = f"agilab app import {shlex.quote(str(path))} --name {{}}"
        packages = locked_packages(arrived.app.folder)
        new = old if name is None else old.renamed(checked(name, packages=packages, command=again))
        target = free_place(workspace, new, beside, command=again)
        contents = arrived.contents
        rewording = Rewording(old, new, False, modules_of(contents.files, old.module), contents.moved)
        say(f"bringing in {len(contents.files):,} files")
        with tempfile.TemporaryDirectory(prefix="agilab-import-") as changed:
            files = contents.files
            if new != old or contents.moved:
                files = stage(contents, rewording, Path(changed))
            put(files, target)
        for digest, wheel in arrived.wheels.items():
            add_wheel(workspace.ensure().home, wheel, digest)
        made = read_app(target)
        remember(made, workspace)
        index = arrived.index
        return ImportedApp(
            made,
            len(files),
            index is not None,
            len(arrived.wheels),
            index.left_out if index else (),
            tuple(_notes(arrived)),
        )


def _notes(arrived: Arrived) -> Iterator[str]:
    index = arrived.index
    if index is None:
        yield "it was a plain folder: nothing vouches for what is in it"
        for one in arrived.contents.left_out:
            yield f"{one.path} stayed behind: {one.why}"
        return
    if index.left_out:
        yield f"its data did not come along: put it where it belongs, below {index.app}/"
    if index.wheels is not None:
        here, there = Platform.own(), Platform(index.wheels.python, index.wheels.platform)
        if here != there:
            yield f"its wheels are for {there}, and this is {here}: what does not fit comes from the network"
