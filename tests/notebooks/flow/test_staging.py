"""Notebooks as a document of stages and a report: what a person, and the engine, will find in it."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from tests.notebooks.flow.programs import program
from tests.notebooks.flow.written import NOTEBOOKS

from agilab.contracts.lab_stages import Input, LabStages
from agilab.notebooks.inspecting import inspect
from agilab.notebooks.stages.staging import Staged, stage_notebooks
from agilab.workflow.document.resolve import resolve

Part = tuple[str, str] | tuple[str, str, dict[str, Any]]


def _notebook(name: str, *parts: str | Part) -> bytes:
    cells = []
    for number, part in enumerate(parts):
        kind, source, *more = ("code", part) if isinstance(part, str) else part
        cell: dict[str, Any] = {"cell_type": kind, "id": f"{name}-{number}", "metadata": {}, "source": source}
        if kind == "code":
            cell |= {"execution_count": None, "outputs": []}
        cells.append(cell | (more[0] if more else {}))
    kernel = {"kernelspec": {"name": "python3", "language": "python", "display_name": "Python 3"}}
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": kernel, "cells": cells}).encode()


def _staged(*notebooks: tuple[str, bytes], per: str = "cell") -> Staged:
    return stage_notebooks([inspect(data, name=name) for name, data in notebooks], per=per)  # type: ignore[arg-type]


def _codes(staged: Staged) -> list[str]:
    return [finding.code for _, finding in staged.findings]


def test_headings_words_tags_and_origins_are_kept() -> None:
    staged = _staged(
        (
            "study.ipynb",
            _notebook(
                "n",
                ("markdown", "# Flights of a year\n\nWhy."),
                "import math",
                ("markdown", "## 1. Load *the* data\n\nFrom `a` file."),
                ("code", "x = load(math.pi)", {"metadata": {"tags": ["slow"]}, "execution_count": 3}),
                "print(x)",
            ),
        )
    )

    lab = staged.lab
    assert (lab.lab.title, lab.lab.description) == ("Flights of a year", "Why.")
    assert [stage.id for stage in lab.stages] == ["setup", "load-the-data", "stage-3"]
    loading = lab.stages[1]
    assert loading.title == "1. Load the data"
    assert loading.description == "From `a` file."
    assert (loading.code, loading.uses, loading.outputs) == (
        "x = load(math.pi)",
        {"setup": ("math",)},
        ("x",),
    )
    assert loading.tags == ("slow",)
    assert loading.origin is not None
    assert (loading.origin.cells, loading.origin.indices, loading.origin.execution_counts) == (
        ("n-3",),
        (3,),
        (3,),
    )
    assert loading.origin.mode == "not_executed_import"
    assert lab.stages[2].inputs == ("x",)
    assert lab.lab.notebook["kernelspec"]["name"] == "python3"


def test_no_word_of_a_notebook_is_lost() -> None:
    staged = _staged(
        (
            "study.ipynb",
            _notebook(
                "n",
                ("markdown", "# Flights\n\nWhy."),
                ("markdown", "## Parameters\n\nChange them."),
                ("code", "days = 5  # of the year\nname = 'a#b'", {"metadata": {"tags": ["parameters"]}}),
                ("markdown", "## Count\n\nBy day."),
                "n = len(range(days))",
                ("markdown", "## Conclusion\n\nEnough."),
                ("markdown", "Thanks."),
            ),
        )
    )
    lab = staged.lab
    assert lab.lab.description == "Why.\n\n## Parameters\n\nChange them.\n\n- `days`: of the year"
    assert [(stage.id, stage.title, stage.description) for stage in lab.stages] == [
        ("count", "Count", "By day."),
        ("conclusion", "Conclusion", "Enough.\n\nThanks."),
    ]
    assert lab.stages[1].kind == "none"


def test_what_stands_between_cells_of_a_stage_stands_between_them_in_its_code() -> None:
    cells = (
        ("markdown", "## Load\n\nFrom disk."),
        "x = load()",
        ("markdown", "Look at it:\n\n- once"),
        "print(x)",
        ("markdown", "![](data:image/png;base64," + "A" * 600 + ")"),
        "x",
    )
    (stage,) = _staged(("n.ipynb", _notebook("n", *cells)), per="flow").lab.stages

    assert stage.code == "x = load()\n\n\n# Look at it:\n#\n# - once\nprint(x)\n\n\nx"
    assert stage.title == "Load"
    assert stage.description.startswith("From disk.\n\n![](data:image/png")


def test_a_heading_above_a_magic_is_that_of_the_code_below() -> None:
    cells = ("import math", ("markdown", "## Work"), "%matplotlib inline", "x = math.pi")

    assert [stage.id for stage in _staged(("n.ipynb", _notebook("n", *cells))).lab.stages] == [
        "setup",
        "work",
    ]


def test_text_above_a_magic_at_the_end_is_kept() -> None:
    cells = ("x = load()", ("markdown", "## End\n\nThat was it."), "%matplotlib inline")
    lab = _staged(("n.ipynb", _notebook("n", *cells))).lab

    assert [(stage.id, stage.kind, stage.description) for stage in lab.stages][1:] == [
        ("end", "none", "That was it.")
    ]


def test_a_setup_is_text_and_the_title_of_the_notebook_is_not_its() -> None:
    text = ("markdown", "By me."), ("markdown", "# Flights")
    staged = _staged(("n.ipynb", _notebook("n", *text, "import math", "x = math.pi + load()")))

    setup, work = staged.lab.stages
    assert (setup.id, setup.title, setup.kind, setup.code) == ("setup", "", "none", "import math")
    assert (work.kind, work.uses) == ("python", {"setup": ("math",)})
    assert staged.lab.lab.title == "Flights"


def test_headings_count_by_their_rank_in_the_notebook() -> None:
    """A notebook whose sections are `####` is parted as one whose sections are `##`."""
    work = "\n".join(f"print({n})" for n in range(9))

    def parted(mark: str) -> list[str]:
        cells = [
            part for n in range(3) for part in (("markdown", f"{mark} Part {n}"), f"x{n} = load()\n{work}")
        ]
        staged = _staged(("n.ipynb", _notebook("n", *cells)), per="flow")
        return [stage.id for stage in staged.lab.stages]

    assert parted("##") == parted("####") == ["part-0", "part-1", "part-2"]


def test_a_long_heading_gives_an_id_of_whole_words() -> None:
    heading = "## Examine a dataset with pandas and seaborn, then with others"

    lab = _staged(("n.ipynb", _notebook("n", ("markdown", heading), "x = 1"))).lab

    assert lab.stages[0].id == "examine-a-dataset-with-pandas"


def test_a_cell_of_parameters_becomes_parameters() -> None:
    staged = _staged(
        (
            "p.ipynb",
            _notebook(
                "p",
                ("code", "rate = 0.1  # per day\nnames = ['a']", {"metadata": {"tags": ["parameters"]}}),
                "y = rate * 2",
            ),
        )
    )

    assert staged.lab.lab.params == {"rate": 0.1, "names": ["a"]}
    assert [(stage.code, stage.inputs) for stage in staged.lab.stages] == [("y = rate * 2", ("rate",))]


def test_text_above_a_raw_cell_is_kept() -> None:
    cells = ("x = load()", ("markdown", "## Why\n\nBecause."), ("raw", ".. note:: raw"), "print(x)")
    lab = _staged(("n.ipynb", _notebook("n", *cells))).lab

    assert (lab.stages[1].id, lab.stages[1].description) == ("why", "Because.")


@pytest.mark.parametrize(
    "source",
    ["rate = ask()", "rate = float('nan')", "rate: int", "rate += 1", "rate = (1, 2)", "rate = None"],
)
def test_parameters_that_are_no_plain_values_stay_a_stage(source: str) -> None:
    cell = ("code", source, {"metadata": {"tags": ["parameters"]}})
    staged = _staged(("p.ipynb", _notebook("p", cell, "y = 1")))

    assert staged.lab.lab.params == {}
    assert len(staged.lab.stages) == 2


def test_files_that_stages_exchange_are_inputs_and_outputs() -> None:
    staged = _staged(
        (
            "f.ipynb",
            _notebook(
                "f",
                "from pandas import read_csv\nt = read_csv('data/raw.csv')\nt.to_csv('out/clean.csv')",
                "t = read_csv('out/clean.csv')\nfor k in 'ab':\n    t.to_csv(f'out/part_{k}.csv')",
            ),
        )
    )

    first, second = staged.lab.stages
    assert (first.inputs, first.outputs) == (("data/raw.csv",), ("out/clean.csv",))
    assert (second.inputs, second.outputs) == (("out/clean.csv",), ("out/part_*.csv",))


def test_a_computed_path_that_may_be_a_file_keeps_its_cells_together() -> None:
    staged = _staged(
        (
            "f.ipynb",
            _notebook(
                "f",
                "k = name()\nopen(f'out/{k}.txt', 'w').write('a')",
                "x = 1",
                "t = open('out/a.txt').read()",
            ),
        )
    )

    assert len(staged.lab.stages) == 1
    assert "may be one file" in staged.report["notebooks"][0]["borders"][0]["why"]


@pytest.mark.parametrize(
    ("writes", "name"),
    [
        ("for k in 'ab':\n    open(k + '.txt', 'w').write(k)", "a.txt"),
        ("for k, g in df.groupby('k'):\n    g.to_csv(f'{k}.csv')", "x.csv"),
        ("def save(name):\n    open(name.lower() + '.txt', 'w').write('q')\nsave('AB')", "ab.txt"),
        ("for i in range(4):\n    open('r_%02d.txt' % i, 'w').write('q')", "r_03.txt"),
    ],
)
def test_a_file_that_its_own_stage_writes_under_a_computed_name_is_no_input(
    tmp_path: Path, writes: str, name: str
) -> None:
    book = tmp_path / "f.ipynb"
    book.write_bytes(_notebook("f", "df = load()", writes, f"t = open('{name}').read()"))

    assert _taken(book) == set()
    assert "NB-301" in [one.code for one in inspect(book).findings]

    (tmp_path / name).write_text("lies there")
    assert _taken(book) == {name}


def _taken(book: Path) -> set[str]:
    """The files that the stages of a notebook take."""
    stages = stage_notebooks([inspect(book)], per="cell").lab.stages
    return {str(one) for stage in stages for one in stage.inputs if "." in str(one)}


def test_several_notebooks_are_joined_by_their_files_and_their_values_are_kept_apart() -> None:
    one = _notebook("a", "df = load()\ndf.to_csv('out/a.csv')", "print(df)")
    two = _notebook("b", "import pandas as pd\ndf = pd.read_csv('out/a.csv')", "print(df)")

    staged = _staged(("compare.ipynb", two), ("prepare.ipynb", one))

    assert [stage.origin.notebook for stage in staged.lab.stages if stage.origin] == ["prepare.ipynb"] * 2 + [
        "compare.ipynb"
    ] * 2
    ids = [stage.id for stage in staged.lab.stages]
    assert len(set(ids)) == 4
    resolved = resolve(staged.lab, exists=lambda path: False)
    assert resolved.problems == ()
    assert set(resolved.edges) == {(ids[0], ids[1]), (ids[0], ids[2]), (ids[2], ids[3])}


def test_parameters_of_two_notebooks_that_differ_get_names_of_their_own() -> None:
    cell = {"metadata": {"tags": ["parameters"]}}
    one = _notebook("a", ("code", "n = 1\nm = 5", cell), "x = n + m")
    two = _notebook("b", ("code", "n = 2\nm = 5", cell), "y = n + m")

    lab = _staged(("one.ipynb", one), ("two.ipynb", two)).lab

    assert lab.lab.params == {"n": 1, "m": 5, "two_n": 2}
    assert lab.stages[1].inputs == (Input(name="two_n", called="n"), "m")


def test_what_is_not_python_is_kept_as_a_comment_or_as_text() -> None:
    lab = _staged(("n.ipynb", _notebook("n", "x = load()", "print 'a'", "print(x)"))).lab

    assert [(stage.kind, stage.code) for stage in lab.stages] == [
        ("python", "x = load()"),
        ("none", "# print 'a'"),
        ("python", "print(x)"),
    ]


@pytest.mark.parametrize(
    ("code", "cells", "cell", "line", "what"),
    [
        ("NB-601", ["x = 1", "\nexec(x)"], 1, 2, "exec"),
        ("NB-602", ["print(gone)"], 0, 1, "gone"),
        ("NB-603", ["a = 1\nprint(late)", "late = 1"], 0, 2, "late"),
        (
            "NB-602",
            ["try:\n    gone\nexcept NameError:\n    pass"],
            0,
            2,
            "no cell makes it; the cell catches that",
        ),
        (
            "NB-603",
            ["for i in [0, 1]:\n    if i:\n        print(late)\n    late = i"],
            0,
            3,
            "if the first round",
        ),
        ("NB-604", ["a = [1]", "del a", "print(a)"], 2, 1, "a was deleted"),
        ("NB-606", ["def f():\n    pass"], 0, 1, "f"),
        ("NB-607", ["x = _ + 1"], 0, 1, "_"),
        ("NB-608", ["import os", "os.chdir('data')"], 1, 1, "working directory"),
        ("NB-609", ["x = 1", "y = = 2"], 1, 1, "not Python"),
        (
            "NB-610",
            ["import warnings\nwarnings.simplefilter('ignore')", "print(1)"],
            0,
            2,
            "warnings.simplefilter",
        ),
    ],
)
def test_each_finding_has_its_place(code: str, cells: list[str], cell: int, line: int, what: str) -> None:
    staged = _staged(("n.ipynb", _notebook("n", *cells)))

    (found,) = [finding for _, finding in staged.findings if finding.code == code]
    assert (found.cell, found.line) == (cell, line)
    assert what in found.what


def test_nothing_is_called_unused_where_code_may_read_any_name() -> None:
    for reads in ("print({one: globals()[one] for one in 'f g'.split()})", "exec(x)"):
        staged = _staged(("n.ipynb", _notebook("n", "def f():\n    pass", reads)))
        assert [found.code for _, found in staged.findings] == ["NB-601"]


@pytest.mark.parametrize(
    "source",
    [
        "def count():\n    global total\n    total = 1\n\ncount()\nprint(total)",
        "def f():\n    global t\n    t = 1\ndef g():\n    f()\ng()\nprint(t)",
        "rows = [1, 2]\nif rows:\n    big = [y for x in rows if (y := x + 1) > 2]\nprint(y)",
        "if len('a'):\n    y = 1\nprint(y)",
    ],
)
def test_what_is_made_further_up_in_its_cell_is_not_missing(source: str) -> None:
    exec(source, {})
    assert not {"NB-602", "NB-603"} & {*_codes(_staged(("n.ipynb", _notebook("n", source))))}


def test_another_order_of_execution_is_a_finding_where_it_matters() -> None:
    def cell(source: str, count: int) -> Part:
        return "code", source, {"execution_count": count}

    staged = _staged(
        ("n.ipynb", _notebook("n", cell("x = 1", 1), cell("y = x", 3), cell("x = 2", 2), cell("z = y", 4)))
    )

    (found,) = [finding for _, finding in staged.findings if finding.code == "NB-605"]
    assert found.what == "x came from cell 2 when this ran, and comes from cell 0 from top to bottom"
    assert found.cell == 1


def test_the_report_is_plain_data_and_says_why() -> None:
    staged = _staged(
        ("n.ipynb", _notebook("n", ("markdown", "# A"), "f = open('a')", "t = f.read()", "print(t)"))
    )

    (about,) = json.loads(json.dumps(staged.report))["notebooks"]
    assert [stage["cells"] for stage in about["stages"]] == [[1, 2], [3]]
    assert about["borders"] == [
        {"after": 1, "cut": False, "crossing": ["f"], "why": "f is an open file"},
        {"after": 2, "cut": True, "crossing": ["t"], "why": "only t crosses"},
    ]
    assert {"name": "f", "from": 1, "to": 2, "how": "value"} in about["edges"]
    assert about["finals"] == dict.fromkeys(("f", "t"), about["stages"][0]["id"])
    assert about["others"] == {}


def _of_cells(cells: list[str]) -> Staged:
    return _staged(("n.ipynb", _notebook("n", *cells)))


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_every_written_notebook_resolves(name: str) -> None:
    _check(_of_cells(NOTEBOOKS[name]))


def test_random_notebooks_resolve() -> None:
    for seed in range(60):
        _check(_of_cells(program(random.Random(seed))))


def test_every_notebook_of_the_collection_is_staged_and_comes_back() -> None:
    files = sorted((Path(__file__).parents[1] / "data").glob("*.ipynb"))
    assert len(files) > 30
    for file in files:
        for per in ("flow", "cell"):
            staged = stage_notebooks([inspect(file)], per=per)  # type: ignore[arg-type]
            _check(staged)
            json.dumps(staged.report)


def _check(staged: Staged) -> None:
    """Every input has a maker above, but for what a cell gives that is not run; the document reads back as it was."""
    resolved = resolve(staged.lab, exists=lambda path: True)
    texts = {stage.id for stage in staged.lab.stages if stage.kind == "none" and "language" in stage.extra}
    assert all(one.kind == "left_out" and {*one.others} <= texts for one in resolved.problems)
    lacking = [finding for _, finding in staged.findings if finding.code == "NB-611"]
    assert len(resolved.problems) == len(lacking)
    assert resolved.cycles == ()
    order = [stage.id for stage in staged.lab.stages]
    assert all(order.index(before) < order.index(after) for before, after in resolved.edges)
    plain = staged.lab.model_dump(mode="json", by_alias=True, exclude_none=True)
    assert LabStages.model_validate(plain) == staged.lab
