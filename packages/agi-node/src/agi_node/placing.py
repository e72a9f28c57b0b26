"""The input files of a stage, in its folder: whatever the stage does to them, what they come from stays whole.

A file is shown as a clone (file systems that share blocks make one at once, of any size), else as a copy as long as
the copies of a unit are small together, else as a link. Whichever it is, a stage that changes an input which it does
not declare as an output fails: its change would be lost, or, through a link, has damaged what others read.
"""

from __future__ import annotations

import filecmp
import fnmatch
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from agi_node.errors import FAILED, AgiError
from agi_node.lent import Facts, facts_of, is_changed, set_aside

COPIED = 64 * 1024 * 1024
"""Bytes that are copied for one unit, where nothing can be cloned: 50 to 60 ms at the 1.1 GB/s that were measured on
ext4. What comes after is linked."""
_FICLONE = 0x40049409
"""`ioctl_ficlone(2)` of Linux: btrfs, XFS, bcachefs, overlayfs above them, NFS 4.2."""
_no_clones: set[tuple[int, int]] = set()
"""Devices, from and to, between which it was tried in vain: thousands of files need not try it again."""


@dataclass(frozen=True)
class Placed:
    """An input file in the folder of a stage.

    Attributes:
        path: As the stage calls it.
        target: Where the stage finds it.
        source: What it was made from: a file of the lab, or an object of the store.
        digest: SHA-256 of the bytes that it is to have; None where nobody has said.
        stored: Whether the source is an object of the store.
        linked: Whether the stage can reach the source itself.
        facts: Size, mtime and inode when it was placed.
    """

    path: str
    target: Path
    source: Path
    digest: str | None
    stored: bool
    linked: bool
    facts: Facts


class Inputs:
    """The input files of one unit.

    Responsible for: putting them there, and for knowing afterwards that they are what they were.
    Not responsible for: files that are outputs too; the stage gets a copy of these and may change it.
    """

    def __init__(self, stage: str, work: Path, outputs: Iterable[str]) -> None:
        self._stage = stage
        self._work = work
        self._outputs = tuple(outputs)
        self._room = COPIED
        self._watched: list[Placed] = []
        self._from: dict[str, Path] = {}
        self.paths: set[str] = set()

    def place(self, file: Mapping[str, Any]) -> None:
        """Show one file: `{"path", "source"}`, with "size", "digest", "stored" and "copy" where they are known.

        Raises AGI-STAGE-102 for one that is not there, or has another size than was planned.
        """
        path, source = str(file["path"]), Path(file["source"])
        facts = _planned(file, source)
        target = self._work / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if self._from.setdefault(path, source) != source:
            raise FileExistsError(f"two inputs of stage {self._stage} are called {path}")
        if path in self.paths:
            return
        self.paths.add(path)
        if file.get("copy") or any(_covers(output, path) for output in self._outputs):
            if not _cloned(source, target):
                shutil.copyfile(source, target)
            _let_run(source, target, stored=bool(file.get("stored")))
            return
        linked = show(source, target, copied_up_to=self._room)
        if not linked:
            self._room -= facts[0]
            _let_run(source, target, stored=bool(file.get("stored")))
        seen = facts if linked else facts_of(target)
        self._watched.append(
            Placed(path, target, source, file.get("digest"), bool(file.get("stored")), linked, seen)
        )

    def gone(self) -> list[str]:
        """Those that the code removed or moved away."""
        return sorted(path for path in self.paths if not os.path.lexists(self._work / path))

    def __enter__(self) -> Self:
        """While the code runs. Raises AGI-STAGE-116 naming an input that was changed; damaged objects are set aside.

        Code that fails by itself is told so, unless it has damaged what others read: that is worse.

        Costs a look at each file; it is read only where its size, mtime or inode is not what it was.
        """
        return self

    def __exit__(self, _: type[BaseException] | None, failed: BaseException | None, __: object) -> None:
        changed = self._settled()
        if any(damaged for _, damaged in changed) or (changed and failed is None):
            raise self._refused(changed) from failed

    def _settled(self) -> list[tuple[Placed, bool]]:
        """The inputs that were changed, and whether what others read is damaged thereby."""
        changed = [(placed, damaged) for placed in self._watched for damaged in _changes(placed)]
        for placed, damaged in changed:
            if damaged and placed.stored:
                set_aside(placed.source)
        return changed

    def _refused(self, changed: list[tuple[Placed, bool]]) -> AgiError:
        placed, damaged = max(changed, key=lambda found: found[1])
        what = "its change of a copy, which would have been lost"
        if damaged:
            what = (
                "the result of an earlier stage itself is damaged; it is set aside and will be made again"
                if placed.stored
                else f"the lab's own file {placed.path}, too large to be copied, is damaged (by the stage, or by "
                "somebody else while it ran)"
            )
        mend = f'outputs = ["{placed.path}"], or write to another file'
        if damaged and not placed.stored:
            mend = f"put {placed.path} back as it was; then {mend}"
        return AgiError(
            "AGI-STAGE-116",
            f"stage {self._stage} changed its input {placed.path}; declare it as an output, or write elsewhere",
            found=what,
            allowed="inputs are read; only a file that is an output too may be changed",
            try_=mend,
            whose="author",
            exit_code=FAILED,
        )


def show(source: Path, target: Path, *, copied_up_to: int = COPIED) -> bool:
    """Let a file be read under another path, without a way to its bytes where that is cheap: a clone, a copy of one of
    at most so many bytes, else a link. Returns whether it is a link."""
    if _cloned(source, target):
        return False
    if source.stat().st_size > copied_up_to:
        target.symlink_to(source)
        return True
    shutil.copyfile(source, target)
    return False


_PROGRAMS = (b"#!", b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe")
"""How programs begin: a script, and what Linux and macOS run."""


def _let_run(source: Path, target: Path, *, stored: bool) -> None:
    """Let a copy be run as a program if what it was made from may be.

    An object of the store keeps bytes and no permission, so there it is by its first bytes, and a shell's by its name.
    """
    if stored:
        with open(source, "rb") as stream:
            runs = target.suffix == ".sh" or stream.read(4).startswith(_PROGRAMS)
    else:
        runs = bool(source.stat().st_mode & 0o100)
    if runs:
        target.chmod(target.stat().st_mode | 0o111)


def _planned(file: Mapping[str, Any], source: Path) -> Facts:
    if not source.is_file():
        raise AgiError(
            "AGI-STAGE-102",
            f"the input file {file['path']} is gone",
            found=f"nothing at {source}",
            allowed="the file that was there when the run was planned",
            exit_code=FAILED,
        )
    facts = facts_of(source)
    if file.get("size") not in (None, facts[0]):
        raise AgiError(
            "AGI-STAGE-102",
            f"the input file {file['path']} changed after the run was planned",
            found=f"{facts[0]:,} bytes",
            allowed=f"{file['size']:,} bytes",
            try_="run the lab again: what it reads is settled when it begins",
            exit_code=FAILED,
        )
    return facts


def _changes(placed: Placed) -> Iterator[bool]:
    """For an input that is not what it was: whether what others read is damaged. Nothing for one whose copy is gone."""
    if placed.linked and _differs(placed.source, placed):
        yield True
        return
    replaced = placed.linked and not placed.target.is_symlink()
    if placed.target.is_file() and (replaced or not placed.linked) and _differs(placed.target, placed):
        yield False


def _differs(path: Path, placed: Placed) -> bool:
    found = is_changed(path, placed.facts, placed.digest)
    if found is not None:
        return found
    # Without a digest: a copy can be compared with its source, and of a source nobody knows what it was.
    return path == placed.source or not filecmp.cmp(path, placed.source, shallow=False)


def _covers(output: str, path: str) -> bool:
    """Whether an output, as it is declared and filled in, is this file, its folder, or a pattern that it fits."""
    if path.startswith(output.removesuffix("/") + "/") or path == output:
        return True
    deep = "**" in output or path.count("/") == output.count("/")
    return deep and fnmatch.fnmatchcase(path, output)


def _cloned(source: Path, target: Path) -> bool:
    """Whether the file system has shared the blocks of one file with another, which costs nothing of its size."""
    places = source.stat().st_dev, target.parent.stat().st_dev
    if places in _no_clones:
        return False
    try:
        import fcntl

        with open(source, "rb") as read, open(target, "xb") as written:
            fcntl.ioctl(written.fileno(), _FICLONE, read.fileno())
    except (ImportError, OSError):  # Windows; most file systems, and two that are not one
        target.unlink(missing_ok=True)
        _no_clones.add(places)
        return False
    return True
