"""What a unit printed: its own bytes of the log of the worker that it ran on."""

from __future__ import annotations

from pathlib import Path

from agilab.store.events import Event
from agilab.store.rows import UnitRow
from agilab.store.store import Store
from agilab.views.timeline import ENDS

TAIL_BYTES = 65536
"""Bytes of a log that are read at most: a unit may have printed gigabytes."""


def log_tail(store: Store, run_id: str, unit: UnitRow, *, lines: int = 20) -> list[str] | None:
    """The end of what the unit's last attempt printed, so far or at all; None where nothing was kept of it.

    A worker's log holds one unit after the other, and the event that ended an attempt says which bytes are its own. An
    attempt that runs, or whose end nobody saw since the run's owner died, has what lies between its neighbours'.
    """
    if unit.attempt_id is None or unit.worker is None:
        return None
    path = store.workspace.run_folder(run_id) / "logs" / f"units_{unit.worker}.log"
    if not path.is_file():
        return None
    ends = [
        e for e in store.story(run_id, unit.unit_id) if e.kind in ENDS and e.attempt_id == unit.attempt_id
    ]
    span: tuple[int, int | None] | None = _span_of(ends[-1]) if ends else None
    if span is None:
        if ends and (ends[-1].data.get("began") is False or ends[-1].data.get("duration_us") == 0):
            return []
        span = _between(store, run_id, unit, ends[-1].run_seq if ends else None)
    return _last_lines(path, *span, lines) if span else []


def _span_of(event: Event) -> tuple[int, int] | None:
    span = event.data.get("log_span") if "log_span" in event.body else None
    return (span[0], span[1]) if span else None


def _between(store: Store, run_id: str, unit: UnitRow, ended: int | None) -> tuple[int, int | None] | None:
    """Where the log of the unit's worker belongs to nobody else; None where the unit was sent there and waits.

    `ended` is the event that ended the unit's attempt without saying where its output is; None while it runs.
    """
    open_: list[str | None] = []
    start = 0
    for event in store.events(run_id, kinds=("attempt_started", *ENDS)):
        if event.kind == "attempt_started":
            if event.data["worker"] == unit.worker:
                open_.append(event.attempt_id)
        elif event.attempt_id in open_:
            open_.remove(event.attempt_id)
            first, last = _span_of(event) or (0, 0)
            if last and ended is not None and event.run_seq > ended:
                return start, first
            start = max(start, last)
    # Of the attempts that a worker has in hand it is at the first.
    return (start, None) if ended is not None or open_[:1] == [unit.attempt_id] else None


def _last_lines(path: Path, start: int, end: int | None, lines: int) -> list[str] | None:
    try:
        with path.open("rb") as file:
            end = file.seek(0, 2) if end is None else end
            begin = max(start, end - TAIL_BYTES)
            file.seek(begin)
            text = file.read(max(0, end - begin)).decode("utf-8", "replace")
    except OSError:
        return None
    return text.splitlines()[-lines:]
