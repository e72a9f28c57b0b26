"""Artifacts whose bytes are gone or others, in words: of what unit, by whom they were damaged, what makes them again.

Code that changes what it was only lent fails, and the object that it changed is set aside (`agi_node.lent`): the runs
that refer to it find it missing from then on. The failure stands in the log of the run whose code it was.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agi_node.lent import aside_of
from agilab.contracts.subject import kind_of
from agilab.store.check import SENSELESS, amiss
from agilab.store.events import Event
from agilab.store.rows import ArtifactRow, RunRow, iso
from agilab.store.store import Store

_CODES = ("AGI-STAGE-116", "AGI-DATA-007")
"""What code is told that has changed a file which it was lent."""
_SLACK_NS = 2_000_000_000
"""How much the clocks of a file system and of the log may be apart."""


@dataclass(frozen=True)
class Culprit:
    """The attempt that failed because it had changed an object."""

    run_id: str
    unit: str
    code: str
    at: str

    def __str__(self) -> str:
        return (
            f"{self.unit} of run {self.run_id} changed it ({self.code}, {self.at[:16].replace('T', ' ')} UTC)"
        )


def object_words(store: Store, run_id: str) -> Iterator[str]:
    """A line for each object of the run that is gone or has other bytes; of an artifact all that is known."""
    run = store.run(run_id)
    saved: dict[str, list[ArtifactRow]] = {}
    for row in store.artifacts(run.run_id):
        saved.setdefault(row.digest, []).append(row)
    for digest, what, problem in amiss(store, run.run_id):
        if digest in saved:
            yield _of_artifact(store, run, digest, saved[digest], problem)
        else:
            yield f"{what}: object {digest[:12]} {problem}"


def _of_artifact(store: Store, run: RunRow, digest: str, rows: Sequence[ArtifactRow], problem: str) -> str:
    first = rows[0]
    more = f" (and {len(rows) - 1:,} more with the same bytes)" if len(rows) > 1 else ""
    subject = f"the artifact {first.name} of {first.unit_id}{more}"
    again = f"to make it again: {_again(run, first.unit_id)}"
    path = store.objects.path(digest)
    aside = aside_of(path)
    if path.exists() or not aside.is_file():
        return f"{subject}: object {digest[:12]} {problem}; {again}"
    culprit = _culprit(store, digest, aside.stat().st_mtime_ns)
    by = f"; {culprit}" if culprit else "; no run that the log knows says that it did that"
    return f"{subject} was damaged and is set aside{by}; {again}"


def _culprit(store: Store, digest: str, written_ns: int) -> Culprit | None:
    """Whose failed attempt was at work when the bytes were changed, among runs that have this object."""
    runs = store.db.execute("SELECT DISTINCT run_id FROM artifact WHERE digest=?", (digest,)).fetchall()
    found: list[tuple[int, Culprit]] = []
    for (run_id,) in runs:
        for event in store.events(run_id, kinds=("attempt_failed",)):
            error = _error(event)
            if error.get("code") in _CODES and "set aside" in str(error.get("found")):
                began, ended = _began(store, event) * 1000 - _SLACK_NS, event.at_us * 1000 + _SLACK_NS
                if began <= written_ns <= ended:
                    said = Culprit(run_id, event.unit_id or "", error["code"], iso(event.at_us) or "")
                    found.append((abs(event.at_us * 1000 - written_ns), said))
    return min(found, key=lambda one: one[0])[1] if found else None


def _error(event: Event) -> Mapping[str, Any]:
    try:
        return event.data.get("error") or {}
    except SENSELESS:
        return {}  # the chain says that this event was changed


def _began(store: Store, event: Event) -> int:
    """When an attempt was started, in microseconds: it is named after the event that says so."""
    name = event.attempt_id or ""
    return store.event(event.run_id, int(name[1:])).at_us if name[1:].isdigit() else event.at_us


def _again(run: RunRow, unit: str) -> str:
    if kind_of(run.app)[0] == "flow":
        return f"flow.rerun({run.run_id!r}, units=[{unit!r}])"
    return f"agilab runs rerun {run.run_id} --unit {shlex.quote(unit)}"
