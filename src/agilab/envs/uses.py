"""Who uses an environment, and when they last did: a file for each app beside it."""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path

from agilab.envs.locked import AppSources
from agilab.envs.memory import recall, remember

USE_SCHEMA = "agilab.environment_use.v1"


def read_uses(folder: Path) -> list[tuple[Path, float]]:
    """(app folder, time of last use in Unix seconds) for every app and lock that used an environment."""
    uses = []
    for path in sorted((folder / "uses").glob("*.json")):
        record = recall(path, USE_SCHEMA)
        if record is not None and record.get("folder"):
            uses.append((Path(record["folder"]), path.stat().st_mtime))
    return uses


def note_use(folder: Path, sources: AppSources) -> None:
    """Record that this app uses the environment, now.

    One file for each app, whose modification time is the last use: `environment.json` stays as it was
    made, no two apps write the same file, and the warm path needs no lock.
    """
    key = hashlib.sha256(f"{sources.folder}\0{sources.pair}".encode()).hexdigest()[:32]
    path = folder / "uses" / f"{key}.json"
    # A workspace that only reads is fine for running.
    with contextlib.suppress(OSError):
        try:
            os.utime(path)
        except FileNotFoundError:
            remember(
                path,
                {
                    "schema": USE_SCHEMA,
                    "folder": str(sources.folder),
                    "lock_digest": sources.lock_digest,
                    "project_digest": sources.project_digest,
                },
            )
