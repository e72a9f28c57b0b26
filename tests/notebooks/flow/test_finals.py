"""The names that a notebook leaves at its end: each is found in a stage, or it is said why it is not."""

from __future__ import annotations

from agilab.notebooks.flow.finals import Other
from agilab.notebooks.flow.links import Links
from agilab.notebooks.flow.notebook import analyse_cells
from agilab.notebooks.flow.plan import Plan, plan


def _plan(*cells: str, **more: list[int]) -> Plan:
    return plan(Links(analyse_cells(cells)), per="cell", **more)


def test_a_name_that_is_perhaps_given_is_looked_for_where_it_may_be() -> None:
    found = _plan("a = input()", "b = a", "if b:\n    a = 2", "print(b)")
    assert found.others["a"] == Other((2, 0)), "where the third does not come to it, the first has it"
    loop = _plan("rows = input().split()", "for row in rows:\n    last = row", "print(rows)")
    assert loop.others == {"row": Other((1,)), "last": Other((1,))}


def test_a_constant_is_found_with_whoever_takes_its_statement() -> None:
    setup = "import math\nLIMIT = 3\nSPARE = 4"
    found = _plan(setup, "x = input()\nprint(LIMIT, x)", "print(math.pi)")
    assert found.others["LIMIT"] == Other((1,))
    assert found.others["SPARE"].doubt == "no stage needs it, so none has it"


def test_a_parameter_is_found_where_it_is_taken() -> None:
    found = _plan("n = 3\nspare = 1", "m = n + len(input())", "print(m)", parameters=[0])
    assert found.others["n"] == Other((0,))
    assert found.others["spare"].stages == ()
    assert found.others["spare"].doubt == "cell 0 gives it, which is in no stage that is run"


def test_modules_functions_and_classes_are_no_results() -> None:
    found = _plan("import os\ndef f():\n    return 1\nclass A: pass", "x = f()\nprint(x, os, A)")
    assert {*found.finals, *found.others} == {"x"}


def test_what_may_be_deleted_later_is_in_doubt() -> None:
    found = _plan("a = input()", "b = 1", "if b:\n    del a", "print(b)")
    assert found.others["a"].doubt == "cell 2 may delete it"


def test_a_progress_bar_gives_the_items_and_is_no_part_of_them() -> None:
    for bar in (
        "from tqdm import tqdm",
        "from tqdm.auto import tqdm",
        "from rich.progress import track as tqdm",
    ):
        found = _plan(
            f"{bar}\nrates = list(map(float, input().split()))",
            "losses = []\nfor at, rate in enumerate(tqdm(rates)):\n    losses.append((at, rate))",
            "best = min(losses)",
        )
        assert len(found.grouping.groups) == 3, "what was filled in the loop can be handed on"
        assert "losses" in found.stages[2].inputs
    kept = _plan("from tqdm import tqdm\nbar = tqdm(range(int(input())))", "for one in bar:\n    print(one)")
    assert len(kept.grouping.groups) == 1, "the bar itself cannot"
