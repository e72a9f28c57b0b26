"""A lab's notebook that a tool has cleaned: its cells are known by their look, also those that somebody edited."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from agilab.workflow.notebooks.importing import write_import
from agilab.workflow.notebooks.preview import preview_import
from tests.workflow.test_asked_once import LAB, inserted, without_what_is_remembered
from tests.workflow.test_joined import Sides, made

TOOLS = {
    "nbconvert ClearMetadata": {"kinds": {"code"}, "notebook": True},
    "nb-clean": {"kinds": {"code", "markdown"}, "notebook": False},
    "jupytext without metadata": {"kinds": {"code", "markdown"}, "notebook": True},
}
"""Which cells lose their metadata to a tool, and whether the notebook does."""


@pytest.fixture(params=TOOLS)
def sides(request: pytest.FixtureRequest, tmp_path: Path) -> Sides:
    return cleaned(made(tmp_path, LAB), **TOOLS[request.param])


def cleaned(sides: Sides, kinds: Any, notebook: Any) -> Sides:
    book = json.loads(sides.notebook.read_text(encoding="utf-8"))
    for cell in book["cells"]:
        cell["metadata"] = {} if cell["cell_type"] in kinds else cell["metadata"]
    book["metadata"] = {} if notebook else book["metadata"]
    sides.notebook.write_text(json.dumps(book), encoding="utf-8")
    return sides


def params(sides: Sides) -> Any:
    """The params of the lab that comes of an import, all else being as it was."""
    found = sides.imported()
    assert found["stages"] == tomllib.loads(LAB)["stages"]
    assert found["lab"]["title"] == "T"
    return found["lab"].get("params")


@pytest.mark.parametrize("cache", [True, False], ids=["remembered", "forgotten"])
def test_as_it_is_it_changes_nothing(cache: bool, sides: Sides) -> None:
    if not cache:
        without_what_is_remembered()
    assert sides.rows() == []
    sides.imported()
    assert sides.lab.read_text(encoding="utf-8") == LAB


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("p = 1\nq = 2\nnew = 4", {"p": 1, "q": 2, "new": 4}),
        ("p = 1", {"p": 1}),
        ("p = 3\nq = [1, 2]", {"p": 3, "q": [1, 2]}),
        ("# the usual\nq = 2\np = 1.5", {"p": 1.5, "q": 2}),
        ("other = 1", {"other": 1}),
    ],
)
def test_params_are_those_of_the_cell_whatever_the_lab_is_run_with(
    said: str, found: dict[str, Any], sides: Sides
) -> None:
    sides.in_notebook("p = 1\nq = 2", said)
    assert [row for row in sides.rows() if row[0] != "left_out"] == [("params", "", "cell")]
    assert params(sides) == found


@pytest.mark.parametrize(
    "run",
    [
        "result = lab.run()",
        "result = lab.run(p=p, q=q)\nresult",
        "%time lab.run(p=p, q=q)\n",
        "lab.run(\n    p=10,\n    q=q,\n)",
        "print(lab.run(p=p).status)",
    ],
)
def test_the_cell_that_runs_the_lab_is_no_stage(run: str, sides: Sides) -> None:
    sides.in_notebook("lab.run(p=p, q=q)", run)
    assert {row[0] for row in sides.rows()} <= {"left_out"}
    sides.in_notebook("p = 1", "p = 11")
    assert params(sides) == {"p": 11, "q": 2}


@pytest.mark.parametrize(
    "opening",
    [
        "import agilab\nstudy = agilab.Lab('lab_stages.toml')",
        "%load_ext autoreload\nfrom agilab import Lab\nstudy = Lab('lab_stages.toml')",
    ],
)
def test_the_cell_that_opens_the_lab_may_call_it_otherwise(opening: str, sides: Sides) -> None:
    sides.in_notebook("lab = Lab('lab_stages.toml')", "OPENING")
    sides.in_notebook("from agilab import Lab\n\nOPENING", opening)
    sides.in_notebook("lab.run(p=p, q=q)", "out = study.run(p=p, q=q)")
    assert {row[0] for row in sides.rows()} == {"left_out"}
    assert params(sides) == {"p": 1, "q": 2}


@pytest.mark.parametrize("tags", [[], ["injected-parameters"]], ids=["cleaned after", "cleaned before"])
def test_what_papermill_injected_is_given_to_the_params(tags: list[str], sides: Sides) -> None:
    sides.cells(
        lambda cells: inserted(cells, 3, "i", "# Parameters\np = 7\n", **({"tags": tags} if tags else {}))
    )
    assert params(sides) == {"p": 7, "q": 2}


def test_an_edit_of_params_that_cannot_be_read_is_told(sides: Sides) -> None:
    sides.in_notebook("p = 1\nq = 2", "p = open('x')\nq = 2")
    assert [row for row in sides.rows() if row[0] == "unreadable"] == [("unreadable", "", "metadata")]
    assert params(sides) == {"p": 1, "q": 2}


def test_a_new_cell_among_the_stages_is_a_stage(sides: Sides) -> None:
    sides.cells(lambda cells: inserted(cells, -1, "z", "z = 1"))
    assert sides.imported()["stages"][-1] == {"id": "cell", "code": "z = 1"}


def test_words_that_somebody_adds_stay(sides: Sides) -> None:
    word = {"cell_type": "markdown", "id": "w", "metadata": {}, "source": "## More of it\n\nTrue."}
    sides.cells(lambda cells: cells.insert(4, word))
    said = json.dumps(sides.imported()["stages"])
    assert "More of it" in said
    assert "Words *here*" in said


def test_imported_elsewhere_it_brings_its_data_along(tmp_path: Path) -> None:
    (home := tmp_path / "home").mkdir()
    (home / "data.csv").write_text("a,b\n1,2\n")
    said = LAB.replace('inputs = ["p"]', 'inputs = ["p", "data.csv"]')
    sides = made(home, said)
    (books := tmp_path / "books").mkdir()
    moved = sides.notebook.rename(books / "n.ipynb")
    sides.notebook = moved
    sides.in_notebook("Lab('lab_stages.toml')", "Lab('../home/lab_stages.toml')")
    cleaned(sides, {"code", "markdown"}, True)
    done = write_import(preview_import([moved]), tmp_path / "third", lock=False)
    assert (tmp_path / "third" / "data.csv").read_text() == "a,b\n1,2\n"
    assert "data.csv" not in done.missing
