"""Why a run is as it is: what failed first, what that blocks, what a person can do."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from agi_node.errors import AgiError
from agilab.store.events import Event
from agilab.store.locks import has_owner
from agilab.store.rows import UnitRow, iso
from agilab.store.transitions import GOOD, TERMINAL
from agilab.views.history import DOUBTFUL, INTERRUPTED, failure_of, lacks_manifest
from agilab.views.node_story import too_few
from agilab.views.story import (
    FAULT,
    Explanation,
    Next,
    Scene,
    by_words,
    counted,
    counts_of,
    due,
    open_needs,
    seconds_words,
    some,
    told,
)


def explain_run(scene: Scene) -> Explanation:
    run, outline = scene.run, scene.outline
    failed, first = _first_failure(scene)
    if not outline.nodes and not failed:
        before = "; it was interrupted before that" if scene.state == INTERRUPTED else ""
        return Explanation(
            run.run_id,
            "run",
            scene.state,
            f"The run has no plan yet{before}.",
            next=tuple(_run_next(scene, failed)),
        )
    steps, left_out = told(_landmarks(scene))
    return Explanation(
        run.run_id,
        "run",
        scene.state,
        _run_sentence(scene, failed, first),
        tuple(_run_reasons(scene, failed, first)),
        tuple(_run_given(scene)),
        needs=(f"run {run.parent_run_id}, of which it is a rerun",) if run.parent_run_id else (),
        error=first,
        steps=tuple(steps),
        left_out=left_out,
        next=tuple(_run_next(scene, failed)),
    )


def _run_sentence(scene: Scene, failed: str | None, first: AgiError | None) -> str:
    run, counts = scene.run, counts_of(scene.outline)
    took = f" after {seconds_words((run.finished_us - run.created_us) / 1e6)}" if run.finished_us else ""
    total = sum(counts.values())
    good = sum(counts.get(state, 0) for state in GOOD)
    done = f"{good:,} of {total:,} units are done"
    words = {
        "succeeded": f"The run succeeded{took}: {done}.",
        DOUBTFUL: f"The run ended{took}, but a validation did not pass: {done}.",
        INTERRUPTED: f"The run was interrupted: nobody runs it any more. {done[0].upper()}{done[1:]}.",
        "cancelled": f"The run was cancelled{took}: {done}.",
        "running": f"The run is going on: {done}, {counts.get('running', 0):,} running.",
    }
    if scene.state == "running" and run.paused:
        return f"The run is paused: {done}, {counts.get('running', 0):,} still running, no others start."
    if scene.state == "failed":
        what = f": {failed} failed first" if failed else _asked_too_much(scene)
        return f"The run failed{took}{what}{f' ({first.what.partition(chr(10))[0]})' if first else ''}."
    return words.get(scene.state, f"The run is {scene.state}.")


def _asked_too_much(scene: Scene) -> str:
    """Where nothing failed: which node asked more of its needs than they had."""
    for node in scene.outline.nodes.values():
        if node.state == "upstream_failed" and (short := too_few(scene.outline, node)):
            return f": {node.name} requires {short}"
    return ""


def _run_reasons(scene: Scene, failed: str | None, first: AgiError | None) -> Iterator[str]:
    counts = counts_of(scene.outline)
    end = scene.last("run_finished")
    if first is not None:
        if scene.state != "failed":  # of a run that failed, this is the sentence itself
            yield f"{failed} failed first ({first.what.partition(chr(10))[0]})."
        yield f"At fault is {FAULT.get(first.whose, first.whose)} ({first.code})."
    if counts.get("failed", 0) > 1:
        yield f"{counts['failed']:,} units failed in all."
    cancel = scene.last("cancel_requested")
    if cancel is not None:
        yield f"Cancelled{by_words(cancel.data)}: {cancel.data.get('reason') or 'no reason was given'}."
    stop = scene.last("run_stopping")
    if stop is not None:
        yield f"Nothing new started after event {stop.run_seq}: {stop.data.get('reason', 'it was stopping')}."
    elif end is not None and end.data.get("reason") and end.data["state"] != "succeeded" and cancel is None:
        yield f"It ended so because: {end.data['reason']}."
    yield from _blocked_words(scene, failed, counts)
    if left_out := sum(1 for _ in scene.store.events(scene.id, kinds=("unit_left_out",))):
        yield f"Left out, as the rerun was asked for others: {counted(left_out, 'unit')}."
    for _, verb, body in scene.store.commands(scene.id):
        yield f"Asked for{by_words(body)} and not taken up yet: {verb}."
    if scene.state in ("running", INTERRUPTED):
        yield from _unfinished_words(scene, counts)
    if scene.state == "running" and scene.run.paused:
        pause = scene.last("run_paused")
        if pause is not None:
            said = f": {pause.data['reason']}" if pause.data.get("reason") else ""
            yield f"Paused{by_words(pause.data)} at {iso(pause.at_us)}{said}."
    if counts.get("reused"):
        yield f"Results of earlier runs that were used again: {counts['reused']:,}."
    if counts.get("skipped"):
        yield f"Units that were skipped: {counts['skipped']:,}."
    tried = [(unit.unit_id, unit.retries, unit.losses) for unit in _tried_again(scene)]
    if tried:
        losses = sum(row[2] for row in tried)
        lost = f"; processes that were lost: {losses:,}" if losses else ""
        yield f"Tried again: {counted(len(tried), 'unit')} ({some(row[0] for row in tried)}){lost}."
    takeovers = sum(1 for _ in scene.store.events(scene.id, kinds=("coordinator_took_over",)))
    if takeovers:
        yield f"It was taken over {counted(takeovers, 'time')} after an interruption."
    if scene.run.mark:
        yield f"It is marked {scene.run.mark}."


def _blocked_words(scene: Scene, failed: str | None, counts: Mapping[str, int]) -> Iterator[str]:
    """What never ran because of a failure: nodes, units, and what was given up when the run stopped."""
    outline = scene.outline
    blocked = [node.name for node in outline.nodes.values() if node.state == "upstream_failed"]
    parts = [f"{counted(len(blocked), 'node')} ({some(blocked)})"] if blocked else []
    if counts.get("upstream_failed"):
        parts.append(counted(counts["upstream_failed"], "unit"))
    stop = scene.last("run_stopping")
    if stop is not None:
        given_up = sum(
            unit.done_seq == stop.run_seq for unit in scene.store.units(scene.id, state="cancelled")
        )
        parts += [f"{counted(given_up, 'unit')} that had not begun"] if given_up else []
    if failed and scene.state in ("running", INTERRUPTED):
        waiting = [name for name in outline.downstream(_node_of(failed)) if not outline.nodes[name].finished]
        parts += [f"{some(waiting)}, still to come"] if waiting else []
    if parts:
        yield f"Blocked by it: {', '.join(parts)}."


def _tried_again(scene: Scene) -> list[UnitRow]:
    return [unit for unit in scene.store.units(scene.id) if unit.retries or unit.losses]


def _unfinished_words(scene: Scene, counts: Mapping[str, int]) -> Iterator[str]:
    for node in scene.outline.nodes.values():
        if node.state == "running":
            left = sum(node.counts.values()) - node.ended
            parts = [f"{count:,} {state}" for state, count in node.counts.items() if state not in TERMINAL]
            if left:
                yield f"{node.name} has {left:,} of {node.total:,} units to go ({', '.join(parts)})."
    pending = [node for node in scene.outline.nodes.values() if node.state == "pending"]
    if pending:
        waiting = [f"{node.name} (waits for {some(open_needs(scene.outline, node))})" for node in pending]
        yield f"Not begun: {some(waiting)}."
    if counts.get("up_for_retry"):
        earliest = min(unit.not_before_us for unit in scene.store.units(scene.id, state="up_for_retry"))
        yield f"Waiting for a retry: {counted(counts['up_for_retry'], 'unit')}, the next {due(earliest)}."


def _run_given(scene: Scene) -> Iterator[tuple[str, Any]]:
    created = scene.store.created(scene.id)
    yield "app", scene.run.app
    if created.get("args"):
        yield "arguments", created["args"]
    for name, value in (("source", scene.run.source_digest), ("environment", scene.run.environment)):
        if value:
            yield name, value
    if created.get("rerun"):
        yield "rerun", created["rerun"]


def _run_next(scene: Scene, failed: str | None) -> Iterator[Next]:
    run = scene.id
    if scene.state == INTERRUPTED:
        yield scene.resume("goes on where it stopped")
    elif scene.state == "running":
        yield Next(f"agilab runs tail {run}", "watches it")
        if scene.run.paused:
            yield Next(f"agilab runs unpause {run}", "lets units start again")
        else:
            yield Next(f"agilab runs pause {run}", "lets what runs finish and starts nothing new")
        yield Next(f"agilab runs cancel {run}", "ends it")
    elif lacks_manifest(scene.store, scene.run) and not has_owner(scene.store.workspace.run_folder(run)):
        yield scene.resume("writes the manifest that it still lacks")
    if failed:
        yield Next(f"agilab runs explain {run} {shlex.quote(failed)}", "what happened there")
    if scene.state in ("failed", "cancelled"):
        yield scene.rerun("what a rerun of what is not done would do")
    elif scene.state == DOUBTFUL:
        yield Next(f"agilab runs show {run}", "which validation did not pass")
    if scene.state in ("succeeded", DOUBTFUL):
        yield Next(f"agilab runs verify {run}", "whether the evidence still holds")
        yield Next(f"agilab runs gantt {run}", "where the time went")


def _landmarks(scene: Scene) -> list[Event]:
    """Events of the run and its nodes, without those of units; metric tables are no landmarks."""
    kinds = (
        "run_created",
        "plan_recorded",
        "node_expanded",
        "node_finished",
        "expansion_failed",
        "run_stopping",
        "cancel_requested",
        "run_paused",
        "run_unpaused",
        "run_finished",
        "coordinator_took_over",
        "note_added",
        "manifest_written",
    )
    return list(scene.store.events(scene.id, kinds=kinds))


def _first_failure(scene: Scene) -> tuple[str | None, AgiError | None]:
    """The unit or node that failed first, and with what."""
    units = [unit for unit in scene.store.units(scene.id, state="failed") if unit.done_seq is not None]
    first = min(units, key=lambda unit: unit.done_seq or 0, default=None)
    nodes = [node for node in scene.outline.nodes.values() if node.error is not None]
    broken = min(nodes, key=lambda node: node.error_seq or 0, default=None)
    if broken is not None and (first is None or (broken.error_seq or 0) < (first.done_seq or 0)):
        return broken.name, AgiError.from_plain(dict(broken.error or {}))
    if first is None:
        return None, None
    return first.unit_id, failure_of(scene.store.event(scene.id, first.done_seq or 0).data, first)


def _node_of(unit_id: str | None) -> str:
    return (unit_id or "").partition("[")[0]
