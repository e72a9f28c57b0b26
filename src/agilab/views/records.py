"""A run as ordered records: graph, units, dependencies, artifacts, actions. The form in which others read a run.

Records come in pages, and only those that something happened to since a cursor where a reader has one: it keeps
`cursor` of the answer and asks for what is newer, so that nothing is sent twice and nothing is missed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from agi_node.errors import AgiError
from agilab.store.events import Event
from agilab.store.rows import RunRow, UnitRow, iso
from agilab.store.store import Store
from agilab.store.transitions import REUSED, UNIT_STATES
from agilab.views.changes import Changes, changes_since
from agilab.views.history import children_of
from agilab.views.outline import Outline, OutlineNode, read_outline

PAGE = 1000
"""Units in one answer, unless more are asked for."""
ACTIONS = (
    "note_added",
    "cancel_requested",
    "run_paused",
    "run_unpaused",
    "coordinator_took_over",
    "run_stopping",
    "manifest_written",
)


@dataclass(frozen=True)
class Page:
    """Which units are listed.

    Attributes:
        limit: How many; 0 for all of them.
        since: Only what events after this one touched; 0 for everything.
    """

    limit: int = PAGE
    offset: int = 0
    node: str | None = None
    state: str | None = None
    since: int = 0


@dataclass(frozen=True)
class Records:
    """The records of a run, each plain data, in the order of the plan and of the log.

    Attributes:
        cursor: Position of the last event that they know of.
        total: Units that fit the page's filters, listed or not.
    """

    run_id: str
    parent: str | None
    cursor: int
    page: Page
    total: int
    graph: tuple[dict[str, Any], ...]
    units: tuple[dict[str, Any], ...]
    dependencies: tuple[dict[str, Any], ...]
    artifacts: tuple[dict[str, Any], ...]
    actions: tuple[dict[str, Any], ...]

    def to_plain(self) -> dict[str, Any]:
        """The records as JSON."""
        return {
            "cursor": self.cursor,
            "since": self.page.since,
            "page": {
                "total": self.total,
                "limit": self.page.limit,
                "offset": self.page.offset,
                "node": self.page.node,
                "state": self.page.state,
            },
            "graph": list(self.graph),
            "units": list(self.units),
            "dependencies": list(self.dependencies),
            "artifacts": list(self.artifacts),
            "actions": list(self.actions),
        }


def read_records(store: Store, run_id: str, page: Page = Page()) -> Records:
    """The records of one run as they were at one instant, or what changed in them since a cursor.

    Raises AGI-RUN-019 for a node, a state or a cursor that the run does not have.
    """
    # One reading transaction: the cursor and everything beside it speak of the same moment.
    store.db.execute("BEGIN")
    try:
        run = store.run(run_id)
        outline = read_outline(store, run)
        _refuse(run, outline, page)
        touched = changes_since(store, run, page.since) if page.since else None
        total, units = _listed(store, run, outline, page, touched)
        rows = [_unit(store, run, unit) for unit in units]
        nodes = [
            _node(node, run)
            for node in outline.nodes.values()
            if touched is None or node.name in touched.nodes
        ]
        edges = [
            _dependency(outline, node, outline.nodes[need])
            for node in outline.nodes.values()
            for need in node.needs
            if touched is None or {node.name, need} & touched.nodes
        ]
        return Records(
            run.run_id,
            run.parent_run_id,
            run.event_count,
            page,
            total,
            tuple(nodes),
            tuple(rows),
            tuple(edges),
            tuple(_artifacts(store, run, units)),
            tuple(_actions(store, run, page.since)),
        )
    finally:
        store.db.execute("COMMIT")


def _refuse(run: RunRow, outline: Outline, page: Page) -> None:
    for what, given, known in (
        ("node", page.node, tuple(outline.nodes)),
        ("unit in state", page.state, UNIT_STATES),
    ):
        if given is not None and given not in known:
            raise _no_such(run, f"{what} {given}", given, ", ".join(known[:12]) or "none yet")
    if page.since > run.event_count:
        raise _no_such(run, f"event {page.since} yet", str(page.since), f"0 to {run.event_count}")


def _no_such(run: RunRow, what: str, found: str, allowed: str) -> AgiError:
    return AgiError(
        "AGI-RUN-019",
        f"run {run.run_id} has no {what}",
        found=found,
        allowed=allowed,
        try_=f"agilab runs show {run.run_id}",
    )


def _listed(
    store: Store, run: RunRow, outline: Outline, page: Page, touched: Changes | None
) -> tuple[int, list[UnitRow]]:
    """How many units fit, and those of the page, in plan order."""
    names = [name for name in outline.nodes if page.node in (None, name)]
    if touched is not None:
        fitting = [unit for unit in _candidates(store, run, names, page.state, touched) if touched.has(unit)]
        end = page.offset + page.limit if page.limit else None
        return len(fitting), fitting[page.offset : end]
    found: list[UnitRow] = []
    total, skip = 0, page.offset
    for name in names:
        node = outline.nodes[name]
        count = node.counts.get(page.state, 0) if page.state else sum(node.counts.values())
        total += count
        room = page.limit - len(found) if page.limit else None
        if skip < count and room != 0:
            found += store.units(run.run_id, node=name, state=page.state, limit=room, offset=skip)
        skip = max(0, skip - count)
    return total, found


def _candidates(
    store: Store, run: RunRow, names: Iterable[str], state: str | None, touched: Changes
) -> Iterator[UnitRow]:
    if touched.sweep or len(touched.units) > PAGE:
        for name in names:
            yield from store.units(run.run_id, node=name, state=state)
        return
    place = {name: number for number, name in enumerate(names)}
    units = [store.unit(run.run_id, name) for name in touched.units]
    units = [unit for unit in units if unit.node in place and state in (None, unit.state)]
    yield from sorted(units, key=lambda unit: (place[unit.node], unit.position))


# -- one record --------------------------------------------------------------------------------------------------


def _node(node: OutlineNode, run: RunRow) -> dict[str, Any]:
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


def _unit(store: Store, run: RunRow, unit: UnitRow) -> dict[str, Any]:
    ended = store.event(run.run_id, unit.done_seq).data if unit.done_seq is not None else {}
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
        "ended_at": iso(unit.ended_us),
        "duration_seconds": unit.duration_us / 1e6 if unit.duration_us is not None else None,
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


def _dependency(outline: Outline, node: OutlineNode, need: OutlineNode) -> dict[str, Any]:
    shared = outline.shared(node.name, need.name)
    state = "waiting"
    if need.finished:
        state = "met" if node.satisfied_by(need) else "partly" if shared and need.good else "unmet"
    return {
        "from": need.name,
        "to": node.name,
        # Tied by keys, a unit waits for its own part of the need alone.
        "shared_keys": shared,
        "mapped": need.name in _names(node.foreach),
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


def _names(foreach: Any) -> set[str]:
    """Every text in a foreach, among which are the nodes that it maps over."""
    if isinstance(foreach, str):
        return {foreach}
    if isinstance(foreach, Mapping):
        return set().union(*(_names(value) for key, value in foreach.items() if key != "items"))
    if isinstance(foreach, list):
        return set().union(*(_names(value) for value in foreach))
    return set()


def _artifacts(store: Store, run: RunRow, units: list[UnitRow]) -> Iterator[dict[str, Any]]:
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


def _actions(store: Store, run: RunRow, since: int) -> Iterator[dict[str, Any]]:
    """What people did to the run, in order, and the runs that were made from it."""
    for event in store.events(run.run_id, after=since, kinds=ACTIONS):
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
    words = {
        "note_added": "note",
        "cancel_requested": "cancel",
        "run_paused": "pause",
        "run_unpaused": "unpause",
        "coordinator_took_over": "resume",
        "run_stopping": "stop",
        "manifest_written": "manifest",
    }
    row: dict[str, Any] = {
        "action": words[event.kind],
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
