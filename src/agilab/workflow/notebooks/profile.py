"""The IPython folder of a notebook that is verified: a copy of the user's own, to which nothing is written back."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

TAKEN = ("profile_default", "extensions")
"""What of IPython's folder a kernel looks at: settings, start-up files, what `%store` keeps; and extensions."""
LEFT_OUT = ("history.sqlite*", "log", "pid", "security")
"""What it writes there of its own accord, and nobody reads back."""


def own_profile(folder: Path) -> Path:
    """Make `folder` a copy of the user's IPython folder; the folder.

    A copy, since the notebook run by the user has these settings and `%store -r` finds what was stored.
    """
    home = Path(os.environ.get("IPYTHONDIR") or Path.home() / ".ipython")
    folder.mkdir()
    for name in TAKEN:
        if not (home / name).is_dir():
            continue
        try:
            shutil.copytree(
                home / name,
                folder / name,
                ignore=shutil.ignore_patterns(*LEFT_OUT),
                copy_function=shutil.copyfile,
                ignore_dangling_symlinks=True,
            )
        except (shutil.Error, OSError):
            continue  # what may not be read is not there; all else was copied
    return folder
