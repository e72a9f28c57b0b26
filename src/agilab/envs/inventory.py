"""Which environments a workspace has, who uses them, and what they cost on disk."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agilab.envs.environment import SCHEMA, read_environment, why_not_whole
from agilab.envs.memory import recall
from agilab.envs.uses import read_uses


@dataclass(frozen=True)
class AppUse:
    """One app that used an environment.

    Attributes:
        folder: Where the app was.
        exists: Whether it still has a `pyproject.toml` there.
        last_used_at: ISO 8601, UTC.
    """

    folder: Path
    exists: bool
    last_used_at: str


@dataclass(frozen=True)
class EnvironmentSummary:
    """One environment as a list shows it.

    Attributes:
        fingerprint: Its name.
        path: Its folder.
        whole: Whether `ensure` would take it.
        problem: Why not; "" if whole.
        python_version: Full version of its interpreter, "" if unknown.
        packages: Version by name.
        apps: Who used it, latest first.
        created_at: ISO 8601, UTC; "" if unknown.
        last_used_at: ISO 8601, UTC; the creation if nobody used it yet.
        size_bytes: What its files hold, hard-linked ones included.
        disk_bytes: What removing it would free: files that also lie in uv's cache or elsewhere do not count.
    """

    fingerprint: str
    path: Path
    whole: bool
    problem: str
    python_version: str
    packages: Mapping[str, str]
    apps: tuple[AppUse, ...]
    created_at: str
    last_used_at: str
    size_bytes: int
    disk_bytes: int

    def to_plain(self) -> dict[str, Any]:
        """The summary as JSON: the environment's record with its uses and sizes."""
        plain = asdict(self) | {"path": str(self.path), "packages": dict(self.packages)}
        plain["apps"] = [asdict(use) | {"folder": str(use.folder)} for use in self.apps]
        return plain


def list_environments(workspace_home: Path | str) -> list[EnvironmentSummary]:
    """All environments of a workspace, latest used first, the broken ones too; reads, never repairs."""
    home = Path(workspace_home).absolute()
    return sorted(
        (summarise(folder) for folder in environment_folders(home)),
        key=lambda summary: (summary.last_used_at, summary.fingerprint),
        reverse=True,
    )


def environment_folders(home: Path) -> list[Path]:
    """The folders in `envs/` that bear a fingerprint."""
    envs = home / "envs"
    if not envs.is_dir():
        return []
    names = [name for name in os.listdir(envs) if not name.startswith(".")]
    return [envs / name for name in names if (envs / name).is_dir()]


def summarise(folder: Path) -> EnvironmentSummary:
    """Look at one environment."""
    environment = read_environment(folder)
    record = recall(folder / "environment.json", SCHEMA) or {}
    apps = app_uses(folder)
    size, disk = sizes([folder])
    created = str(record.get("created_at", ""))
    return EnvironmentSummary(
        fingerprint=folder.name,
        path=folder,
        whole=environment is not None,
        problem=why_not_whole(folder),
        python_version=environment.python_version if environment else "",
        packages=environment.packages if environment else {},
        apps=apps,
        created_at=created,
        last_used_at=apps[0].last_used_at if apps else created or _iso(folder.stat().st_mtime),
        size_bytes=size,
        disk_bytes=disk,
    )


def app_uses(folder: Path) -> tuple[AppUse, ...]:
    """The apps that used an environment, latest first, each once however often its lock changed."""
    latest: dict[Path, float] = {}
    for app, used in read_uses(folder):
        latest[app] = max(used, latest.get(app, 0.0))
    ordered = sorted(latest.items(), key=lambda entry: entry[1], reverse=True)
    return tuple(AppUse(app, (app / "pyproject.toml").is_file(), _iso(used)) for app, used in ordered)


def sizes(folders: Iterable[Path]) -> tuple[int, int]:
    """(nominal bytes, bytes on disk that nothing outside these folders shares)."""
    nominal = 0
    # inode -> (names seen here, names in all, bytes on disk)
    shared: dict[tuple[int, int], tuple[int, int, int]] = {}
    for path in _files(folders):
        try:
            found = os.lstat(path)
        except OSError:
            continue  # removed while we look
        nominal += found.st_size
        # Windows has no st_blocks.
        on_disk = getattr(found, "st_blocks", -(-found.st_size // 512)) * 512
        key = (found.st_dev, found.st_ino)
        shared[key] = (shared.get(key, (0, 0, 0))[0] + 1, found.st_nlink, on_disk)
    return nominal, sum(size for here, everywhere, size in shared.values() if here >= everywhere)


def _files(folders: Iterable[Path]) -> Iterable[str]:
    for folder in folders:
        for place, _, names in os.walk(folder):
            yield from (os.path.join(place, name) for name in names)


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
