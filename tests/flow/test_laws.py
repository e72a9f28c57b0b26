"""The law of a flow: its results are those of calling the functions, whoever executes them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agilab.flow import Flow, Nested

Value = Any
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
objects = (
    st.sets(st.integers(), max_size=3)
    | st.binary(max_size=4)
    | st.dictionaries(st.integers(), plain, max_size=2)
)


@st.composite
def graphs(draw: st.DrawFn) -> list[tuple[str, tuple[str, ...], str, Value]]:
    """Nodes in order: name, needs among those before, kind (single, mapped, nested), a constant of their own."""
    nodes: list[tuple[str, tuple[str, ...], str, Value]] = []
    mapped: list[str] = []
    for number in range(draw(st.integers(1, 5))):
        name = f"n{number}"
        before = [node[0] for node in nodes]
        needs = tuple(draw(st.lists(st.sampled_from(before), unique=True, max_size=2))) if before else ()
        kinds = ["single", "mapped"] + (["nested", "follow"] if mapped else [])
        kind = draw(st.sampled_from(kinds))
        if kind == "single":
            constant = draw(plain | objects)
        elif kind == "mapped":
            constant = draw(st.lists(st.integers(0, 30), unique=True, min_size=1, max_size=3))
        else:
            constant = draw(st.sampled_from(mapped))
            needs = tuple(need for need in needs if need != constant)
        if kind != "single":
            mapped.append(name)
            needs = tuple(need for need in needs if {n[0]: n[2] for n in nodes}[need] == "single")
        nodes.append((name, needs, kind, constant))
    return nodes


def function(needs: tuple[str, ...], kind: str, constant: Value) -> Callable[..., Any]:
    """A function with these parameters, whose result shows everything that it was given."""
    space: dict[str, Any] = {"constant": constant}
    parameters = ", ".join((*(() if kind == "single" else ("item",)), *needs))
    shown = ", ".join((*(("constant",) if kind == "single" else ("item",)), *needs))
    exec(f"def f({parameters}):\n    return [{shown}]", space)
    made: Callable[..., Any] = space["f"]
    return made


def by_hand(nodes: list[tuple[str, tuple[str, ...], str, Value]]) -> dict[str, Any]:
    """What plain Python gives: lists of lists for maps, gone through in nested loops."""
    results: dict[str, Any] = {}
    for name, needs, kind, constant in nodes:
        call = function(needs, kind, constant)
        named = {need: results[need] for need in needs}
        if kind == "single":
            results[name] = call(**named)
            continue
        items = constant if kind == "mapped" else results[constant]
        if kind == "nested":
            items = [item for inner in items for item in inner]
        results[name] = [call(item, **named) for item in items]
    return results


def as_flow(nodes: list[tuple[str, tuple[str, ...], str, Value]], home: Path) -> Flow:
    flow = Flow("law", workspace=home)
    for name, needs, kind, constant in nodes:
        foreach = {"single": None, "nested": Nested(constant) if kind == "nested" else None}.get(
            kind, constant
        )
        flow.node(function(needs, kind, constant), name=name) if kind == "single" else flow.node(
            foreach=foreach, name=name
        )(function(needs, kind, constant))
    return flow


def expandable(nodes: list[tuple[str, tuple[str, ...], str, Value]]) -> bool:
    """Whether no nested list holds two equal items or an object: those are refused, as they should be."""
    results = by_hand(nodes)
    for _, _, kind, constant in nodes:
        if kind == "nested":
            for inner in results[constant]:
                if (
                    len({repr(item) for item in inner}) < len(inner)
                    or any(sign in repr(inner) for sign in ("{", "set()"))
                    or "b'" in repr(inner)
                ):
                    return False
    return True


@given(nodes=graphs().filter(expandable))
@settings(max_examples=25, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
def test_a_flow_gives_what_calling_its_functions_gives(nodes: Any) -> None:
    with TemporaryDirectory() as home:
        run = as_flow(nodes, Path(home)).run()
        expected = by_hand(nodes)
        assert {name: run[name] for name in expected} == expected


@pytest.mark.slow
@given(nodes=graphs().filter(expandable), workers=st.integers(1, 3))
@settings(max_examples=4, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
def test_workers_give_what_this_process_gives(nodes: Any, workers: int) -> None:
    with TemporaryDirectory() as home:
        run = as_flow(nodes, Path(home)).run(workers=workers)
        expected = by_hand(nodes)
        assert {name: run[name] for name in expected} == expected
