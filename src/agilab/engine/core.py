"""The state of a run and what follows from each event: no clock, no ids, no process, no database.

Events go in, commands come out. Everything that changes a unit goes through `RunState.decide`, which checks the
table of transitions first; an event that is not legal raises with the unit's whole story. The shell around it
(`coordinator`) carries the commands out and records what happened, which are the next events.

Dependencies are counted down, never searched: the cost of an event does not depend on how many units there are.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from agi_node.errors import AgiError
from agilab.engine.graph import Graph, Node
from agilab.store import transitions as t


@dataclass(frozen=True, slots=True)
class Fact:
    """An event as the core sees it: what happened, in which order, to what."""

    kind: str
    seq: int
    unit_id: str | None = None
    attempt_id: str | None = None
    data: dict[str, Any] = field(default_factory=dict)
    units: Sequence[tuple[str, str, float]] = ()
    """For `node_expanded`: unit id, key and cost, in order."""


@dataclass(frozen=True, slots=True)
class Record:
    """Command: this follows; write it into the log now."""

    kind: str
    unit_id: str | None = None
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Expand:
    """Command: everything that the node needs is there; find its items and record `node_expanded`."""

    node: str


Command = Record | Expand


@dataclass(slots=True)
class Unit:
    """A node for one key, as the scheduler sees it."""

    unit_id: str
    node: str
    key: str
    position: int
    cost: float
    state: str = t.PENDING
    attempt_id: str | None = None
    attempts: int = 0
    retries: int = 0
    losses: int = 0
    not_before_us: int = 0
    trail: list[tuple[int, str]] = field(default_factory=list)


@dataclass(slots=True)
class NodeState:
    """A declared node with the counts that its dependants wait for."""

    node: Node
    depth: int
    state: str = t.PENDING
    total: int = 0
    open: int = 0
    good: int = 0
    running: int = 0
    waiting_for: int = 0
    units: list[Unit] = field(default_factory=list)
    ready: list[tuple[float, int, str]] = field(default_factory=list)

    @property
    def finished(self) -> bool:
        return self.state not in (t.PENDING, t.RUNNING)


class RunState:
    """One run's state machine.

    Responsible for: which transitions are legal, what follows from an event, what may start next.
    Not responsible for: time, placement, how units are executed, what their values are.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.nodes: dict[str, NodeState] = {}
        for node in graph.nodes:
            depth = 1 + max((self.nodes[need].depth for need in node.needs), default=-1)
            self.nodes[node.name] = NodeState(node, depth, waiting_for=len(set(node.needs)))
        self.dependants: dict[str, list[str]] = {name: [] for name in self.nodes}
        for node in graph.nodes:
            for need in dict.fromkeys(node.needs):
                self.dependants[need].append(node.name)
        self.units: dict[str, Unit] = {}
        self.unfinished = len(self.nodes)
        self._with_ready: set[str] = set()
        self.running = 0
        self.paused = False
        self.stopping: str | None = None
        self.cancelled = False
        self.final: str | None = None

    # -- events in, commands out ---------------------------------------------------------------------------

    def decide(self, fact: Fact) -> list[Command]:
        """Apply an event and say what follows from it. Raises AGI-RUN-020 where it is not legal."""
        self.apply(fact)
        return list(self._consequences(fact))

    def apply(self, fact: Fact) -> None:
        """Apply an event alone, as when a log is read again."""
        if fact.unit_id is not None and fact.kind in t.UNIT_TRANSITIONS:
            self._move(fact)
        elif fact.kind == "node_expanded":
            self._expanded(fact)
        elif fact.kind == "node_finished":
            self.nodes[fact.data["node"]].state = fact.data["state"]
            self.unfinished -= 1
            for name in self.dependants[fact.data["node"]]:
                self.nodes[name].waiting_for -= 1
        elif fact.kind == "run_stopping":
            self.stopping = self.stopping or fact.data.get("reason", "stopped")
            self._abandon()
        elif fact.kind == "cancel_requested":
            self.cancelled = True
            self._abandon()
            for unit in self.units.values():
                if unit.state == t.RUNNING:
                    unit.state = t.CANCELLING
        elif fact.kind in ("run_paused", "run_unpaused"):
            self.paused = fact.kind == "run_paused"
        elif fact.kind == "run_finished":
            self.final = fact.data["state"]
        elif fact.kind not in t.RUN_EVENTS:
            raise AgiError("AGI-RUN-020", f"no such event: {fact.kind}", whose="agilab", exit_code=1)

    def is_due(self, command: Command) -> bool:
        """Whether a command that was given earlier still stands, now that others have been carried out."""
        if isinstance(command, Expand):
            return self.nodes[command.node].state == t.PENDING and not self._ending
        if command.kind == "unit_ready":
            return self.units[command.unit_id or ""].state == t.PENDING
        if command.kind == "node_finished":
            return not self.nodes[command.data["node"]].finished
        if command.kind == "run_stopping":
            return self.stopping is None
        return self.final is None and not self.running

    def blocking(self) -> list[str]:
        """Units and nodes that keep the run from ending although nothing runs and nothing can start."""
        if self.final is not None or self.running or self.has_ready or self.paused:
            return []
        waiting = [unit.unit_id for unit in self.units.values() if unit.state not in t.TERMINAL]
        if any(self.units[name].state == t.UP_FOR_RETRY for name in waiting):
            return []
        return waiting or [name for name, state in self.nodes.items() if not state.finished]

    def outstanding(self) -> list[Command]:
        """Everything that follows from the state as it is: what a new owner has to do first."""
        commands: list[Command] = []
        for name, state in self.nodes.items():
            if state.state == t.PENDING:
                commands.extend(self._may_begin(name))
            elif state.state == t.RUNNING:
                commands.extend(self._readied(state))
                commands.extend(self._node_done(name))
        commands.extend(self._run_done())
        return commands

    def _consequences(self, fact: Fact) -> Iterator[Command]:
        kind = fact.kind
        if fact.unit_id is not None:
            unit = self.units[fact.unit_id]
            if unit.state in t.TERMINAL:
                if unit.state == t.FAILED and not (self.graph.keep_going or self._ending):
                    yield Record(
                        "run_stopping", None, {"reason": f"{unit.unit_id} failed", "unit": unit.unit_id}
                    )
                yield from self._node_done(unit.node)
                if self._ending:
                    yield from self._run_done()
        elif kind == "plan_recorded":
            for name in self.nodes:
                yield from self._may_begin(name)
        elif kind == "node_expanded":
            state = self.nodes[fact.data["node"]]
            yield from self._readied(state)
            yield from self._node_done(fact.data["node"])
        elif kind == "node_finished":
            for name in self.dependants[fact.data["node"]]:
                yield from self._may_begin(name)
            yield from self._run_done()
        elif kind in ("run_stopping", "cancel_requested"):
            for name in self.nodes:
                yield from self._node_done(name)
            yield from self._run_done()

    # -- what may start ------------------------------------------------------------------------------------

    def startable(self, limit: int) -> list[Unit]:
        """Up to `limit` units to start now: deepest node first, then highest cost, then position.

        They stay ready until `attempt_started` is applied, so a caller that starts fewer loses nothing.
        """
        if self.paused or self._ending:
            return []
        chosen: list[Unit] = []
        for name in sorted(self._with_ready, key=lambda name: -self.nodes[name].depth):
            state = self.nodes[name]
            cap = state.node.policy.max_parallel
            room = limit - len(chosen) if cap is None else min(limit - len(chosen), cap - state.running)
            back = []
            while state.ready and room > 0:
                entry = heapq.heappop(state.ready)
                unit = self.units[entry[2]]
                if unit.state == t.READY:
                    chosen.append(unit)
                    back.append(entry)
                    room -= 1
            for entry in back:
                heapq.heappush(state.ready, entry)
            if not state.ready:
                self._with_ready.discard(name)
            if len(chosen) >= limit:
                break
        return chosen

    @property
    def has_ready(self) -> bool:
        return bool(self._with_ready) and not self._ending

    def after_failure(self, unit: Unit) -> tuple[str, float]:
        """Where a unit goes after its code failed, and the wait in seconds before it is due."""
        policy = self.nodes[unit.node].node.policy
        if not self._ending and unit.retries < policy.max_retries:
            return t.UP_FOR_RETRY, policy.delay(unit.retries + 1)
        return t.FAILED, 0.0

    def after_loss(self, unit: Unit, *, began: bool) -> tuple[str, float]:
        """Where a unit goes after its process was lost. One that had not begun is simply ready again."""
        policy = self.nodes[unit.node].node.policy
        if not began and not self._ending:
            return t.READY, 0.0
        if not self._ending and unit.losses < policy.max_losses:
            return t.UP_FOR_RETRY, policy.delay(unit.losses + 1)
        return t.FAILED, 0.0

    def is_current(self, unit_id: str, attempt_id: str) -> bool:
        """Whether a report about this attempt may still change anything."""
        unit = self.units.get(unit_id)
        return unit is not None and unit.attempt_id == attempt_id and unit.state in (t.RUNNING, t.CANCELLING)

    # -- inside --------------------------------------------------------------------------------------------

    @property
    def _ending(self) -> bool:
        return self.cancelled or self.stopping is not None or self.final is not None

    def _move(self, fact: Fact) -> None:
        unit = self.units.get(fact.unit_id or "")
        transition = t.UNIT_TRANSITIONS[fact.kind]
        if unit is None:
            raise _illegal(fact, None)
        if unit.state not in transition.before or (transition.fenced and fact.attempt_id != unit.attempt_id):
            raise _illegal(fact, unit)
        to = fact.data["to"] if len(transition.after) > 1 else transition.after[0]
        if to not in transition.after:
            raise _illegal(fact, unit)
        node = self.nodes[unit.node]
        if unit.state in (t.RUNNING, t.CANCELLING):
            self.running -= 1
            node.running -= 1
        if to == t.RUNNING:
            unit.attempt_id = fact.attempt_id
            unit.attempts += 1
            self.running += 1
            node.running += 1
        elif to == t.READY:
            heapq.heappush(node.ready, (-unit.cost, unit.position, unit.unit_id))
            self._with_ready.add(unit.node)
        elif to in t.TERMINAL:
            node.open -= 1
            node.good += to in t.GOOD
        if fact.kind == "attempt_failed" and to == t.UP_FOR_RETRY:
            unit.retries += 1
        elif fact.kind == "attempt_lost" and to != t.READY:
            unit.losses += 1
        if to == t.UP_FOR_RETRY:
            unit.not_before_us = fact.data.get("not_before_us", 0)
        if to == t.RUNNING and node.ready and node.ready[0][2] == unit.unit_id:
            heapq.heappop(node.ready)
            if not node.ready:
                self._with_ready.discard(unit.node)
        unit.state = to
        unit.trail.append((fact.seq, fact.kind))

    def _expanded(self, fact: Fact) -> None:
        state = self.nodes[fact.data["node"]]
        if state.state != t.PENDING:
            raise AgiError(
                "AGI-RUN-020", f"node {state.node.name} is already {state.state}", whose="agilab", exit_code=1
            )
        state.state = t.RUNNING
        for position, (unit_id, key, cost) in enumerate(fact.units):
            unit = Unit(unit_id, state.node.name, key, position, cost)
            self.units[unit_id] = unit
            state.units.append(unit)
        state.total = state.open = len(state.units)

    def _abandon(self) -> None:
        for unit in self.units.values():
            if unit.state in t.NOT_STARTED:
                unit.state = t.CANCELLED
                self.nodes[unit.node].open -= 1

    def _readied(self, state: NodeState) -> Iterator[Command]:
        if self._ending:
            return
        for unit in state.units:
            if unit.state == t.PENDING:
                yield Record("unit_ready", unit.unit_id)

    def _may_begin(self, name: str) -> Iterator[Command]:
        """A node whose needs have all finished: expand it, or say why it never will."""
        state = self.nodes[name]
        if state.state != t.PENDING or state.waiting_for or self._ending:
            return
        needs = [self.nodes[need] for need in state.node.needs]
        bad = [
            need.node.name
            for need in needs
            if need.state in (t.UPSTREAM_FAILED, t.CANCELLED)
            or (need.state == t.FAILED and not need.total)
            or not state.node.satisfied(need.good, need.total)
        ]
        empty = [need.node.name for need in needs if need.state == t.SKIPPED]
        if empty and not state.node.on_empty:
            yield Record("node_finished", None, {"node": name, "state": t.SKIPPED, "because": empty})
        elif bad and not empty:
            yield Record("node_finished", None, {"node": name, "state": t.UPSTREAM_FAILED, "because": bad})
        else:
            yield Expand(name)

    def _node_done(self, name: str) -> Iterator[Command]:
        state = self.nodes[name]
        if state.state == t.RUNNING and state.open == 0:
            yield Record("node_finished", None, {"node": name, "state": self._outcome(state)})

    def _outcome(self, state: NodeState) -> str:
        if state.total == 0:
            return t.SKIPPED
        if state.good == state.total:
            return t.SUCCEEDED
        failed = any(unit.state == t.FAILED for unit in state.units)
        return t.FAILED if failed else t.CANCELLED

    def _run_done(self) -> Iterator[Command]:
        if self.final is not None or self.running:
            return
        if self._ending:
            unfinished = [name for name, state in self.nodes.items() if state.state == t.PENDING]
            for name in unfinished:
                yield Record("node_finished", None, {"node": name, "state": t.CANCELLED})
            if unfinished or self.unfinished:
                return
        elif self.unfinished:
            return
        yield Record("run_finished", None, self._verdict())

    def _verdict(self) -> dict[str, Any]:
        if self.cancelled:
            return {"state": t.CANCELLED, "reason": "cancelled by a person"}
        bad = [name for name, state in self.nodes.items() if self._intolerable(state)]
        if bad or self.stopping:
            return {
                "state": t.FAILED,
                "reason": self.stopping or f"failed: {', '.join(bad)}",
                "blocking": bad,
            }
        return {"state": t.SUCCEEDED}

    def _intolerable(self, state: NodeState) -> bool:
        """A node's failures are tolerated where somebody needs it and everybody who does is content."""
        if state.state in (t.SUCCEEDED, t.SKIPPED, t.REUSED):
            return False
        if state.state == t.FAILED and state.total:
            users = [self.nodes[name] for name in self.dependants[state.node.name]]
            content = all(user.node.satisfied(state.good, state.total) for user in users)
            return not users or not content
        return True

    def validate(self) -> None:
        """Assert every invariant; tests call it after each event."""
        running = [unit for unit in self.units.values() if unit.state in (t.RUNNING, t.CANCELLING)]
        assert len(running) == self.running, (len(running), self.running)
        for state in self.nodes.values():
            mine = state.units
            assert state.open == sum(unit.state not in t.TERMINAL for unit in mine), state
            assert state.good == sum(unit.state in t.GOOD for unit in mine), state
            assert state.running == sum(unit.state in (t.RUNNING, t.CANCELLING) for unit in mine), state
            cap = state.node.policy.max_parallel
            assert cap is None or state.running <= cap, state
            listed = {entry[2] for entry in state.ready}
            ready = {unit.unit_id for unit in mine if unit.state == t.READY}
            assert ready <= listed, state
            assert not ready or state.node.name in self._with_ready, state
            assert state.waiting_for == sum(
                not self.nodes[need].finished for need in set(state.node.needs)
            ), state
        assert self.unfinished == sum(not state.finished for state in self.nodes.values())
        if self.final is not None:
            assert not running
            assert all(unit.state in t.TERMINAL for unit in self.units.values())


def _illegal(fact: Fact, unit: Unit | None) -> AgiError:
    if unit is None:
        found = "the unit does not exist"
    else:
        steps = " → ".join(f"{seq}:{kind}" for seq, kind in unit.trail[-20:]) or "nothing yet"
        found = f"state {unit.state}, attempt {unit.attempt_id or '-'}; its story: {steps}"
    return AgiError(
        "AGI-RUN-020",
        f"{fact.kind} (event {fact.seq}, attempt {fact.attempt_id or '-'}) is not legal for {fact.unit_id}",
        found=found,
        allowed="only from " + ", ".join(sorted(t.UNIT_TRANSITIONS[fact.kind].before)),
        whose="agilab",
        exit_code=1,
    )
