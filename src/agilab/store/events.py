"""Events and their hash chain.

Each event's digest covers the digest before it, so that whoever keeps one digest elsewhere (the run
manifest does) can tell whether anything up to there was changed, dropped or reordered. The link is

    sha256( prev LF run_id LF run_seq LF at_us LF kind LF unit_id LF attempt_id LF body )

in UTF-8, with the digest before it in hex (64 zeros for the first) and empty text for what is absent. None
of the fields can hold a line feed, so the text is unambiguous and ten lines of any language verify it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

GENESIS = "0" * 64
# One encoder for all: `json.dumps` with options makes a new one for each call.
_encode = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode


class Event(NamedTuple):
    """One thing that happened in a run.

    Attributes:
        run_seq: Position in the run's log, from 1, without gaps. Order is this, never the clock.
        at_us: Wall clock, microseconds since the epoch (UTC); for people, not for ordering.
        body: JSON text, exactly as it is stored and hashed.
    """

    run_id: str
    run_seq: int
    at_us: int
    kind: str
    unit_id: str | None
    attempt_id: str | None
    body: str
    sha256: str

    @property
    def data(self) -> dict[str, Any]:
        """The body as plain data."""
        data: dict[str, Any] = json.loads(self.body)
        return data


def body_text(data: dict[str, Any]) -> str:
    """The stored form of an event's body: compact, with sorted keys."""
    return _encode(data)


def link(
    before: str,
    run_id: str,
    seq: int,
    at_us: int,
    kind: str,
    unit: str | None,
    attempt: str | None,
    body: str,
) -> str:
    """The digest of one event, given the digest of the one before it."""
    text = f"{before}\n{run_id}\n{seq}\n{at_us}\n{kind}\n{unit or ''}\n{attempt or ''}\n{body}"
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def broken_links(run_id: str, events: Iterable[Event]) -> Iterator[str]:
    """Say what is wrong with a run's chain, in words; nothing where it is whole."""
    before, expected = GENESIS, 1
    for event in events:
        if event.run_seq != expected:
            yield f"event {expected} of {run_id} is missing (found {event.run_seq})"
            expected = event.run_seq
        digest = link(
            before,
            run_id,
            event.run_seq,
            event.at_us,
            event.kind,
            event.unit_id,
            event.attempt_id,
            event.body,
        )
        if digest != event.sha256:
            yield f"event {event.run_seq} of {run_id} ({event.kind}) does not match its digest"
        before, expected = event.sha256, expected + 1
