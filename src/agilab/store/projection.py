"""Projections: what the tables beside the log become when an event is applied.

One function per kind of event, from the event to guarded SQL. The same statements run when an event is
recorded and when a log is folded afresh, so a projection that differs from its log is always damage, never
a second opinion. A guard that matches no row means that the event is not legal here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from agilab.store import transitions as t
from agilab.store.events import Event

Statement = tuple[str, tuple[Any, ...], bool]
"""SQL, its parameters, and whether exactly one row must change."""
Loader = Callable[[str], bytes]
"""Reads an object by digest; expansions too long for the log lie there."""


def _guard(kind: str) -> str:
    transition = t.UNIT_TRANSITIONS[kind]
    states = ",".join(f"'{state}'" for state in sorted(transition.before))
    fence = " AND attempt_id=?" if transition.fenced else ""
    return f"WHERE run_id=? AND unit_id=? AND state IN ({states}){fence}"


_READY = f"UPDATE unit SET state='ready' {_guard('unit_ready')}"
_DUE = f"UPDATE unit SET state='ready' {_guard('retry_due')}"
_STARTED = (
    "UPDATE unit SET state='running', attempt_id=?, attempts=attempts+1, worker=?, started_us=? "
    f"{_guard('attempt_started')}"
)
_ENDED = {
    kind: f"UPDATE unit SET state=?, ended_us=?, duration_us=?, done_seq=?, retries=retries+?, losses=losses+?, "
    f"not_before_us=? {_guard(kind)}"
    for kind in (
        "attempt_succeeded",
        "attempt_skipped",
        "attempt_failed",
        "attempt_lost",
        "attempt_cancelled",
    )
}
_SETTLED = {
    kind: f"UPDATE unit SET state=?, ended_us=?, done_seq=? {_guard(kind)}"
    for kind in ("unit_skipped", "unit_reused", "unit_upstream_failed", "unit_left_out")
}
_NOT_STARTED = ",".join(f"'{state}'" for state in sorted(t.NOT_STARTED))
_STOP = (
    f"UPDATE unit SET state='cancelled', ended_us=?, done_seq=? WHERE run_id=? AND state IN ({_NOT_STARTED})"
)


def statements(event: Event, load: Loader, data: dict[str, Any] | None = None) -> Iterator[Statement]:
    """What an event does to the tables. Raises `KeyError` for a kind that is not in the table of transitions.

    `data` is the event's body as plain data, for whoever has it at hand; an expansion's may hold the items themselves.
    """
    kind = event.kind
    if kind == "unit_ready":
        yield _READY, (event.run_id, event.unit_id), True
        return
    if kind == "retry_due":
        yield _DUE, (event.run_id, event.unit_id), True
        return
    if data is None:
        data = event.data
    if kind == "attempt_started":
        yield _STARTED, (event.attempt_id, data["worker"], event.at_us, event.run_id, event.unit_id), True
    elif kind in _ENDED:
        yield from _attempt_ended(event, data)
    elif kind in _SETTLED:
        to = t.UNIT_TRANSITIONS[kind].after[0]
        yield _SETTLED[kind], (to, event.at_us, event.run_seq, event.run_id, event.unit_id), True
        if kind == "unit_reused":
            yield from _left_behind(event, data)
    elif kind in t.RUN_EVENTS:
        yield from _run_event(event, load, data)
    else:
        raise KeyError(kind)


def _attempt_ended(event: Event, data: dict[str, Any]) -> Iterator[Statement]:
    kind = event.kind
    after = t.UNIT_TRANSITIONS[kind].after
    to = data["to"] if len(after) > 1 else after[0]
    if to not in after:
        raise KeyError(f"{kind} to {to}")
    retried = int(kind == "attempt_failed" and to == t.UP_FOR_RETRY)
    lost = int(kind == "attempt_lost" and to != t.READY)
    yield (
        _ENDED[kind],
        (
            to,
            event.at_us,
            data.get("duration_us"),
            event.run_seq,
            retried,
            lost,
            data.get("not_before_us", 0),
            event.run_id,
            event.unit_id,
            event.attempt_id,
        ),
        True,
    )
    if "artifacts" in data or "cache" in data:
        yield from _left_behind(event, data)


def _left_behind(event: Event, data: dict[str, Any]) -> Iterator[Statement]:
    """What a success, new or used again, leaves for others to find: its artifacts, and the key of its result."""
    for artifact in data.get("artifacts", ()):
        yield (
            "INSERT INTO artifact(run_id, unit_id, name, kind, media_type, size, digest, file) VALUES(?,?,?,?,?,?,?,?)",
            (
                event.run_id,
                event.unit_id,
                artifact["name"],
                artifact["kind"],
                artifact["media_type"],
                artifact["size"],
                artifact["digest"],
                artifact["file"],
            ),
            True,
        )
    if "cache" in data and event.kind in ("attempt_succeeded", "unit_reused"):
        yield (
            "INSERT INTO cached(run_id, unit_id, cache_key, done_seq) VALUES(?,?,?,?)",
            (event.run_id, event.unit_id, data["cache"]["key"], event.run_seq),
            True,
        )


def _run_event(event: Event, load: Loader, data: dict[str, Any]) -> Iterator[Statement]:
    kind, run, at = event.kind, event.run_id, event.at_us
    if kind == "run_created":
        yield (
            "INSERT INTO run(run_id, app, parent_run_id, state, paused, created_us, source_digest, environment, head,"
            " event_count, mark) VALUES(?,?,?,'running',0,?,?,?,'',0,'')",
            (run, data["app"], data.get("parent"), at, data.get("source_digest"), data.get("environment")),
            True,
        )
    elif kind == "plan_recorded":
        yield (
            "UPDATE run SET plan_digest=? WHERE run_id=? AND plan_digest IS NULL",
            (data["plan_digest"], run),
            True,
        )
        for position, node in enumerate(data["nodes"]):
            yield (
                "INSERT INTO node(run_id, node, position, state, target, total) VALUES(?,?,?,'pending',?,0)",
                (run, node["name"], position, node["target"]),
                True,
            )
    elif kind == "node_expanded":
        yield (
            "UPDATE node SET state='running', total=total+?, started_us=coalesce(started_us, ?)"
            " WHERE run_id=? AND node=? AND (state='pending' OR (state='running' AND ?))",
            # Only a node that expands under the units of another one expands more than once.
            (data["count"], at, run, data["node"], int("under" in data)),
            True,
        )
        born = t.READY if data.get("ready") else t.PENDING
        for position, item in enumerate(expanded_items(data, load), start=data.get("first", 0)):
            key = item["key"]
            yield (
                "INSERT INTO unit(run_id, unit_id, node, key, label, position, cost, state, attempts, retries, losses,"
                " not_before_us) VALUES(?,?,?,?,?,?,?,?,0,0,0,0)",
                (
                    run,
                    item["unit_id"],
                    data["node"],
                    key,
                    item.get("label", key),
                    position,
                    item["cost"],
                    born,
                ),
                True,
            )
    elif kind == "node_finished":
        yield (
            "UPDATE node SET state=?, finished_us=? WHERE run_id=? AND node=? AND state IN ('pending','running')",
            (data["state"], at, run, data["node"]),
            True,
        )
    elif kind == "run_stopping":
        yield _STOP, (at, event.run_seq, run), False
    elif kind == "cancel_requested":
        yield _STOP, (at, event.run_seq, run), False
        yield "UPDATE unit SET state='cancelling' WHERE run_id=? AND state='running'", (run,), False
    elif kind in ("run_paused", "run_unpaused"):
        yield "UPDATE run SET paused=? WHERE run_id=?", (int(kind == "run_paused"), run), True
    elif kind == "note_added" and "mark" in data:
        yield "UPDATE run SET mark=? WHERE run_id=?", (data["mark"], run), True
    elif kind == "run_finished":
        yield (
            "UPDATE run SET state=?, finished_us=? WHERE run_id=? AND state='running'",
            (data["state"], at, run),
            True,
        )


def expanded_items(data: dict[str, Any], load: Loader) -> list[dict[str, Any]]:
    """The items of a `node_expanded` event in order, each with unit id, key, cost and (tagged) payload."""
    items: list[dict[str, Any]] = data["items"] if "items" in data else json.loads(load(data["items_digest"]))
    return items
