"""A cell of parameters, taken apart name by name."""

from __future__ import annotations

import ast
import json
import tomllib
from datetime import UTC, date, datetime, time

import pytest

from agilab.contracts.toml import merged
from agilab.notebooks.inspecting import inspect
from agilab.notebooks.python.parameters import parameters_of
from agilab.notebooks.stages.staging import Staged, stage_notebooks
from agilab.workflow.document.resolve import resolve
from tests.notebooks.building import code, markdown, notebook

CELL = """\
# what to do
n = 40           # number of points
limit = None     # all of them
start = "2024-01-01"
size = (3, 4)
by_day = {1: "a"}
cols = ["a", "b"]; mode = None; rate = 0.5
m = n * 2
"""


def staged(source: str, *more: str) -> Staged:
    cell = code(source, metadata={"tags": ["parameters"]})
    return stage_notebooks(
        [inspect(notebook(markdown("# Study\n\nWhy."), cell, *more), name="n.ipynb")], per="cell"
    )


def test_one_none_does_not_take_the_others_with_it() -> None:
    found = staged(CELL, "print(n, limit, size, m)")
    assert found.lab.lab.params == {"n": 40, "start": "2024-01-01", "cols": ["a", "b"], "rate": 0.5}
    assert [
        (one.cell, one.line, one.what.split(",")[0]) for _, one in found.findings if one.code == "NB-612"
    ] == [
        (1, 3, "limit is None"),
        (1, 5, "size is a tuple"),
        (1, 6, "by_day is a dict whose keys are no texts"),
        (1, 7, "mode is None"),
        (1, 8, "m is no value that is written out"),
    ]
    resolved = resolve(found.lab, exists=lambda path: False)
    assert resolved.problems == ()
    assert found.lab.lab.description == "Why.\n\n- `n`: number of points"


def test_the_rest_of_the_cell_runs_with_the_same_values() -> None:
    """Python runs the cell; and the params, then the code of the stages in their order."""
    found = staged(CELL, "print(n)")
    whole: dict[str, object] = {}
    exec(CELL, whole)
    parts: dict[str, object] = dict(found.lab.lab.params)
    for stage in found.lab.stages[:-1]:
        exec(stage.code, parts)
    names = {node.id for node in ast.walk(ast.parse(CELL)) if isinstance(node, ast.Name)}
    assert {name: parts[name] for name in names} == {name: whole[name] for name in names}


@pytest.mark.parametrize(
    "source",
    [
        "a = 1; b = None; c = [\n 1,\n]; d = (1,\n2)\n# note\nimport os\ne = {1: 2}  # odd\nn = 3  # fine\nx: int = 4",
        '"""Of the study."""\na = 1\nb = (\n    2,\n    3,\n)',
        "a = 1\na = 2\nb = True",
        "def f():\n    return 1\na = [1, [2.5, {'k': 'v'}]]",
    ],
)
def test_both_parts_are_python_on_the_lines_of_the_cell(source: str) -> None:
    found = parameters_of(source)
    given, rest = (
        {node.lineno: ast.unparse(node) for node in ast.parse(part).body if not isinstance(node, ast.Expr)}
        for part in (found.text, found.rest)
    )
    whole: dict[int, list[str]] = {}
    for node in ast.parse(source).body:
        if not isinstance(node, ast.Expr):
            whole.setdefault(node.lineno, []).append(ast.unparse(node))
    assert set(given) | set(rest) == set(whole)
    assert all(text in whole[line] for part in (given, rest) for line, text in part.items())
    exec(found.text, space := {})  # type: ignore[var-annotated]
    assert {name: space[name] for name in found.given} == found.given


@pytest.mark.parametrize(
    "value",
    ["None", "float('inf')", "1e999", "2**70", str(2**70), "(1,)", "{1: 2}", "[None]", "'\\ud800'", "{1}"],
)
def test_what_json_and_toml_do_not_both_have_is_no_parameter(value: str) -> None:
    found = parameters_of(f"a = 1\nb = {value}")
    assert (found.given, [one.name for one in found.odd]) == ({"a": 1}, ["b"])


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("import datetime\na = datetime.date(2024, 5, 31)", date(2024, 5, 31)),
        (
            "import datetime as dt\na = [dt.datetime(2024, 5, 31, 12, tzinfo=dt.UTC)]",
            [datetime(2024, 5, 31, 12, tzinfo=UTC)],
        ),
        ("from datetime import datetime as D\na = D.fromisoformat('2024-05-31')", datetime(2024, 5, 31)),
        ("from datetime import time\na = {'noon': time(hour=12)}", {"noon": time(12)}),
    ],
)
def test_a_date_is_a_parameter(source: str, value: object) -> None:
    found = parameters_of(source)
    assert (found.given, found.odd) == ({"a": value}, ())
    assert found.rest == source.partition("\n")[0]
    exec(found.text, space := {})  # type: ignore[var-annotated]
    assert list(space)[1:] == ["a"], "its value needs no import, so no cell has to run before it"
    assert parameters_of(source.partition("\n")[2]).given == {}, "nobody says what these names are"


@pytest.mark.parametrize(
    "value",
    [
        "date.today()",
        "date(2024, 13, 1)",
        "date(*[2024, 5, 31])",
        "date",
        "timedelta(days=1)",
        "datetime.now()",
    ],
)
def test_what_is_no_date_that_is_written_out_is_no_parameter(value: str) -> None:
    found = parameters_of(f"from datetime import date, datetime, timedelta\na = 1\nb = {value}")
    assert (found.given, [one.name for one in found.odd]) == ({"a": 1}, ["b"])


def test_a_name_that_is_another_thing_by_then_makes_no_date() -> None:
    first = "from datetime import date"
    for between in ("from mylib import date", "def date(*parts): ...", "date = str"):
        assert parameters_of(f"{first}\n{between}\na = date(2024, 5, 31)").given == {}


def test_parameters_between_the_cells_of_one_stage_are_its_inputs() -> None:
    given = code("since = date(2024, 2, 28)\nn = 2", metadata={"tags": ["parameters"]})
    cells = notebook(
        "import datetime as dt\nfrom datetime import date",
        given,
        "days = [since + dt.timedelta(days=i) for i in range(n)]",
        "last = days[-1]\nlast.isoformat()",
    )
    lab = stage_notebooks([inspect(cells, name="n.ipynb")]).lab
    (stage,) = lab.stages
    assert lab.lab.params == {"since": date(2024, 2, 28), "n": 2}
    assert set(stage.inputs) == {"since", "n"}
    space = dict(lab.lab.params)
    exec(stage.code or "", space)
    assert space["last"] == date(2024, 2, 29)


def test_what_is_given_goes_through_both() -> None:
    given = parameters_of("a = [1, -2.5, True, 'é', {'k': []}]\nb = {}").given
    assert json.loads(json.dumps(given)) == given
    assert tomllib.loads(merged("", given, "x.toml")) == given


def files_of(found: Staged) -> list[tuple[list[str], list[str]]]:
    """What each stage takes and leaves of files."""
    both = [([one if isinstance(one, str) else one.name for one in stage.inputs], list(stage.outputs)) for stage in
            found.lab.stages]  # fmt: skip
    return [
        ([name for name in one if "." in name], [name for name in other if "." in name])
        for one, other in both
    ]


def said_of(found: Staged) -> list[str]:
    return [
        finding.what.split("”")[0].strip("“") for _, finding in found.findings if finding.code == "NB-309"
    ]


def test_files_that_a_parameter_names_are_patterns_which_any_value_of_it_fits() -> None:
    found = staged(
        'name = "north"',
        "import pandas as pd\ndf = pd.read_csv(f'data/{name}.csv')\ndf.to_csv('out/' + name + '.csv')",
        "def save(n):\n    open(f'fig/{n}.txt', 'w').close()",
        "print(pd.read_csv(f'out/{name}.csv'))\nsave(name)",
    )
    assert files_of(found) == [(["data/*.csv"], ["out/*.csv"]), ([], []), (["out/*.csv"], ["fig/*.txt"])]
    assert said_of(found) == []


@pytest.mark.parametrize(
    "cell",
    [
        "open(name, 'w').close()",  # nothing of it is known
        "open(f'{name}.csv', 'w').close()",
        "open(f'{name}/a.csv', 'w').close()",
        "open(f'out/{name}/a.csv', 'w').close()",  # a folder that would have to be made
        "open(f'out/{name}.csv', 'w').close()\nopen('out/all.csv', 'w').close()",  # it would be found as well
        "open(f'out/{name}.csv', 'w').close()\nprint(open('out/north.csv').read())",  # which is no other file
    ],
)
def test_where_no_pattern_would_do_the_usual_file_is_said_to_be_that_of_one_value(cell: str) -> None:
    found = staged('name = "north"', cell)
    assert [name for _, names in files_of(found) for name in names if "*" in name] == []
    assert len(said_of(found)) == 1
    assert "north" in said_of(found)[0]


def test_a_name_that_is_no_parameter_or_gets_another_value_is_no_hole() -> None:
    assert said_of(staged("n = 3", "name = 'a'\nopen(f'out/{name}.csv', 'w').close()")) == []
    later = staged("name = 'a'", "name = 'b'\nopen(f'out/{name}.csv', 'w').close()")
    assert [names for _, names in files_of(later) if names] == [["out/b.csv"]]


GIVEN = {"tags": ["parameters"]}
INJECTED = {"tags": ["injected-parameters"]}


def of_papermill(source: str, injected: str, *more: str) -> Staged:
    """A notebook as papermill leaves it: its own cell stands right below the one whose values it replaces."""
    cells = code(source, metadata=GIVEN), code(f"# Parameters\n{injected}", metadata=INJECTED)
    return stage_notebooks([inspect(notebook(*cells, *more), name="n.ipynb")], per="cell")


def test_what_papermill_gave_is_what_the_lab_is_given() -> None:
    """And can be given again: before, its cell set them whatever `--set` said."""
    found = of_papermill("alpha = 0.1\nn = 5\nseed = 7\n", "alpha = 0.5\nn = 8\n", "print(alpha, n, seed)")
    assert found.lab.lab.params == {"alpha": 0.5, "n": 8, "seed": 7}
    assert [stage.inputs for stage in found.lab.stages] == [("alpha", "n", "seed")]
    assert not any("alpha =" in (stage.code or "") for stage in found.lab.stages)


def test_papermill_s_cell_alone_gives_params_as_well() -> None:
    cells = code("n = 8", metadata=INJECTED), "print(n)"
    found = stage_notebooks([inspect(notebook(*cells), name="n.ipynb")], per="cell")
    assert found.lab.lab.params == {"n": 8}


@pytest.mark.parametrize(
    ("source", "injected", "params"),
    [
        ("n = 5\nm = n * 2", "n = 8", {}),  # both values of n are needed
        ("n = 5\nlimit = 3", "limit = None", {"n": 5}),
        ("n = 5", "n = float('nan')", {}),
        ("n = 5", "n = n + 1", {}),
    ],
)
def test_what_papermill_gave_counts_as_in_the_notebook(
    source: str, injected: str, params: dict[str, object]
) -> None:
    """Python runs both cells; and the params, then the code of the stages in their order."""
    found = of_papermill(source, injected, "print(n)")
    whole: dict[str, object] = {}
    exec(f"{source}\n{injected}", whole)
    parts: dict[str, object] = dict(found.lab.lab.params)
    for stage in found.lab.stages:
        exec(stage.code or "", parts)
    assert found.lab.lab.params == params
    kept = {name for name in whole if not name.startswith("__")}
    assert repr({name: parts[name] for name in kept}) == repr({name: whole[name] for name in kept})
