"""One record of a run, as plain data: a node, a unit, a dependency, an artifact, an action."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from agilab.engine.foreach import foreach_of, sources
from agilab.store.events import Event
from agilab.store.rows import RunRow, UnitRow, iso
from agilab.store.store import Store
from agilab.store.transitions import REUSED, TERMINAL, UP_FOR_RETRY
from agilab.views.history import children_of
from agilab.views.outline import Outline, OutlineNode

_ACTIONS = {
    "note_added": "note",
    "cancel_requested": "cancel",
    "run_paused": "pause",
    "run_unpaused": "unpause",
    "coordinator_took_over": "resume",
    "run_stopping": "stop",
    "manifest_written": "manifest",
}
"""Events that are actions, and their names."""


def node_record(node: OutlineNode, run: RunRow) -> dict[str, Any]:
    error = node.error or {}
    return {
        "node": node.name,
        "target": node.target,
        "needs": list(node.needs),
        "foreach": node.foreach,
        "axes": list(node.axes),
        "require": node.require,
        "on_empty": node.on_empty,
        "policy": dict(node.policy),
        "environment": node.environment,
        "depth": node.depth,
        "state": node.state,
        "total": node.total,
        "units": dict(node.counts),
        "because": list(node.because),
        "message": error.get("what", ""),
        "error": dict(error) or None,
        "partial_rerun": run.parent_run_id is not None and REUSED in node.counts,
        "started_at": iso(node.row.started_us),
        "finished_at": iso(node.row.finished_us),
    }


def unit_record(store: Store, run: RunRow, unit: UnitRow) -> dict[str, Any]:
    """A unit. What ended an attempt is told until the next one begins: a unit that runs has no end and no error."""
    over = unit.done_seq is not None and (unit.state in TERMINAL or unit.state == UP_FOR_RETRY)
    ended = store.event(run.run_id, unit.done_seq or 0).data if over else {}
    started = _started(store, run, unit)
    reused = unit.state == REUSED
    return {
        "unit": unit.unit_id,
        "node": unit.node,
        "key": unit.key,
        "label": unit.label,
        "position": unit.position,
        "state": unit.state,
        "cost": unit.cost,
        "attempts": unit.attempts,
        "retries": unit.retries,
        "losses": unit.losses,
        "not_before_at": iso(unit.not_before_us or None),
        "started_at": iso(unit.started_us),
        "ended_at": iso(unit.ended_us) if over else None,
        "duration_seconds": unit.duration_us / 1e6 if over and unit.duration_us is not None else None,
        "partial_rerun": reused,
        "why": ended.get("why") if reused else started.get("why"),
        "message": message_of(ended, unit),
        "code": (ended.get("error") or {}).get("code"),
        "provenance": {
            "run": ended.get("from_run", run.run_id) if reused else run.run_id,
            "unit": ended.get("from_unit", unit.unit_id) if reused else unit.unit_id,
            "attempt": ended.get("from_attempt") if reused else unit.attempt_id,
            "worker": unit.worker,
            "source_digest": run.source_digest,
            "cache_key": (ended.get("cache") or {}).get("key"),
            "older_code": bool(ended.get("older_code")),
            "older_environment": bool(ended.get("older_environment")),
            "older_arguments": bool(ended.get("older_arguments")),
            "older_inputs": bool(ended.get("older_inputs")),
        },
    }


def _started(store: Store, run: RunRow, unit: UnitRow) -> Mapping[str, Any]:
    # An attempt is named after the event that started it.
    if unit.attempt_id is None or not unit.attempt_id[1:].isdigit():
        return {}
    return store.event(run.run_id, int(unit.attempt_id[1:])).data


def message_of(data: Mapping[str, Any], unit: UnitRow) -> str:
    """What the event that moved a unit says to a person, in one line; empty where all is well."""
    if data.get("error"):
        return str(data["error"].get("what", "")).partition("\n")[0]
    if data.get("because"):
        return f"because of {', '.join(str(name) for name in data['because'][:5])}"
    if data.get("reason"):
        return str(data["reason"])
    return str(data.get("why", "")) if unit.state == REUSED else ""


def dependency_record(outline: Outline, node: OutlineNode, need: OutlineNode) -> dict[str, Any]:
    shared = outline.shared(node.name, need.name)
    state = "waiting"
    if need.finished:
        state = "met" if node.satisfied_by(need) else "partly" if shared and need.good else "unmet"
    return {
        "from": need.name,
        "to": node.name,
        # Tied by keys, a unit waits for its own part of the need alone.
        "shared_keys": shared,
        "mapped": need.name in sources(foreach_of(node.foreach)),
        "require": node.require,
        "state": state,
        "good": need.good,
        "ended": need.ended,
        "total": need.total,
        "met_at": iso(need.row.finished_us) if state == "met" else None,
        "message": ""
        if state in ("met", "waiting")
        else f"{need.name} {need.state}: {need.good} of {need.total} good",
    }


def artifact_records(store: Store, run: RunRow, units: list[UnitRow]) -> Iterator[dict[str, Any]]:
    """What the listed units left behind."""
    listed = {unit.unit_id: unit for unit in units}
    for row in store.artifacts(run.run_id):
        unit = listed.get(row.unit_id)
        if unit is not None:
            yield {
                "unit": row.unit_id,
                "name": row.name,
                "kind": row.kind,
                "media_type": row.media_type,
                "path": row.place,
                "size": row.size,
                "digest": row.digest,
                "state": unit.state,
                "recorded_at": iso(unit.ended_us),
                "provenance": {"attempt": unit.attempt_id, "worker": unit.worker, "event": unit.done_seq},
            }


def action_records(store: Store, run: RunRow, since: int) -> Iterator[dict[str, Any]]:
    """What people did to the run, in order, and the runs that were made from it."""
    for event in store.events(run.run_id, after=since, kinds=tuple(_ACTIONS)):
        yield _action(event)
    for _, verb, body in store.commands(run.run_id):
        # Asked for by somebody, and not taken up yet by whoever runs the run.
        yield {
            "action": verb,
            "event": None,
            "at": None,
            "state": "asked",
            "by": body.get("by"),
            "message": body.get("text") or body.get("reason") or "",
        }
    for child in children_of(store, run):
        yield {
            "action": "rerun",
            "event": None,
            "at": child.created_at,
            "state": child.state,
            "by": None,
            "message": f"run {child.run_id}",
            "run": child.run_id,
        }


def _action(event: Event) -> dict[str, Any]:
    data = event.data
    row: dict[str, Any] = {
        "action": _ACTIONS[event.kind],
        "event": event.run_seq,
        "at": iso(event.at_us),
        "state": "done",
        "by": data.get("by"),
        "message": data.get("text") or data.get("reason") or "",
    }
    if event.unit_id:
        row["unit"] = event.unit_id
    for name in ("mark", "open_attempts", "verdict", "written_by"):
        if name in data:
            row[name] = data[name]
    return row
