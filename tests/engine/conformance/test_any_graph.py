"""Graphs that nobody thought of: engine and plain interpreter agree on what runs, and on whether it went well."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from agi_node import RunContext, Skip
from agilab.engine.foreach import Nested
from agilab.engine.graph import Graph, Node
from agilab.engine.inline import InlineExecutor
from agilab.engine.invariants import validate
from agilab.store.check import projection_problems
from agilab.store.store import Store
from agilab.store.workspace import Workspace
from tests.engine.conformance.life import RUN, carry_on
from tests.engine.conformance.oracle import GOOD, Oracle
from tests.engine.conftest import begin


def thing(*item: Any, run: RunContext, luck: int, bad: int, skips: int, **needs: Any) -> Any:
    """A short list of names, or a failure, or a skip: which of them only depends on the unit and on luck."""
    draw = crc32(f"{luck} {run.node} {run.key}".encode())
    if draw % 10 < bad:
        raise ValueError("bad luck")
    if draw // 10 % 10 < skips:
        return Skip("no need")
    return [f"{run.node}{number}" for number in range((1, 2, 2, 0)[draw // 100 % 4])]


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Up to seven nodes that need, map over, follow and nest in one another, with all kinds of requirements."""
    nodes: list[Node] = []
    mapped: set[str] = set()
    args = {"luck": draw(st.integers(0, 9_999)), "bad": draw(st.sampled_from((2, 1, 3, 0)))}
    args["skips"] = draw(st.sampled_from((0, 1, 2)))
    for number in range(draw(st.integers(3, 7))):
        names = [node.name for node in nodes]
        needs = draw(st.lists(st.sampled_from(names), unique=True, max_size=3)) if names else []
        foreach: Any = draw(st.sampled_from((*(Nested(name) for name in sorted(mapped)), *names, None)))
        name = f"n{number}"
        require = draw(st.sampled_from(("all", "any", 0.5, 1, 2)))
        # A mapped node has nothing to run on where its list is empty, whatever it says.
        on_empty = foreach is None and draw(st.booleans())
        nodes.append(Node(name, "thing", tuple(needs), foreach, args, require=require, on_empty=on_empty))
        if foreach is not None:
            mapped.add(name)
    return Graph(tuple(nodes), keep_going=True)


def outline(graph: Graph) -> str:
    """The graph in a line for each node, for whoever reads a failure."""
    return "".join(
        f"{node.name}: {node.foreach} needs {node.needs} require={node.require} on_empty={node.on_empty} {node.args}\n"
        for node in graph.nodes
    )


@pytest.mark.slow
@settings(max_examples=250)
@given(graphs())
def test_any_graph_ends_as_the_interpreter_says(graph: Graph) -> None:
    note(outline(graph))
    with tempfile.TemporaryDirectory() as folder, Store(Workspace(Path(folder) / "home")) as store:
        begin(store, RUN, graph)
        run = carry_on(store, InlineExecutor({"thing": thing}))
        validate(run.state)
        oracle = Oracle(graph, {"thing": thing}, Path(folder) / "oracle", unit="", how="ok", isolated=False)
        ran = {unit.unit_id: unit.state for unit in store.units(RUN) if unit.attempts}
        assert ran == {
            name: unit.state for name, unit in oracle.units.items() if "attempt_started" in unit.story
        }
        # Whether a node of which nothing runs counts as empty or as hindered depends on what was known first.
        nodes = {name.partition("[")[0] for name in ran}
        good = {node.node: node.state in GOOD for node in store.nodes(RUN) if node.node in nodes}
        assert good == {name: oracle.state(name) in GOOD for name in nodes}
        assert run.state.final == oracle.run_state()
        assert list(projection_problems(store, RUN)) == []
