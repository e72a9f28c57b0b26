"""An import on disk: what is written, brought along and refused; and a lab as a notebook in other forms."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from agi_node.errors import AgiError
from agilab.contracts.base import read_document
from agilab.contracts.lab_stages import LabStages
from agilab.projects.discover import find_app
from agilab.store.workspace import Workspace
from agilab.workflow.notebooks.exporting import export_lab, round_trip
from agilab.workflow.notebooks.importing import make_an_app, preview_import, toml_of, write_import
from agilab.workflow.running.prepare import read_lab
from tests.workflow.studies import Study, book, language, tables


def notebook(folder: Path, text: str, name: str = "study.ipynb") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(book(text))
    return path


def test_the_same_notebooks_give_the_same_lab_in_whatever_order_they_are_named(tmp_path: Path) -> None:
    paths = tables.SEVERAL.write(tmp_path)
    one, other = (preview_import(given) for given in (paths, list(reversed(paths))))
    assert toml_of(one.lab) == toml_of(other.lab)
    assert one.reads == ("data/orders.csv",)
    # the files that they exchange decide, not their names
    order = [stage.origin.notebook for stage in one.lab.stages if stage.origin]
    assert order == sorted(order, key=str)


def test_what_a_notebook_installs_itself_says_the_version(tmp_path: Path) -> None:
    path = notebook(
        tmp_path, "# %%\n%pip install 'polars>=1.20,<2' tqdm\nimport polars as pl\nimport pandas as pd\n"
    )
    assert preview_import([path]).dependencies == (
        "pandas",
        "polars>=1.20,<2",
        "pyarrow",
        "pydantic>=2.9",
        "tqdm",
    )


def test_an_import_elsewhere_brings_data_and_modules_and_leaves_the_notebook_alone(tmp_path: Path) -> None:
    home, lab = tmp_path / "home", tmp_path / "lab"
    path = notebook(
        home, "# %%\nimport cleaning\nfrom more.tools import tidy\ntable = open('data/a.csv').read()\n"
    )
    for name in ("data/a.csv", "data/b.csv", "cleaning.py", "more/__init__.py", "more/tools.py", "other.py"):
        (home / name).parent.mkdir(exist_ok=True)
        (home / name).write_text(f"# {name}\n")
    before = {file: file.read_bytes() for file in home.rglob("*") if file.is_file()}
    written = write_import(preview_import([path]), lab, lock=False)
    there = {file.relative_to(lab).as_posix() for file in lab.rglob("*") if file.is_file()}
    brought = {"data/a.csv", "cleaning.py", "more/__init__.py", "more/tools.py"}
    assert there == {"lab_stages.toml", "notebook_import.json", "pyproject.toml", *brought}
    assert set(written.files) == there
    assert written.missing == ()
    assert {file: file.read_bytes() for file in home.rglob("*") if file.is_file()} == before
    needs = tomllib.loads((lab / "pyproject.toml").read_text())["project"]["dependencies"]
    assert needs == ["pydantic>=2.9"], "a module beside the notebook is no distribution"


def test_what_cannot_be_imported_makes_no_folder(tmp_path: Path) -> None:
    (tmp_path / "words.ipynb").write_text("no notebook")
    preview = preview_import([tmp_path / "words.ipynb"])
    with pytest.raises(AgiError, match="there is nothing that could become stages") as told:
        write_import(preview, tmp_path / "lab")
    assert told.value.code == "AGI-STAGE-045"
    assert "words.ipynb" in (told.value.found or "")
    assert not (tmp_path / "lab").exists()


@pytest.mark.slow
def test_what_uv_cannot_lock_is_told_after_the_stages_are_written(tmp_path: Path) -> None:
    path = notebook(tmp_path, "# %%\n%pip install iniconfig==99.1\nimport iniconfig\n")
    with pytest.raises(AgiError, match="uv cannot lock what the notebooks import") as told:
        write_import(preview_import([path]), tmp_path)
    assert (told.value.code, told.value.exit_code) == ("AGI-STAGE-046", 3)
    assert "iniconfig" in (told.value.found or "")
    assert read_document(tmp_path / "lab_stages.toml", LabStages).stages
    assert not (tmp_path / "uv.lock").exists()


def test_a_project_that_is_there_is_left_alone(tmp_path: Path) -> None:
    path = notebook(tmp_path, "# %%\nimport pandas\n")
    (tmp_path / "pyproject.toml").write_text("# mine\n")
    (tmp_path / "uv.lock").write_text("# mine\n")
    written = write_import(preview_import([path]), tmp_path)
    assert written.files == ("lab_stages.toml", "notebook_import.json")
    assert (tmp_path / "pyproject.toml").read_text() == (tmp_path / "uv.lock").read_text() == "# mine\n"


def test_a_lab_becomes_an_app_that_is_known_by_name(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "home").ensure()
    folder = tmp_path / "halves_project"
    path = notebook(tmp_path, "# %% [markdown]\n# Halves\n# %%\nnumbers = [n / 2 for n in range(3)]\n")
    write_import(preview_import([path]), folder, lock=False)
    make_an_app(folder, workspace)
    assert find_app("halves", workspace).folder == folder
    assert "digraph" in (folder / "pipeline_view.dot").read_text()
    readme = (folder / "README.md").read_text()
    assert readme.startswith("# Halves\n")
    (folder / "README.md").write_text("mine")
    make_an_app(folder, workspace)
    assert (folder / "README.md").read_text() == "mine"


# -- and back -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "one", [language.MAGICS, language.FUNCTIONS, tables.PLOTTING], ids=lambda one: str(one.name)
)
def test_an_imported_lab_goes_to_a_notebook_and_back(one: Study, tmp_path: Path) -> None:
    lab = preview_import(one.write(tmp_path)).lab
    told = round_trip(lab)
    assert (told.identical, told.lost, told.changes) == (True, (), ())


def test_a_python_file_with_cells_is_a_form_of_the_same_notebook(tmp_path: Path) -> None:
    path = notebook(tmp_path, language.STATE.books["state_across_cells.ipynb"])
    write_import(preview_import([path]), tmp_path, lock=False)
    document = read_lab(tmp_path / "lab_stages.toml").document
    script = export_lab(document, tmp_path / "lab_stages.toml", tmp_path / "lab.py").path
    text = script.read_text(encoding="utf-8")
    assert "# %%" in text
    assert "results[n] = n ** 2" in text
    back = preview_import([script])
    assert back.back == ()
    assert back.lab == document


def test_a_notebook_in_another_folder_finds_its_lab_by_a_relative_path(tmp_path: Path) -> None:
    path = notebook(tmp_path / "study", "# %%\nx = 1\nx\n")
    write_import(preview_import([path]), tmp_path / "study", lock=False)
    lab = tmp_path / "study" / "lab_stages.toml"
    target = tmp_path / "notebooks" / "lab.ipynb"
    target.parent.mkdir()
    made = export_lab(read_document(lab, LabStages), lab, target)
    cells = json.loads(made.path.read_text(encoding="utf-8"))["cells"]
    assert any("Lab('../study/lab_stages.toml')" in "".join(cell["source"]) for cell in cells)
    assert str(tmp_path) not in made.path.read_text(encoding="utf-8")


LAB = """
[[stages]]
id = "load"
inputs = ["data/*.csv"]
outputs = ["u"]
file = "code/load.py"

[[stages]]
id = "tell"
inputs = ["u", "out/../../secret.txt"]
code = "import cleaning\\nu"
"""


def test_a_labs_own_notebook_brings_its_lab_along_to_another_folder(tmp_path: Path) -> None:
    home = tmp_path / "lab"
    files = {
        "lab_stages.toml": LAB,
        "code/load.py": "u = 1\n",
        "data/a.csv": "1\n",
        "cleaning.py": "",
        "other.py": "",
        "pyproject.toml": "# mine\n",
        "uv.lock": "# locked\n",
    }
    for name, text in files.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text)
    (tmp_path / "secret.txt").write_text("not of the lab")
    document = read_document(home / "lab_stages.toml", LabStages)
    made = export_lab(document, home / "lab_stages.toml", home / "lab.ipynb")

    target = tmp_path / "deep" / "copy"
    written = write_import(preview_import([made.path]), target, lock=False)
    there = {file.relative_to(target).as_posix() for file in target.rglob("*") if file.is_file()}
    assert there == files.keys() - {"other.py"}
    assert {name: (target / name).read_text() for name in there if name != "lab_stages.toml"} == {
        name: text for name, text in files.items() if name in there and name != "lab_stages.toml"
    }
    assert read_document(target / "lab_stages.toml", LabStages) == document
    assert written.missing == ("out/../../secret.txt",)
    assert not (tmp_path / "deep" / "secret.txt").exists(), "what lies outside the lab is not brought along"


def test_what_cannot_come_along_is_named(tmp_path: Path) -> None:
    home = tmp_path / "lab"
    home.mkdir()
    lab = home / "lab_stages.toml"
    lab.write_text(
        '[[stages]]\nid = "a"\nfile = "a.py"\n[[stages]]\nid = "b"\nenv = "../tools"\ncode = "1"\n'
    )
    made = export_lab(read_document(lab, LabStages), lab, home / "lab.ipynb")
    written = write_import(preview_import([made.path]), tmp_path / "copy", lock=False)
    assert written.missing == ("../tools", "a.py", "pyproject.toml")
