"""What becomes of units, nodes and runs, given how those before them ended, in whatever order they did."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from agilab.engine.foreach import sources
from agilab.engine.state import NodeState, Record, Unit
from agilab.store import transitions as t

Nodes = Mapping[str, NodeState]


def prevented(state: NodeState, nodes: Nodes) -> tuple[str, list[str]]:
    """In which state a node ends without a unit of its own, and which needs did that; empty where it may expand.

    What it shares no axis with is over when this is asked, and a failure there weighs more than a skip. Then comes what
    it follows, if that never expanded either. Of any other need that shares its keys each of its units has to hear for
    itself.
    """
    bad, empty = [], []
    for need in state.whole:
        other = nodes[need]
        never = other.state in (t.UPSTREAM_FAILED, t.CANCELLED, t.FAILED) and not other.total
        if other.state == t.SKIPPED or (not other.axes and other.skipped):
            empty.append(need)
        elif never or not state.node.satisfied(
            other.good, other.total + other.all.missing, single=not other.axes
        ):
            bad.append(need)
    # No list to map over, whether it takes nothing or not.
    nothing = any(source in empty for source in sources(state.node.foreach))
    if bad:
        return t.UPSTREAM_FAILED, bad
    if empty and (nothing or not state.node.on_empty):
        return t.SKIPPED, empty
    origin = nodes[state.origin] if state.origin else None
    if origin and origin.prevented:
        return t.SKIPPED if origin.state == t.SKIPPED else t.UPSTREAM_FAILED, [origin.node.name]
    return "", []


def of_released(unit: Unit, nodes: Nodes) -> Record:
    """What becomes of a unit that waits for nothing any more: ready, skipped, or never to be."""
    state = nodes[unit.node]
    bad: list[str] = []
    skipped: list[str] = []
    for need, count in state.keyed:
        other = nodes[need]
        if count == len(other.axes):
            given = other.by_keys.get(unit.keys[:count])
            if given is None and other.state == t.SKIPPED:
                skipped.append(need)
            elif given is None or not state.node.satisfied(int(given.state in t.GOOD), 1, single=True):
                bad.append(given.unit_id if given else need)
            elif given.state == t.SKIPPED:
                skipped.append(given.unit_id)
        else:
            group = other.group(unit.keys[:count])
            if not group.total + group.missing:
                # Nothing here; or nothing anywhere, since the need itself never came to be.
                never = other.prevented and other.state != t.SKIPPED
                (bad if never else skipped).append(need)
            elif not state.node.satisfied(group.good, group.total + group.missing):
                bad.append(need)
    if bad:
        return Record("unit_upstream_failed", unit.unit_id, {"because": bad})
    if skipped and not state.node.on_empty:
        reason = f"skipped: {', '.join(skipped)}"
        return Record("unit_skipped", unit.unit_id, {"reason": reason, "because": skipped})
    return Record("unit_ready", unit.unit_id)


def of_node(state: NodeState, *, complete: bool) -> str:
    """The state in which a node ends whose units are over; `complete` says whether it has all that it should have."""
    whole = state.total + state.all.missing
    # Where a run ends early, all that a node has may be good, and yet not all that it would have had.
    if complete and state.good == whole:
        return t.SUCCEEDED if whole > state.passed else t.SKIPPED
    states = {unit.state for unit in state.units}
    if t.FAILED in states or state.broken:
        return t.FAILED
    if t.UPSTREAM_FAILED in states or state.all.missing:
        return t.UPSTREAM_FAILED
    return t.CANCELLED


def of_run(
    nodes: Nodes,
    dependants: Mapping[str, Sequence[str]],
    judged: Iterable[str],
    *,
    cancelled: bool,
    stopping: str | None,
) -> dict[str, Any]:
    """How a run ends that nothing is left of, the body of its last event: as the nodes did that it was made for."""
    if cancelled:
        return {"state": t.CANCELLED, "reason": "cancelled by a person"}
    bad = [name for name in judged if _intolerable(nodes[name], nodes, dependants)]
    if bad or stopping:
        return {"state": t.FAILED, "reason": stopping or f"failed: {', '.join(bad)}", "blocking": bad}
    return {"state": t.SUCCEEDED}


def _intolerable(state: NodeState, nodes: Nodes, dependants: Mapping[str, Sequence[str]]) -> bool:
    """A node's failures are tolerated where somebody needs it and everybody who does is content."""
    if state.state in (t.SUCCEEDED, t.SKIPPED, t.REUSED):
        return False
    whole = state.total + state.all.missing
    users = [nodes[name] for name in dependants[state.node.name]]
    if not whole or not users:
        return True
    for user in users:
        if state.node.name in user.whole:
            if not user.node.satisfied(state.good, whole, single=not state.axes):
                return True
        elif _intolerable(user, nodes, dependants):
            return True
    return False
