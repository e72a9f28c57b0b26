"""Opening the workspace's one SQLite file: settings, schema, migrations, and what we refuse.

The SQL stays plain (no JSON functions, no upserts beyond the standard) because a team's PostgreSQL
is to take the same statements later.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from agi_node.errors import ENVIRONMENT, AgiError

APPLICATION_ID = 0x41474C42  # "AGLB": tells our file from any other SQLite file
BUSY_TIMEOUT_S = 30.0
_MOUNTS = Path("/proc/mounts")
_NETWORK_FILE_SYSTEMS = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "fuse.sshfs", "lustre"}
)

_V1 = """
CREATE TABLE run(
  run_id TEXT PRIMARY KEY, app TEXT NOT NULL, parent_run_id TEXT, state TEXT NOT NULL, paused INTEGER NOT NULL,
  created_us INTEGER NOT NULL, finished_us INTEGER, plan_digest TEXT, source_digest TEXT, environment TEXT,
  head TEXT NOT NULL, event_count INTEGER NOT NULL) STRICT;
CREATE TABLE event(
  run_id TEXT NOT NULL, run_seq INTEGER NOT NULL, at_us INTEGER NOT NULL, kind TEXT NOT NULL, unit_id TEXT,
  attempt_id TEXT, body TEXT NOT NULL, sha256 TEXT NOT NULL, PRIMARY KEY(run_id, run_seq)) STRICT, WITHOUT ROWID;
CREATE TABLE node(
  run_id TEXT NOT NULL, node TEXT NOT NULL, position INTEGER NOT NULL, state TEXT NOT NULL, target TEXT NOT NULL,
  total INTEGER NOT NULL, started_us INTEGER, finished_us INTEGER, PRIMARY KEY(run_id, node)) STRICT, WITHOUT ROWID;
CREATE TABLE unit(
  run_id TEXT NOT NULL, unit_id TEXT NOT NULL, node TEXT NOT NULL, key TEXT NOT NULL, label TEXT NOT NULL,
  position INTEGER NOT NULL, cost REAL NOT NULL, state TEXT NOT NULL, attempt_id TEXT, attempts INTEGER NOT NULL,
  retries INTEGER NOT NULL, losses INTEGER NOT NULL, not_before_us INTEGER NOT NULL, worker TEXT, started_us INTEGER,
  ended_us INTEGER, duration_us INTEGER, done_seq INTEGER, PRIMARY KEY(run_id, unit_id)) STRICT, WITHOUT ROWID;
CREATE TABLE artifact(
  run_id TEXT NOT NULL, unit_id TEXT NOT NULL, name TEXT NOT NULL, kind TEXT NOT NULL, media_type TEXT NOT NULL,
  size INTEGER NOT NULL, digest TEXT NOT NULL, file TEXT NOT NULL,
  PRIMARY KEY(run_id, unit_id, name)) STRICT, WITHOUT ROWID;
CREATE TABLE lease(
  run_id TEXT NOT NULL, attempt_id TEXT NOT NULL, worker TEXT NOT NULL, pid INTEGER NOT NULL, pid_started REAL NOT NULL,
  boot TEXT NOT NULL, expires_s REAL NOT NULL, PRIMARY KEY(run_id, attempt_id)) STRICT, WITHOUT ROWID;
CREATE TRIGGER event_is_never_changed BEFORE UPDATE ON event
  BEGIN SELECT RAISE(ABORT, 'the event log is append-only'); END;
CREATE TRIGGER event_is_never_deleted BEFORE DELETE ON event
  BEGIN SELECT RAISE(ABORT, 'the event log is append-only'); END;
"""

_V2 = """
ALTER TABLE run ADD COLUMN mark TEXT NOT NULL DEFAULT '';
CREATE TABLE command(
  command_id INTEGER PRIMARY KEY, run_id TEXT NOT NULL, verb TEXT NOT NULL, body TEXT NOT NULL,
  at_us INTEGER NOT NULL) STRICT;
CREATE INDEX command_by_run ON command(run_id, command_id);
CREATE TABLE cached(
  run_id TEXT NOT NULL, unit_id TEXT NOT NULL, cache_key TEXT NOT NULL, done_seq INTEGER NOT NULL,
  PRIMARY KEY(run_id, unit_id)) STRICT, WITHOUT ROWID;
CREATE INDEX cached_by_key ON cached(cache_key, run_id);
CREATE TABLE pruned(
  run_id TEXT PRIMARY KEY, app TEXT NOT NULL, state TEXT NOT NULL, created_us INTEGER NOT NULL, finished_us INTEGER,
  head TEXT NOT NULL, event_count INTEGER NOT NULL, manifest_digest TEXT, pruned_us INTEGER NOT NULL) STRICT;
CREATE TABLE imported(run_id TEXT PRIMARY KEY, at_us INTEGER NOT NULL) STRICT;
DROP TRIGGER event_is_never_deleted;
CREATE TRIGGER event_is_never_deleted BEFORE DELETE ON event
  WHEN NOT EXISTS (SELECT 1 FROM pruned WHERE run_id=OLD.run_id)
  BEGIN SELECT RAISE(ABORT, 'the event log is append-only'); END;
"""

# A unit looks for its own earlier result: of a key that thousands share (equal payloads) too.
_V3 = """
DROP INDEX cached_by_key;
CREATE INDEX cached_by_key ON cached(cache_key, unit_id, run_id);
"""

MIGRATIONS: tuple[str, ...] = (_V1, _V2, _V3)
"""Forward only: statement block n takes a file of version n to version n + 1."""
SCHEMA_VERSION = len(MIGRATIONS)
PROJECTIONS = ("run", "node", "unit", "artifact", "cached")
"""Tables that must equal a fold of the log. Leases and commands are about now, not about history; `pruned` remembers
the heads of logs that are gone, `imported` which runs came from elsewhere."""


def connect(
    path: Path, *, readonly: bool = False, migrate: bool = True, mounts: Path = _MOUNTS
) -> sqlite3.Connection:
    """Open (and where needed create or migrate) the workspace database. A reader migrates unless told not to.

    Raises:
        AgiError: AGI-STORE-002 for a network file system, -003 for a file that is not ours, -004 for one that
            a newer AGILab wrote, -005 where it cannot be read or written. None of them changes the file.
    """
    exists = path.exists() and path.stat().st_size > 0
    _refuse_network_file_system(path, mounts)
    try:
        if readonly and not exists:
            raise FileNotFoundError(2, "no workspace database yet", str(path))
        path.parent.mkdir(parents=True, exist_ok=True)
        db = sqlite3.connect(path, isolation_level=None, timeout=BUSY_TIMEOUT_S)
    except (sqlite3.OperationalError, OSError) as problem:
        raise _unusable(path, problem) from problem
    try:
        version = _our_version(db, path, exists)
        if readonly and migrate and version < SCHEMA_VERSION:
            _migrate(db)  # readers and writers of one version speak of the same tables
        if readonly:
            # Not SQLite's read-only mode: that cannot open a WAL file whose index is not there yet.
            db.execute("PRAGMA query_only=ON")
        else:
            if not exists:
                db.execute(
                    "PRAGMA auto_vacuum=INCREMENTAL"
                )  # only a new file takes it: a prune gives its room back
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=NORMAL")
            if version < SCHEMA_VERSION:
                _migrate(db)
    except sqlite3.OperationalError as problem:
        db.close()
        raise _unusable(path, problem) from problem
    except BaseException:
        db.close()
        raise
    return db


def create_schema(db: sqlite3.Connection) -> None:
    """The newest schema in an empty database (used to fold a log afresh in memory)."""
    for block in MIGRATIONS:
        db.executescript(block)


def _our_version(db: sqlite3.Connection, path: Path, exists: bool) -> int:
    try:
        owner = db.execute("PRAGMA application_id").fetchone()[0]
        version = int(db.execute("PRAGMA user_version").fetchone()[0])
        tables = db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    except UnicodeDecodeError as problem:  # SQLite quotes the damaged bytes in what it says
        raise _damaged(path, f"{problem.object!r:.120}") from problem
    except sqlite3.DatabaseError as problem:
        if isinstance(problem, sqlite3.OperationalError):
            raise
        ours = header(path)[68:72] == APPLICATION_ID.to_bytes(4, "big")
        raise (_damaged if ours else _foreign)(path, str(problem)) from problem
    if exists and tables and owner != APPLICATION_ID:
        raise _foreign(path, f"a SQLite file of another program (application id {owner:#x}, {tables} tables)")
    if version > SCHEMA_VERSION:
        raise AgiError(
            "AGI-STORE-004",
            f"{path.name} was written by a newer AGILab",
            found=f"schema version {version}",
            allowed=f"up to {SCHEMA_VERSION}",
            try_="pip install --upgrade agilab, or use another AGILAB_HOME",
            whose="environment",
            exit_code=ENVIRONMENT,
        )
    return version


def _migrate(db: sqlite3.Connection) -> None:
    db.execute("BEGIN IMMEDIATE")
    try:
        # Read again under the lock: another process may have migrated while we waited for it.
        version = int(db.execute("PRAGMA user_version").fetchone()[0])
        for block in MIGRATIONS[version:]:
            for statement in _statements(block):
                db.execute(statement)
        db.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
        db.execute(f"PRAGMA application_id={APPLICATION_ID}")
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise


def _statements(block: str) -> list[str]:
    """Split a migration block; `executescript` would commit the transaction it runs in."""
    found, part = [], ""
    for line in block.splitlines(keepends=True):
        part += line
        if sqlite3.complete_statement(part):
            found.append(part.strip())
            part = ""
    return found


def _refuse_network_file_system(path: Path, mounts: Path) -> None:
    kind = file_system_of(path, mounts)
    if kind in _NETWORK_FILE_SYSTEMS:
        raise AgiError(
            "AGI-STORE-002",
            "the AGILab home lies on a network file system, where SQLite's locks cannot be trusted",
            found=f"{path.parent} on {kind}",
            allowed="a local disk",
            try_="AGILAB_HOME=/a/local/folder agilab …",
            whose="environment",
            exit_code=ENVIRONMENT,
        )


def file_system_of(path: Path, mounts: Path = _MOUNTS) -> str | None:
    """The file system type under a path, where the system tells (Linux); otherwise None."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    where = os.path.realpath(path)
    best, kind = "", None
    for line in lines:
        fields = line.split(" ")
        if len(fields) > 2:
            mount = fields[1].replace("\\040", " ")
            inside = where == mount or where.startswith(mount.rstrip("/") + "/")
            if inside and len(mount) >= len(best):
                best, kind = mount, fields[2]
    return kind


def header(path: Path) -> bytes:
    """The first 100 bytes of a SQLite file, fewer or none where they cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(100)
    except OSError:
        return b""


def _damaged(path: Path, found: str) -> AgiError:
    return AgiError(
        "AGI-STORE-003",
        f"{path} is damaged: SQLite cannot read its schema",
        found=found,
        allowed="a file that AGILab made, as it was made",
        try_=f"restore {path.name} from a backup, or import the exports of its runs into another AGILAB_HOME",
        whose="environment",
        exit_code=ENVIRONMENT,
    )


def _foreign(path: Path, found: str) -> AgiError:
    return AgiError(
        "AGI-STORE-003",
        f"{path} is not an AGILab workspace database",
        found=found,
        allowed="a file that AGILab made, or none",
        try_=f"move {path.name} away, or use another AGILAB_HOME",
        whose="environment",
        exit_code=ENVIRONMENT,
    )


def _unusable(path: Path, problem: Exception) -> AgiError:
    missing = isinstance(problem, FileNotFoundError)
    return AgiError(
        "AGI-STORE-005",
        "there is no run in this workspace yet"
        if missing
        else f"the workspace database cannot be used: {problem}",
        found=str(path),
        allowed=None if missing else "a file and a folder that you may read and write, on a disk with room",
        try_="agilab first-proof"
        if missing
        else "check permissions and free space, or use another AGILAB_HOME",
        whose="user" if missing else "environment",
        exit_code=1 if missing else ENVIRONMENT,
    )
