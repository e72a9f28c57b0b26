"""Why a unit ran, was used again, waits, was left out or failed."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any

from agi_node.canonical import digest, untag
from agi_node.errors import AgiError
from agilab.store.events import Event
from agilab.store.projection import expanded_items
from agilab.store.rows import UnitRow, iso
from agilab.store.transitions import NOT_STARTED, TERMINAL
from agilab.views.history import INTERRUPTED, failure_of
from agilab.views.outline import OutlineNode, keys_of
from agilab.views.stage_given import is_stage, stage_given
from agilab.views.story import (
    FAULT,
    Explanation,
    Next,
    Scene,
    counted,
    due,
    need_words,
    needed_by,
    seconds_words,
    some,
    stopped_because,
    told,
    why_not_started,
)


def explain_unit(scene: Scene, unit: UnitRow) -> Explanation:
    story = scene.store.story(scene.id, unit.unit_id)
    end = scene.store.event(scene.id, unit.done_seq) if unit.done_seq is not None else None
    error = failure_of(end.data, unit) if unit.state == "failed" and end is not None else None
    node = scene.outline.nodes.get(unit.node)
    steps, left_out = told(story if end is None or end.unit_id else [*story, end])
    return Explanation(
        unit.unit_id,
        "unit",
        unit.state,
        _unit_sentence(scene, unit, end, error),
        tuple(_unit_reasons(scene, unit, story, end, error, node)),
        tuple(_unit_given(scene, unit, end, node)),
        tuple(_unit_needs(scene, unit, node)),
        tuple(needed_by(scene, node)) if node else (),
        error,
        tuple(steps),
        left_out,
        tuple(_unit_next(scene, unit, end)),
    )


def _unit_sentence(scene: Scene, unit: UnitRow, end: Event | None, error: AgiError | None) -> str:
    name, data = unit.unit_id, end.data if end else {}
    worked = f" after {seconds_words(unit.duration_us / 1e6)} of work" if unit.duration_us is not None else ""
    tries = f" at attempt {unit.attempts}" if unit.attempts > 1 else ""
    where = f" on {unit.worker}" if unit.worker else ""
    if unit.state == "succeeded":
        return f"{name} succeeded{tries}{where}{worked}."
    if unit.state == "reused":
        parts = [what for what in ("code", "environment", "arguments", "inputs") if data.get(f"older_{what}")]
        have = "has" if len(parts) == 1 and parts[0] in ("code", "environment") else "have"
        older = f", although its {' and '.join(parts)} {have} changed since" if parts else ""
        return (
            f"{name} was not run: the result of run {data.get('from_run', 'unknown')} was used again{older}."
        )
    if unit.state == "skipped":
        by = "skipped itself" if end and end.kind == "attempt_skipped" else "was skipped"
        return f"{name} {by}: {data.get('reason') or 'no reason was given'}."
    if unit.state == "failed":
        fault = FAULT.get(error.whose, error.whose) if error else "unknown"
        what = error.what.partition("\n")[0] if error else "no error was recorded"
        return f"{name} failed{tries}{where}: {what}. At fault is {fault}."
    if unit.state == "upstream_failed":
        return (
            f"{name} never ran, because {some(data.get('because', ())) or 'what it needs'} did not end well."
        )
    if unit.state == "cancelled":
        if end and end.kind == "unit_left_out":
            return f"{name} was left out: {data.get('reason') or 'it was not selected'}."
        if end and end.kind == "attempt_cancelled":
            return f"{name} was running{where} when the run was ended{worked}."
        return f"{name} never ran: {stopped_because(scene)}."
    if scene.state == INTERRUPTED:
        doing = "was running" if unit.state in ("running", "cancelling") else f"is {unit.state}"
        return f"{name} {doing}{where}, and nobody runs the run any more."
    if unit.state == "running":
        return f"{name} is running{where} since {iso(unit.started_us)}{f', attempt {unit.attempts}' if tries else ''}."
    if unit.state == "cancelling":
        return f"{name} is being ended{where}: a cancel was asked for."
    if unit.state == "up_for_retry":
        return f"{name} waits for a retry, {due(unit.not_before_us)}."
    return (
        f"{name} has not begun: it waits{' for its turn' if unit.state == 'ready' else ' for what it needs'}."
    )


def _unit_reasons(
    scene: Scene,
    unit: UnitRow,
    story: list[Event],
    end: Event | None,
    error: AgiError | None,
    node: OutlineNode | None,
) -> Iterator[str]:
    data = end.data if end else {}
    started = [event for event in story if event.kind == "attempt_started"]
    if unit.state == "reused":
        yield f"Used again because: {data.get('why') or 'its key was found'}."
        source = data.get("from_unit", unit.unit_id)
        attempt = f", attempt {data['from_attempt']}" if data.get("from_attempt") else ""
        yield f"It comes from unit {source} of run {data.get('from_run', 'unknown')}{attempt}."
    elif started and _never_began(story):
        yield (
            f"It never ran: it was handed to a worker {counted(len(started), 'time')}, and each time the worker"
            " died before it came to it."
        )
    elif started:
        why = started[0].data.get("why")
        yield f"It ran because: {why or 'everything that it needs was done'}."
    if error is not None:
        budget = node.policy.get("max_retries", 0) if node else 0
        if unit.retries or budget:
            yield f"It was tried {counted(unit.attempts, 'time')}; retries that its policy allows: {budget}."
        elif unit.losses == 0:
            yield "Its policy allows no retries."
    if unit.losses:
        yield f"Its process was lost {counted(unit.losses, 'time')}: {_last_loss(story)}."
        if node and node.policy:
            yield f"Further attempts after a loss that its policy allows: {node.policy.get('max_losses', 0)}."
    if unit.state == "up_for_retry":
        last = next(
            (event for event in reversed(story) if event.kind in ("attempt_failed", "attempt_lost")), None
        )
        if last is not None:
            said = (last.data.get("error") or {}).get("what") or last.data.get("reason", "")
            yield f"The attempt before ended with: {str(said).partition(chr(10))[0]}."
    refused = scene.store.events(scene.id, kinds=("report_refused",))
    stale = sum(1 for event in refused if event.unit_id == unit.unit_id)
    if stale:
        yield f"Reports of attempts that were no longer its own and so were refused: {stale}."
    if unit.state == "pending" and node is not None:
        yield from _waits(scene, unit, node)
    if unit.state == "ready" and node is not None:
        yield from why_not_started(scene, node)
    if unit.state == "running":
        yield from _progress(scene, unit, story)
    if unit.state not in TERMINAL and scene.run.paused:
        yield "The run is paused: nothing new starts."


def _waits(scene: Scene, unit: UnitRow, node: OutlineNode) -> Iterator[str]:
    for need in (scene.outline.nodes[name] for name in node.needs):
        shared = scene.outline.shared(node.name, need.name)
        mine = keys_of(unit)[:shared]
        if shared:
            theirs = [
                other
                for other in scene.store.units(scene.id, node=need.name)
                if keys_of(other)[:shared] == mine
            ]
            open_ = [f"{other.unit_id} ({other.state})" for other in theirs if other.state not in TERMINAL]
            if open_:
                yield f"Waits for {some(open_)}."
            elif not theirs and not need.finished:
                yield f"Waits for {need.name}, which has no units under this key yet."
        elif not need.finished:
            yield f"Waits for {need.name}: {need.ended:,} of {need.total:,} units have ended."


def _progress(scene: Scene, unit: UnitRow, story: list[Event]) -> Iterator[str]:
    for lease in scene.store.leases(scene.id):
        if lease.attempt_id == unit.attempt_id:
            yield f"Process {lease.pid} holds it."
    tables = [event for event in story if event.kind == "metrics_logged"]
    table = tables[-1].data.get("metrics") if tables else None
    if table:
        yield f"Last it logged {table['name'][-1]} = {table['value'][-1]}."


def _unit_given(
    scene: Scene, unit: UnitRow, end: Event | None, node: OutlineNode | None
) -> Iterator[tuple[str, Any]]:
    yield "node", unit.node
    if unit.key:
        yield "key", unit.key
    if node is not None:
        yield "target", node.target
    payload = _payload(scene, unit)
    if payload is not None:
        yield "payload", payload
        yield "payload digest", digest(payload)
    if node is not None and is_stage(node):
        yield from stage_given(scene, node, unit)
    elif node is not None and node.args:
        yield "arguments", untag(dict(node.args))
    if node is not None and node.environment:
        yield "environment", node.environment
    cache = (end.data.get("cache") if end else None) or {}
    for part in ("key", "code", "args", "inputs", "environment"):
        if part in cache:
            yield f"cache {part}", cache[part]


def _payload(scene: Scene, unit: UnitRow) -> Any:
    for event in scene.store.events(scene.id, kinds=("node_expanded",)):
        data = event.data
        if data["node"] == unit.node:
            for item in expanded_items(data, scene.store.objects.read):
                if item["unit_id"] == unit.unit_id:
                    return untag(item.get("payload"))
    return None


def _unit_needs(scene: Scene, unit: UnitRow, node: OutlineNode | None) -> Iterator[str]:
    if node is None:
        return
    for need in (scene.outline.nodes[name] for name in node.needs):
        shared = scene.outline.shared(node.name, need.name)
        if shared:
            yield f"{need.name}[{'/'.join(keys_of(unit)[:shared])}] of {need_words(need, node)}"
        else:
            yield need_words(need, node)


def _unit_next(scene: Scene, unit: UnitRow, end: Event | None) -> Iterator[Next]:
    data = end.data if end else {}
    if scene.state == INTERRUPTED and unit.state not in TERMINAL:
        yield scene.resume("goes on where it stopped")
        return
    if unit.state == "failed":
        yield scene.show(unit.unit_id)
        if scene.run.finished_us:
            yield scene.rerun("what a rerun of it would do", unit.unit_id)
    elif unit.state == "reused" and data.get("from_run"):
        source = shlex.quote(str(data.get("from_unit", unit.unit_id)))
        yield Next(f"agilab runs explain {data['from_run']} {source}", "why it ran there")
    elif unit.state == "upstream_failed":
        for name in list(data.get("because", ()))[:1]:
            yield Next(
                f"agilab runs explain {scene.id} {shlex.quote(str(name))}", "why that did not end well"
            )
    elif unit.state == "cancelled" and scene.run.finished_us:
        yield scene.rerun("what a rerun of it would do", unit.unit_id)
    elif unit.state in ("running", "cancelling"):
        yield Next(f"agilab runs tail {scene.id}", "watches it")
    elif unit.state in NOT_STARTED and scene.run.paused:
        yield Next(f"agilab runs unpause {scene.id}", "lets units start again")
    if unit.state in ("succeeded", "skipped"):
        yield scene.show(unit.unit_id)


def _never_began(story: list[Event]) -> bool:
    """Whether every attempt was lost before its worker came to it."""
    ends = [event for event in story if event.kind.startswith("attempt_") and event.kind != "attempt_started"]
    return bool(ends) and all(event.data.get("began") is False for event in ends)


def _last_loss(story: list[Event]) -> str:
    lost = [event for event in story if event.kind == "attempt_lost"]
    return str(lost[-1].data.get("reason", "its process is gone")) if lost else "its process is gone"
