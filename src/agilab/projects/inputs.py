"""Input files: their digests, remembered by size, modification time and inode."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from agi_node.canonical import sha256_file, untag
from agi_node.errors import AgiError
from agilab.contracts.rooted import file_references, inside


class FileDigests:
    """Digests of files, computed once and remembered as long as size, mtime and inode stay the same.

    A lost or damaged memory costs time, never truth: it is simply filled again.
    """

    def __init__(self, cache: Path) -> None:
        cache.mkdir(parents=True, exist_ok=True)
        self._path = cache / "file_digests.db"
        self._db = self._open()

    def of(self, paths: list[Path]) -> list[str]:
        """SHA-256 of each file, several at once. Raises AGI-DATA-004 naming a file that cannot be read."""
        facts = [_facts(path) for path in paths]
        known = [
            self._db.execute(
                "SELECT digest FROM file WHERE path=? AND size=? AND mtime_ns=? AND inode=?",
                (str(path), *fact),
            ).fetchone()
            for path, fact in zip(paths, facts, strict=True)
        ]
        fresh: dict[Path, str] = {}
        missing = [path for path, row in zip(paths, known, strict=True) if row is None]
        if missing:
            with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as threads:
                fresh = dict(zip(missing, threads.map(sha256_file, missing), strict=True))
            with self._db:
                self._db.executemany(
                    "INSERT OR REPLACE INTO file(path, size, mtime_ns, inode, digest) VALUES(?,?,?,?,?)",
                    [
                        (str(path), *fact, fresh[path])
                        for path, fact in zip(paths, facts, strict=True)
                        if path in fresh
                    ],
                )
        return [row[0] if row else fresh[path] for path, row in zip(paths, known, strict=True)]

    def close(self) -> None:
        self._db.close()

    def _open(self) -> sqlite3.Connection:
        try:
            return self._prepared()
        except sqlite3.DatabaseError:
            self._path.unlink(missing_ok=True)
            return self._prepared()

    def _prepared(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._path, timeout=10)
        try:
            db.execute(
                "CREATE TABLE IF NOT EXISTS file(path TEXT PRIMARY KEY, size INTEGER, mtime_ns INTEGER,"
                " inode INTEGER, digest TEXT)"
            )
        except sqlite3.DatabaseError:
            db.close()
            raise
        return db


def fill_in_digests(payloads: list[Any], roots: Mapping[str, str], digests: FileDigests) -> None:
    """Give every file reference in these (tagged) payloads the digest of its file, in place."""
    references = [reference for payload in payloads for reference in file_references(payload)]
    for reference in references:
        _refuse_unnameable(reference)
    paths = [Path(roots[untag(reference["root"])]) / untag(reference["path"]) for reference in references]
    for reference, digest in zip(references, digests.of(paths), strict=True):
        reference["digest"] = digest


def refuse_changed(
    references: Iterable[Mapping[str, Any]], roots: Mapping[str, str], digests: FileDigests
) -> None:
    """Refuse files that are not what their (tagged) references say, whatever their size.

    Raises AGI-DATA-003 naming the first of them, AGI-DATA-002 for one that is gone.

    Costs a look at each file; it is read only where its size, mtime or inode changed.
    """
    listed = list(references)
    paths = [Path(roots[untag(reference["root"])]) / untag(reference["path"]) for reference in listed]
    for reference, path in zip(listed, paths, strict=True):
        name = f"{untag(reference['root'])}:{untag(reference['path'])}"
        if not path.is_file():
            raise AgiError(
                "AGI-DATA-002",
                f"the file {name} cannot be found",
                found=f"nothing at {path}",
                allowed="the file that was there when the plan was made",
                exit_code=1,
            )
        (now,) = digests.of([path])
        if now != reference["digest"]:
            raise AgiError(
                "AGI-DATA-003",
                f"the file {name} changed after the plan was made",
                found=f"{path.stat().st_size:,} bytes, digest {now[:12]}",
                allowed=f"{untag(reference['size']):,} bytes, digest {str(reference['digest'])[:12]}",
                try_="plan again: what a run reads is settled when it begins",
                exit_code=1,
            )


def _refuse_unnameable(reference: Mapping[str, Any]) -> None:
    """A file that no document could name must not enter a run: its manifest could not be written at the end."""
    try:
        inside(untag(reference["path"]))
    except ValueError as problem:
        raise AgiError(
            "AGI-DATA-006",
            "an input file has a name that documents cannot carry",
            found=f"{reference['root']}:{reference['path']!r}",
            allowed=f"a path that means the same on every system; this one {problem}",
            try_="rename the file",
            exit_code=1,
        ) from problem


def _facts(path: Path) -> tuple[int, int, int]:
    try:
        found = path.stat()
    except OSError as problem:
        raise AgiError(
            "AGI-DATA-004",
            f"an input file cannot be read: {problem.strerror}",
            found=str(path),
            try_=f"ls -l {path.parent}",
            exit_code=1,
        ) from problem
    return found.st_size, found.st_mtime_ns, found.st_ino
