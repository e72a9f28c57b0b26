"""Why a node is as it is, also one that never had a unit."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any

from agi_node.canonical import untag
from agi_node.errors import AgiError
from agilab.store.transitions import GOOD
from agilab.views.history import INTERRUPTED
from agilab.views.outline import Outline, OutlineNode, foreach_words
from agilab.views.stage_given import is_stage, stage_given
from agilab.views.story import (
    FAULT,
    NAMED,
    Explanation,
    Next,
    Scene,
    counted,
    need_words,
    needed_by,
    open_needs,
    some,
    stopped_because,
    why_not_started,
)


def explain_node(scene: Scene, node: OutlineNode) -> Explanation:
    error = AgiError.from_plain(dict(node.error)) if node.error else None
    return Explanation(
        node.name,
        "node",
        node.state,
        _node_sentence(scene, node, error),
        tuple(_node_reasons(scene, node, error)),
        tuple(_node_given(scene, node)),
        tuple(need_words(scene.outline.nodes[need], node) for need in node.needs),
        tuple(needed_by(scene, node)),
        error,
        next=tuple(_node_next(scene, node)),
    )


def _node_sentence(scene: Scene, node: OutlineNode, error: AgiError | None) -> str:
    name = node.name
    if error is not None:
        return f"{name} could not be expanded into units: {error.what}."
    if node.state == "upstream_failed":
        if short := too_few(scene.outline, node):
            return f"{name} never began: it requires {short}."
        return f"{name} never began, because {some(node.because)} did not end as it requires."
    if node.state == "skipped":
        why = f"{some(node.because)} left nothing to do" if node.because else "it has no units"
        return f"{name} was skipped: {why}."
    if node.state == "pending":
        if scene.state == INTERRUPTED:
            return f"{name} has not begun, and nobody runs the run any more."
        return f"{name} has not begun: it waits for {some(open_needs(scene.outline, node)) or 'its turn'}."
    if node.state == "cancelled" and not node.total:
        return f"{name} never began: {stopped_because(scene)}."
    states = ", ".join(f"{count:,} {state}" for state, count in node.counts.items())
    return f"{name} is {node.state} with {counted(node.total, 'unit')}: {states or 'none yet'}."


def too_few(outline: Outline, node: OutlineNode) -> str:
    """What a node requires of needs that ended well, and did not get; empty where something else kept it."""
    needs = [outline.nodes[name] for name in node.because if name in outline.nodes]
    if not needs or not all(need.state in GOOD and not node.satisfied_by(need) for need in needs):
        return ""
    left = " and ".join(f"{need.name}, which left {counted(need.good, 'good unit')}" for need in needs)
    share = isinstance(node.require, float)
    return f"{node.require:.0%} of {left}" if share else f"{node.require} of {left}"


def _node_reasons(scene: Scene, node: OutlineNode, error: AgiError | None) -> Iterator[str]:
    if error is not None:
        yield f"At fault is {FAULT.get(error.whose, error.whose)} ({error.code})."
    failed = list(scene.store.units(scene.id, node=node.name, state="failed", limit=NAMED + 1))
    if failed:
        more = f" and {node.counts['failed'] - NAMED:,} more" if len(failed) > NAMED else ""
        yield f"Failed: {', '.join(unit.unit_id for unit in failed[:NAMED])}{more}."
    if node.counts.get("ready"):
        yield from why_not_started(scene, node)


def _node_given(scene: Scene, node: OutlineNode) -> Iterator[tuple[str, Any]]:
    yield "target", node.target
    if node.foreach is not None:
        yield "maps over", foreach_words(node.foreach)
    if node.require != "all":
        yield "requires of its needs", node.require
    if is_stage(node):
        yield from stage_given(scene, node)
    elif node.args:
        yield "arguments", untag(dict(node.args))


def _node_next(scene: Scene, node: OutlineNode) -> Iterator[Next]:
    for unit in scene.store.units(scene.id, node=node.name, state="failed", limit=1):
        yield Next(f"agilab runs explain {scene.id} {shlex.quote(unit.unit_id)}", "what happened there")
    for name in node.because:
        # Where a need ended well, and with less than is asked of it, the reason stands here and not there.
        if name in scene.outline.nodes and scene.outline.nodes[name].state not in GOOD:
            yield Next(f"agilab runs explain {scene.id} {shlex.quote(name)}", "why that did not end well")
    if scene.state == INTERRUPTED:
        yield scene.resume("goes on where it stopped")
