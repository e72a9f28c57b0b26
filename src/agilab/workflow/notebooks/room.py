"""Where a notebook runs that is verified: a view of its folder, in which nothing changes the folder itself."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from agilab.workflow.notebooks import lent

LEFT_OUT = (".git", ".venv", "__pycache__", "node_modules", "agilab-verify-*")
"""Not copied, where a folder must be copied."""
_CLONE = 0x40049409
"""FICLONE of Linux: a file that shares its blocks with another until one of them is written (btrfs, xfs)."""
_LOOKED_AT = 50_000
WORTH_SAYING = 200 << 20
"""Bytes from which on a person is told that they are copied."""


@dataclass(frozen=True)
class Room:
    """A view of a folder.

    Attributes:
        folder: The folder itself.
        place: Where it is seen, by commands that begin with `prefix`.
        changes: What was written, where only that is kept apart; None where `place` is a whole copy.
    """

    folder: Path
    place: Path
    prefix: tuple[str, ...] = ()
    changes: Path | None = None

    def file(self, path: str) -> Path | None:
        """A file of the folder as the notebook left it; None where there is none."""
        if self.changes is None:
            found = self.place / path
        else:
            found = self.changes / path
            hidden = any(_hides(one) for one in [found, *found.parents] if one.is_relative_to(self.changes))
            if not hidden and not os.path.lexists(found):
                found = self.folder / path
        return found if found.is_file() else None

    def written(self) -> dict[str, tuple[int, int]]:
        """Files that were written in the room, by path relative to the folder: size, time of change in ns.

        Of a copy they are all of its files. What was written beside the folder is among them: `../x`.
        """
        root = self.changes or self.place
        found = dict(_times(root, root))
        if self.changes is not None:
            found = {path: one for path, one in found.items() if one != _time(self.folder / path)}
        own = {self.place, self.changes, self.place.parent / "work"}
        for beside in self.place.parent.iterdir():
            if beside not in own:
                found |= {f"../{path}": one for path, one in _times(beside, self.place.parent)}
        return found


def _times(place: Path, root: Path) -> Iterator[tuple[str, tuple[int, int]]]:
    files = (
        [place] if place.is_file() else (Path(at, name) for at, _, names in os.walk(place) for name in names)
    )
    for file in files:
        if (found := _time(file)) is not None:
            yield file.relative_to(root).as_posix(), found


def _time(file: Path) -> tuple[int, int] | None:
    try:
        found = file.lstat()
    except OSError:
        return None
    regular = stat.S_ISREG(found.st_mode) or stat.S_ISLNK(found.st_mode)
    return (found.st_size, found.st_mtime_ns) if regular else None


def room_for(folder: Path, scratch: Path, say: Callable[[str], None], *, lend: bool = True) -> Room:
    """A view of `folder` in `scratch`, which is empty: lent at no cost where the machine lets us, else copied.

    A copy shares its blocks with the folder, and has its holes, where the file system can do that.
    """
    folder = folder.resolve()
    place = scratch / "seen" / folder.name  # what code says of its folder's name is true
    if lend and (room := _lent(folder, scratch, place)):
        return room
    size = sum(found.st_blocks * 512 for path in _files(folder) if (found := path.lstat()))
    if size >= WORTH_SAYING:
        say(f"copying {folder.name}, {size / 1e9:.1f} GB, so that the notebook changes nothing of it")
    shutil.copytree(
        folder,
        place,
        ignore=_ignored,
        copy_function=_copied,
        ignore_dangling_symlinks=True,
        dirs_exist_ok=True,
    )
    return Room(folder, place)


def _lent(folder: Path, scratch: Path, place: Path) -> Room | None:
    if not sys.platform.startswith("linux") or scratch.resolve().is_relative_to(folder):
        return None
    changes, work = scratch / "changes", scratch / "work"
    for one in (changes, work, place):
        one.mkdir(parents=True)
    protected = json.dumps(sorted(set(_led_to(folder))))
    script = str(Path(lent.__file__))
    prefix = (sys.executable, "-I", "-S", script, *map(str, (folder, changes, work, place)), protected)
    tried = [*prefix, sys.executable, "-I", "-S", "-c", f"open({str(place / '.tried')!r}, 'w').close()"]
    if (
        subprocess.run(tried, capture_output=True, check=False).returncode == 0
        and (changes / ".tried").exists()
    ):
        (changes / ".tried").unlink()
        return Room(folder, place, prefix, changes)
    for one in (changes, work, place):
        shutil.rmtree(one, ignore_errors=True)
    return None


def _led_to(folder: Path) -> Iterator[str]:
    """What links in the folder lead to outside of it: it must not be written either."""
    for number, path in enumerate(_entries(folder)):
        if number >= _LOOKED_AT:
            return
        if path.is_symlink() and path.exists() and not path.resolve().is_relative_to(folder):
            yield str(path.resolve())


def _entries(folder: Path) -> Iterator[Path]:
    for root, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in LEFT_OUT]
        yield from (Path(root, name) for name in (*folders, *names))


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in _entries(folder) if path.is_file() and not path.is_symlink())


def _hides(path: Path) -> bool:
    """Whether an overlay has something here that hides what the folder has: a file gone, a folder made anew."""
    try:
        found = path.lstat()
        if stat.S_ISCHR(found.st_mode) and found.st_rdev == 0:
            return True
        names = os.listxattr(path, follow_symlinks=False)
        return any(name.endswith((".overlay.opaque", ".overlay.whiteout")) for name in names)
    except OSError:
        return False


def _ignored(folder: str, names: Sequence[str]) -> set[str]:
    """Besides `LEFT_OUT` what is neither a file nor a folder: a pipe would be waited for."""
    odd = {
        name for name in names if not (os.path.isfile(p := os.path.join(folder, name)) or os.path.isdir(p))
    }
    return odd | shutil.ignore_patterns(*LEFT_OUT)(folder, list(names))


def _copied(source: str, target: str) -> str:
    """Copy a file: sharing its blocks, else without its holes, else byte by byte. One that may not be read is left."""
    try:
        found = os.stat(source)
        if not _cloned(source, target):
            if found.st_blocks * 512 < found.st_size:
                _without_holes(source, target)
            else:
                shutil.copyfile(source, target)
        shutil.copystat(source, target)
    except PermissionError:
        Path(target).unlink(missing_ok=True)
    return target


def _cloned(source: str, target: str) -> bool:
    if sys.platform == "darwin":
        try:
            return int(ctypes.CDLL(None).clonefile(os.fsencode(source), os.fsencode(target), 0)) == 0
        except AttributeError:
            return False
    try:
        from fcntl import ioctl

        with open(source, "rb") as one, open(target, "wb") as other:
            ioctl(other.fileno(), _CLONE, one.fileno())
    except (OSError, ImportError):
        return False
    return True


def _without_holes(source: str, target: str) -> None:
    with open(source, "rb") as one, open(target, "wb") as other:
        size, at = os.fstat(one.fileno()).st_size, 0
        other.truncate(size)
        while at < size:
            try:
                begin = os.lseek(one.fileno(), at, os.SEEK_DATA)
                at = os.lseek(one.fileno(), begin, os.SEEK_HOLE)
            except OSError:  # nothing but a hole is left
                return
            one.seek(begin)
            other.seek(begin)
            left = at - begin
            while left and (data := one.read(min(left, 1 << 20))):
                other.write(data)
                left -= len(data)
