"""`agilab app delete`: an app goes to the workspace's trash, whole, and comes back by moving it there again."""

from __future__ import annotations

import errno
import os
import shlex
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agilab.projects.discover import AppProject, find_app
from agilab.projects.life.own import refuse_built_in, refuse_live, runs_of
from agilab.projects.life.staging import unwritable
from agilab.store.workspace import Workspace

Say = Callable[[str], None]


@dataclass(frozen=True)
class Deletion:
    """What would go, or went.

    Attributes:
        files, bytes: Everything in the folder, caches and environments of its own too.
        versioned: Whether the folder is a repository, whose history goes with it.
        runs: Runs of the app, which stay.
        trash: Where it lies now; None where nothing was done yet.
    """

    app: AppProject
    files: int
    bytes: int
    versioned: bool
    runs: int
    trash: Path | None = None

    @property
    def undo(self) -> str | None:
        """The command that brings it back."""
        if self.trash is None:
            return None
        return shlex.join(["mv", str(self.trash), str(self.app.folder)])

    def to_plain(self) -> dict[str, Any]:
        """The same as JSON."""
        return {
            "status": "succeeded",
            "app": self.app.name,
            "folder": str(self.app.folder),
            "files": self.files,
            "bytes": self.bytes,
            "versioned": self.versioned,
            "runs": self.runs,
            "deleted": self.trash is not None,
            "trash": str(self.trash) if self.trash else None,
            "undo": self.undo,
        }


def what_goes(workspace: Workspace, name: str) -> Deletion:
    """What deleting an app would take away. Nothing is changed.

    Raises AGI-APP-124 for a built-in app, AGI-APP-125 while it runs.
    """
    app = find_app(name, workspace)
    refuse_built_in(app, "deleted")
    refuse_live(app, workspace, "deleted")
    files = size = 0
    for root, _, names in os.walk(app.folder):
        for one in names:
            files += 1
            size += os.lstat(os.path.join(root, one)).st_size
    return Deletion(app, files, size, (app.folder / ".git").exists(), runs_of(app, workspace))


def delete_app(workspace: Workspace, planned: Deletion, *, say: Say = lambda text: None) -> Deletion:
    """Move an app's folder to the trash. Its runs, and the environments that other apps share, stay.

    Raises as `what_goes` does, since it may have begun to run meanwhile, and AGI-APP-128 where the disk refuses.
    """
    app = planned.app
    refuse_live(app, workspace, "deleted")
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")
    trash = workspace.home / "trash" / stamp / app.name
    try:
        trash.parent.mkdir(parents=True)
        _move(app.folder, trash, say)
    except OSError as problem:
        raise unwritable(trash, problem) from problem
    return Deletion(app, planned.files, planned.bytes, planned.versioned, planned.runs, trash)


def _move(folder: Path, trash: Path, say: Say) -> None:
    try:
        os.rename(folder, trash)
    except OSError as problem:
        if problem.errno != errno.EXDEV:
            raise
        # The trash lies on another disk: nothing is taken away before all of it is there.
        say(f"copying {folder.name} to the trash on another disk")
        part = trash.with_name(f".{trash.name}.part")
        try:
            shutil.copytree(folder, part, symlinks=True)
            os.rename(part, trash)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise
        shutil.rmtree(folder)
