"""The pure core under arbitrary graphs and arbitrary orders of events."""

from __future__ import annotations

import random
from collections import deque
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agi_node.errors import AgiError
from agilab.contracts.identifiers import unit_id
from agilab.engine.core import RunState
from agilab.engine.foreach import Items, Nested, Over
from agilab.engine.graph import Graph, Node, Policy
from agilab.engine.invariants import validate
from agilab.engine.state import Command, Expand, Fact
from agilab.store import transitions as t

ENDINGS = ("attempt_succeeded", "attempt_skipped", "attempt_failed", "attempt_lost")


class Spread(dict[str, str]):
    """A static plan that gives units to two workers by the length of their names."""

    def get(self, key: str, default: Any = None) -> Any:
        return f"w{len(key) % 2}"


class Simulation:
    """A scheduler's shell without clock, process or disk: whatever may happen next, happens at random."""

    def __init__(self, graph: Graph, sizes: dict[str, int], chance: random.Random) -> None:
        self.state, self.sizes, self.chance = (
            RunState(graph, Spread() if chance.random() < 0.5 else None),
            sizes,
            chance,
        )
        self.facts: list[Fact] = []
        self.seq = 0
        self.most_running = 0

    def record(self, kind: str, unit: str | None = None, attempt: str | None = None, **data: Any) -> None:
        fact = self.fact(kind, unit, attempt, data)
        self.facts.append(fact)
        self.carry_out(self.state.decide(fact))

    def carry_out(self, given: list[Command]) -> None:
        commands = deque(given)
        while commands:
            command = commands.popleft()
            if not self.state.is_due(command):
                continue
            if isinstance(command, Expand):
                follow = self.expansion(command)
            else:
                follow = self.fact(command.kind, command.unit_id, None, command.data)
            self.facts.append(follow)
            commands.extend(self.state.decide(follow))
            validate(self.state)

    def fact(self, kind: str, unit: str | None, attempt: str | None, data: dict[str, Any]) -> Fact:
        self.seq += 1
        return Fact(
            kind, self.seq, unit, attempt or (f"a{self.seq}" if kind == "attempt_started" else None), data
        )

    def expansion(self, command: Expand) -> Fact:
        name, under = command.node, command.under
        state = self.state.nodes[name]
        foreach = state.node.foreach
        keys: list[tuple[str, ...]]
        if foreach is None:
            keys = [()]
        elif isinstance(foreach, Over) and state.origin is not None:
            first, end = self.state.nodes[state.origin].spans[under]
            keys = [unit.keys for unit in self.state.nodes[state.origin].units[first:end]]
        elif self.fate(f"{name} under {under}").random() < 0.03:
            self.seq += 1
            if state.origin is not None:
                return Fact("expansion_failed", self.seq, data={"node": name, "under": under})
            ended = {"node": name, "state": t.FAILED, "because": ["expansion"]}
            return Fact("node_finished", self.seq, data=ended)
        else:
            above = self.state.units[under].keys if under else ()
            fate = self.fate(f"size of {name} under {under}")
            size = fate.randint(0, self.sizes[name]) if above else self.sizes[name]
            keys = [(*above, str(n)) for n in range(size)]
        self.seq += 1
        units = tuple((unit_id(name, *key), key, self.chance.random()) for key in keys)
        data: dict[str, Any] = {"node": name, "under": under}
        if self.state.born_ready(name) and self.chance.random() < 0.5:
            data["ready"] = True  # older logs have an event for each
        return Fact("node_expanded", self.seq, data=data, units=units)

    def fate(self, what: str) -> random.Random:
        """Where the dice for something that happens come from."""
        return self.chance

    def step(self, cap: int) -> None:
        running = [unit for unit in self.state.units.values() if unit.state in (t.RUNNING, t.CANCELLING)]
        waiting = [unit for unit in self.state.units.values() if unit.state == t.UP_FOR_RETRY]
        startable = self.state.startable(cap - len(running))
        choices = ["end"] * bool(running) + ["start"] * bool(startable) + ["due"] * bool(waiting)
        assert choices, f"stuck: {self.state.blocking()}"
        what = self.chance.choice(choices)
        if what == "start":
            for unit in startable[: self.chance.randint(1, len(startable))]:
                if unit.state != t.READY:
                    continue  # what became of another one has cancelled it
                fate = self.fate(f"start of {unit.unit_id}")
                kind = fate.choices(("attempt_started", "unit_reused", "unit_left_out"), (30, 5, 1))[0]
                self.record(kind, unit.unit_id)
        elif what == "due":
            self.record("retry_due", self.chance.choice(waiting).unit_id)
        else:
            unit = self.chance.choice(running)
            kind = self.fate(f"{unit.unit_id}, {unit.attempts}").choices(ENDINGS, (6, 1, 2, 1))[0]
            if kind == "attempt_failed":
                self.record(kind, unit.unit_id, unit.attempt_id, to=self.state.after_failure(unit)[0])
            elif kind == "attempt_lost":
                began = self.fate(f"{unit.unit_id}, {unit.attempts} began").random() < 0.5
                to = self.state.after_loss(unit, began=began)[0]
                self.record(kind, unit.unit_id, unit.attempt_id, to=to)
            else:
                self.record(kind, unit.unit_id, unit.attempt_id)
        validate(self.state)
        self.most_running = max(self.most_running, self.state.running)


@st.composite
def graphs(draw: st.DrawFn) -> tuple[Graph, dict[str, int]]:
    nodes: list[Node] = []
    sizes: dict[str, int] = {}
    axes: dict[str, tuple[str, ...]] = {}
    for number in range(draw(st.integers(1, 7))):
        name = f"n{number}"
        needs = tuple(node.name for node in nodes if draw(st.booleans()))
        foreach: Any = None
        if needs and draw(st.booleans()):
            source = draw(st.sampled_from(needs))
            foreach = (
                Nested(source)
                if axes[source] and len(axes[source]) < 3 and draw(st.booleans())
                else Over(source)
            )
        elif draw(st.integers(0, 3)) == 0:
            foreach = draw(st.sampled_from([Items([1, 2]), Items([1, 2, 3])]))
        node = Node(
            name,
            "f",
            needs,
            foreach=foreach,
            require=draw(st.sampled_from(["all", "all", "any", 1, 2, 0.5])),
            on_empty=draw(st.booleans()),
            policy=Policy(
                max_retries=draw(st.integers(0, 2)),
                max_losses=draw(st.integers(0, 2)),
                max_parallel=draw(st.sampled_from([None, 1, 2])),
                pool=draw(st.sampled_from([None, None, "narrow"])),
            ),
        )
        nodes.append(node)
        axes[name] = Graph(tuple(nodes), pools={"narrow": 1}).axes[name]
        # Every node of one axis expands to the same keys: a list is expanded the same way wherever it is mapped over.
        alike = next(
            (other for other, theirs in axes.items() if theirs == axes[name] and other != name), None
        )
        sizes[name] = sizes[alike] if alike else draw(st.integers(0, 4))
    graph = Graph(
        tuple(nodes),
        keep_going=draw(st.booleans()),
        max_parallel=draw(st.sampled_from([None, 2])),
        pools={"narrow": draw(st.sampled_from([1, 2]))},
    )
    return graph, sizes


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(graphs(), st.integers(1, 5), st.integers(0, 2**32), st.integers(0, 60))
def test_every_run_ends_keeps_its_caps_and_can_be_folded_again(
    drawn: tuple[Graph, dict[str, int]], cap: int, seed: int, cancel_after: int
) -> None:
    graph, sizes = drawn
    simulation = Simulation(graph, sizes, random.Random(seed))
    simulation.record("plan_recorded")
    steps = 0
    while simulation.state.final is None:
        steps += 1
        assert steps < 2000
        if steps == cancel_after and not simulation.state.cancelled:
            simulation.record("cancel_requested")
            continue
        simulation.step(cap)
    assert simulation.most_running <= cap
    again = RunState(graph)
    for fact in simulation.facts:
        again.apply(fact)
    assert {name: unit.state for name, unit in again.units.items()} == {
        name: unit.state for name, unit in simulation.state.units.items()
    }
    assert (again.final, again.running) == (simulation.state.final, 0)
    assert [fact.kind for fact in simulation.facts].count("run_finished") == 1
    finished = [fact.data["node"] for fact in simulation.facts if fact.kind == "node_finished"]
    assert sorted(finished) == sorted(sizes)
    validate(again)


class Fated(Simulation):
    """What becomes of a unit, and how long a list is, is settled beforehand; only the order is left to chance."""

    def __init__(self, graph: Graph, sizes: dict[str, int], fates: int, order: int) -> None:
        super().__init__(graph, sizes, random.Random(order))
        self.fates = fates

    def fate(self, what: str) -> random.Random:
        return random.Random(f"{self.fates} {what}")

    def end(self, cap: int) -> tuple[Any, ...]:
        """Carry the run to its end; returns the ends of the run, of its nodes and of its units."""
        self.record("plan_recorded")
        while self.state.final is None:
            self.step(cap)
        nodes = {name: node.state for name, node in self.state.nodes.items()}
        return self.state.final, nodes, {name: unit.state for name, unit in self.state.units.items()}


@pytest.mark.slow
@settings(max_examples=1000, deadline=None)
@given(graphs(), st.integers(0, 2**32), st.integers(0, 2**32), st.integers(1, 6))
def test_how_a_run_ends_does_not_depend_on_the_order_in_which_units_do(
    drawn: tuple[Graph, dict[str, int]], fates: int, order: int, cap: int
) -> None:
    graph, sizes = replace(drawn[0], keep_going=True), drawn[1]
    assert Fated(graph, sizes, fates, order).end(cap) == Fated(graph, sizes, fates, order + 1).end(1)


@settings(max_examples=150, deadline=None)
@given(graphs(), st.integers(0, 2**32), st.integers(1, 40))
def test_a_log_cut_off_anywhere_is_carried_on_to_the_same_kind_of_end(
    drawn: tuple[Graph, dict[str, int]], seed: int, cut: int
) -> None:
    """A new owner folds what is there, closes open attempts, and does what is outstanding."""
    graph, sizes = drawn
    first = Simulation(graph, sizes, random.Random(seed))
    first.record("plan_recorded")
    while first.state.final is None:
        first.step(3)
    second = Simulation(graph, sizes, random.Random(seed + 1))
    for fact in first.facts[:cut]:
        second.state.apply(fact)
        second.facts.append(fact)
        second.seq = fact.seq
    for unit in list(second.state.units.values()):
        if unit.state in (t.RUNNING, t.CANCELLING):
            second.record(
                "attempt_lost", unit.unit_id, unit.attempt_id, to=second.state.after_loss(unit, began=True)[0]
            )
    second.carry_out(second.state.outstanding())
    validate(second.state)
    while second.state.final is None:
        second.step(3)
    succeeded = [fact.unit_id for fact in second.facts if fact.kind == "attempt_succeeded"]
    assert len(succeeded) == len(set(succeeded)), "a unit's success was counted twice"


def started() -> RunState:
    state = RunState(Graph((Node("a", "a"),)))
    for fact in (
        Fact("plan_recorded", 1),
        Fact("node_expanded", 2, data={"node": "a"}, units=(("a", (), 1.0),)),
        Fact("unit_ready", 3, "a"),
        Fact("attempt_started", 4, "a", "a4"),
    ):
        state.apply(fact)
    return state


def test_an_illegal_event_raises_with_the_story_of_the_unit() -> None:
    state = started()
    state.decide(Fact("attempt_succeeded", 5, "a", "a4"))
    with pytest.raises(
        AgiError,
        match=r"(?s)attempt_failed.*not legal for a.*3:unit_ready → 4:attempt_started → 5:attempt_succeeded",
    ):
        state.apply(Fact("attempt_failed", 6, "a", "a4", {"to": "failed"}))


def test_a_report_of_an_older_attempt_is_not_current_and_not_legal() -> None:
    state = started()
    state.apply(Fact("attempt_lost", 5, "a", "a4", {"to": "up_for_retry"}))
    state.apply(Fact("retry_due", 6, "a"))
    state.apply(Fact("attempt_started", 7, "a", "a7"))
    assert not state.is_current("a", "a4")
    with pytest.raises(AgiError, match="not legal"):
        state.apply(Fact("attempt_succeeded", 8, "a", "a4"))
    assert state.is_current("a", "a7")


def test_a_loss_before_the_unit_began_costs_no_budget() -> None:
    state = started()
    unit = state.units["a"]
    for seq in range(5, 50, 2):
        to, wait = state.after_loss(unit, began=False)
        assert (to, wait) == (t.READY, 0.0)
        state.apply(Fact("attempt_lost", seq, "a", unit.attempt_id, {"to": to}))
        state.apply(Fact("attempt_started", seq + 1, "a", f"a{seq + 1}"))
    assert unit.losses == 0


def test_the_most_expensive_unit_starts_first_and_the_deepest_node_before_all() -> None:
    graph = Graph(
        (Node("list", "l"), Node("work", "w", ("list",), foreach="list"), Node("last", "x", ("list",)))
    )
    state = RunState(graph)
    state.apply(Fact("plan_recorded", 1))
    state.nodes["list"].state, state.nodes["work"].waiting_for, state.nodes["last"].waiting_for = (
        "succeeded",
        0,
        0,
    )
    state.apply(
        Fact(
            "node_expanded",
            2,
            data={"node": "work"},
            units=(("w1", ("1",), 1.0), ("w2", ("2",), 9.0), ("w3", ("3",), 9.0)),
        )
    )
    for seq, name in enumerate(("w1", "w2", "w3"), start=3):
        state.apply(Fact("unit_ready", seq, name))
    assert [unit.unit_id for unit in state.startable(3)] == ["w2", "w3", "w1"]
    assert [unit.unit_id for unit in state.startable(1)] == ["w2"]
