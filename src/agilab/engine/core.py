"""The state of a run and what follows from each event: no clock, no ids, no process, no database.

Events go in, commands come out. Everything that changes a unit goes through `RunState.decide`, which checks the
table of transitions first; an event that is not legal raises with the unit's whole story. The shell around it
(`coordinator`) carries the commands out and records what happened, which are the next events.

Dependencies are counted down, never searched: the cost of an event does not depend on how many units there are. A
unit waits for those units of each need that share its keys (see `foreach`); with a node that it shares no axis with, it
waits for the whole node, before it even exists.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agi_node.errors import AgiError
from agilab.engine.foreach import Nested, Over, common, sources
from agilab.engine.graph import Graph, Node
from agilab.engine.state import Command, Expand, Fact, Keys, NodeState, Record, Unit
from agilab.store import transitions as t


class RunState:
    """One run's state machine.

    Responsible for: which transitions are legal, what follows from an event, what may start next.
    Not responsible for: time, placement, how units are executed, what their values are.
    """

    def __init__(self, graph: Graph, lanes: Mapping[str, str] | None = None) -> None:
        """`lanes` names the worker that a static plan chose for a unit: units of one never stand in another's way."""
        self.graph = graph
        self._lanes = lanes or {}
        self.nodes: dict[str, NodeState] = {}
        self.dependants: dict[str, list[str]] = {node.name: [] for node in graph.nodes}
        self.followers: dict[str, list[str]] = {node.name: [] for node in graph.nodes}
        for node in graph.nodes:
            self._declare(node)
        # Which node comes first: the deepest, and of equally deep ones the first of the plan, never the order of a set.
        self._rank = {name: (-state.depth, number) for number, (name, state) in enumerate(self.nodes.items())}
        self.units: dict[str, Unit] = {}
        self.unfinished = len(self.nodes)
        self._with_ready: set[str] = set()
        self._fresh: list[Command | Unit] = []
        self._touched: dict[str, None] = {}
        self.pool_running: dict[str, int] = dict.fromkeys(graph.pools, 0)
        self.running = 0
        self.paused = False
        self.stopping: str | None = None
        self.cancelled = False
        self.final: str | None = None

    def _declare(self, node: Node) -> None:
        axes = self.graph.axes
        mine = axes[node.name]
        foreach = node.foreach
        mapped = isinstance(foreach, (Over, Nested)) and bool(axes[foreach.node])
        origin = foreach.node if mapped and isinstance(foreach, (Over, Nested)) else None
        shared = {need: common(mine, axes[need]) for need in node.needs}
        whole = tuple(need for need, count in shared.items() if not count)
        keyed = tuple((need, count) for need, count in shared.items() if count)
        depth = 1 + max((self.nodes[need].depth for need in node.needs), default=-1)
        state = NodeState(node, depth, mine, origin, whole, keyed, waiting_for=len(whole))
        self.nodes[node.name] = state
        for need in node.needs:
            self.dependants[need].append(node.name)
        for need, count in keyed:
            other = self.nodes[need]
            other.count_by(count)
            # Whether a group is complete is asked of the node that it follows, so that one counts by the same keys.
            while other.origin is not None:
                other = self.nodes[other.origin]
                other.count_by(count)
        if origin is None:
            state.all.expected = 1
        else:
            self.followers[origin].append(node.name)

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
        elif fact.kind == "expansion_failed":
            self._branch_ends(self.nodes[fact.data["node"]], fact.data["under"], broken=True)
        elif fact.kind == "node_finished":
            self._finished(self.nodes[fact.data["node"]], fact.data["state"])
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
            state = self.nodes[command.node]
            if self._ending or state.finished or state.waiting_for:
                return False
            return state.state == t.PENDING if state.origin is None else command.under in state.todo
        if command.kind in ("unit_ready", "unit_skipped", "unit_upstream_failed"):
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
        self._fresh.clear()
        self._touched.clear()
        commands: list[Command] = []
        for name, state in self.nodes.items():
            if state.state == t.PENDING:
                commands.extend(self._may_begin(name))
            elif state.state == t.RUNNING:
                commands.extend(Expand(name, under) for under in state.todo)
                for unit in state.units:
                    if unit.state == t.PENDING and not unit.waiting:
                        commands.extend(self._released(unit))
            commands.extend(self._node_done(name))
        commands.extend(self._run_done())
        return commands

    def _consequences(self, fact: Fact) -> Iterator[Command]:
        kind = fact.kind
        fresh, self._fresh = self._fresh, []
        touched, self._touched = self._touched, {}
        if fact.unit_id is not None:
            unit = self.units[fact.unit_id]
            if unit.state == t.FAILED and not (self.graph.keep_going or self._ending):
                reason = f"{unit.unit_id} failed"
                yield Record("run_stopping", None, {"reason": reason, "unit": unit.unit_id})
        elif kind == "plan_recorded":
            for name in self.nodes:
                yield from self._may_begin(name)
        elif kind == "expansion_failed" and not (self.graph.keep_going or self._ending):
            reason = f"{fact.data['node']} could not expand under {fact.data['under']}"
            yield Record("run_stopping", None, {"reason": reason, "unit": fact.data["under"]})
        for item in fresh:
            if isinstance(item, Unit):
                yield from self._released(item)
            else:
                yield item
        for name in touched:
            yield from self._node_done(name)
        if kind == "node_finished":
            for name in self.dependants[fact.data["node"]]:
                yield from self._may_begin(name)
                yield from self._node_done(name)
            yield from self._run_done()
        elif kind in ("run_stopping", "cancel_requested"):
            for name in self.nodes:
                yield from self._node_done(name)
            yield from self._run_done()
        elif self._ending and touched:
            yield from self._run_done()

    # -- what may start ------------------------------------------------------------------------------------

    def startable(self, limit: int) -> list[Unit]:
        """Up to `limit` units to start now: deepest node first, then highest cost, then position.

        They stay ready until `attempt_started` is applied, so a caller that starts fewer loses nothing. Caps of nodes,
        pools and the run hold for what runs and what is returned together.
        """
        if self.paused or self._ending:
            return []
        if self.graph.max_parallel is not None:
            limit = min(limit, self.graph.max_parallel - self.running)
        chosen: list[Unit] = []
        taken: dict[str, int] = {}
        for name in sorted(self._with_ready, key=self._rank.__getitem__):
            if len(chosen) >= limit:
                break
            state = self.nodes[name]
            policy = state.node.policy
            room = limit - len(chosen)
            if policy.max_parallel is not None:
                room = min(room, policy.max_parallel - state.running)
            if policy.pool is not None:
                used = self.pool_running[policy.pool] + taken.get(policy.pool, 0)
                room = min(room, self.graph.pools[policy.pool] - used)
            lanes = [lane for lane in state.ready.values() if lane]
            each = -(-room // max(1, len(lanes)))
            found: list[tuple[float, int, str]] = []
            for lane in lanes:
                mine: list[tuple[float, int, str]] = []
                while lane and len(mine) < each:
                    entry = heapq.heappop(lane)
                    if self.units[entry[2]].state == t.READY:
                        mine.append(entry)
                for entry in mine:
                    heapq.heappush(lane, entry)
                found += mine
            found = sorted(found)[: max(0, room)]
            chosen += [self.units[entry[2]] for entry in found]
            if policy.pool is not None:
                taken[policy.pool] = taken.get(policy.pool, 0) + len(found)
            if not any(state.ready.values()):
                self._with_ready.discard(name)
        return chosen

    @property
    def has_ready(self) -> bool:
        return bool(self._with_ready) and not self._ending

    def inputs(self, unit: Unit) -> dict[str, Unit | list[Unit] | None]:
        """What each need has for this unit: the one unit that shares its keys, or all that do, in the order of keys."""
        found: dict[str, Unit | list[Unit] | None] = {}
        state = self.nodes[unit.node]
        for need in state.whole:
            other = self.nodes[need]
            if other.axes:
                found[need] = sorted(other.units, key=lambda unit: unit.keys)
            else:
                found[need] = other.units[0] if other.units else None
        for need, count in state.keyed:
            other = self.nodes[need]
            if count == len(other.axes):
                found[need] = other.by_keys.get(unit.keys[:count])
            else:
                found[need] = sorted(other.group(unit.keys[:count]).units, key=lambda unit: unit.keys)
        return found

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

    # -- inside: units -------------------------------------------------------------------------------------

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
        pool = node.node.policy.pool
        if unit.state in (t.RUNNING, t.CANCELLING):
            self.running -= 1
            node.running -= 1
            if pool is not None:
                self.pool_running[pool] -= 1
        if to == t.RUNNING:
            unit.attempt_id = fact.attempt_id
            unit.attempts += 1
            self.running += 1
            node.running += 1
            if pool is not None:
                self.pool_running[pool] += 1
        elif to == t.READY:
            lane = node.ready.setdefault(self._lanes.get(unit.unit_id, ""), [])
            heapq.heappush(lane, (-unit.cost, unit.position, unit.unit_id))
            self._with_ready.add(unit.node)
        if fact.kind == "attempt_failed" and to == t.UP_FOR_RETRY:
            unit.retries += 1
        elif fact.kind == "attempt_lost" and to != t.READY:
            unit.losses += 1
        if to == t.UP_FOR_RETRY:
            unit.not_before_us = fact.data.get("not_before_us", 0)
        if to != t.READY and unit.state == t.READY:
            lane = node.ready[self._lanes.get(unit.unit_id, "")]
            if lane and lane[0][2] == unit.unit_id:
                heapq.heappop(lane)
                if not lane and not any(node.ready.values()):
                    self._with_ready.discard(unit.node)
        unit.state = to
        unit.trail.append((fact.seq, fact.kind))
        if to in t.TERMINAL:
            self._ended(node, unit)

    def _ended(self, node: NodeState, unit: Unit) -> None:
        """A unit is over: count it off, release who waits for it, and let what nests in it expand."""
        good = unit.state in t.GOOD
        node.skipped += unit.state == t.SKIPPED
        for group in node.groups_of(unit.keys):
            group.open -= 1
            group.good += good
        for name in self.followers[unit.node]:
            follower = self.nodes[name]
            if isinstance(follower.node.foreach, Nested) and not follower.finished:
                if unit.state in t.WITH_VALUE:
                    follower.todo[unit.unit_id] = None
                    if not follower.waiting_for:
                        self._fresh.append(Expand(name, unit.unit_id))
                else:
                    self._branch_ends(follower, unit.unit_id, bad=not good)
        if node.waiters:
            self._release(node, unit.keys)
        self._settle(node, unit.keys)

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
            if count <= len(keys) and prefix in node.waiters and self._closed(node, prefix):
                self._release(node, prefix)
        for follower in self.followers[name]:
            self._settle(self.nodes[follower], keys)

    def _closed(self, node: NodeState, keys: Keys) -> bool:
        """Whether every unit below these outer keys is over and none will be added."""
        if node.finished:
            return True
        if keys and len(keys) == len(node.axes):
            unit = node.by_keys.get(keys)
            return unit is not None and unit.state in t.TERMINAL
        return node.group(keys).open == 0 and self._complete(node, keys)

    def _complete(self, node: NodeState, keys: Keys) -> bool:
        """Whether no unit will be added below these outer keys."""
        if node.finished:
            return True
        if keys and len(keys) == len(node.axes):
            return keys in node.by_keys
        if node.group(keys).expected:
            return False
        return node.origin is None or self._complete(self.nodes[node.origin], keys)

    def _branch_ends(self, state: NodeState, under: str, *, bad: bool = True, broken: bool = False) -> None:
        """An expansion that was expected will never come: what it maps over is not good, or is no list."""
        state.todo.pop(under, None)
        state.broken = state.broken or broken
        keys = self.units[under].keys if under else ()
        for group in state.groups_of(keys):
            group.expected -= 1
        if bad:
            self._lacks(state, keys)
        self._settle(state, keys)

    def _lacks(self, state: NodeState, keys: Keys) -> None:
        """Something is missing below these keys, and so it is in whatever follows or nests in this node."""
        for group in state.groups_of(keys):
            group.missing += 1
        for name in self.followers[state.node.name]:
            if not self.nodes[name].finished:
                self._lacks(self.nodes[name], keys)

    def _released(self, unit: Unit) -> Iterator[Command]:
        """What becomes of a unit that waits for nothing any more."""
        if self._ending or unit.state != t.PENDING:
            return
        state = self.nodes[unit.node]
        bad: list[str] = []
        skipped: list[str] = []
        for need, count in state.keyed:
            other = self.nodes[need]
            if count == len(other.axes):
                given = other.by_keys.get(unit.keys[:count])
                if given is None and other.state == t.SKIPPED:
                    skipped.append(need)
                elif given is None or not state.node.satisfied(int(given.state in t.GOOD), 1):
                    bad.append(given.unit_id if given else need)
                elif given.state == t.SKIPPED:
                    skipped.append(given.unit_id)
            else:
                group = other.group(unit.keys[:count])
                if not group.total + group.missing:
                    # Nothing here; or nothing anywhere, since the need itself never came to be.
                    never = not other.total and other.state in (t.UPSTREAM_FAILED, t.CANCELLED, t.FAILED)
                    (bad if never else skipped).append(need)
                elif not state.node.satisfied(group.good, group.total + group.missing):
                    bad.append(need)
        if bad:
            yield Record("unit_upstream_failed", unit.unit_id, {"because": bad})
        elif skipped and not state.node.on_empty:
            yield Record("unit_skipped", unit.unit_id, {"reason": f"skipped: {', '.join(skipped)}"})
        else:
            yield Record("unit_ready", unit.unit_id)

    # -- inside: nodes -------------------------------------------------------------------------------------

    def _expanded(self, fact: Fact) -> None:
        state = self.nodes[fact.data["node"]]
        name, under = state.node.name, fact.data.get("under", "")
        legal = state.state == t.PENDING or (state.state == t.RUNNING and state.origin is not None)
        if not legal or (state.origin is not None and under not in state.todo):
            what = f"node {name} is already {state.state}{f' under {under}' if under else ''}"
            raise AgiError("AGI-RUN-020", what, whose="agilab", exit_code=1)
        state.state = t.RUNNING
        state.todo.pop(under, None)
        first = len(state.units)
        above = self.units[under].keys if under else ()
        for group in state.groups_of(above):
            group.expected -= 1
        for position, (unit_id, keys, cost) in enumerate(fact.units, start=first):
            unit = Unit(unit_id, name, keys, position, cost)
            self.units[unit_id] = unit
            if state.indexed or state.grouped:
                state.by_keys[keys] = unit
            for group in state.groups_of(keys):
                group.open += 1
                group.total += 1
                group.units.append(unit)
            self._await(state, unit)
        state.spans[under] = (first, len(state.units))
        self._expect(name, under, state.units[first:])
        self._settle(state, above)

    def _await(self, state: NodeState, unit: Unit) -> None:
        """Let a new unit wait for those units of each need that share its keys."""
        for need, count in state.keyed:
            other = self.nodes[need]
            keys = unit.keys[:count]
            if not self._closed(other, keys):
                unit.waiting += 1
                other.waiters.setdefault(keys, []).append(unit)
        if not unit.waiting:
            self._fresh.append(unit)

    def _expect(self, name: str, under: str, units: Sequence[Unit]) -> None:
        """Tell the nodes that follow this one of expansions to come: one for each unit, or one for this expansion."""
        for follower in self.followers[name]:
            state = self.nodes[follower]
            if state.finished:
                continue
            if isinstance(state.node.foreach, Nested):
                for unit in units:
                    for group in state.groups_of(unit.keys):
                        group.expected += 1
                continue
            keys = self.units[under].keys if under else ()
            for group in state.groups_of(keys):
                group.expected += 1
            state.todo[under] = None
            if not state.waiting_for:
                self._fresh.append(Expand(follower, under))

    def _finished(self, state: NodeState, final: str) -> None:
        state.state = final
        state.todo.clear()
        name = state.node.name
        self.unfinished -= 1
        for dependant in self.dependants[name]:
            if name in self.nodes[dependant].whole:
                self.nodes[dependant].waiting_for -= 1
        # Whoever waits for a unit that now will never be: nothing more comes from this node.
        for keys in list(state.waiters):
            self._release(state, keys)
        for follower in self.followers[name]:
            self._settle(self.nodes[follower], ())

    def _abandon(self) -> None:
        for unit in self.units.values():
            if unit.state in t.NOT_STARTED:
                unit.state = t.CANCELLED
                for group in self.nodes[unit.node].groups_of(unit.keys):
                    group.open -= 1

    def _may_begin(self, name: str) -> Iterator[Command]:
        """A node whose needs allow it: expand it, or say why it never will."""
        state = self.nodes[name]
        if state.state != t.PENDING or state.waiting_for or self._ending:
            return
        needs = [(self.nodes[need], False) for need in state.whole]
        # Of a need that shares its keys only this matters here: whether it has units at all.
        needs += [(self.nodes[need], True) for need, _ in state.keyed if self.nodes[need].finished]
        bad, empty = [], []
        for need, keyed in needs:
            never = need.state in (t.UPSTREAM_FAILED, t.CANCELLED, t.FAILED) and not need.total
            if need.state == t.SKIPPED or (not need.axes and need.skipped):
                empty.append(need.node.name)
            elif never or (not keyed and not state.node.satisfied(need.good, need.total + need.all.missing)):
                bad.append(need.node.name)
        # No list to map over, or no unit to follow, whether it takes nothing or not.
        nothing = not state.todo and any(source in empty for source in sources(state.node.foreach))
        if empty and (nothing or not state.node.on_empty):
            yield Record("node_finished", None, {"node": name, "state": t.SKIPPED, "because": empty})
        elif bad:
            yield Record("node_finished", None, {"node": name, "state": t.UPSTREAM_FAILED, "because": bad})
        elif state.origin is None:
            yield Expand(name)
        else:
            for under in state.todo:
                yield Expand(name, under)

    def _node_done(self, name: str) -> Iterator[Command]:
        state = self.nodes[name]
        if state.finished:
            return
        if state.state == t.PENDING and (state.origin is None or not self.nodes[state.origin].total):
            return  # what it maps over decides, see `_may_begin`
        if self._ending:
            done = state.state == t.RUNNING and state.open == 0
        else:
            done = not state.waiting_for and self._closed(state, ())
        if done:
            yield Record("node_finished", None, {"node": name, "state": self._outcome(state)})

    def _outcome(self, state: NodeState) -> str:
        whole = state.total + state.all.missing
        # Where a run ends early, all that a node has may be good, and yet not all that it would have had.
        if self._complete(state, ()) and state.good == whole:
            return t.SUCCEEDED if whole else t.SKIPPED
        states = {unit.state for unit in state.units}
        if t.FAILED in states or state.broken:
            return t.FAILED
        if t.UPSTREAM_FAILED in states or state.all.missing:
            return t.UPSTREAM_FAILED
        return t.CANCELLED

    # -- inside: the run -----------------------------------------------------------------------------------

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
        whole = state.total + state.all.missing
        users = [self.nodes[name] for name in self.dependants[state.node.name]]
        if not whole or not users:
            return True
        for user in users:
            if state.node.name in user.whole:
                if not user.node.satisfied(state.good, whole):
                    return True
            elif self._intolerable(user):
                return True
        return False

    def validate(self) -> None:
        """Assert every invariant; tests call it after each event."""
        running = [unit for unit in self.units.values() if unit.state in (t.RUNNING, t.CANCELLING)]
        assert len(running) == self.running, (len(running), self.running)
        most = self.graph.max_parallel
        assert most is None or self.running <= most, self.running
        for pool, slots in self.graph.pools.items():
            used = sum(self.nodes[unit.node].node.policy.pool == pool for unit in running)
            assert used == self.pool_running[pool] <= slots, (pool, used, slots)
        for state in self.nodes.values():
            mine = state.units
            for keys, group in ((), state.all), *state.groups.items():
                inside = [unit for unit in mine if unit.keys[: len(keys)] == keys]
                assert group.units == inside, state
                assert group.total == len(inside), state
                assert group.open == sum(unit.state not in t.TERMINAL for unit in inside), state
                assert group.good == sum(unit.state in t.GOOD for unit in inside), state
                assert group.expected >= 0, state
            assert state.running == sum(unit.state in (t.RUNNING, t.CANCELLING) for unit in mine), state
            cap = state.node.policy.max_parallel
            assert cap is None or state.running <= cap, state
            listed = {entry[2] for lane in state.ready.values() for entry in lane}
            ready = {unit.unit_id for unit in mine if unit.state == t.READY}
            assert ready <= listed, state
            assert not ready or state.node.name in self._with_ready, state
            assert state.waiting_for == sum(not self.nodes[need].finished for need in state.whole), state
            for unit in mine:
                if unit.state == t.PENDING:
                    open_ = sum(not self._closed(self.nodes[n], unit.keys[:c]) for n, c in state.keyed)
                    assert unit.waiting == open_, (unit, open_)
        assert self.unfinished == sum(not state.finished for state in self.nodes.values())
        if self.final is not None:
            assert not running
            assert all(unit.state in t.TERMINAL for unit in self.units.values())
            assert not self.unfinished


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
