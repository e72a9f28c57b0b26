"""An export as it lies on disk: a folder or a zip, written the same way twice and read without trusting it."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Protocol

from agi_node.errors import ENVIRONMENT, AgiError
from agilab.store.objects import sync

ZIP = ".zip"
MAX_FILES = 1_000_000
PLAUSIBLE_RATIO = 200
"""What text packs to at the very best; beyond it, and beyond a gibibyte, somebody has to say that it is meant."""
PLAUSIBLE_BYTES = 2**30
_CHUNK = 2**20
_EPOCH = (1980, 1, 1, 0, 0, 0)
_UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError)


class Archive(Protocol):
    """Files by their relative paths, none of which leads anywhere else.

    Responsible for: names that are safe to join to a folder, regular files only, sizes that are kept to.
    Not responsible for: what is in them.
    """

    where: str
    sizes: Mapping[str, int]

    def open(self, name: str) -> BinaryIO:
        """The file for reading. Raises what a damaged zip or disk raises; see `read`."""
        ...


def chunks(archive: Archive, name: str) -> Iterator[bytes]:
    """The bytes of a file, piece by piece. Raises AGI-STORE-043 where the archive is damaged there."""
    try:
        with archive.open(name) as file:
            while chunk := file.read(_CHUNK):
                yield chunk
    except _UNREADABLE as problem:
        raise damaged(archive, f"{name} cannot be read: {problem}") from problem


def digest_of(archive: Archive, name: str) -> str:
    """SHA-256 of a file. Raises as `chunks` does."""
    found = hashlib.sha256()
    for chunk in chunks(archive, name):
        found.update(chunk)
    return found.hexdigest()


def lines(archive: Archive, name: str, *, longest: int) -> Iterator[bytes]:
    """The lines of a file. Raises AGI-STORE-043 also for a line that is longer than any of ours."""
    try:
        with archive.open(name) as file:
            while line := file.readline(longest + 1):
                if len(line) > longest:
                    raise damaged(archive, f"{name} has a line of more than {longest:,} bytes")
                yield line
    except _UNREADABLE as problem:
        raise damaged(archive, f"{name} cannot be read: {problem}") from problem


@contextmanager
def opened(path: Path, *, max_bytes: int | None = None) -> Iterator[Archive]:
    """Look at what a zip or a folder holds, and refuse what no export is made of; no file is read yet.

    Raises AGI-STORE-040 where there is no zip and no folder, AGI-STORE-041 for a path that leads elsewhere, a link
    or a name that stands twice, AGI-STORE-042 for more than `max_bytes` (by default a gibibyte, or two hundred
    times what the zip itself takes).
    """
    with ExitStack() as stack:
        archive: Archive
        archive = _Folder(path) if path.is_dir() else _Zip(path, stack)
        total = sum(archive.sizes.values())
        plausible = max(PLAUSIBLE_BYTES, PLAUSIBLE_RATIO * path.stat().st_size)
        limit = max_bytes if max_bytes is not None else total if path.is_dir() else plausible
        if total > limit or len(archive.sizes) > MAX_FILES:
            raise AgiError(
                "AGI-STORE-042",
                f"{path.name} would unpack to more than it should",
                found=f"{total:,} bytes in {len(archive.sizes):,} files",
                allowed=f"{limit:,} bytes in {MAX_FILES:,} files",
                try_=f"agilab store import {path.name} --max-size {total // 10**6 + 1}, if that is meant",
                exit_code=1,
            )
        yield archive


class _Folder:
    def __init__(self, path: Path) -> None:
        self.where = path.name
        self._path = path
        sizes: dict[str, int] = {}
        for root, folders, names in os.walk(path):
            for name in (*folders, *names):
                place = Path(root, name)
                inside = place.relative_to(path).as_posix()
                mode = place.lstat().st_mode
                if stat.S_ISREG(mode):
                    sizes[_safe(self.where, inside)] = place.lstat().st_size
                elif not stat.S_ISDIR(mode):
                    raise _unsafe(self.where, inside, "is a link or no regular file")
        self.sizes: Mapping[str, int] = sizes

    def open(self, name: str) -> BinaryIO:
        # What was no link a moment ago is not followed if it is one now.
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        return open(os.open(self._path / name, flags), "rb")


class _Zip:
    def __init__(self, path: Path, stack: ExitStack) -> None:
        self.where = path.name
        try:
            self._file = stack.enter_context(zipfile.ZipFile(path))
        except (*_UNREADABLE, ValueError) as problem:
            raise AgiError(
                "AGI-STORE-040",
                f"{path} is no exported run",
                found="no such file" if not path.exists() else f"{problem}",
                allowed="a zip or a folder that agilab store export made",
                try_="agilab store export RUN",
            ) from problem
        sizes: dict[str, int] = {}
        for entry in self._file.infolist():
            name = entry.orig_filename
            if entry.is_dir():
                raise _unsafe(self.where, name, "is a folder, which our zips do not list")
            if stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG):
                raise _unsafe(self.where, name, "is a link or no regular file")
            if entry.flag_bits & 0x1:
                raise _unsafe(self.where, name, "is encrypted")
            if _safe(self.where, name) in sizes:
                raise _unsafe(self.where, name, "is in it twice")
            sizes[name] = entry.file_size
        self.sizes: Mapping[str, int] = sizes

    def open(self, name: str) -> BinaryIO:
        # zipfile itself reads no more than the size that the entry declares, and checks its CRC at the end.
        return self._file.open(name)  # type: ignore[return-value]  # a BinaryIO in all but name


def write_folder(target: Path, files: Mapping[str, Path]) -> None:
    """Copy files to a folder of their own, whole or not at all. Raises OSError where the disk refuses."""
    building = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        for name in sorted(files):
            place = building / name
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(files[name], place)
        if sync_all := getattr(os, "sync", None):
            sync_all()  # once: forcing twenty thousand files one by one takes longer than copying them
        target.parent.mkdir(parents=True, exist_ok=True)
        os.rename(building, target)  # over an empty folder too, never over one that holds something
    except BaseException:
        shutil.rmtree(building, ignore_errors=True)
        raise


def write_zip(target: Path, files: Mapping[str, Path]) -> None:
    """The same files as a zip, whose bytes depend on nothing but theirs. Raises OSError where the disk refuses."""
    building = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with zipfile.ZipFile(building, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as zipped:
            for name in sorted(files):
                entry = zipfile.ZipInfo(name, _EPOCH)
                entry.create_system = 3  # the same on every system
                entry.external_attr = (stat.S_IFREG | 0o644) << 16
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.file_size = files[name].stat().st_size
                with files[name].open("rb") as source, zipped.open(entry, "w") as place:
                    shutil.copyfileobj(source, place, _CHUNK)
        sync(building)  # whoever exports a run may prune it next
        os.replace(building, target)
    finally:
        building.unlink(missing_ok=True)


def damaged(archive: Archive, what: str, *, more: int = 0) -> AgiError:
    """The error about an export that is not what it says it is."""
    return AgiError(
        "AGI-STORE-043",
        f"{archive.where} does not hold together: {what}",
        found=f"and {more} more such findings" if more else None,
        allowed="an export exactly as it was made",
        try_="get the file again from whoever exported the run",
        exit_code=1,
    )


def unwritable(target: Path, problem: OSError) -> AgiError:
    """The error about a disk that does not take an export."""
    return AgiError(
        "AGI-STORE-033",
        f"{target} cannot be written, and nothing was left behind",
        found=problem.strerror or str(problem),
        allowed="a place with room that you may write to",
        try_="agilab store export RUN --to /another/place.zip",
        whose="environment",
        exit_code=ENVIRONMENT,
    )


def _safe(where: str, name: str) -> str:
    parts = name.split("/")
    if (
        not name
        or name.startswith("/")
        or "\\" in name
        or name[1:2] == ":"
        or any(ord(letter) < 32 or ord(letter) == 127 for letter in name)
        or any(part in ("", ".", "..") for part in parts)
        or PurePosixPath(name).is_absolute()
    ):
        raise _unsafe(where, name, "leads out of it, or is no plain relative path")
    return name


def _unsafe(where: str, name: str, why: str) -> AgiError:
    return AgiError(
        "AGI-STORE-041",
        f"{where} holds something that no export holds, and nothing of it was unpacked",
        found=f"{name!r:.120} {why}",
        allowed="regular files inside the export, each once",
        try_="get the file again from whoever exported the run",
        exit_code=1,
    )
