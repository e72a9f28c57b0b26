"""Stages executed apart leave what the notebook leaves: for notebooks as people write them, and for random programs."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.notebooks.flow.apart import run_apart, run_notebook
from tests.notebooks.flow.corners import CORNERS
from tests.notebooks.flow.programs import program
from tests.notebooks.flow.written import NOTEBOOKS

from agilab.notebooks.flow.groups import Per
from agilab.notebooks.flow.links import Links
from agilab.notebooks.flow.notebook import analyse_cells
from agilab.notebooks.flow.plan import Plan, plan

WHOLE = {"a class that counts itself"}
"""Notebooks that cannot be parted, since what they are about can only be there once."""


def _plan(cells: list[str], *, per: Per, keeps_all: bool) -> Plan:
    return plan(Links(analyse_cells(cells), keeps_all=keeps_all), per=per)


def _is_undecided(made: Plan) -> bool:
    return any(flow.undecided for flow in made.links.flows.cells)


@pytest.mark.parametrize("keeps_all", [False, True], ids=["read", "all"])
@pytest.mark.parametrize("per", ["cell", "flow"])
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_written_notebook_and_its_stages_leave_the_same(name: str, per: Per, keeps_all: bool) -> None:
    cells = NOTEBOOKS[name]
    whole = run_notebook(cells)
    made = _plan(cells, per=per, keeps_all=keeps_all)

    apart, _ = run_apart(made)

    assert apart == {key: whole[key] for key in apart}
    assert apart, "nothing was compared"
    assert not _is_undecided(made)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_each_written_notebook_is_parted(name: str) -> None:
    made = _plan(NOTEBOOKS[name], per="cell", keeps_all=False)

    assert (len(made.stages) == 1) == (name in WHOLE)


@pytest.mark.parametrize("keeps_all", [False, True], ids=["read", "all"])
@pytest.mark.parametrize("name", CORNERS)
def test_a_corner_of_python_and_its_stages_leave_the_same(name: str, keeps_all: bool) -> None:
    cells = CORNERS[name]
    whole = run_notebook(cells)
    made = _plan(cells, per="cell", keeps_all=keeps_all)

    apart, _ = run_apart(made)

    assert apart == {key: whole[key] for key in apart}
    if _is_undecided(made):
        _check_together(made)


def test_most_corners_are_parted() -> None:
    whole = [name for name in CORNERS if len(_plan(CORNERS[name], per="cell", keeps_all=False).stages) == 1]

    assert len(whole) < len(CORNERS) / 5


def _example(seed: int, per: Per, keeps_all: bool) -> str:
    """What became of a random program: `same`, `undecided` or `none` where it does not run."""
    cells = program(random.Random(seed))
    try:
        whole = run_notebook(cells)
    except Exception:
        return "none"
    made = _plan(cells, per=per, keeps_all=keeps_all)
    apart, _ = run_apart(made)
    assert apart == {key: whole[key] for key in apart}, "\n# ---\n".join(cells)
    if _is_undecided(made):
        _check_together(made)
        return "undecided"
    return "same"


def _check_together(made: Plan) -> None:
    """What is undecided lies in one stage with all cells that it may concern."""
    for join in made.links.joins:
        if join.undecided:
            stages = {
                number
                for number, stage in enumerate(made.stages)
                for cell in stage.cells
                if join.first <= cell <= join.last
            }
            assert len(stages) == 1


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), keeps_all=st.booleans())
def test_any_program_and_its_stages_leave_the_same(seed: int, keeps_all: bool) -> None:
    _example(seed, "cell", keeps_all)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_any_program_parted_where_its_flow_is_thin_leaves_the_same(seed: int) -> None:
    _example(seed, "flow", False)


@pytest.mark.slow
def test_few_programs_are_undecided_and_most_are_parted() -> None:
    outcomes = [_example(seed, "cell", True) for seed in range(150)]

    assert outcomes.count("undecided") <= 15
    assert outcomes.count("none") <= 5
    plans = [_plan(program(random.Random(seed)), per="cell", keeps_all=True) for seed in range(50)]
    assert sum(len(made.stages) for made in plans) > sum(len(made.links.flows) for made in plans) / 2
