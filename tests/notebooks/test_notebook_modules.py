"""Notebooks that a notebook imports as modules, by a package that makes modules of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agilab.contracts.lab_stages import LabStages
from agilab.notebooks.findings import Finding
from agilab.notebooks.inspecting import inspect
from agilab.notebooks.stages.staging import stage_notebooks
from agilab.workflow.notebooks.own_project import requirements_of


def book(path: Path, *cells: str) -> Path:
    raw = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        "cells": [
            {"id": f"c{number}", "metadata": {}, "source": source}
            | (
                {"cell_type": "markdown"}
                if source.startswith("## ")
                else {"cell_type": "code", "outputs": [], "execution_count": None}
            )
            for number, source in enumerate(cells)
        ],
    }
    path.write_text(json.dumps(raw), encoding="utf-8")
    return path


def read(*cells: str, folder: Path) -> tuple[LabStages, list[Finding], tuple[str, ...]]:
    inspection = inspect(book(folder / "main.ipynb", *cells))
    staged = stage_notebooks([inspection])
    found = [*inspection.findings, *(one for _, one in staged.findings)]
    return staged.lab, found, tuple(requirements_of([inspection], staged.lab))


@pytest.fixture
def point(tmp_path: Path) -> Path:
    """A folder with a notebook that others import, which reads a file."""
    book(
        tmp_path / "data_point.ipynb",
        "rates = open('rates.txt').read()\n%matplotlib inline",
        "def double(x):\n    return 2 * x",
    )
    (tmp_path / "rates.txt").write_text("0.5", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("hook", ["import_ipynb", "nbimporter"])
def test_stages_take_the_notebook_that_they_import_what_it_reads_and_the_hook(hook: str, point: Path) -> None:
    lab, found, needs = read(
        f"import {hook}\nfrom data_point import double, rates",
        "## Use",
        "a = double(3)",
        "## More",
        "import data_point\nb = data_point.double(a)",
        folder=point,
    )
    stages = {one.id: one for one in lab.stages}
    for name in ("use", "more"):
        assert {"data_point.ipynb", "rates.txt"} <= {*map(str, stages[name].inputs)}
        assert hook in stages[name].uses["setup"]
    said = {one.code: one.what for one in found}
    assert said["NB-205"] == "data_point is the notebook data_point.ipynb, which lies beside this one"
    assert "NB-202" not in said
    assert f"{hook} is never used" not in [one.what for one in found]
    assert hook.replace("_", "-") in needs


def test_a_notebook_that_is_named_by_the_package_that_imports_it_is_taken(point: Path) -> None:
    lab, found, needs = read(
        "from ipynb.fs.full.data_point import double", "## Use", "a = double(3)", folder=point
    )
    (use,) = [one for one in lab.stages if one.id == "use"]
    assert {"data_point.ipynb", "rates.txt"} <= {*map(str, use.inputs)}
    assert not [one for one in found if one.code == "NB-202"]
    assert "ipynb" in needs


def test_a_name_with_underscores_may_be_that_of_a_notebook_with_blanks(point: Path) -> None:
    (point / "data_point.ipynb").rename(point / "data point.ipynb")
    lab, _, _ = read(
        "import import_ipynb", "## Use", "import data_point\na = data_point.double(1)", folder=point
    )
    assert "data point.ipynb" in [*map(str, lab.stages[-1].inputs)]


def test_what_is_installed_or_lies_there_as_python_comes_before_a_notebook(point: Path) -> None:
    book(point / "numpy.ipynb", "x = 1")
    (point / "data_point.py").write_text("def double(x): return x\n", encoding="utf-8")
    lab, found, needs = read(
        "import import_ipynb",
        "## Use",
        "import numpy\nfrom data_point import double\na = double(1)",
        folder=point,
    )
    assert not [one for stage in lab.stages for one in map(str, stage.inputs) if one.endswith(".ipynb")]
    assert "numpy" in needs
    assert [one.what for one in found if one.code == "NB-205"] == ["data_point lies beside the notebook"]


def test_a_notebook_that_nothing_makes_a_module_of_is_named_with_what_does(point: Path) -> None:
    lab, found, _ = read("from data_point import double", "## Use", "a = double(3)", folder=point)
    (one,) = [one for one in found if one.code == "NB-202"]
    assert (
        one.what == "data_point.ipynb lies beside this notebook, and nothing is seen to make a module of it"
    )
    assert one.mend is not None
    assert one.mend.startswith(
        "jupyter nbconvert --to script data_point.ipynb, or if it is the “data-point” on"
    )
    assert not [one for stage in lab.stages for one in stage.inputs if str(one).endswith(".ipynb")]


def test_a_notebook_that_is_imported_whole_and_asks_ipython_for_something_is_told(point: Path) -> None:
    cells = "from data_point import double", "## Use", "a = double(3)"
    _, found, _ = read(f"import import_ipynb\n{cells[0]}", *cells[1:], folder=point)
    (one,) = [one for one in found if one.code == "NB-506"]
    assert one.what.startswith(
        "data_point.ipynb, which is imported here, has %matplotlib in it: a stage has no"
    )
    _, found, _ = read(f"import nbimporter\n{cells[0]}", *cells[1:], folder=point)
    assert not [one for one in found if one.code == "NB-506"], "it takes definitions alone"
