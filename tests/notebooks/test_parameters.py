"""A cell of parameters, taken apart name by name."""

from __future__ import annotations

import ast
import json
import tomllib

import pytest

from agilab.contracts.toml import merged
from agilab.notebooks.inspecting import inspect
from agilab.notebooks.parameters import parameters_of
from agilab.notebooks.staging import Staged, stage_notebooks
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


def test_what_is_given_goes_through_both() -> None:
    given = parameters_of("a = [1, -2.5, True, 'é', {'k': []}]\nb = {}").given
    assert json.loads(json.dumps(given)) == given
    assert tomllib.loads(merged("", given, "x.toml")) == given
