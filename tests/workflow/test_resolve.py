"""Who makes what a stage takes."""

from __future__ import annotations

import graphlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agilab.contracts.lab_stages import Lab, LabStages, Stage, is_file
from agilab.workflow.document.resolve import resolve
from agilab.workflow.document.resolved import Resolved


def lab_of(*stages: dict[str, Any], params: dict[str, Any] | None = None) -> LabStages:
    """A lab of stages of code, from their fields."""
    return LabStages(
        lab=Lab(params=params or {}), stages=tuple(Stage(**{"code": "pass", **one}) for one in stages)
    )


def resolved(
    *stages: dict[str, Any], params: dict[str, Any] | None = None, files: tuple[str, ...] = ()
) -> Resolved:
    return resolve(lab_of(*stages, params=params), exists=files.__contains__)


def origins(found: Resolved, stage: str) -> list[tuple[str, str | None, str | None]]:
    return [(one.name, one.origin, one.stage) for one in found.stages[stage].inputs]


def problems(found: Resolved) -> list[tuple[str, str, str, Any, str, tuple[str, ...]]]:
    return [(one.kind, one.stage, one.key, one.at, one.name, one.others) for one in found.problems]


def test_the_nearest_stage_above_makes_an_input() -> None:
    found = resolved(
        {"id": "load", "outputs": ["table"]},
        {"id": "clean", "inputs": ["table"], "outputs": ["table"]},
        {"id": "report", "inputs": ["table"]},
    )

    assert origins(found, "clean") == [("table", "stage", "load")]
    assert origins(found, "report") == [("table", "stage", "clean")]
    assert found.edges == (("load", "clean"), ("clean", "report"))
    assert found.users["load"] == ("clean",)
    assert found.problems == ()


def test_from_names_the_maker_wherever_it_stands() -> None:
    found = resolved(
        {"id": "report", "inputs": [{"name": "table", "from": "load", "as": "raw"}]},
        {"id": "load", "outputs": ["table"]},
        {"id": "clean", "inputs": ["table"], "outputs": ["table"]},
    )

    assert origins(found, "report") == [("table", "stage", "load")]
    assert found.stages["report"].inputs[0].called == "raw"
    assert found.order == ("load", "report", "clean")


def test_below_there_must_be_only_one() -> None:
    one = resolved({"id": "a", "inputs": ["x"]}, {"id": "b", "outputs": ["x"]})
    two = resolved({"id": "a", "inputs": ["x"]}, {"id": "b", "outputs": ["x"]}, {"id": "c", "outputs": ["x"]})

    assert one.order == ("b", "a")
    assert problems(two) == [("ambiguous", "a", "inputs", 0, "x", ("b", "c"))]
    assert two.order == ("a", "b", "c")


CHANGES = {"inputs": ["given.db"], "outputs": ["given.db"]}


def test_a_file_of_the_folder_goes_from_each_stage_that_changes_it_to_the_next() -> None:
    stages = (
        {"id": "look", "inputs": ["given.db"]},
        {"id": "a", **CHANGES},
        {"id": "b", **CHANGES},
        {"id": "c", **CHANGES},
    )
    found = resolved(*stages, files=("given.db",))
    gone = resolved(*stages)

    assert origins(found, "look") == origins(found, "a") == [("given.db", "folder", None)]
    assert found.edges == (("a", "b"), ("b", "c"))
    assert (found.problems, found.cycles) == ((), ())
    assert [(one.kind, one.stage) for one in gone.problems] == [("missing", "look"), ("missing", "a")]


def test_a_file_that_a_stage_changes_is_made_below_only_where_it_does_not_lie_there() -> None:
    stages = ({"id": "a", **CHANGES}, {"id": "b", "outputs": ["given.db"]})

    assert origins(resolved(*stages, files=("given.db",)), "a") == [("given.db", "folder", None)]
    assert origins(resolved(*stages), "a") == [("given.db", "stage", "b")]


def test_who_takes_a_file_from_a_stage_that_it_names_makes_the_one_that_it_gives() -> None:
    found = resolved(
        {"id": "look", "inputs": ["given.db"]},
        {"id": "a", "inputs": [{"name": "given.db", "from": "b"}], "outputs": ["given.db"]},
        {"id": "b", "outputs": ["given.db"]},
        files=("given.db",),
    )

    assert problems(found) == [("ambiguous", "look", "inputs", 0, "given.db", ("a", "b"))]


def test_values_are_given_by_the_only_stage_below_also_where_it_takes_them() -> None:
    found = resolved({"id": "a", "inputs": ["x"]}, {"id": "b", "inputs": ["x"], "outputs": ["x"]})

    assert origins(found, "a") == [("x", "stage", "b")]


def test_a_value_may_be_a_param_and_a_file_may_lie_in_the_folder() -> None:
    found = resolved(
        {"id": "a", "inputs": ["year", "./data//in.csv", "data/*.csv", "data/"]},
        params={"year": 2026},
        files=("data/in.csv", "data/*.csv", "data/"),
    )

    assert origins(found, "a") == [
        ("year", "param", None),
        ("data/in.csv", "folder", None),
        ("data/*.csv", "folder", None),
        ("data/", "folder", None),
    ]
    assert {one.kind for one in found.stages["a"].inputs[1:]} == {"file"}


def test_a_stage_comes_before_a_param_of_the_same_name() -> None:
    found = resolved({"id": "a", "outputs": ["year"]}, {"id": "b", "inputs": ["year"]}, params={"year": 2026})

    assert origins(found, "b") == [("year", "stage", "a")]


def test_one_file_may_be_spelled_in_two_ways() -> None:
    found = resolved({"id": "a", "outputs": ["out/t.csv"]}, {"id": "b", "inputs": ["./out/../out/t.csv"]})

    assert origins(found, "b") == [("out/t.csv", "stage", "a")]


@pytest.mark.parametrize("gone", [{"enabled": False}, {"runtime": "none"}, {"code": None}])
def test_what_does_not_run_makes_nothing(gone: dict[str, Any]) -> None:
    found = resolved(
        {"id": "a", "outputs": ["x"]},
        {"id": "b", "outputs": ["x"], **gone},
        {"id": "c", "inputs": ["x"], "needs": ["b"]},
    )

    assert origins(found, "c") == [("x", "stage", "a")]
    assert found.left_out == ("b",)
    assert list(found.stages) == ["a", "c"]
    assert problems(found) == [("left_out", "c", "needs", 0, "b", ("b",))]


@pytest.mark.parametrize(
    ("given_", "problem"),
    [
        ("nothing", ("missing", "b", "inputs", 0, "nothing", ())),
        ("no/such.csv", ("missing", "b", "inputs", 0, "no/such.csv", ())),
        ({"name": "x", "from": "zzz"}, ("unknown_stage", "b", "inputs", 0, "x", ("zzz",))),
        ({"name": "y", "from": "a"}, ("not_made_there", "b", "inputs", 0, "y", ("a",))),
        ({"name": "x", "from": "b"}, ("itself", "b", "inputs", 0, "x", ("b",))),
        ("../secret.csv", ("outside", "b", "inputs", 0, "../secret.csv", ())),
        ("/etc/passwd", ("outside", "b", "inputs", 0, "/etc/passwd", ())),
    ],
)
def test_what_cannot_be_settled_is_a_problem_and_no_edge(given_: Any, problem: tuple[Any, ...]) -> None:
    found = resolved({"id": "a", "outputs": ["x"]}, {"id": "b", "inputs": [given_]})

    assert problems(found) == [problem]
    assert found.stages["b"].inputs[0].problem == found.problems[0]
    assert found.stages["b"].inputs[0].origin is None
    assert found.edges == ()


def test_a_ring_is_told_and_left_out_of_the_order() -> None:
    found = resolved(
        {"id": "first"},
        {"id": "a", "needs": ["c"]},
        {"id": "b", "needs": ["a", "first"]},
        {"id": "c", "needs": ["b"]},
        {"id": "after", "needs": ["c"]},
    )

    assert found.cycles == (("a", "b", "c"),)
    assert found.order == ("first",)


def test_lists_to_walk_are_edges_too() -> None:
    found = resolved(
        {"id": "list", "outputs": ["cities"]},
        {"id": "each", "foreach": {"city": "cities"}, "outputs": ["days"]},
        {"id": "day", "foreach": {"day": "days"}, "outputs": ["score"]},
        {"id": "best", "inputs": ["score"]},
        {"id": "fixed", "foreach": {"n": (1, 2), "town": "cities"}},
    )

    assert found.stages["day"].needs == ("each",)
    assert [axis.name for axis in found.stages["day"].axes] == ["city", "day"]
    assert [axis.name for axis in found.stages["day"].foreach] == ["day"]
    assert found.stages["best"].axes == ()
    fixed = found.stages["fixed"].foreach
    assert fixed[0].items == (1, 2)
    assert fixed[1].identity == found.stages["each"].axes[0].identity


def test_a_file_is_no_list() -> None:
    found = resolved({"id": "a", "foreach": {"line": "lines.txt"}})

    assert problems(found) == [("no_list", "a", "foreach", "line", "lines.txt", ())]


NAMES = [f"s{number}" for number in range(7)]
VALUES = st.sampled_from(["x", "y", "z", "out/x.csv"])


@st.composite
def labs(draw: st.DrawFn) -> LabStages:
    """Labs of a few stages that take, give, need and walk the same few things."""
    stages = []
    for name in NAMES[: draw(st.integers(1, len(NAMES)))]:
        source = st.none() | st.sampled_from(NAMES)
        inputs = draw(st.lists(st.tuples(VALUES, source), max_size=3))
        stages.append(
            {
                "id": name,
                "enabled": draw(st.integers(0, 5)) > 0,
                "inputs": [{"name": value, "from": maker} for value, maker in inputs],
                "outputs": draw(st.lists(VALUES, max_size=2)),
                "needs": draw(st.lists(st.sampled_from(NAMES), max_size=1)),
                "foreach": draw(st.dictionaries(st.sampled_from("ij"), st.sampled_from("xyz"), max_size=1)),
            }
        )
    return lab_of(*stages, params={"z": [1]})


@pytest.mark.slow
@given(labs())
@settings(max_examples=150)
def test_the_order_is_one_of_graphlibs_and_every_input_follows_the_rule(lab: LabStages) -> None:
    found = resolve(lab, exists=lambda name: False)
    needs = {name: set(one.needs) for name, one in found.stages.items()}

    try:
        list(graphlib.TopologicalSorter(needs).static_order())  # the oracle: the standard library
        assert found.cycles == ()
        assert sorted(found.order) == sorted(needs)
    except graphlib.CycleError:
        assert found.cycles
    for number, name in enumerate(found.order):
        assert needs[name] <= set(found.order[:number])
    for ring in found.cycles:
        for before, after in zip((ring[-1], *ring[:-1]), ring, strict=True):
            assert before in needs[after]
    assert all(bool(one.origin) != bool(one.problem) for each in found.stages.values() for one in each.inputs)
    assert [_maker(lab, stage, one.name) for stage, one in _free(lab, found)] == [
        one.stage for _, one in _free(lab, found)
    ]


def _free(lab: LabStages, found: Resolved) -> list[tuple[Stage, Any]]:
    """Inputs without a `from`, with their stage."""
    return [
        (stage, source)
        for stage in lab.stages
        if stage.id in found.stages
        for one, source in zip(stage.inputs, found.stages[stage.id].inputs, strict=True)
        if not isinstance(one, str) and one.source is None
    ]


def _maker(lab: LabStages, stage: Stage, name: str) -> str | None:
    """The rule as a person would go about it: look upwards, then among the params, then downwards."""
    stages = [one for one in lab.stages if one.enabled]
    here = stages.index(stage)
    for above in reversed(stages[:here]):
        if name in above.outputs:
            return above.id
    if name in lab.lab.params and not is_file(name):
        return None
    below = [one for one in stages[here + 1 :] if name in one.outputs]
    if is_file(name) and all(_changes(one, name) for one in below):
        return None
    return below[0].id if len(below) == 1 else None


def _changes(stage: Stage, name: str) -> bool:
    """Whether a stage takes what it gives, and not from one that it names."""
    return any(not isinstance(one, str) and (one.name, one.source) == (name, None) for one in stage.inputs)
