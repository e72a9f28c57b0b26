"""Remove environments that nobody will miss, and with them what compiled apps built for them."""

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
_MAKING = ".making-"
"""How a build is called before it is whole; its lock has the rest of the name."""


@dataclass(frozen=True)
class Pruned:
    """One folder that was removed, or with `dry_run` would be.

    Attributes:
        path: What it was.
        fingerprint: Its environment; "" for a build, and for the remains of an interrupted creation or removal.
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
    """Remove environments that no app needs, the builds for them, and what interrupted processes left behind.

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
        without = {one.fingerprint for one in removed}
        return removed + _prune_builds(home, without, dry_run) + _prune_remains(home, dry_run)
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


def _prune_builds(home: Path, without: Collection[str], dry_run: bool) -> list[Pruned]:
    """Builds of compiled apps whose environment is gone; those whose source is gone are `store prune`'s."""
    builds = home / "builds"
    there = {folder.name[:32] for folder in environment_folders(home) if folder.name not in without}
    names = sorted(os.listdir(builds)) if builds.is_dir() else []
    removed = []
    for folder in [builds / name for name in names if not name.startswith(".")]:
        if folder.name.rpartition("-")[2] in there:
            continue
        with _unless_changing(home, folder.name, room="builds") as free:
            if free and folder.exists():
                _, disk = sizes([folder])
                if not dry_run:
                    # Under the name of one that is being made: whoever dies in between must not leave half of one.
                    hidden = folder.with_name(f"{_MAKING}{folder.name}")
                    discard(hidden)
                    os.rename(folder, hidden)
                    discard(hidden)
                removed.append(Pruned(folder, "", "a build for an environment that is gone", disk))
    return removed


def _prune_remains(home: Path, dry_run: bool) -> list[Pruned]:
    removed = []
    for folder in remains(home):
        room = folder.parent.name
        name = folder.name.split("-")[1] if room == "envs" else folder.name.removeprefix(_MAKING)
        # Whoever builds or removes holds the lock; a folder like this beside a free lock belongs to nobody.
        with _unless_changing(home, name, room=room) as free:
            if free and folder.exists():
                _, disk = sizes([folder])
                if not dry_run:
                    discard(folder)
                removed.append(Pruned(folder, "", "left by an interrupted process", disk))
    return removed


@contextlib.contextmanager
def _unless_changing(home: Path, name: str, *, room: str = "envs") -> Iterator[bool]:
    """Hold the lock of an environment or a build if it is free at once, and say whether it was."""
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(changing(home, name, room=room, patience=0.0))
        except AgiError as error:
            if error.code != "AGI-ENV-010":
                raise
            yield False
        else:
            yield True


def remains(home: Path) -> list[Path]:
    """What interrupted creations and removals left in `envs/` and `builds/`."""
    return [
        folder / name
        for folder, beginnings in ((home / "envs", (".building-", ".trash-")), (home / "builds", _MAKING))
        if folder.is_dir()
        for name in sorted(os.listdir(folder))
        if name.startswith(beginnings)
    ]
