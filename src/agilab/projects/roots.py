"""Named roots: which folder of this machine a document means."""

from __future__ import annotations

from pathlib import Path

from filelock import FileLock

from agilab.contracts.base import read_document, write_document
from agilab.contracts.settings import RESERVED, Settings
from agilab.projects.arguments import root_name
from agilab.store.workspace import Workspace


def settings_of(workspace: Workspace) -> Settings:
    """The workspace's settings; the defaults where no file is."""
    if not workspace.settings.exists():
        return Settings()
    return read_document(workspace.settings, Settings)


def roots_of(workspace: Workspace, app: Path) -> dict[str, str]:
    """Every named root as an absolute folder: the app's, and those that the settings declare."""
    return {"app": str(app), **settings_of(workspace).roots}


def declare_root(workspace: Workspace, folder: Path) -> str:
    """Declare a data root for this folder in the settings and return its name."""
    # Two commands that declare a root at the same time must not forget one of them.
    with FileLock(workspace.ensure().home / ".settings.lock"):
        settings = settings_of(workspace)
        for name, known in settings.roots.items():
            if known == str(folder):
                return name
        name = root_name(folder, {**settings.roots, **dict.fromkeys(RESERVED, "")})
        write_document(workspace.settings, settings.with_changes(roots={**settings.roots, name: str(folder)}))
        return name
