"""Files that code is lent: it may read them, and others find them afterwards as they were.

Nobody keeps code from writing to a path that it knows, and a copy of everything would cost as much as reading it. So
what a file is like is noted where its path is handed out, and looked at again when the code has ended: one look each.

A change violates this when a unit can change what others read, and succeed.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple

from agi_node.canonical import sha256_file
from agi_node.errors import FAILED, AgiError

if TYPE_CHECKING:
    from agi_node.reference import FileRef

DAMAGED = "AGI-DATA-007"
YOUNG_NS = 20_000_000
"""A file this young when it is noted may be written again without another mtime: kernels stamp files by a clock that
ticks every 1 to 10 ms."""
_OBJECT = re.compile(r"[0-9a-f]{64}")

Facts = tuple[int, int, int]
"""Size, mtime in ns, inode."""


class _Noted(NamedTuple):
    """A file as it was lent: its facts, its digest ("" where nobody knows it), whether it had only just been written,
    what it is called, and whether it is an object of the store."""

    facts: Facts
    digest: str
    young: bool
    called: FileRef | str
    stored: bool

    @property
    def name(self) -> str:
        return self.called if isinstance(self.called, str) else f"the file {self.called}"


def facts_of(path: Path | str) -> Facts:
    """What tells a file from a changed one without reading it."""
    return _facts(os.stat(path))


def is_changed(path: Path | str, before: Facts, digest: str | None, *, young: bool = False) -> bool | None:
    """Whether a file is not what it was: gone, of another size, of other bytes than its digest says.

    It is read only where its facts are others, or where it was `young`. None where they are others and it has its size,
    and nobody knows its digest.
    """
    try:
        found = os.stat(path)
        if _facts(found) == before and not (young and digest):
            return False
        if found.st_size != before[0]:
            return True
        return sha256_file(path) != digest if digest else None
    except OSError:  # gone, or a folder now
        return True


def set_aside(source: Path) -> None:
    """Take a damaged object from where it is looked for: it is no result of anybody any more."""
    with contextlib.suppress(FileNotFoundError):
        os.replace(source, aside_of(source))


def aside_of(source: Path) -> Path:
    """Where `set_aside` has moved an object."""
    return source.with_name(f".put-damaged-{source.name}")


class Lent:
    """The files whose paths one unit was handed, from any of its threads.

    Responsible for: knowing at its end that they are what they were, and saying so where they are not.
    Not responsible for: the input files of a stage (`agi_node.placing`), which get a place in its folder.
    """

    def __init__(self) -> None:
        self._noted: dict[str, _Noted] = {}
        self._subject = ""

    def file(self, reference: FileRef, path: str, found: os.stat_result) -> None:
        """Note a file of a root. What it was like when it was handed out for the first time counts."""
        if path not in self._noted:
            self._note(path, found, reference.digest, reference, stored=False)

    def artifacts(self, name: str, saved: Iterable[tuple[str, Path]]) -> None:
        """Note what earlier units saved: (key, path). An object of the store is called by its digest."""
        for key, where in saved:
            path = str(where)
            if path not in self._noted:
                try:
                    found = os.stat(path)
                except OSError:  # nothing is lent
                    continue
                called = f"the artifact {name}" + (f" of {key}" if key else "")
                text = path[-65:].replace(os.sep, "")
                stored = _OBJECT.fullmatch(text) is not None
                self._note(path, found, text if stored else "", called, stored=stored)

    def _note(
        self, path: str, found: os.stat_result, digest: str, called: FileRef | str, *, stored: bool
    ) -> None:
        young = abs(time.time_ns() - found.st_mtime_ns) < YOUNG_NS
        # Atomic: where two threads ask at once, the first look counts.
        self._noted.setdefault(path, _Noted(_facts(found), digest, young, called, stored))

    def to(self, subject: str) -> Lent:
        """While the code of this unit runs: `with lent.to("work[a]"): …`.

        Raises AGI-DATA-007 naming a file that was changed; damaged objects of the store are set aside. Code that failed
        is told of the damage instead, which is worse; what it raised is the cause.
        """
        self._subject = subject
        return self

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, failed: BaseException | None, trace: TracebackType | None
    ) -> None:
        damaged = [(path, noted) for path, noted in list(self._noted.items()) if _is_damaged(path, noted)]
        if damaged:
            refusal = self._refusal(damaged)  # while what is there can still be told
            for path, noted in damaged:
                if noted.stored:
                    set_aside(Path(path))
            raise refusal from failed

    def _refusal(self, damaged: list[tuple[str, _Noted]]) -> AgiError:
        # Somebody's own data first: nobody can make them again.
        path, noted = min(damaged, key=lambda one: one[1].stored)
        more = f" (and {len(damaged) - 1:,} more)" if len(damaged) > 1 else ""
        copy = "let the code work on a copy: shutil.copy(path, run.folder)"
        aside = "; it is set aside" if noted.stored and os.path.exists(path) else ""
        return AgiError(
            DAMAGED,
            f"{noted.name} changed while {self._subject} had it to read{more}",
            found=f"{_now(path, noted.facts)} (by its code, or by somebody else meanwhile){aside}",
            allowed="what a unit is given is only read; it writes below run.folder, and keeps by run.log_artifact",
            try_=f"{copy}; run again, for what is damaged is made anew"
            if noted.stored
            else f"put it back as it was; {copy}",
            whose="author",
            exit_code=FAILED,
        )


def _facts(found: os.stat_result) -> Facts:
    return found.st_size, found.st_mtime_ns, found.st_ino


def _is_damaged(path: str, noted: _Noted) -> bool:
    found = is_changed(path, noted.facts, noted.digest, young=noted.young)
    if found is None:
        # Some network file systems give a file another inode whenever they like: without a digest its time decides.
        with contextlib.suppress(OSError):
            return facts_of(path)[1] != noted.facts[1]
    return found is not False


def _now(path: str, before: Facts) -> str:
    """What is there, in words."""
    try:
        found = os.stat(path)
    except OSError as error:
        return f"nothing that can be looked at any more: {error.strerror}"
    if not stat.S_ISREG(found.st_mode):
        return "something that is no file"
    if found.st_size != before[0]:
        return f"{found.st_size:,} bytes, where {before[0]:,} were"
    return (
        f"{'another file' if found.st_ino != before[2] else 'written to'}, with {before[0]:,} bytes as before"
    )
