"""Which objects are still needed: found in whatever could name one, so that what is not named is garbage.

Careful rather than clever. Everything that looks like a SHA-256 in the body of an event or of an operator's command
counts as a reference, whatever the field is called, so a kind of event that this module has never heard of cannot
lose its objects. Documents that an event names (source tree, plan, expansion, manifest) are read for further names;
values and artifacts are an app's own bytes, and whatever event brought one about names it itself.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from agilab.store.objects import ObjectStore
from agilab.store.workspace import Workspace

_DIGEST = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_DOCUMENT = re.compile(r'"(?!value_|metrics_)[a-z_]+_digest":"([0-9a-f]{64})"')
DOCUMENT_BYTES = 256 * 2**20
"""A document larger than this is none of ours (an expansion of 100,000 units has some 10 MB)."""


class NameReader:
    """Finds digests in events and in the documents that events name; each document is read once."""

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects
        self._read: set[str] = set()

    def names(self, kind: str, body: str) -> Iterator[str]:
        """Everything in the event that may be an object's digest, and in the documents that it names."""
        if len(body) < 64:
            return
        found = _DIGEST.findall(body)
        yield from found
        for digest in found if kind == "manifest_written" else _DOCUMENT.findall(body) if found else ():
            if digest not in self._read:
                self._read.add(digest)
                yield from names_in(self._objects.path(digest))


def names_in(path: Path) -> list[str]:
    """Everything in a document that may be an object's digest; nothing where there is no such file.

    Raises OSError where there is one that cannot be read: what it names must not be taken for garbage.
    """
    try:
        if path.stat().st_size > DOCUMENT_BYTES:
            return []
        return _DIGEST.findall(path.read_text(encoding="utf-8", errors="replace"))
    except FileNotFoundError:
        return []


def logs(db: sqlite3.Connection, table: str = "event") -> Iterator[str]:
    """The runs that a table has rows of, found from run to run by its key and not by reading the rows."""
    run_id: str | None = ""
    while run_id is not None:
        (run_id,) = db.execute(f"SELECT min(run_id) FROM {table} WHERE run_id>?", (run_id,)).fetchone()
        if run_id is not None:
            yield run_id


class References:
    """The objects, of those that are `present`, that nothing refers to any more.

    `read` may be called again: it goes on after the last event that it saw of each run.
    """

    def __init__(self, objects: ObjectStore, present: Iterable[str]) -> None:
        self._reader = NameReader(objects)
        self._unnamed = set(present)
        self._seen: dict[str, int] = {}
        self._commands = 0
        self._documents: set[Path] = set()
        self.trees: set[str] = set()
        """What snapshot folders are called by that show a named tree, whether its object is present or not."""

    @property
    def unnamed(self) -> frozenset[str]:
        """What nothing refers to, as far as was read."""
        return frozenset(self._unnamed)

    def read(self, db: sqlite3.Connection, *, without: Collection[str] = ()) -> None:
        """Read the logs of all runs but those in `without`, from where the last call ended.

        All logs that are there, also that of a run which is in no list: it may have lost its row, and must not lose its
        objects as well. Only the rest of a run that was pruned needs nothing.
        """
        pruned = {run_id for (run_id,) in db.execute("SELECT run_id FROM pruned")}
        listed = {run_id for (run_id,) in db.execute("SELECT run_id FROM run")}
        for run_id in list(logs(db)):
            if run_id in without or (run_id in pruned and run_id not in listed):
                continue
            query = "SELECT kind, body, run_seq FROM event WHERE run_id=? AND run_seq>? ORDER BY run_seq"
            for kind, body, seq in db.execute(query, (run_id, self._seen.get(run_id, 0))):
                self._name(self._reader.names(kind, body))
                self._seen[run_id] = seq
        query = "SELECT command_id, body FROM command WHERE command_id>? ORDER BY command_id"
        for number, body in db.execute(query, (self._commands,)):
            self._commands = number
            self._name(_DIGEST.findall(body))

    def read_documents(self, workspace: Workspace) -> None:
        """Read the documents that are kept beside the log, each once: plans of dry runs, remembered descriptions."""
        for folder in (workspace.plans, workspace.cache):
            for path in sorted(set(folder.rglob("*.json")) - self._documents):
                self._documents.add(path)
                self._name(names_in(path))

    def _name(self, digests: Iterable[str]) -> None:
        for digest in digests:
            self._unnamed.discard(digest)
            self.trees.add(digest[:32])
