"""Following a run from another process: one cursor into its log, and a cheap way to know that there is more."""

from __future__ import annotations

import time
from collections.abc import Iterator

from agilab.store.events import Event
from agilab.store.locks import has_owner
from agilab.store.store import Store

POLL_SECONDS = 0.05
OWNER_SECONDS = 0.5
"""How often it is looked whether somebody still runs a run that is silent."""
BATCH = 2000
"""Events that are handed out at once, so that a log of any length is read in bounded memory."""


class Feed:
    """Events of one run in order, each once, as they come.

    Responsible for: missing nothing, and ending when nothing more can come. Not responsible for: telling
    them to anybody. It only reads: the run does not notice that it is watched.
    """

    def __init__(self, store: Store, run_id: str, *, after: int = 0) -> None:
        """`store` should be this feed's own: what it sees of others' writing comes through its connection."""
        self._store = store
        self.run_id = run_id
        self.cursor = after
        self._version = -1
        self._owner_due = 0.0
        self._folder = store.workspace.run_folder(run_id)

    def read(self) -> Iterator[list[Event]]:
        """Everything that is in the log beyond the cursor, in batches."""
        while True:
            batch: list[Event] = []
            for event in self._store.events(self.run_id, after=self.cursor):
                batch.append(event)
                if len(batch) == BATCH:
                    break
            if not batch:
                return
            self.cursor = batch[-1].run_seq
            yield batch

    def follow(self) -> Iterator[list[Event]]:
        """Batches until the run has ended for good or nobody runs it; an empty one at each poll without news."""
        while True:
            news = self._news()
            if news:
                yield from self.read()
            if self._over(news=news):
                # What was written between our last look and the end of its owner.
                yield from self.read()
                return
            yield []
            time.sleep(POLL_SECONDS)

    def _news(self) -> bool:
        # Changes whenever any other connection has committed: a few microseconds, no table is read.
        version = int(self._store.db.execute("PRAGMA data_version").fetchone()[0])
        changed = version != self._version
        self._version = version
        return changed

    def _over(self, *, news: bool) -> bool:
        if news:
            run = self._store.run(self.run_id)
            if run.state != "running" and self._store.verdict(run) is not None:
                return True
        if time.monotonic() < self._owner_due:
            return False
        self._owner_due = time.monotonic() + OWNER_SECONDS
        return not has_owner(self._folder)
