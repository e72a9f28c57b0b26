"""Two files beside each other: byte by byte, and by contents where the form itself carries a date."""

from __future__ import annotations

import gzip
import json
import subprocess
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from agilab.workflow.notebooks.texts import difference

BY_CONTENTS = "by contents"
_Read = IO[bytes] | gzip.GzipFile
_PIECE = 1 << 20
_GZIP, _ZIP = b"\x1f\x8b", b"PK"
_UNREADABLE = (
    OSError,
    EOFError,
    ValueError,
    RuntimeError,
    NotImplementedError,
    zipfile.BadZipFile,
    zlib.error,
)


def same_contents(theirs: Path, mine: Path) -> bool:
    """Whether two archives hold the same: of gzip what is packed, of zip the members' names and what is in them.

    Dates, which the headers of both have, are not looked at. False for other files, and for such as cannot be read.
    """
    heads = {_head(theirs), _head(mine)}
    form: Callable[[Path, Path], bool]
    if heads == {_GZIP}:
        form = _gzip
    elif heads == {_ZIP}:
        form = _zip
    else:
        return False
    try:
        return form(theirs, mine)
    except _UNREADABLE:
        return False


def are_pickles(*files: Path) -> bool:
    """Whether files begin as pickles do (protocols 2 to 5) and end as they do."""
    return all(_is_pickle(one.read_bytes()) for one in files)


def held_in(files: Sequence[Path], python: Path) -> tuple[list[dict[str, Any]], str]:
    """Fingerprints of what pickles hold, told by the interpreter of the lab's environment; or why there are none."""
    with tempfile.TemporaryDirectory(prefix="agilab-verify-") as folder:
        words = [str(python), "-m", "agi_node.held", folder, *map(str, files)]
        done = subprocess.run(words, capture_output=True, text=True, cwd=folder, check=False)
    if done.returncode:
        return [], done.stderr.strip().rpartition("\n")[2][:200]
    found: list[dict[str, Any]] = json.loads(done.stdout.strip().rpartition("\n")[2])
    return found, ""


def members_in(file: Path) -> dict[str, bytes]:
    """What is packed in an archive, by name (of gzip by none); empty for what is none, or cannot be read."""
    try:
        if _head(file) == _GZIP:
            return {"": gzip.decompress(file.read_bytes())}
        if _head(file) == _ZIP:
            with zipfile.ZipFile(file) as packed:
                return {name: packed.read(name) for name in packed.namelist()}
    except _UNREADABLE:
        pass
    return {}


def _is_pickle(data: bytes) -> bool:
    return data[:1] == b"\x80" and data[1:2] in (b"\2", b"\3", b"\4", b"\5") and data[-1:] == b"."


def bytes_apart(theirs: Path, mine: Path) -> str:
    """Where two files differ: the first line of texts, the first byte of others."""
    one, other = theirs.read_bytes(), mine.read_bytes()
    sizes = f"other bytes: {len(one):,} in the notebook, {len(other):,} in the pipeline"
    try:
        texts = one.decode("utf-8"), other.decode("utf-8")
    except UnicodeDecodeError:
        at = next(
            (n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
        )
        return f"{sizes}; from byte {at:,} on"
    return f"{sizes}; {difference(*texts)}"


def _head(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(2)


def _gzip(theirs: Path, mine: Path) -> bool:
    with gzip.open(theirs) as one, gzip.open(mine) as other:
        return _same(one, other)


def _zip(theirs: Path, mine: Path) -> bool:
    with zipfile.ZipFile(theirs) as one, zipfile.ZipFile(mine) as other:
        if one.namelist() != other.namelist():
            return False
        for left, right in zip(one.infolist(), other.infolist(), strict=True):
            with one.open(left) as first, other.open(right) as second:
                if not _same(first, second):
                    return False
    return True


def _same(one: _Read, other: _Read) -> bool:
    return all(left == right for left, right in _pieces(one, other))


def _pieces(one: _Read, other: _Read) -> Iterator[tuple[bytes, bytes]]:
    while True:
        left, right = one.read(_PIECE), other.read(_PIECE)
        yield left, right
        if not left or not right:
            return
