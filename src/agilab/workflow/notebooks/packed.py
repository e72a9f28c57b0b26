"""What is packed in an archive: its members in their order, each with its mode; not when they were written."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

UNREADABLE = (
    *(OSError, EOFError, ValueError, RuntimeError, NotImplementedError),
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError),
)
"""What is raised of a file that only begins as an archive does."""
_PIECE, _HEAD = 1 << 20, 512
_NESTED = 64 << 20
"""Bytes up to which a member is looked into, if it is an archive itself."""
_GZIP, _BZIP2, _XZ, _ZIP = b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"PK"
_TAR, _TAR_AT = b"ustar", 257


@dataclass(frozen=True)
class Part:
    """Something that is packed.

    Attributes:
        name: Its path, behind that of the archive which is itself a member; empty for what gzip packs.
        kind: What else its header says of it: the form of an archive, a mode, what a link leads to.
        data: Its bytes, to be read before the next part is asked for; None for a header alone.
    """

    name: str
    kind: str
    data: IO[bytes] | None = None


@dataclass(frozen=True)
class Told:
    """A part after it was read."""

    name: str
    kind: str
    digest: str


def is_packed(file: Path) -> bool:
    """Whether a file begins as an archive does."""
    with file.open("rb") as opened:
        return bool(_form(opened.read(_HEAD)))


def told_of(file: Path) -> list[Told]:
    """Every part of an archive with the digest of what is in it. Raises one of `UNREADABLE`."""
    with file.open("rb") as opened:
        return [Told(one.name, one.kind, _digest(one.data)) for one in _parts(opened)]


def members_in(file: Path) -> dict[str, bytes]:
    """What is packed in an archive, by name (of gzip by none); empty for what is none, or cannot be read."""
    try:
        if is_packed(file):
            with file.open("rb") as opened:
                return {one.name: one.data.read() for one in _parts(opened) if one.data is not None}
    except UNREADABLE:
        pass
    return {}


def _form(head: bytes) -> str:
    forms = {"gzip": _GZIP, "bzip2": _BZIP2, "xz": _XZ, "zip": _ZIP}
    if head[_TAR_AT : _TAR_AT + len(_TAR)] == _TAR:
        return "tar"
    return next((form for form, begins in forms.items() if head.startswith(begins)), "")


def _parts(file: IO[bytes], name: str = "", *, within: bool = False) -> Iterator[Part]:
    """The parts of what is opened, those of archives in it too; it is one part if it is none."""
    form = _form(file.read(_HEAD))
    file.seek(0)
    if form == "tar":
        yield Part(name, form)
        yield from _of_tar(file, name)
    elif form == "zip" and not within:
        yield Part(name, form)
        yield from _of_zip(file, name)
    elif form and not within:
        yield Part(name, form)
        with _unpacked(form, file) as inner:
            yield from _parts(inner, name, within=True)
    else:
        yield Part(name, "", file)


def _unpacked(form: str, file: IO[bytes]) -> IO[bytes]:
    if form == "gzip":
        return cast(IO[bytes], gzip.GzipFile(fileobj=file))
    return cast(IO[bytes], bz2.BZ2File(file) if form == "bzip2" else lzma.LZMAFile(file))


def _of_tar(file: IO[bytes], name: str) -> Iterator[Part]:
    with tarfile.open(fileobj=file, mode="r|") as archive:
        for one in archive:
            link = f" to {one.linkname}" if one.linkname else ""
            path = _below(name, one.name)
            yield Part(path, f"{_TYPES.get(one.type, 'file')}{link}, mode {one.mode & 0o7777:o}")
            if (data := archive.extractfile(one) if one.isreg() else None) is not None:
                yield from _member(data, one.size, path)


_TYPES = {tarfile.DIRTYPE: "folder", tarfile.SYMTYPE: "link", tarfile.LNKTYPE: "hard link"}


def _of_zip(file: IO[bytes], name: str) -> Iterator[Part]:
    with zipfile.ZipFile(file) as archive:
        for one in archive.infolist():
            path = _below(name, one.filename)
            yield Part(
                path, f"{'folder' if one.is_dir() else 'file'}, mode {one.external_attr >> 16 & 0o7777:o}"
            )
            if not one.is_dir():
                with archive.open(one) as data:
                    yield from _member(data, one.file_size, path)


def _member(data: IO[bytes], size: int, path: str) -> Iterator[Part]:
    """A member, or its parts where it is an archive of no great size that can be read."""
    if size > _NESTED:
        yield Part(path, "", data)
        return
    whole = data.read()
    if _form(whole[:_HEAD]):
        try:
            for one in _parts(io.BytesIO(whole)):
                _digest(one.data)
        except UNREADABLE:
            pass
        else:
            yield from _parts(io.BytesIO(whole), path)
            return
    yield Part(path, "", io.BytesIO(whole))


def _below(name: str, member: str) -> str:
    return f"{name}: {member}" if name else member


def _digest(data: IO[bytes] | None) -> str:
    if data is None:
        return ""
    found = hashlib.sha256()
    while piece := data.read(_PIECE):
        found.update(piece)
    return found.hexdigest()
