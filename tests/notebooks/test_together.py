"""Notebooks of other languages, several at once, and what tools wrote into them: all is in the lab, and comes back."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agilab.contracts.base import parse_document
from agilab.contracts.lab_stages import LabStages
from agilab.notebooks.document.metadata import for_toml, from_toml
from agilab.notebooks.inspecting import inspect
from agilab.notebooks.reading import read
from agilab.notebooks.supervisor.export import notebook_of, text
from agilab.notebooks.supervisor.read_back import read_back
from agilab.workflow.notebooks.importing import write_import
from agilab.workflow.notebooks.preview import preview_import, toml_of
from tests.notebooks.building import PYTHON, code, markdown, notebook

DATA = Path(__file__).parent / "data"


def lab_of(*names: str) -> LabStages:
    """The lab of notebooks, as it stands in the file."""
    preview = preview_import([DATA / f"{name}.ipynb" for name in names])
    assert preview.importable
    return parse_document(preview.report.toml, LabStages, "the import")


def back(lab: LabStages) -> LabStages:
    """A lab that went to a notebook and back."""
    found = read_back(read(text(notebook_of(lab)).encode(), name="lab.ipynb"))
    assert found.changes == ()
    return found.document


def plain(name: str) -> dict[str, Any]:
    """A notebook as JSON, without a line of ours."""
    document: dict[str, Any] = json.loads((DATA / f"{name}.ipynb").read_text("utf-8"))
    return document


FOREIGN = {"r_study": "R", "julia_study": "Julia", "bash_kernel": "bash", "sql_kernel": "SQL"}


@pytest.mark.parametrize("name", FOREIGN)
def test_another_language_becomes_stages_that_are_kept_and_not_run(name: str) -> None:
    lab = lab_of(name)
    book = plain(name)
    written = ["".join(cell["source"]) for cell in book["cells"] if cell["cell_type"] == "code"]
    stages = [stage for stage in lab.stages if stage.code is not None]
    assert [stage.code for stage in stages] == [source for source in written if source.strip()]
    assert {stage.kind for stage in lab.stages} == {"none"}
    assert from_toml(lab.lab.notebook) == book["metadata"]
    said = [one for one in inspect(DATA / f"{name}.ipynb").findings if one.code == "NB-101"]
    assert len(said) == 1
    assert f"is {FOREIGN[name]}, not Python: {len(stages)} cell" in said[0].what
    assert back(lab) == lab


def test_a_study_in_r_keeps_its_words_counts_tags_and_raw_text() -> None:
    lab = lab_of("r_study")
    assert (lab.lab.title, lab.lab.description) == (
        "Tides at the quay",
        "Three weeks of the gauge, in R.",
    )
    assert [(stage.id, stage.title) for stage in lab.stages] == [
        ("cell-1", ""),
        ("read", "Read"),
        ("fit-a-wave", "Fit a wave"),
        ("cell-7", ""),
        ("what-it-says", "What it says"),
    ]
    stages = {stage.id: stage for stage in lab.stages}
    assert stages["read"].description == "One row for each quarter of an hour."
    assert stages["read"].tags == ("data",)
    assert stages["fit-a-wave"].origin is not None
    assert stages["fit-a-wave"].origin.execution_counts == (4,)
    assert list(stages["fit-a-wave"].extra["raw"].values()) == ["\\newpage"]
    assert "fifty minutes" in stages["what-it-says"].description
    assert stages["what-it-says"].code is None
    (cell,) = stages["read"].extra["cells"].values()
    assert cell == {"vscode": {"languageId": "r"}}


def test_what_a_foreign_cell_showed_is_in_the_report() -> None:
    (told,) = preview_import([DATA / "r_study.ipynb"]).report.notebooks
    shown = {part["mime"]: part["text"] for stage in told.stages for part in stage.expects}
    assert shown == {"text/plain": "  time  level\n1 00:00 2.1", "text/html": "<table></table>"}


def test_the_notebook_of_a_foreign_lab_runs_in_python_and_gives_its_kernel_back() -> None:
    lab = lab_of("julia_study")
    book = notebook_of(lab)
    assert book["metadata"]["kernelspec"]["name"] == "python3"
    assert book["metadata"]["language_info"]["name"] == "python"
    # Jupyter writes what its kernel says of itself when the notebook is saved
    book["metadata"]["language_info"] = {"name": "python", "version": "3.12.1", "file_extension": ".py"}
    saved = read(json.dumps(book).encode(), name="lab.ipynb")
    assert read_back(saved).document == lab


def test_a_kernel_of_an_unusual_name_does_not_keep_the_labs_notebook_from_running(tmp_path: Path) -> None:
    kernel = {"display_name": "geo", "language": "python", "name": "conda-env-geo-py"}
    path = tmp_path / "a.ipynb"
    path.write_bytes(notebook("x = 1", metadata={"kernelspec": kernel}))
    lab = preview_import([path]).lab
    assert notebook_of(lab)["metadata"]["kernelspec"]["name"] == "python3"
    assert back(lab).lab.notebook == {"kernelspec": kernel}


def test_python_and_r_are_one_lab_and_each_keeps_its_metadata() -> None:
    lab = lab_of("r_study", "kaggle")
    assert [stage.kind for stage in lab.stages if stage.id == "fit-a-wave"] == ["none"]
    assert "python" in {stage.kind for stage in lab.stages}
    assert lab.lab.title == "Tides at the quay"
    first = [stage.origin.notebook for stage in lab.stages if stage.origin]
    assert first == sorted(first, reverse=True)  # r_study was named first
    kept = lab.lab.extra["notebooks"]
    assert {name: from_toml(one) for name, one in kept.items()} == {
        "r_study.ipynb": plain("r_study")["metadata"],
        "kaggle.ipynb": plain("kaggle")["metadata"],
    }
    assert back(lab) == lab


def test_python_first_stands_first() -> None:
    lab = lab_of("kaggle", "r_study")
    assert lab.stages[0].kind == "python"
    assert lab.stages[-1].id == "what-it-says"
    assert lab.lab.title == "Tides at the quay"


def test_two_notebooks_of_one_name_are_told_apart(tmp_path: Path) -> None:
    for folder, value in (("north", 1), ("south", 2)):
        (tmp_path / folder).mkdir()
        path = tmp_path / folder / "study.ipynb"
        path.write_bytes(notebook(f"{folder} = {value}\nprint({folder})"))
    report = preview_import([tmp_path / "north" / "study.ipynb", tmp_path / "south" / "study.ipynb"]).report
    assert [one.name for one in report.notebooks] == ["north/study.ipynb", "south/study.ipynb"]
    assert [len(one.stages) for one in report.notebooks] == [1, 1]
    assert len({one.digest for one in report.notebooks}) == 2
    stages = tomllib.loads(report.toml)["stages"]
    assert {stage["origin"]["notebook"]: stage["code"].split()[0] for stage in stages} == {
        "north/study.ipynb": "north",
        "south/study.ipynb": "south",
    }


@pytest.mark.parametrize("name", ["databricks_nulls", "kaggle", "r_study"])
def test_nulls_in_metadata_are_kept(name: str, tmp_path: Path) -> None:
    preview = preview_import([DATA / f"{name}.ipynb"])
    write_import(preview, tmp_path, lock=False)
    written = parse_document((tmp_path / "lab_stages.toml").read_text("utf-8"), LabStages, "the file")
    assert from_toml(written.lab.notebook) == plain(name)["metadata"]
    exported = notebook_of(written)["metadata"]
    theirs = {
        key: value for key, value in exported.items() if key not in ("agilab", "kernelspec", "language_info")
    }
    assert theirs == {
        key: value
        for key, value in plain(name)["metadata"].items()
        if key not in ("kernelspec", "language_info")
    }


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=4) | st.just("json"), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=150)
@given(st.dictionaries(st.text(min_size=1, max_size=5), JSON, max_size=4))
def test_any_metadata_goes_through_toml_and_back(metadata: dict[str, Any]) -> None:
    lab = LabStages.model_validate(
        {"schema": "agilab.lab_stages.v2", "lab": {"notebook": for_toml(metadata)}}
    )
    read_again = parse_document(toml_of(lab), LabStages, "the file")
    assert from_toml(read_again.lab.notebook) == metadata


def test_raw_cells_and_cell_metadata_are_with_their_stages_and_attachments_are_told() -> None:
    lab = lab_of("raw_and_attached")
    raw = {key: value for stage in lab.stages for key, value in stage.extra.get("raw", {}).items()}
    assert raw == {
        "raw-and-attached-2": ".. note:: the sensor was changed in May",
        "raw-and-attached-4": "The end.",
    }
    cells = {key: value for stage in lab.stages for key, value in stage.extra.get("cells", {}).items()}
    # how a cell was last shown or timed says nothing of the study
    assert cells == {"raw-and-attached-1": {"slideshow": {"slide_type": "slide"}}}
    told = [one for one in inspect(DATA / "raw_and_attached.ipynb").findings if one.code == "NB-037"]
    assert [(one.cell, one.what) for one in told] == [(0, "the cell holds rig.png")]
    assert back(lab) == lab


def test_text_without_code_is_a_lab_of_text(tmp_path: Path) -> None:
    path = tmp_path / "words.ipynb"
    path.write_bytes(
        notebook(markdown("# Only words"), markdown("Nothing is run."), code("  \n"), metadata=PYTHON)
    )
    lab = preview_import([path]).lab
    assert {stage.kind for stage in lab.stages} == {"none"}
    assert lab.lab.title == "Only words"


def test_half_a_character_and_control_characters_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / "half.ipynb"
    half = "\ud83d"
    path.write_bytes(
        notebook(
            markdown(f"# Waves {half}"), f"x = '{half}'\r\ny = 1\x0c\n", "z = y\x1b", metadata={"x": half}
        )
    )
    preview = preview_import([path])
    written = write_import(preview, tmp_path / "lab", lock=False)
    lab = parse_document(written.path.read_text("utf-8"), LabStages, "the file")
    assert lab.lab.title == "Waves \ufffd"
    assert from_toml(lab.lab.notebook) == {"x": half}
    told = [(one.location.cell, one.location.line) for one in preview.report.findings if one.code == "NB-033"]
    assert told == [(0, 1), (1, 1)]


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", '{"a": [1.5, {"b": NaN}]}', "[1e999]"])
def test_numbers_that_are_none_are_kept_in_metadata_of_notebooks_and_cells(
    value: str, tmp_path: Path
) -> None:
    """JSON as Python writes it, where neither JSON nor a lab has such numbers."""
    kernel = json.dumps(PYTHON["kernelspec"])
    cell = f'{{"cell_type": "code", "metadata": {{"q": {value}, "r": 2.5}}, "outputs": [], "execution_count": null, '
    path = tmp_path / "n.ipynb"
    path.write_text(
        f'{{"nbformat": 4, "nbformat_minor": 4, "metadata": {{"kernelspec": {kernel}, "q": {value}}}, '
        f'"cells": [{cell}"source": "x = 1"}}]}}'
    )
    write_import(preview_import([path]), tmp_path, lock=False)
    written = parse_document((tmp_path / "lab_stages.toml").read_text("utf-8"), LabStages, "the file")
    (kept,) = written.stages[0].extra["cells"].values()
    meant = json.dumps(json.loads(value))
    assert json.dumps(from_toml(written.lab.notebook)["q"]) == meant
    assert json.dumps(from_toml(kept)) == f'{{"q": {meant}, "r": 2.5}}'
    assert json.dumps(notebook_of(written)["metadata"]["q"]) == meant
