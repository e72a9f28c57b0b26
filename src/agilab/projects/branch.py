"""What a run has recorded of some nodes below certain keys: one branch of a part that is mapped as a whole.

Without keys it is everything that these nodes left. A look costs what the branch holds, however large the run is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from agilab.contracts.identifiers import unit_id, unit_label
from agilab.store.rows import ArtifactRow
from agilab.store.store import Store

_AFTER = {"/": "0", "[": "\\"}
"""The character after each of these in ASCII: ids that begin with a text stand between it and this."""


@dataclass(frozen=True, slots=True)
class Result:
    """A finished unit: its key within the branch, and the body of the event that finished it."""

    unit_id: str
    key: str
    state: str
    worker: str | None
    body: dict[str, Any]


@dataclass(frozen=True)
class Branch:
    """The units of `nodes` whose outer keys are `keys`."""

    store: Store
    run_id: str
    nodes: Sequence[str]
    keys: tuple[str, ...] = ()

    def results(self, node: str) -> Iterator[Result]:
        """Each finished unit of a node, in key order."""
        for begin, end in self._spans(node):
            rows = self.store.db.execute(
                "SELECT u.unit_id, u.key, u.state, u.worker, e.body FROM unit u JOIN event e ON e.run_id=u.run_id"
                " AND e.run_seq=u.done_seq WHERE u.run_id=? AND u.unit_id>=? AND u.unit_id<? ORDER BY u.key",
                (self.run_id, begin, end),
            )
            for name, key, state, worker, body in rows:
                yield Result(name, self._within(key), state, worker, json.loads(body))

    def artifacts(self) -> list[tuple[str, ArtifactRow]]:
        """What the units saved, each with the key of its unit within the branch, by unit and name."""
        found = []
        for node in sorted(self.nodes):
            for begin, end in self._spans(node):
                rows = self.store.db.execute(
                    "SELECT u.key, a.unit_id, a.name, a.kind, a.media_type, a.size, a.digest, a.file FROM artifact a"
                    " JOIN unit u ON u.run_id=a.run_id AND u.unit_id=a.unit_id"
                    " WHERE a.run_id=? AND a.unit_id>=? AND a.unit_id<? ORDER BY a.unit_id, a.name",
                    (self.run_id, begin, end),
                )
                found += [(self._within(key), ArtifactRow(*row)) for key, *row in rows]
        return found

    def _spans(self, node: str) -> Iterator[tuple[str, str]]:
        """Ranges of unit ids: the one unit with just these keys, and those further in."""
        own = unit_id(node, *self.keys)
        yield own, f"{own}\0"
        inner = f"{own[:-1]}/" if self.keys else f"{own}["
        yield inner, inner[:-1] + _AFTER[inner[-1]]

    def _within(self, key: str) -> str:
        outer = unit_label(*self.keys)
        return key[len(outer) :].removeprefix("/")
