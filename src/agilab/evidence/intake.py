"""`agilab store import`: an exported run comes (back) into a workspace, verified first, whole or not at all.

Objects and files of the run are put in place before its log is; the log and its tables arrive in one transaction, and
only with them is the run in any list; its manifest is shown last. Whoever dies before the transaction leaves objects
and a folder that nobody needs, whoever dies after it a run without its manifest: another import makes both good.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agi_node.canonical import sha256_file
from agi_node.errors import ENVIRONMENT, AgiError
from agilab.evidence.export import MANIFEST
from agilab.evidence.exported import VerifiedExport, verified
from agilab.store.archive import chunks, damaged
from agilab.store.database import PROJECTIONS
from agilab.store.locks import RunLock
from agilab.store.log import now_us
from agilab.store.removal import transaction
from agilab.store.seal import Seal, drop_seal, put_seal, sealed
from agilab.store.store import Store
from agilab.store.workspace import Workspace

Say = Callable[[str], None]
_BESIDE = ".put-import-"
"""How a file is called until it is whole; `store.leftovers` takes away what an import that died left so."""


@dataclass(frozen=True)
class Imported:
    """What became of an import.

    Attributes:
        outcome: `verified` (a dry run), `imported`, or `already here`.
        put_back: Objects and files that the run here had lost.
        notes: What a person should know.
    """

    run_id: str
    outcome: str
    events: int
    head: str
    files: int
    put_back: int = 0
    notes: tuple[str, ...] = ()

    def to_plain(self) -> dict[str, Any]:
        """The same as JSON."""
        return {
            "status": "succeeded",
            "run_id": self.run_id,
            "outcome": self.outcome,
            "events": self.events,
            "head": self.head,
            "files": self.files,
            "put_back": self.put_back,
            "notes": list(self.notes),
        }


def verify_export(path: Path, *, max_bytes: int | None = None) -> Imported:
    """Verify an export, with no workspace at hand and nothing written. Raises as `exported.verified` does."""
    with verified(path, max_bytes=max_bytes) as export:
        return _told(export, "verified", notes=_without_manifest(export))


def import_run(
    path: Path,
    workspace: Workspace,
    *,
    max_bytes: int | None = None,
    say: Say = lambda text: None,
) -> Imported:
    """Verify an export and bring its run into the workspace.

    A run that is here with the same log stays as it is, save that objects and files which it lost are put back. One
    that was pruned comes back, and its seal goes.

    Raises as `exported.verified` does; AGI-STORE-044 where a run of this id is, or was, here with another log;
    AGI-STORE-045 where the disk has no room or refuses; AGI-RUN-010 where a process is at the run.
    """
    say(f"verifying {path.name}")
    with verified(path, max_bytes=max_bytes) as export:
        workspace.ensure()
        with Store(workspace) as store:
            here, _ = _admitted(store, export)  # before there is a folder, which its lock makes
            _refuse_without_room(export, store, missing_bytes(store, export, here=here))
            say(f"bringing in {len(export.index.files):,} files")
            with _disk(export), RunLock(workspace.run_folder(export.index.run_id)):
                # Only its owner brings a run in or takes it away: what is found now stays so.
                here, notes = _admitted(store, export)
                put_back = _place(store, export)
                if not here:
                    _record(store, export)
                put_back += _show(store, export, [MANIFEST])
    if here:
        return _told(export, "already here", put_back=put_back, notes=(*_without_manifest(export), *notes))
    return _told(export, "imported", notes=(*_without_manifest(export), *notes))


def _told(
    export: VerifiedExport, outcome: str, *, put_back: int = 0, notes: tuple[str, ...] = ()
) -> Imported:
    index = export.index
    return Imported(index.run_id, outcome, index.events, index.head, len(index.files) + 1, put_back, notes)


def _without_manifest(export: VerifiedExport) -> tuple[str, ...]:
    return () if export.manifest else ("the run left no manifest: its log and objects are all its evidence",)


# -- may it come in ------------------------------------------------------------------------------------------


def _admitted(store: Store, export: VerifiedExport) -> tuple[bool, tuple[str, ...]]:
    """Whether the run is here with this very log (and perhaps more after it), and what a person should know.

    Raises AGI-STORE-044 where another log of this name is here, is left of a lost run, or was sealed.
    """
    index = export.index
    row = store.db.execute("SELECT head, event_count FROM run WHERE run_id=?", (index.run_id,)).fetchone()
    if row is None:
        _refuse_remains(store, export)
        return False, _against_the_seal(store, export)
    at = store.db.execute(
        "SELECT sha256 FROM event WHERE run_id=? AND run_seq=?", (index.run_id, index.events)
    ).fetchone()
    if at is None or at[0] != index.head:
        raise _another_log(export, row[0], row[1], "is here already")
    return True, ()


def _refuse_remains(store: Store, export: VerifiedExport) -> None:
    """Events without a run are the rest of a prune, or of a run that lost its row, which its own log may replace."""
    run_id = export.index.run_id
    last = store.db.execute(
        "SELECT sha256, run_seq FROM event WHERE run_id=? ORDER BY run_seq DESC LIMIT 1", (run_id,)
    ).fetchone()
    if last and not sealed(store.db, run_id) and export.digest_at(last[1]) != last[0]:
        raise _another_log(export, last[0], last[1], "is here (its row is lost, its log is not)")


def _against_the_seal(store: Store, export: VerifiedExport) -> tuple[str, ...]:
    """A pruned run comes back only as it was sealed, or as an earlier state of that, which its manifest vouches for."""
    index = export.index
    seal = sealed(store.db, index.run_id)
    if seal is None or (seal.head, seal.event_count) == (index.head, index.events):
        return ()
    if index.manifest and index.manifest == seal.manifest_digest and index.events < seal.event_count:
        return (
            f"the export is older than the run that was pruned: what came after event {index.events:,} is not in it",
        )
    raise _another_log(export, seal.head, seal.event_count, "was here before it was pruned")


def _another_log(export: VerifiedExport, head: str, events: int, how: str) -> AgiError:
    index = export.index
    return AgiError(
        "AGI-STORE-044",
        f"a run {index.run_id} {how}, with another log, and stays as it is",
        found=f"{export.archive.where}: {index.events:,} events, head {index.head[:12]}",
        allowed=f"{events:,} events, head {head[:12]}",
        try_=f"agilab runs verify {index.run_id}, or import into another AGILAB_HOME",
        exit_code=1,
    )


def missing_bytes(store: Store, export: VerifiedExport, *, here: bool) -> int:
    """How much of an export the workspace has not; `here` says whether it has the log."""
    folder = store.workspace.run_folder(export.index.run_id)
    return sum(
        file.size
        for file in export.index.files
        if file.digest not in store.objects
        and not (file.path.startswith("run/") and (folder / file.path.removeprefix("run/")).exists())
        and not (here and not file.path.startswith(("run/", "objects/")))
    )


def _refuse_without_room(export: VerifiedExport, store: Store, needed: int) -> None:
    free = shutil.disk_usage(store.workspace.home).free
    if needed * 1.1 > free:
        raise _no_room(export, f"{free:,} bytes are free, and {needed:,} are needed")


def _no_room(export: VerifiedExport, found: str) -> AgiError:
    return AgiError(
        "AGI-STORE-045",
        f"{export.archive.where} was not imported: the disk does not take it",
        found=found,
        allowed="a workspace that you may write to, on a disk with room",
        try_="agilab store prune, or make room",
        whose="environment",
        exit_code=ENVIRONMENT,
    )


@contextmanager
def _disk(export: VerifiedExport) -> Iterator[None]:
    try:
        yield
    except (OSError, sqlite3.OperationalError) as problem:
        raise _no_room(export, str(problem)) from problem


# -- bringing it in ------------------------------------------------------------------------------------------


def _place(store: Store, export: VerifiedExport) -> int:
    """Put objects and files where they belong; returns how many were not there, or not whole."""
    put = 0
    objects = {file.digest for file in export.index.files if file.path.startswith("objects/")}
    for digest in sorted(objects | export.needed):
        if not store.objects.is_whole(digest):
            _adopt(store, export, digest)
            put += 1
    store.objects.sync()
    return put + _show(store, export, [file.path for file in export.index.files if file.path != MANIFEST])


def _show(store: Store, export: VerifiedExport, paths: Iterable[str]) -> int:
    """Put the readable files among these where the run's folder has them; returns how many it lacked."""
    folder = store.workspace.run_folder(export.index.run_id)
    digests, put = {file.path: file.digest for file in export.index.files}, 0
    for path in paths:
        place = folder / path.removeprefix("run/")
        if not path.startswith("run/") or path not in digests:
            continue
        digest = digests[path]
        if place.is_file() and sha256_file(place) == digest:
            continue
        put += 1
        if path.startswith("run/artifacts/") and digest in store.objects:
            store.objects.link(digest, place)
        else:
            _copy(export, path, digest, place)
    return put


def _adopt(store: Store, export: VerifiedExport, digest: str) -> None:
    staged = store.objects.path(digest).with_name(f"{_BESIDE}{os.getpid()}")
    _copy(export, export.places[digest], digest, staged)
    store.objects.mend(staged, digest)


def _copy(export: VerifiedExport, path: str, digest: str, place: Path) -> None:
    """Copy a file out of the export, beside its place first; what was verified is compared once more."""
    place.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=place.parent, prefix=_BESIDE)
    found = hashlib.sha256()
    try:
        with os.fdopen(handle, "wb") as out:
            for chunk in chunks(export.archive, path):
                found.update(chunk)
                out.write(chunk)
        if found.hexdigest() != digest:
            raise damaged(export.archive, f"{path} changed while it was read")
        os.chmod(name, 0o644)
        os.replace(name, place)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _seal(export: VerifiedExport) -> Seal:
    index = export.index
    return Seal(index.run_id, index.app, index.state, 0, None, index.head, index.events, index.manifest)


def _record(store: Store, export: VerifiedExport) -> None:
    """Log and tables in one transaction, from the database that the log was folded into."""
    db, run_id = store.db, export.index.run_id
    db.execute("ATTACH DATABASE ? AS arrived", (str(export.database),))
    db.execute("PRAGMA main.synchronous=FULL")
    try:
        with transaction(db):
            # The run is in no list. Rows of it are the rest of a prune that died, or of a run that lost its own row,
            # whose events the store lets nobody delete that has no seal.
            put_seal(db, _seal(export), now_us())
            for table in ("event", *PROJECTIONS):
                db.execute(f"DELETE FROM {table} WHERE run_id=?", (run_id,))
                columns = ", ".join(row[1] for row in db.execute(f"PRAGMA main.table_info({table})"))
                db.execute(f"INSERT INTO main.{table}({columns}) SELECT {columns} FROM arrived.{table}")
            db.execute("DELETE FROM imported WHERE run_id=?", (run_id,))
            db.execute("INSERT INTO imported(run_id, at_us) VALUES(?,?)", (run_id, now_us()))
            drop_seal(db, run_id)
    finally:
        db.execute("PRAGMA main.synchronous=NORMAL")
        db.execute("DETACH DATABASE arrived")
