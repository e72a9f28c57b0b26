"""What the scheduler's pure core knows: events as it sees them, its commands, units, and counts of them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

from agilab.engine.graph import Node
from agilab.store import transitions as t

Keys = tuple[str, ...]
NOTHING: Mapping[str, Any] = MappingProxyType({})


class Fact(NamedTuple):
    """An event as the core sees it: what happened, in which order, to what."""

    kind: str
    seq: int
    unit_id: str | None = None
    attempt_id: str | None = None
    data: Mapping[str, Any] = NOTHING
    units: Sequence[tuple[str, Keys, float]] = ()
    """For `node_expanded`: unit id, keys and cost, in order."""


@dataclass(frozen=True, slots=True)
class Record:
    """Command: this follows; write it into the log now."""

    kind: str
    unit_id: str | None = None
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Expand:
    """Command: everything that the node needs is there; find its items and record `node_expanded`.

    `under` is the unit whose list it maps over where maps nest, or the expansion that it follows; empty otherwise.
    """

    node: str
    under: str = ""


Command = Record | Expand


@dataclass(slots=True)
class Unit:
    """A node for one key (or one for each of its axes), as the scheduler sees it."""

    unit_id: str
    node: str
    keys: Keys
    position: int
    cost: float
    state: str = t.PENDING
    attempt_id: str | None = None
    attempts: int = 0
    retries: int = 0
    losses: int = 0
    waiting: int = 0
    not_before_us: int = 0
    trail: list[tuple[int, str]] = field(default_factory=list)

    @property
    def key(self) -> str:
        """The keys as one text, for people."""
        return "/".join(self.keys)


@dataclass(slots=True)
class Group:
    """The units of a node that share their outer keys, counted for those who wait for all of them.

    `expected` expansions are still to come, as far as is known; `missing` never will: what they map over failed.
    """

    open: int = 0
    good: int = 0
    total: int = 0
    expected: int = 0
    missing: int = 0
    units: list[Unit] = field(default_factory=list)

    def add(self, units: Sequence[Unit]) -> None:
        """Count units that have just come to be."""
        self.open += len(units)
        self.total += len(units)
        self.units.extend(units)


@dataclass(slots=True)
class NodeState:
    """A declared node with the counts that its dependants wait for.

    Attributes:
        axes: What its keys run over.
        origin: The mapped node that its expansions follow, unit by unit or list by list; None where it expands once.
        whole: Needs with which it shares no axis: it expands when all of them have finished.
        keyed: Needs of which each unit waits for those that share its keys, with how many keys that is.
        skipped: How many of its units ended without a value and without a failure.
        passed: How many of those never started, because a need was skipped: if all, so is the node.
        prevented: Whether it ended for what its needs left, or for its list, and not by what became of its units.
        grouped: Numbers of outer keys by which dependants wait for several of its units at once.
        todo: Expansions that may be made now, by what they are under.
        ready: Heaps of the units that may start, one for each worker that a static plan names and one for the others.
    """

    node: Node
    depth: int
    axes: Keys
    origin: str | None
    whole: tuple[str, ...]
    keyed: tuple[tuple[str, int], ...]
    state: str = t.PENDING
    running: int = 0
    skipped: int = 0
    passed: int = 0
    waiting_for: int = 0
    broken: bool = False
    prevented: bool = False
    all: Group = field(default_factory=Group)
    grouped: tuple[int, ...] = ()
    groups: dict[Keys, Group] = field(default_factory=dict)
    indexed: bool = False
    by_keys: dict[Keys, Unit] = field(default_factory=dict)
    waiters: dict[Keys, list[Unit]] = field(default_factory=dict)
    todo: dict[str, None] = field(default_factory=dict)
    spans: dict[str, tuple[int, int]] = field(default_factory=dict)
    ready: dict[str, list[tuple[float, int, Unit]]] = field(default_factory=dict)

    @property
    def finished(self) -> bool:
        return self.state not in (t.PENDING, t.RUNNING)

    @property
    def units(self) -> list[Unit]:
        return self.all.units

    @property
    def total(self) -> int:
        return self.all.total

    @property
    def open(self) -> int:
        return self.all.open

    @property
    def good(self) -> int:
        return self.all.good

    def count_by(self, keys: int) -> None:
        """Keep what is needed to ask for the units that share this many outer keys."""
        if keys >= len(self.axes):
            self.indexed = True
        elif keys not in self.grouped:
            self.grouped = (*self.grouped, keys)

    def add(self, units: Sequence[Unit]) -> None:
        """Take the units of an expansion, and count them in every group that they belong to."""
        self.all.add(units)
        if self.indexed or self.grouped:
            self.by_keys.update((unit.keys, unit) for unit in units)
        for count in self.grouped:
            for keys, members in itertools.groupby(units, key=lambda unit: unit.keys[:count]):
                if len(keys) == count:
                    self.group(keys).add(list(members))

    def groups_of(self, keys: Keys) -> Iterator[Group]:
        """Every group that a unit (or an expansion) with these keys counts in."""
        yield self.all
        for count in self.grouped:
            if count <= len(keys):
                yield self.group(keys[:count])

    def group(self, keys: Keys) -> Group:
        if not keys:
            return self.all
        found = self.groups.get(keys)
        if found is None:
            found = self.groups[keys] = Group()
        return found
