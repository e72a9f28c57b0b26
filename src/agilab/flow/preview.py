"""What a run would do and why, with nothing executed: the engine's own core, fed with what it would decide."""

from __future__ import annotations

import html
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from agi_node.errors import AgiError
from agilab.engine.core import RunState
from agilab.engine.expanding import rows_of
from agilab.engine.expansion import keys_of
from agilab.engine.graph import Graph
from agilab.engine.reuse import Cache, CacheKey, LeaveOut, Memory, Reuse, SkipAgain
from agilab.engine.state import Command, Expand, Fact, Unit
from agilab.flow.execution import Purpose, app_of, digests_of
from agilab.flow.order import FlowTasks
from agilab.flow.provenance import codes_of, environment_record
from agilab.store import transitions as t
from agilab.store.store import Store

if TYPE_CHECKING:
    from agilab.engine.rerun import Preview as RerunPreview

Action = Literal["run", "reuse", "wait", "skip", "fail", "leave", "drop"]
SHOWN = 20


@dataclass(frozen=True)
class Step:
    """One unit, or a node whose units are not known yet, and what would become of it."""

    name: str
    action: Action
    why: str


@dataclass(frozen=True)
class Preview:
    """What a run would do now.

    Steps are `run`, `reuse`, `wait` (for something that runs first, on whose result it depends whether it runs or is
    reused), `skip`, or `fail` (a node whose items cannot be had). Of a rerun also `leave` (a unit that stays as undone
    as it was) and `drop` (a node of the parent that is no more).
    """

    flow: str
    steps: tuple[Step, ...]

    def of(self, action: Action) -> dict[str, str]:
        """The reasons of all steps with one action, by unit."""
        return {step.name: step.why for step in self.steps if step.action == action}

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    def _head(self) -> str:
        counts = {action: len(self.of(action)) for action in get_args(Action)}
        return f"{self.flow}: " + ", ".join(f"{count:,} to {word}" for word, count in counts.items() if count)

    def __repr__(self) -> str:
        width = max((len(step.name) for step in self.steps[:SHOWN]), default=0)
        lines = [f"  {step.action:<5}  {step.name:<{width}}  {step.why}" for step in self.steps[:SHOWN]]
        return "\n".join(line.rstrip() for line in (self._head(), *lines, f"  {self._more()}")).rstrip()

    def _more(self) -> str:
        left = len(self.steps) - SHOWN
        return f"… and {left:,} more" if left > 0 else ""

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{step.action}</td><td style='text-align:left'><code>{html.escape(step.name)}</code></td>"
            f"<td style='text-align:left'>{html.escape(step.why)}</td></tr>"
            for step in self.steps[:SHOWN]
        )
        return f"<div>{html.escape(self._head())}<table>{rows}</table>{self._more()}</div>"


def of_rerun(flow: str, shown: RerunPreview) -> Preview:
    """What the engine says of a rerun, in the same steps; a node that has no units yet stands for them."""
    said: dict[Action, Mapping[str, str]] = {
        "run": {**shown.execute, **shown.new},
        "reuse": {name: kept.why for name, kept in shown.reuse.items()},
        "leave": shown.leave_out,
        "drop": dict.fromkeys(shown.drop, "no node of the flow any more"),
    }
    return Preview(
        flow, tuple(Step(name, act, why) for act, whys in said.items() for name, why in whys.items())
    )


def preview(store: Store, purpose: Purpose) -> Preview:
    """Go through the graph as a run would, taking what may be reused and stopping at what must run."""
    cached, graph = purpose.cached, purpose.bound.graph
    codes = codes_of({name: purpose.nodes[name] for name in cached})
    parts = {name: code.parts for name, code in codes.items()}
    memory = Cache(store, app_of(purpose.flow), parts) if cached else None
    fingerprint = environment_record()["fingerprint"]
    walk = Walk(FlowTasks(store, "", graph), graph, memory, digests_of(codes), environment=fingerprint)
    walk.unknown = {name: f"not cached: {code.reason}" for name, code in codes.items() if code.digest is None}
    return Preview(purpose.flow, walk.steps())


class Walk:
    """A run in thought: facts go into the core as a coordinator would record them, and nothing is written.

    Attributes:
        unknown: Why the code of some nodes has no digest, by node.
        stands_in: An earlier result of a unit that would run, where nothing that follows asks how it comes out.
    """

    def __init__(
        self,
        tasks: FlowTasks,
        graph: Graph,
        memory: Memory | None,
        codes: Mapping[str, str],
        *,
        environment: str = "",
    ) -> None:
        self.state = RunState(graph, asked=memory.asked if memory else None)
        self.unknown: Mapping[str, str] = {}
        self.stands_in: Callable[[Unit], Mapping[str, Any]] = lambda unit: {}
        self._memory = memory
        self._codes = codes
        self._environment = environment
        self._tasks = tasks
        self._tasks.state = self.state
        self._payloads: dict[str, Any] = {}
        self._seq = 0
        self._said: dict[str, Step] = {}

    def steps(self) -> tuple[Step, ...]:
        """What would become of each unit, nodes in the order of the plan; or of a node whose units are not known."""
        self._go()
        return tuple(self._told())

    def payload(self, unit: Unit) -> Any:
        """The item that a unit works on; None for the one unit of an unmapped node."""
        return self._payloads.get(unit.unit_id)

    def _go(self) -> None:
        self._follow(self._fact("plan_recorded"))
        while self.state.has_ready:
            for unit in self.state.startable(64):
                self._settle(unit)

    def _settle(self, unit: Unit) -> None:
        why = ""
        if self._memory:
            node = self.state.nodes[unit.node].node
            decision = self._memory.decide(unit, node, self._key(unit))
            if isinstance(decision, Reuse):
                self._said[unit.unit_id] = Step(unit.unit_id, "reuse", str(decision.body["why"]))
                self._tasks.recorded(unit, decision.body)
                self._follow(self._fact("unit_reused", unit.unit_id))
                return
            if isinstance(decision, (LeaveOut, SkipAgain)):
                self._pass_by(unit, decision)
                return
            why = self.unknown.get(unit.node) or getattr(decision, "why", None) or ""
        self._said[unit.unit_id] = Step(unit.unit_id, "run", why)
        if before := self.stands_in(unit):
            self._tasks.recorded(unit, before)
            self._follow(self._fact("unit_reused", unit.unit_id))
            return
        # It starts, and in thought it never ends: what depends on it waits.
        self.state.apply(Fact("attempt_started", self._next(), unit.unit_id, f"a{self._seq}", {}))

    def _pass_by(self, unit: Unit, decision: LeaveOut | SkipAgain) -> None:
        """A unit that a rerun neither runs nor uses."""
        left = isinstance(decision, LeaveOut)
        self._said[unit.unit_id] = Step(unit.unit_id, "leave" if left else "skip", decision.reason)
        kind = "unit_left_out" if left else "unit_skipped"
        self._follow(self._fact(kind, unit.unit_id, {"reason": decision.reason}))

    def _key(self, unit: Unit) -> CacheKey | None:
        code = self._codes.get(unit.node)
        if code is None or self.state.stands_alone(unit):
            return None
        node = self.state.nodes[unit.node].node
        needs = self.state.inputs(unit)
        identity = self._tasks.identity(unit, node, self._payloads.get(unit.unit_id), needs)
        if identity is None:
            return None
        args, inputs = identity
        return CacheKey(code, args, inputs, node.environment or self._environment)

    def _follow(self, fact: Fact) -> None:
        queue: deque[Command] = deque(self.state.decide(fact))
        while queue:
            command = queue.popleft()
            if not self.state.is_due(command):
                continue
            if isinstance(command, Expand):
                fact = self._expand(command.node, command.under)
            else:
                fact = self._fact(command.kind, command.unit_id, command.data)
            queue.extend(self.state.decide(fact))

    def _expand(self, name: str, under: str) -> Fact:
        state = self.state.nodes[name]
        try:
            rows = rows_of(self.state, self._tasks, name, under)
        except AgiError as problem:
            self._said[name] = Step(name, "fail", problem.what)
            if state.origin is not None:
                return self._fact("expansion_failed", None, {"node": name, "under": under})
            return self._fact(
                "node_finished", None, {"node": name, "state": t.FAILED, "because": ["expansion"]}
            )
        self._payloads |= {row["unit_id"]: row["payload"] for row in rows}
        units = [(row["unit_id"], keys_of(row), row["cost"]) for row in rows]
        return Fact("node_expanded", self._next(), data={"node": name, "under": under}, units=units)

    def _fact(self, kind: str, unit_id: str | None = None, data: dict[str, Any] | None = None) -> Fact:
        return Fact(kind, self._next(), unit_id, None, data or {})

    def _next(self) -> int:
        self._seq += 1
        return self._seq

    def _told(self) -> Iterator[Step]:
        for name, state in self.state.nodes.items():
            if not state.units:
                yield self._said.get(name) or self._not_yet(name)
            for unit in state.units:
                yield self._said.get(unit.unit_id) or self._waiting(unit)

    def _not_yet(self, name: str) -> Step:
        state = self.state.nodes[name]
        if state.state == t.SKIPPED:
            return Step(name, "skip", "what it needs has nothing")
        if state.finished:
            return Step(name, "skip", state.state.replace("_", " "))
        open_ = [need for need in state.node.needs if not self.state.nodes[need].finished]
        return Step(name, "wait", f"for {', '.join(open_)}" if open_ else state.state)

    def _waiting(self, unit: Unit) -> Step:
        if unit.state in t.TERMINAL:
            return Step(unit.unit_id, "skip", unit.state)
        open_ = []
        for need, given in self.state.inputs(unit).items():
            units = given if isinstance(given, list) else [given] if given else []
            running = [other.unit_id for other in units if other.state not in t.TERMINAL]
            open_ += running[:2] if units else [need]
        return Step(unit.unit_id, "wait", f"for {', '.join(open_)}")
