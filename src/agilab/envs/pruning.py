"""Remove environments that nobody will miss."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from agi_node.errors import AgiError
from agilab.envs.build import discard, put_aside
from agilab.envs.environment import fingerprint_of
from agilab.envs.inventory import AppUse, environment_folders, sizes, summarise
from agilab.envs.locks import changing, is_held
from agilab.envs.memory import unwritable

A_MONTH = timedelta(days=30)


@dataclass(frozen=True)
class Pruned:
    """One folder that was removed, or with `dry_run` would be.

    Attributes:
        path: What it was.
        fingerprint: Its environment; "" for the remains of an interrupted creation or removal.
        reason: Why nobody will miss it.
        bytes: What that frees on disk; files shared with uv's cache free nothing.
    """

    path: Path
    fingerprint: str
    reason: str
    bytes: int

    def to_plain(self) -> dict[str, Any]:
        """The same as JSON."""
        return asdict(self) | {"path": str(self.path)}


def prune(
    workspace_home: Path | str,
    *,
    keep: Collection[str] = (),
    older_than: timedelta = A_MONTH,
    dry_run: bool = False,
) -> list[Pruned]:
    """Remove environments that no app needs, and what interrupted processes left behind.

    An environment stays if its fingerprint is in `keep`, if it was used within `older_than`, if a process
    holds it, or if an app that used it would still get it from `ensure`, or cannot be asked. Each disappears
    in one step.
    """
    home = Path(workspace_home).absolute()
    cutoff = datetime.now(UTC) - older_than
    removed = []
    try:
        for folder in sorted(environment_folders(home)):
            if folder.name not in keep and (gone := _prune_one(folder, home, cutoff, dry_run)) is not None:
                removed.append(gone)
        return removed + _prune_remains(home, dry_run)
    except OSError as problem:
        raise unwritable(home, problem) from problem


def _prune_one(folder: Path, home: Path, cutoff: datetime, dry_run: bool) -> Pruned | None:
    # Under the lock, so that no `ensure` or `hold` of the same environment comes between look and removal.
    with _unless_changing(home, folder.name) as free:
        if not free or not folder.exists():
            return None
        summary = summarise(folder)
        recent = summary.whole and datetime.fromisoformat(summary.last_used_at) > cutoff
        if (
            recent
            or is_held(home, folder.name)
            or any(_still_resolves(use, folder.name, home) for use in summary.apps)
        ):
            return None
        reason = summary.problem or _reason(summary.apps, summary.last_used_at)
        if not dry_run:
            put_aside(folder)
        return Pruned(folder, folder.name, reason, summary.disk_bytes)


def _still_resolves(use: AppUse, fingerprint: str, home: Path) -> bool:
    if not use.exists:
        return False
    try:
        return fingerprint_of(use.folder, home, offline=True) == fingerprint
    except AgiError as error:
        # Without its lock an app needs nothing; an app that cannot be asked may need everything.
        return error.code not in ("AGI-ENV-002", "AGI-ENV-003")


def _reason(apps: tuple[AppUse, ...], last_used_at: str) -> str:
    if not apps:
        return f"no app uses it; made {last_used_at}"
    gone = sum(not use.exists for use in apps)
    what = "its app is gone" if gone == len(apps) else "its apps need another environment now"
    return f"{what}; last used {last_used_at}"


def _prune_remains(home: Path, dry_run: bool) -> list[Pruned]:
    removed = []
    for folder in remains(home):
        fingerprint = folder.name.split("-")[1]
        # Whoever builds or removes holds the lock; a folder like this beside a free lock belongs to nobody.
        with _unless_changing(home, fingerprint) as free:
            if free and folder.exists():
                _, disk = sizes([folder])
                if not dry_run:
                    discard(folder)
                removed.append(Pruned(folder, "", "left by an interrupted process", disk))
    return removed


@contextlib.contextmanager
def _unless_changing(home: Path, fingerprint: str) -> Iterator[bool]:
    """Hold the lock of an environment if it is free at once, and say whether it was."""
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(changing(home, fingerprint, patience=0.0))
        except AgiError as error:
            if error.code != "AGI-ENV-010":
                raise
            yield False
        else:
            yield True


def remains(home: Path) -> list[Path]:
    """What interrupted creations and removals left in `envs/`."""
    envs = home / "envs"
    if not envs.is_dir():
        return []
    names = sorted(name for name in os.listdir(envs) if name.startswith((".building-", ".trash-")))
    return [envs / name for name in names]
