"""Who waits for whom, counted down: the cost of an event does not depend on how many units there are.

A unit waits for those units of each need that share its keys (see `foreach`); for a node that it shares no axis with,
the whole node waits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agilab.engine.foreach import Nested
from agilab.engine.state import Expand, Keys, NodeState, Unit
from agilab.store import transitions as t


class Waits:
    """The counts behind a run's state.

    Responsible for: whom the end of a unit, an expansion or a node releases.
    Not responsible for: what becomes of who is released (`verdict`), nor for what is recorded of it.
    """

    def __init__(self, nodes: Mapping[str, NodeState], units: Mapping[str, Unit]) -> None:
        self._nodes = nodes
        self._units = units
        self.dependants: dict[str, list[str]] = {}
        self._followers: dict[str, list[str]] = {}
        self._fresh: list[Expand | Unit] = []
        self._touched: dict[str, None] = {}

    def declare(self, state: NodeState) -> None:
        """Take a node in; those that it needs are there already."""
        name = state.node.name
        self.dependants[name], self._followers[name] = [], []
        for need in state.node.needs:
            self.dependants[need].append(name)
        for need, count in state.keyed:
            other = self._nodes[need]
            other.count_by(count)
            # Whether a group is complete is asked of the node that it follows, so that one counts by the same keys.
            while other.origin is not None:
                other = self._nodes[other.origin]
                other.count_by(count)
        if state.origin is None:
            state.all.expected = 1
        else:
            self._followers[state.origin].append(name)

    def news(self) -> tuple[list[Expand | Unit], dict[str, None]]:
        """What has been released since this was asked: expansions and units, in order, and the nodes concerned."""
        fresh, touched = self._fresh, self._touched
        self._fresh, self._touched = [], {}
        return fresh, touched

    # -- what happens --------------------------------------------------------------------------------------

    def expanded(self, state: NodeState, under: str, units: Sequence[Unit]) -> None:
        """A node has new units, under a unit or an expansion of the node that it follows."""
        state.state = t.RUNNING
        state.todo.pop(under, None)
        first = len(state.units)
        above = self._units[under].keys if under else ()
        for group in state.groups_of(above):
            group.expected -= 1
        state.add(units)
        state.spans[under] = (first, len(state.units))
        for unit in units:
            if unit.state == t.PENDING:
                self._await(state, unit)
        self._expect(state.node.name, under, units)
        self._settle(state, above)

    def ended(self, unit: Unit, *, passed: bool) -> None:
        """A unit is over: count it off, release who waits for it, and let what nests in it expand."""
        node = self._nodes[unit.node]
        good = unit.state in t.GOOD
        node.skipped += unit.state == t.SKIPPED
        node.passed += passed
        for group in node.groups_of(unit.keys):
            group.open -= 1
            group.good += good
        for name in self._followers[unit.node]:
            follower = self._nodes[name]
            if isinstance(follower.node.foreach, Nested) and not follower.finished:
                if unit.state in t.WITH_VALUE:
                    follower.todo[unit.unit_id] = None
                    if not follower.waiting_for:
                        self._fresh.append(Expand(name, unit.unit_id))
                else:
                    self.branch_ends(follower, unit.unit_id, bad=not good)
        if node.waiters:
            self._release(node, unit.keys)
        self._settle(node, unit.keys)

    def branch_ends(self, state: NodeState, under: str, *, bad: bool = True, broken: bool = False) -> None:
        """An expansion that was expected will never come: what it maps over is not good, or is no list."""
        state.todo.pop(under, None)
        state.broken = state.broken or broken
        keys = self._units[under].keys if under else ()
        for group in state.groups_of(keys):
            group.expected -= 1
        if bad:
            self._lacks(state, keys)
        self._settle(state, keys)

    def finished(self, state: NodeState) -> None:
        """A node has ended, whether it had units or not."""
        name = state.node.name
        state.todo.clear()
        for dependant in self.dependants[name]:
            if name in self._nodes[dependant].whole:
                self._nodes[dependant].waiting_for -= 1
        # Whoever waits for a unit that now will never be: nothing more comes from this node.
        for keys in list(state.waiters):
            self._release(state, keys)
        for follower in self._followers[name]:
            self._sweep(self._nodes[follower])

    # -- what holds ----------------------------------------------------------------------------------------

    def closed(self, node: NodeState, keys: Keys) -> bool:
        """Whether every unit below these outer keys is over and none will be added."""
        if node.finished:
            return True
        if keys and len(keys) == len(node.axes):
            unit = node.by_keys.get(keys)
            return unit is not None and unit.state in t.TERMINAL
        return node.group(keys).open == 0 and self.complete(node, keys)

    def complete(self, node: NodeState, keys: Keys) -> bool:
        """Whether no unit will be added below these outer keys."""
        if node.finished:
            return True
        if keys and len(keys) == len(node.axes):
            return keys in node.by_keys
        if node.group(keys).expected:
            return False
        if node.origin is None:
            return True
        # What follows a node that was prevented is about to be prevented itself, and then everybody is released.
        origin = self._nodes[node.origin]
        return not origin.prevented and self.complete(origin, keys)

    # -- inside --------------------------------------------------------------------------------------------

    def _await(self, state: NodeState, unit: Unit) -> None:
        """Let a new unit wait for those units of each need that share its keys."""
        for need, count in state.keyed:
            other = self._nodes[need]
            keys = unit.keys[:count]
            if not self.closed(other, keys):
                unit.waiting += 1
                other.waiters.setdefault(keys, []).append(unit)
        if not unit.waiting:
            self._fresh.append(unit)

    def _expect(self, name: str, under: str, units: Sequence[Unit]) -> None:
        """Tell the nodes that follow this one of expansions to come: one for each unit, or one for this expansion."""
        for follower in self._followers[name]:
            state = self._nodes[follower]
            if state.finished:
                continue
            if isinstance(state.node.foreach, Nested):
                for unit in units:
                    for group in state.groups_of(unit.keys):
                        group.expected += 1
                continue
            keys = self._units[under].keys if under else ()
            for group in state.groups_of(keys):
                group.expected += 1
            state.todo[under] = None
            if not state.waiting_for:
                self._fresh.append(Expand(follower, under))

    def _release(self, node: NodeState, keys: Keys) -> None:
        for waiter in node.waiters.pop(keys, ()):
            waiter.waiting -= 1
            if not waiter.waiting and waiter.state == t.PENDING:
                self._fresh.append(waiter)

    def _settle(self, node: NodeState, keys: Keys) -> None:
        """Something below these outer keys is over or complete: release whoever waited for a whole group of it."""
        name = node.node.name
        self._touched[name] = None
        for count in node.grouped:
            prefix = keys[:count]
            if count <= len(keys) and prefix in node.waiters and self.closed(node, prefix):
                self._release(node, prefix)
        for follower in self._followers[name]:
            self._settle(self._nodes[follower], keys)

    def _sweep(self, node: NodeState) -> None:
        """What a node follows has ended: release whoever waited for keys that now will never be."""
        self._touched[node.node.name] = None
        for keys in list(node.waiters):
            if self.closed(node, keys):
                self._release(node, keys)
        for follower in self._followers[node.node.name]:
            self._sweep(self._nodes[follower])

    def _lacks(self, state: NodeState, keys: Keys) -> None:
        """Something is missing below these keys, and so it is in whatever follows or nests in this node."""
        for group in state.groups_of(keys):
            group.missing += 1
        for name in self._followers[state.node.name]:
            if not self._nodes[name].finished:
                self._lacks(self._nodes[name], keys)
