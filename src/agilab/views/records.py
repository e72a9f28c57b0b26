"""A run as ordered records: graph, units, dependencies, artifacts, actions. The form in which others read a run.

Whoever has a cursor gets those that something happened to since. Nothing is missed by a reader that asks for all
pages of an answer, also while the run goes on, and keeps the cursor of the first of them: what happens to a unit
between two pages is newer than that. Wishes that nobody has taken up and reruns are told each time: the run's own log
knows nothing of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from agi_node.errors import AgiError
from agilab.store.rows import RunRow, UnitRow
from agilab.store.store import Store
from agilab.store.transitions import UNIT_STATES
from agilab.views.changes import Changes, changes_since
from agilab.views.outline import Outline, read_outline
from agilab.views.record import (
    action_records,
    artifact_records,
    dependency_record,
    node_record,
    unit_record,
)

PAGE = 1000
"""Units in one answer, unless more are asked for."""


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

    @property
    def next_offset(self) -> int | None:
        """Where the next page begins; None where this is the last."""
        end = self.page.offset + len(self.units)
        return end if end < self.total else None

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
                "next": self.next_offset,
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
        rows = [unit_record(store, run, unit) for unit in units]
        nodes = [
            node_record(node, run)
            for node in outline.nodes.values()
            if touched is None or node.name in touched.nodes
        ]
        edges = [
            dependency_record(outline, node, outline.nodes[need])
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
            tuple(artifact_records(store, run, units)),
            tuple(action_records(store, run, page.since)),
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
