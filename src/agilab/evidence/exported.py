"""An export, verified without a workspace and without trusting anything in it.

In this order, so that each step may rely on those before: paths and sizes (`store.archive`) · the index and every
byte that it lists · the chain of the log · a fold of the log · every object that the log needs · the manifest.
Whoever changes an export and makes all of it agree again has made another run: only its head, kept elsewhere, tells.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from agi_node.errors import AgiError
from agilab.contracts.base import parse_document
from agilab.contracts.run_export import RunExport
from agilab.contracts.run_manifest import RunManifest
from agilab.evidence.export import INDEX, LOG, MANIFEST, README
from agilab.store.archive import Archive, chunks, damaged, digest_of, lines, opened
from agilab.store.check import fold, objects_of, objects_of_tree, scratch
from agilab.store.events import Event, broken_links
from agilab.store.rows import ArtifactRow
from agilab.store.seal import manifest_of

INDEX_BYTES, ENTRY_BYTES, LETTER_BYTES = 16 * 2**10, 400, 12
MANIFEST_BYTES = 512 * 2**20
LINE_BYTES = 64 * 2**20
_TOLD = 5
_TYPES: Mapping[str, tuple[type, ...]] = {
    "run_id": (str,),
    "run_seq": (int,),
    "at_us": (int,),
    "kind": (str,),
    "unit_id": (str, type(None)),
    "attempt_id": (str, type(None)),
    "body": (str,),
    "sha256": (str,),
}


@dataclass(frozen=True)
class VerifiedExport:
    """An export that holds together.

    Attributes:
        archive: For reading its files, as long as `verified` is open.
        index: What `export.json` says.
        manifest: None for a run that left none.
        places: A path in the archive for the digest of each of its files.
        needed: The objects that the run cannot do without.
        database: Log and tables of the run, folded from the log just now, in a file that goes when `verified` ends.
    """

    archive: Archive
    index: RunExport
    manifest: RunManifest | None
    places: Mapping[str, str]
    needed: frozenset[str]
    database: Path

    def read(self, digest: str) -> bytes:
        """The bytes of a file by their digest."""
        return b"".join(chunks(self.archive, self.places[digest]))

    def digest_at(self, run_seq: int) -> str | None:
        """The chain's link at an event, or None where the log is shorter."""
        with closing(sqlite3.connect(self.database)) as db:
            row = db.execute("SELECT sha256 FROM event WHERE run_seq=?", (run_seq,)).fetchone()
        return str(row[0]) if row else None


@contextmanager
def verified(path: Path, *, max_bytes: int | None = None) -> Iterator[VerifiedExport]:
    """Verify an exported folder or zip, and hold it open.

    Raises AGI-STORE-040 to -043 (see `store.archive`), naming the file or the event that differs, AGI-DOC-003 where a
    newer AGILab made it, and AGI-DOC-004 where its index or manifest is none.
    """
    with opened(path, max_bytes=max_bytes) as archive, TemporaryDirectory(prefix="agilab-import-") as made:
        index = _index(archive)
        _stop_at(archive, _files(archive, index))
        places = {file.digest: file.path for file in index.files}
        _stop_at(archive, _chain(archive, index))
        database = Path(made) / "run.db"
        needed = _folded(archive, index, places, database)
        manifest = _manifest(archive, index) if index.manifest else None
        export = VerifiedExport(archive, index, manifest, places, frozenset(needed), database)
        _stop_at(archive, _against_the_log(export))
        _stop_at(archive, _belonging(export))
        yield export


def _stop_at(archive: Archive, problems: Iterator[str]) -> None:
    found = list(islice(problems, _TOLD))
    if found:
        more = len(found) - 1 + sum(1 for _ in islice(problems, 1000))
        raise damaged(archive, found[0], more=more)


# -- what is there -------------------------------------------------------------------------------------------


def _index(archive: Archive) -> RunExport:
    size = archive.sizes.get(INDEX)
    # It has some two hundred bytes for each file: a small zip that unpacks to a huge index is a trap for our memory.
    most = INDEX_BYTES + sum(ENTRY_BYTES + LETTER_BYTES * len(name) for name in archive.sizes)
    if size is None or size > most:
        raise AgiError(
            "AGI-STORE-040",
            f"{archive.where} is no exported run",
            found=f"no {INDEX} in it" if size is None else f"{INDEX} of {size:,} bytes",
            allowed="a zip or a folder that agilab store export made",
            try_="agilab store export RUN",
        )
    return parse_document(b"".join(chunks(archive, INDEX)), RunExport, f"{archive.where}: {INDEX}")


def _files(archive: Archive, index: RunExport) -> Iterator[str]:
    listed = {file.path: file for file in index.files}
    for path in sorted({README, LOG} - listed.keys()):
        yield f"{path} is not in its index"
    for path in sorted(listed.keys() - archive.sizes.keys()):
        yield f"{path} is missing"
    for path in sorted(archive.sizes.keys() - listed.keys() - {INDEX}):
        yield f"{path} is not in its index"
    for path, file in listed.items():
        if path in archive.sizes and (
            archive.sizes[path] != file.size or digest_of(archive, path) != file.digest
        ):
            yield f"{path} has other bytes than its index says"


def _belonging(export: VerifiedExport) -> Iterator[str]:
    """Nothing comes along that the run does not speak of, and nothing lies where it would be taken for another."""
    shown = _shown(export)
    for file in export.index.files:
        path, digest = file.path, file.digest
        if path.startswith("objects/"):
            if path != f"objects/{digest[:2]}/{digest[2:]}":
                yield f"{path} is not named by its digest"
        elif path in shown:
            if digest != shown[path]:
                yield f"{path} has other bytes than the log says"
        elif path not in (README, LOG) and (export.manifest or not _written_beside(path)):
            yield f"{path} is nothing that the run speaks of"


def _shown(export: VerifiedExport) -> dict[str, str]:
    """Path and digest of what may lie below run/: by the manifest, or where there is none by the log itself."""
    manifest = export.manifest
    if manifest:
        listed = (*manifest.artifacts, *manifest.reduce, *manifest.logs)
        shown = {f"run/{file.path}": file.digest for file in listed if _has_its_place(f"run/{file.path}")}
        return {**shown, MANIFEST: export.index.manifest or ""}
    with closing(sqlite3.connect(export.database)) as db:
        rows = db.execute(
            "SELECT unit_id, name, kind, media_type, size, digest, file FROM artifact"
        ).fetchall()
    return {f"run/{row.place}": row.digest for row in (ArtifactRow(*row) for row in rows)}


def _has_its_place(path: str) -> bool:
    return path.startswith("run/artifacts/") or _written_beside(path)


def _written_beside(path: str) -> bool:
    """What a coordinator writes into the folder of a run, and only a manifest vouches for."""
    folder, _, name = path.rpartition("/")
    return (folder == "run/logs" and name.startswith("units_") and name.endswith(".log")) or (
        folder == "run" and name.startswith("reduce_summary") and name.endswith(".json")
    )


# -- the log -------------------------------------------------------------------------------------------------


def _chain(archive: Archive, index: RunExport) -> Iterator[str]:
    head, count = "", 0

    def passing() -> Iterator[Event]:
        nonlocal head, count
        for event in _events(archive, index):
            head, count = event.sha256, event.run_seq
            yield event

    try:
        yield from broken_links(index.run_id, passing())
    except UnicodeEncodeError:
        yield f"event {count:,} holds text that is none"
    if (head, count) != (index.head, index.events):
        yield f"the log ends at event {count:,}, and the index says {index.events:,} with another head"


def _events(archive: Archive, index: RunExport) -> Iterator[Event]:
    """The events as the file has them. Raises AGI-STORE-043 for a line that is none of this run."""
    for number, line in enumerate(lines(archive, LOG, longest=LINE_BYTES), start=1):
        plain: Any = None
        try:
            plain = json.loads(line)
            right = plain.keys() == _TYPES.keys() and all(
                type(plain[name]) in types for name, types in _TYPES.items()
            )
        except (ValueError, AttributeError, RecursionError):  # RecursionError: nested beyond Python's limit
            right = False
        if not right:
            raise damaged(archive, f"line {number} of {LOG} is no event")
        if plain["run_id"] != index.run_id:
            raise damaged(archive, f"line {number} of {LOG} is of another run")
        yield Event(**plain)


def _folded(archive: Archive, index: RunExport, places: Mapping[str, str], database: Path) -> set[str]:
    """Fold the log into a database, and find every object that it needs among the files."""
    fresh = scratch(str(database))
    needed: dict[str, str] = {}

    def load(digest: str) -> bytes:
        if digest not in places:
            raise KeyError(f"object {digest[:12]}")
        return b"".join(chunks(archive, places[digest]))

    def kept() -> Iterator[Event]:
        insert = "INSERT INTO event VALUES(?,?,?,?,?,?,?,?)"
        for event in _events(archive, index):
            fresh.execute(insert, tuple(getattr(event, name) for name in _TYPES))
            for digest, what in objects_of(event):
                needed.setdefault(digest, what)
            yield event

    try:
        _stop_at(archive, fold(fresh, kept(), load))
        row = fresh.execute("SELECT app, state, source_digest FROM run").fetchone()
    except (sqlite3.Error, OverflowError) as problem:
        raise damaged(archive, f"the log cannot be folded: {problem}") from problem
    finally:
        fresh.close()
    if row is None or row[:2] != (index.app, index.state):
        raise damaged(
            archive, f"the index speaks of {index.app}, {index.state}, and the log of {row and row[:2]}"
        )
    if row[2] in places:
        for digest, what in objects_of_tree(load(row[2])):
            needed.setdefault(digest, what)
    for digest, what in needed.items():
        if digest not in places:
            raise damaged(archive, f"{what}: object {digest[:12]} is not in it")
    return set(needed)


# -- the manifest --------------------------------------------------------------------------------------------


def _manifest(archive: Archive, index: RunExport) -> RunManifest:
    if MANIFEST not in archive.sizes or archive.sizes[MANIFEST] > MANIFEST_BYTES:
        raise damaged(archive, f"{MANIFEST} is missing, or larger than any of ours")
    return parse_document(b"".join(chunks(archive, MANIFEST)), RunManifest, f"{archive.where}: {MANIFEST}")


def _against_the_log(export: VerifiedExport) -> Iterator[str]:
    index, manifest = export.index, export.manifest
    digests = {file.path: file for file in index.files}
    with closing(sqlite3.connect(export.database)) as db:
        written = manifest_of(db, index.run_id)
    if written != index.manifest:
        yield f"the log {'says that another manifest' if written else 'does not know that a manifest'} was written"
    if manifest is None:
        return
    if digests[MANIFEST].digest != index.manifest:
        yield f"{MANIFEST} has other bytes than the log says were written"
    if manifest.run_id != index.run_id:
        yield f"the manifest is that of run {manifest.run_id}"
    head = manifest.execution.log
    if export.digest_at(head.events) != head.head:
        yield f"the chain head in the manifest is not that of event {head.events}"
    for listed in (*manifest.artifacts, *manifest.reduce, *manifest.logs):
        file = digests.get(f"run/{listed.path}")
        if file is None or (file.size, file.digest) != (listed.size, listed.digest):
            yield f"run/{listed.path} is missing, or has other bytes than the manifest says"
