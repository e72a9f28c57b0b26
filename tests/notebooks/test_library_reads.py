"""Files that are read by libraries which nobody knows, whatever their names end in: they count where they lie."""

from __future__ import annotations

from pathlib import Path

import pytest

from agilab.notebooks.inspecting import inspect
from agilab.notebooks.stages.above import inspected_in_place
from agilab.notebooks.stages.staging import Staged, stage_notebooks
from tests.notebooks.building import notebook
from tests.notebooks.test_file_uses import files

FILES = ("study/near.las", "study/data/deep.las", "study/out.las", "study/Makefile", "wells/sample.las")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in FILES:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("1", encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "wells"\n', encoding="utf-8")
    return tmp_path


def staged(project: Path, *cells: str) -> Staged:
    path = project / "study" / "n.ipynb"
    path.write_bytes(notebook(*cells))
    return stage_notebooks([inspected_in_place(path)], per="cell")


@pytest.mark.parametrize(
    ("code", "taken"),
    [
        ("import lasio\nlasio.read('near.las')", "near.las"),
        ("import os, lasio\nlasio.read(os.path.join('data', 'deep.las'))", "data/deep.las"),
        ("from lasio import read_file\nread_file(path='near.las')", "near.las"),
        ("import pathlib, welly\nwelly.Well.from_las(pathlib.Path('data') / 'deep.las')", "data/deep.las"),
        ("import lasio\nreader = lasio.Reader()\nreader.parse('near.las')", "near.las"),
        (
            "import lasio\ndef get(name):\n    return lasio.read(f'data/{name}.las')\nget('deep')",
            "data/deep.las",
        ),
        ("import make\nmake.load('Makefile')", "./Makefile"),
    ],
)
def test_what_lies_beside_a_notebook_and_a_library_reads_is_an_input(
    project: Path, code: str, taken: str
) -> None:
    assert files(staged(project, code)) == [([taken], [])]


def test_what_lies_above_moves_the_lab_there(project: Path) -> None:
    found = staged(project, "import os, lasio\nlasio.read(os.path.join('..', 'wells', 'sample.las'))")
    assert [(stage.workdir, stage.inputs) for stage in found.lab.stages] == [("study", ("wells/sample.las",))]
    said = inspected_in_place(project / "study" / "n.ipynb").findings
    assert "NB-303" not in {one.code for one in said}


def test_what_lies_outside_the_project_is_said(project: Path) -> None:
    (project / "study" / ".git").mkdir()
    found = staged(project, "import lasio\nlasio.read('../wells/sample.las')")
    assert files(found) == [([], [])]
    said = inspect(project / "study" / "n.ipynb").findings
    assert ["lasio.read" in one.what for one in said if one.code == "NB-303"] == [True]


@pytest.mark.parametrize(
    "code",
    [
        "import lasio\nlasio.read('far.las')",
        "import lasio\nlasio.read('data')",
        "import lasio\nlasio.run('near.las')\nlasio.Title('near.las')",
        "print('near.las')\nread = print\nread('near.las')",
        "import lasio\nlasio.examples.open('near.las')",
        "import lasio\nlasio.save('key')\nlasio.load('key')",
        "import lasio\nlasio.read('near.las' + '.bak')",
    ],
)
def test_a_text_that_names_no_file_or_is_not_read_is_none(project: Path, code: str) -> None:
    assert files(staged(project, code)) == [([], [])]


@pytest.mark.parametrize("name", ["out.las", "new.las"])
@pytest.mark.parametrize(
    ("writes", "reads"),
    [
        ("lasio.LASFile().write('{}', version=2)", "lasio.read('{}')"),
        ("open('{}', 'w').write('1')", "lasio.read('{}')"),
        ("lasio.LASFile().write('{}', version=2)", "text = open('{}').read()"),
    ],
)
def test_what_a_stage_writes_for_another_is_not_that_of_the_last_time(
    project: Path, name: str, writes: str, reads: str
) -> None:
    found = staged(project, f"import lasio\n{writes.format(name)}", f"import lasio\n{reads.format(name)}")
    assert files(found) == [([], [name]), ([name], [])]


def test_what_goes_into_an_archive_is_not_written(project: Path) -> None:
    code = "import lasio, zipfile\nzipfile.ZipFile('all.zip', 'w').write('near.las')\nlasio.read('near.las')"
    assert files(staged(project, code)) == [(["near.las"], ["all.zip"])]


def test_what_helpers_of_an_own_module_read_is_an_input_of_who_calls_them(project: Path) -> None:
    (project / "study" / "helpers.py").write_text(
        "import lasio\ndef get(path):\n    return lasio.read(path)\n", encoding="utf-8"
    )
    code = "import helpers\nhelpers.get('near.las')"
    assert "near.las" in files(staged(project, code))[0][0]


def test_a_notebook_of_which_nobody_knows_where_it_lies_takes_nothing_unseen() -> None:
    found = stage_notebooks(
        [inspect(notebook("import lasio\nlasio.read('near.las')"), name="n.ipynb")], per="cell"
    )
    assert files(found) == [([], [])]
