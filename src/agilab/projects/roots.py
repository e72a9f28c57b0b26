"""Named roots: which folder of this machine a document means."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from filelock import FileLock

from agilab.contracts.base import read_document, write_document
from agilab.contracts.settings import RESERVED, Settings
from agilab.projects.arguments import root_name
from agilab.store.store import Store
from agilab.store.workspace import Workspace


def settings_of(workspace: Workspace) -> Settings:
    """The workspace's settings; the defaults where no file is."""
    if not workspace.settings.exists():
        return Settings()
    return read_document(workspace.settings, Settings)


def roots_of(workspace: Workspace, app: Path) -> dict[str, str]:
    """Every named root as an absolute folder: the app's, and those that the settings declare."""
    return {"app": str(app), **settings_of(workspace).roots}


def forget_roots(store: Store, names: Iterable[str]) -> None:
    """Take back roots that were declared for a run which never came to be; one that any run refers to stays."""
    workspace = store.workspace
    with FileLock(workspace.ensure().home / ".settings.lock"):
        settings = settings_of(workspace)
        gone = {name for name in names if name in settings.roots and not _is_used(store, name)}
        if gone:
            kept = {name: folder for name, folder in settings.roots.items() if name not in gone}
            write_document(workspace.settings, settings.with_changes(roots=kept))


def _is_used(store: Store, name: str) -> bool:
    # A root's name has no wildcard of LIKE but `_`, which at worst finds too much.
    found = store.db.execute(
        "SELECT 1 FROM event WHERE kind='run_created' AND body LIKE ? LIMIT 1", (f'%"{name}:%',)
    ).fetchone()
    return found is not None


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
