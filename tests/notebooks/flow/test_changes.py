"""What is changed in place without saying so is changed for the stages below as well; settings hold in all of them."""

from __future__ import annotations

import decimal
import os
import sys
import time
from collections.abc import Iterator

import pytest
from tests.notebooks.flow.apart import run_apart, run_notebook
from tests.notebooks.flow.changes import CHANGES

from agilab.notebooks.flow.findings import flow_findings
from agilab.notebooks.flow.links import Links
from agilab.notebooks.flow.notebook import analyse_cells
from agilab.notebooks.flow.plan import Plan, plan


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Settings of the process, as they are before and after."""
    import numpy as np

    monkeypatch.setenv("TZ", "UTC")
    options, errors, context = np.get_printoptions(), np.geterr(), decimal.getcontext().copy()
    yield
    np.set_printoptions(**options)
    np.seterr(**errors)
    decimal.setcontext(context)
    monkeypatch.undo()
    time.tzset()


def _reset() -> None:
    """Take back what the notebook has set: in its own process a stage finds nothing of it."""
    import numpy as np

    np.set_printoptions(precision=8)
    np.seterr(divide="warn", over="warn", under="ignore", invalid="warn")
    decimal.setcontext(decimal.Context(prec=28))
    os.environ["TZ"] = "UTC"
    time.tzset()
    if (pandas := sys.modules.get("pandas")) is not None:
        pandas.reset_option("display.precision")
        if hasattr(pandas.DataFrame, "lab"):
            del pandas.DataFrame.lab


def _plan(*cells: str) -> Plan:
    return plan(Links(analyse_cells(cells)), per="cell")


@pytest.mark.parametrize("name", CHANGES)
def test_what_changes_without_saying_so_is_the_same_in_the_stages_below(name: str) -> None:
    cells = CHANGES[name]
    whole = run_notebook(cells)
    made = _plan(*cells)

    apart, _ = run_apart(made, between=_reset)

    compared = apart.keys() & {"n", "m"}
    assert compared, "nothing was compared"
    assert {key: apart[key] for key in compared} == {key: whole[key] for key in compared}
    assert not any(flow.undecided for flow in made.links.flows.cells)


@pytest.mark.parametrize(
    ("cells", "given"),
    [
        (("m = lib.make()", "s = m.solve()", "m.x + s"), ["m", "s"]),
        (("m = lib.make()", "s = m.predict(4)", "m.x + s"), ["s"]),
        (("m = lib.make()", "s = m.to_table()", "m.x + s"), ["s"]),
        (("c = lib.options()\nr = lib.runner()", "r.apply(c)", "c.x"), ["c"]),
        (("c = lib.options()\nr = lib.runner()", "r.describe(c)", "c.x"), []),
        (("p = pathlib.Path(there())", "q = p.joinpath('a')", "p / q"), ["q"]),
        (("t = pd.read_csv('a.csv')", "u = t.some.method()", "t, u"), ["u"]),
        (("m = lib.make()\nm2 = lib.keep(m)", "s = m.value", "m.x + s"), ["s"]),
    ],
    ids=["solve", "predict", "to_", "bare call", "a look", "a path", "a table", "an attribute"],
)
def test_a_method_of_something_unknown_may_change_it_unless_its_name_says_that_it_reads(
    cells: tuple[str, ...], given: list[str]
) -> None:
    head = "import pathlib, lib\nimport pandas as pd\nfrom here import there"

    made = _plan(head, *cells)

    (stage,) = [one for one in made.stages if one.cells == (2,)]
    assert sorted(stage.outputs) == given


def test_problems_give_on_their_variables() -> None:
    """`x` lies in the problem by the operators alone; solving it gives `x` its value."""
    made = _plan(
        "import pulp\np = pulp.LpProblem('a')\nx = pulp.LpVariable('x', 0)\np += x >= 3",
        "s = p.solve()",
        "x.varValue, s",
    )

    assert [one.cells for one in made.stages] == [(0, 1), (2,)] or "x" in made.stages[1].outputs
    giver = next(one for one in made.stages if 1 in one.cells)
    assert {"x", "s"} <= giver.outputs


def test_a_setting_that_cannot_be_repeated_is_said() -> None:
    cells = [
        "import numpy as np",
        "for digits in (3, 2):\n    np.set_printoptions(precision=digits)\n    print(digits)",
        "print(np.arange(3.) / 7)",
    ]
    made = _plan(*cells)

    found = flow_findings(made, [], range(len(cells)))

    assert [(one.cell, one.line) for one in found if one.code == "NB-613"] == [(1, 2)]


@pytest.mark.parametrize(
    ("around", "setting", "told"),
    [
        ("warnings.catch_warnings()", "warnings.simplefilter('ignore')", False),
        ("np.printoptions()", "np.set_printoptions(precision=2)", False),
        ("np.errstate()", "warnings.simplefilter('ignore')", True),
        ("open('a.txt')", "np.set_printoptions(precision=2)", True),
    ],
)
def test_a_setting_that_ends_with_its_block_is_lost_nowhere(around: str, setting: str, told: bool) -> None:
    cells = ["import warnings\nimport numpy as np", f"with {around}:\n    {setting}", "print(np.log([0.0]))"]
    made = _plan(*cells)
    found = {one.code for one in flow_findings(made, [], range(len(cells)))}
    assert bool(found & {"NB-610", "NB-613"}) is told


def test_a_style_of_seaborn_holds_where_only_tables_are_drawn() -> None:
    cells = [
        "import seaborn as sns\nimport pandas as pd\nsns.set_style('darkgrid')",
        "df = pd.read_csv('a.csv')",
        "df.plot()",
    ]

    made = _plan(*cells)

    assert made.stages[-1].code.startswith("sns.set_style('darkgrid')\n")


def test_what_is_entered_by_its_name_is_another_thing_afterwards() -> None:
    """`with model:` of PyMC and nengo puts into the model what is made in it."""
    made = _plan("import nengo\nmodel = nengo.Network()", "with model:\n    a = 1", "n = model.ensembles")
    assert [sorted(stage.outputs) for stage in made.stages][:2] == [["model"], ["model"]]


def test_a_definition_that_a_library_knows_is_repeated_where_its_word_is() -> None:
    register = "import xarray as xr\n@xr.register_dataset_accessor('geo')\nclass G:\n    pass"
    made = _plan(register, "ds = xr.Dataset()", "n = ds.geo.x()", "m = ds.size")
    assert ["class G" in stage.code for stage in made.stages] == [True, False, True, False]
    said = flow_findings(made, [], [0, 1, 2, 3])
    assert [one.what for one in said] == ["the definition of geo is repeated in later stages"]
