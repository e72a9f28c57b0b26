"""What a run did without, and the one error that says why it did not succeed."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from agi_node.canonical import untag
from agilab.contracts.failure import Failure
from agilab.contracts.identifiers import readable_unit
from agilab.contracts.rooted import RootedPath, file_references
from agilab.contracts.run_manifest import LeftOut
from agilab.store.events import Event
from agilab.store.rows import UnitRow
from agilab.store.store import Store
from agilab.store.transitions import FAILED


def not_spread(store: Store, run_id: str) -> Iterator[LeftOut]:
    """Nodes that could not be expanded into units, each under its own name with the reason."""
    for event in store.events(run_id, kinds=("node_finished", "expansion_failed")):
        if "error" in event.data:
            yield LeftOut(unit=event.data["node"], input=None, error=Failure.of(event.data["error"]))


def ended_badly(
    units: Iterable[UnitRow], events: Mapping[int, Event], items: Mapping[str, Any]
) -> Iterator[LeftOut]:
    """Units that failed, or were lost too often, each with its input file; `events` by number, `items` by unit."""
    for unit in units:
        if unit.state == FAILED and unit.done_seq is not None:
            data = events[unit.done_seq].data
            error = data.get("error") or {
                "code": "AGI-RUN-111",
                "what": f"{unit.unit_id} was lost {unit.losses} times: {data.get('reason', '')}",
                "whose": "environment",
            }
            file = next(file_references(untag(items.get(unit.unit_id))), None)
            place = RootedPath(root=file["root"], path=file["path"]) if file else None
            yield LeftOut(unit=unit.unit_id, input=place, error=Failure.of(error))


def done_without(store: Store, run_id: str) -> Iterator[LeftOut]:
    """Units that never ran in a run that succeeded: what others made of the rest, they made without these."""
    for event in store.events(run_id, kinds=("unit_left_out", "unit_upstream_failed")):
        data = event.data
        if event.kind == "unit_left_out":
            why = data.get("reason") or "not selected"
        else:
            because = ", ".join(readable_unit(name) for name in data.get("because", ()))
            why = f"{because or 'what it needs'} did not end well"
        said = {
            "code": "AGI-RUN-059",
            "what": f"{readable_unit(event.unit_id or '')} was not run: {why}",
            "try": f"agilab runs explain {run_id} {shlex.quote(event.unit_id or '')}",
            "whose": "user",
        }
        yield LeftOut(unit=event.unit_id, input=None, error=Failure.of(said))


def why_not(store: Store, run_id: str, finished: Event | None, left_out: tuple[LeftOut, ...]) -> Failure:
    """The one error that says why the run did not succeed: the first that a unit or an expansion ended with."""
    if finished is not None and finished.data["state"] == "cancelled":
        reason = finished.data.get("reason", "cancelled")
        return Failure.of(
            {"code": "AGI-RUN-012", "what": f"the run was cancelled: {reason}", "whose": "user"}
        )
    for event in store.events(run_id, kinds=("node_finished", "run_stopping")):
        if "error" in event.data:
            return Failure.of(event.data["error"])
    if left_out:
        return left_out[0].error
    for event in store.events(run_id, kinds=("node_finished",)):
        # Nothing failed, and yet it never began: what it waited for left less than it requires.
        if event.data["state"] == "upstream_failed" and event.data.get("because"):
            needs, node = ", ".join(event.data["because"]), event.data["node"]
            what = f"{node} never began: {needs} left less than it requires"
            return Failure.of({"code": "AGI-RUN-011", "what": what, "whose": "author"})
    reason = finished.data.get("reason") if finished else "its coordinator ended before the run did"
    return Failure.of(
        {"code": "AGI-RUN-011", "what": f"the run did not succeed: {reason}", "whose": "agilab"}
    )
