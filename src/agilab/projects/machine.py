"""Facts of this machine and of an app's checkout, as a manifest tells them."""

from __future__ import annotations

import os
import platform
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Any

from agilab.version import __version__


def cores() -> int:
    """Logical cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


def workbench() -> dict[str, Any]:
    """The AGILab at work and its machine (`Workbench` of the manifest)."""
    import psutil

    host = {
        "name": socket.gethostname() or "unknown",
        "cpus": cores(),
        "memory": int(psutil.virtual_memory().total),
    }
    return {"agilab": __version__, "hosts": [host]}


def platform_record() -> dict[str, Any]:
    """The platform that environments here are made for (`Platform` of the manifest)."""
    return {"system": platform.system(), "machine": platform.machine(), "release": platform.release()}


def checkout(folder: Path) -> dict[str, Any] | None:
    """Revision and dirtiness of the git checkout that holds a folder; None where there is none."""
    if shutil.which("git") is None:
        return None
    revision = _git(folder, "rev-parse", "HEAD")
    if revision is None or _git(folder, "ls-files", "--error-unmatch", "pyproject.toml") is None:
        return None
    status = _git(folder, "status", "--porcelain", "--", ".")
    return {"revision": revision.strip(), "dirty": bool(status and status.strip())}


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "--no-optional-locks", "-C", str(folder), *arguments],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
