"""What stages are called, and which cells are taken for text."""

from __future__ import annotations

from typing import Any

import pytest

from agilab.contracts.lab_stages import LabStages
from agilab.notebooks.document.titles import slug
from agilab.notebooks.inspecting import inspect
from agilab.notebooks.stages.staging import stage_notebooks
from tests.notebooks.building import markdown, notebook


def lab(*cells: Any, per: str = "flow") -> LabStages:
    return stage_notebooks([inspect(notebook(*cells), name="n.ipynb")], per=per).lab  # type: ignore[arg-type]


def named(*cells: Any, per: str = "flow") -> list[tuple[str, str]]:
    return [(stage.id, stage.title) for stage in lab(*cells, per=per).stages]


WORK = "x = [1]\nx.append(2)\nprint(x)"


def test_the_one_stage_of_a_study_has_its_title() -> None:
    assert named(markdown("# The tides"), WORK) == [("the-tides", "The tides")]
    assert named(markdown("# The tides"), markdown("## Count"), WORK) == [("count", "Count")]
    sections = [
        part for n in range(3) for part in (markdown(f"## Part {n}"), f"def f{n}(): return 1\nf{n}.a = {n}")
    ]
    joined = ["x = open('a.txt')", *sections, "x.read()"]
    assert named(markdown("# The tides"), *joined) == [("the-tides", "The tides")]


def test_the_nearest_heading_is_the_title_and_the_one_above_stays_text() -> None:
    first = (markdown("# T"), markdown("## Load"), "a = len('x')\n" * 20 + "print(a)")
    found = lab(
        *first,
        markdown("## Model\n\nAll of it."),
        markdown("### Fit\n\nBy hand."),
        "b = a\n" * 20 + "print(b)",
        per="cell",
    )
    stage = found.stages[-1]
    assert (stage.id, stage.title, stage.description) == ("fit", "Fit", "## Model\n\nAll of it.\n\nBy hand.")


def test_a_heading_whose_siblings_are_in_the_stage_as_well_does_not_stand_for_them() -> None:
    cells = (
        markdown("# T"),
        markdown("## Load"),
        "a = len('x')\n" * 20 + "print(a)",
        markdown("## Model"),
        markdown("### Fit"),
        "f = open('a.txt')",
        markdown("### Judge"),
        "f.read()",
    )
    assert named(*cells, per="cell")[-1] == ("model", "Model")


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Limit cycle prediction with for a time-delay system", "limit-cycle-prediction"),
        ("Examine a dataset with pandas and seaborn, then with others", "examine-a-dataset-with-pandas"),
        ("The $\\alpha_1$ of it", "the-of-it"),
        ("$x$", ""),
    ],
)
def test_ids_end_with_a_word_that_says_something(title: str, name: str) -> None:
    assert slug(title) == name


def test_a_stage_without_a_heading_has_a_name_all_the_same() -> None:
    cells = (
        "import math\nprint(math.pi)",
        "# Train the model.\nw = load()",
        "y = fit(w)",
        "print(y)\nopen('scores.csv', 'w').write(str(y))",
        "total = score(y)\nprint(total)",
        "print(y)",
    )
    assert [name for name, _ in named(*cells, per="cell")] == [
        "setup", "train-the-model", "make-y", "scores", "total", "stage-6",
    ]  # fmt: skip


def test_notebooks_that_are_called_by_a_number_have_stages_with_names() -> None:
    books = [inspect(notebook("x = [1]\nx.append(2)\nprint(x)"), name=f"{number}.ipynb") for number in (1, 2)]
    assert [stage.id for stage in stage_notebooks(books).lab.stages] == [
        "notebook-1-setup",
        "notebook-2-setup",
    ]


def test_a_cell_of_databricks_text_is_text() -> None:
    found = lab(
        "%md\n# Readings\nOf a year.",
        "x = 1\nprint(x)",
        "%md-sandbox ## Fit\n\nBy hand.",
        "y = len('a')\nprint(y)",
        per="cell",
    )
    assert (found.lab.title, found.lab.description) == ("Readings", "Of a year.")
    assert [(stage.id, stage.title, stage.description, stage.kind) for stage in found.stages[-1:]] == [
        ("fit", "Fit", "By hand.", "python")
    ]
    assert len(found.stages) == 2
    inspection = inspect(notebook("%md\n# Readings"))
    assert [(one.code, one.cell, one.line) for one in inspection.findings if one.code == "NB-110"] == [
        ("NB-110", 0, 1)
    ]
    assert inspect(notebook("x = 7\nmd = 3\nx %md")).notebook.cells[0].kind == "code"
