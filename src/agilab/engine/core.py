"""The state of a run and what follows from each event: no clock, no ids, no process, no database.

Events go in, commands come out. Everything that changes a unit goes through `RunState.decide`, which checks the
table of transitions first; an event that is not legal raises with the unit's whole story. The shell around it
(`coordinator`) carries the commands out and records what happened, which are the next events.

Dependencies are counted down, never searched: the cost of an event does not depend on how many units there are. A
unit waits for those units of each need that share its keys (see `foreach`); with a node that it shares no axis with, it
waits for the whole node, before it even exists.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from agi_node.errors import AgiError
from agilab.engine import verdict
from agilab.engine.foreach import Nested, Over, common, sources
from agilab.engine.graph import Graph, Node
from agilab.engine.line import Line
from agilab.engine.state import Command, Expand, Fact, NodeState, Record, Unit
from agilab.engine.waits import Waits
from agilab.store import transitions as t


class RunState:
    """One run's state machine.

    Responsible for: which transitions are legal, what follows from an event, what may start next.
    Not responsible for: time, placement, how units are executed, what their values are.
    """

    def __init__(
        self,
        graph: Graph,
        lanes: Mapping[str, str] | None = None,
        asked: Callable[[str], bool] | None = None,
    ) -> None:
        """`lanes` names the worker that a static plan chose for a unit: units of one never stand in another's way.

        `asked` says of a node whether the run is made for it; without it, the run is made for all.
        """
        self.graph = graph
        self._asked = asked
        self.nodes: dict[str, NodeState] = {}
        self.units: dict[str, Unit] = {}
        self.waits = Waits(self.nodes, self.units)
        for node in graph.nodes:
            self._declare(node)
        self.line = Line(graph, self.nodes, lanes or {})
        self.unfinished = len(self.nodes)
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
        self.waits.declare(state)

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
            self.waits.branch_ends(self.nodes[fact.data["node"]], fact.data["under"], broken=True)
        elif fact.kind == "node_finished":
            state = self.nodes[fact.data["node"]]
            state.prevented = "because" in fact.data
            state.state = fact.data["state"]
            self.unfinished -= 1
            self.waits.finished(state)
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
        self.waits.news()
        commands: list[Command] = []
        for name, state in self.nodes.items():
            if state.state == t.PENDING:
                commands.extend(self._may_begin(name))
            elif state.state == t.RUNNING:
                commands.extend(Expand(name, under) for under in state.todo)
                for unit in state.units:
                    if unit.state == t.PENDING and not unit.waiting:
                        commands.append(self._released(unit))
            commands.extend(self._node_done(name))
        commands.extend(self._run_done())
        return commands

    def _consequences(self, fact: Fact) -> Iterator[Command]:
        kind = fact.kind
        fresh, touched = self.waits.news()
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
                if item.state == t.PENDING and not self._ending:
                    yield self._released(item)
            else:
                yield item
        for name in touched:
            yield from self._node_done(name)
        if kind == "node_finished":
            for name in self.waits.dependants[fact.data["node"]]:
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

    @property
    def has_ready(self) -> bool:
        return bool(self.line) and not self._ending

    @property
    def running(self) -> int:
        """How many units run."""
        return self.line.running

    def startable(self, limit: int) -> list[Unit]:
        """Up to `limit` units to start now. They stay ready until `attempt_started` is applied: nothing is lost."""
        return [] if self.paused or self._ending else self.line.first(limit)

    def born_ready(self, name: str) -> bool:
        """Whether the units of a node wait for nothing once it expands, so that no event of their own says so."""
        return not self.nodes[name].keyed

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

    def stands_alone(self, unit: Unit) -> bool:
        """Whether a unit is ready without what it needs: its node is as it was, and can but be used again."""
        state = self.nodes[unit.node]
        if not self._stays(state):
            return False
        released = verdict.of_released(unit, self.nodes).kind
        return released == "unit_upstream_failed" or bool(verdict.prevented(state, self.nodes)[0])

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
        if unit.state in (t.RUNNING, t.CANCELLING):
            self.line.count(unit, -1)
        elif unit.state == t.READY:
            self.line.leave(unit)
        if to == t.RUNNING:
            unit.attempt_id = fact.attempt_id
            unit.attempts += 1
            self.line.count(unit, 1)
        elif to == t.READY:
            self.line.join(unit)
        if fact.kind == "attempt_failed" and to == t.UP_FOR_RETRY:
            unit.retries += 1
        elif fact.kind == "attempt_lost" and to != t.READY:
            unit.losses += 1
        if to == t.UP_FOR_RETRY:
            unit.not_before_us = fact.data.get("not_before_us", 0)
        unit.state = to
        unit.trail.append((fact.seq, fact.kind))
        if to in t.TERMINAL:
            self.waits.ended(unit, passed=fact.kind == "unit_skipped" and "because" in fact.data)

    # -- inside: nodes -------------------------------------------------------------------------------------

    def _expanded(self, fact: Fact) -> None:
        state = self.nodes[fact.data["node"]]
        name, under = state.node.name, fact.data.get("under", "")
        legal = state.state == t.PENDING or (state.state == t.RUNNING and state.origin is not None)
        if not legal or (state.origin is not None and under not in state.todo):
            what = f"node {name} is already {state.state}{f' under {under}' if under else ''}"
            raise AgiError("AGI-RUN-020", what, whose="agilab", exit_code=1)
        born_ready = bool(fact.data.get("ready"))
        if born_ready and not self.born_ready(name):
            what = f"node {name} has units that wait for others, and none of them can be ready yet"
            raise AgiError("AGI-RUN-020", what, whose="agilab", exit_code=1)
        born = t.READY if born_ready else t.PENDING
        units = [
            Unit(unit_id, name, keys, position, cost, born)
            for position, (unit_id, keys, cost) in enumerate(fact.units, start=len(state.units))
        ]
        self.units.update((unit.unit_id, unit) for unit in units)
        if born_ready:
            self.line.join_all(state, units)
        self.waits.expanded(state, under, units)

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
        final, because = verdict.prevented(state, self.nodes)
        if final and self._stays(state):
            final = ""
        if final:
            yield Record("node_finished", None, {"node": name, "state": final, "because": because})
        elif state.origin is None:
            yield Expand(name)
        else:
            for under in state.todo:
                yield Expand(name, under)

    def _stays(self, state: NodeState) -> bool:
        """Whether a node is as it was, whatever became of its needs: others were asked for; its lists are there."""
        if self._asked is None or self._asked(state.node.name) or state.origin is not None:
            return False
        lists = (self.nodes[source] for source in sources(state.node.foreach))
        return all(one.total and one.good == one.total for one in lists)

    def _released(self, unit: Unit) -> Record:
        """What becomes of a unit that waits for nothing any more; one of a node that stays can be used again."""
        found = verdict.of_released(unit, self.nodes)
        stays = found.kind == "unit_upstream_failed" and self._stays(self.nodes[unit.node])
        return Record("unit_ready", unit.unit_id) if stays else found

    def _node_done(self, name: str) -> Iterator[Command]:
        state = self.nodes[name]
        if state.finished:
            return
        if state.state == t.PENDING and (state.origin is None or self.nodes[state.origin].prevented):
            return  # see `_may_begin`
        if self._ending:
            done = state.state == t.RUNNING and state.open == 0
        else:
            done = not state.waiting_for and self.waits.closed(state, ())
        if done:
            final = verdict.of_node(state, complete=self.waits.complete(state, ()))
            yield Record("node_finished", None, {"node": name, "state": final})

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
        judged = [name for name in self.nodes if self._asked is None or self._asked(name)]
        end = verdict.of_run(
            self.nodes, self.waits.dependants, judged, cancelled=self.cancelled, stopping=self.stopping
        )
        yield Record("run_finished", None, end)


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
