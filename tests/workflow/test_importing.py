"""An import on disk: what is written, brought along and refused; and a lab as a notebook in other forms."""

from __future__ import annotations

import json
import tomllib
from datetime import UTC, date, datetime, time
from pathlib import Path

import pytest

from agi_node.errors import AgiError
from agilab.contracts.base import read_document
from agilab.contracts.lab_stages import LabStages
from agilab.contracts.moments import kinds_in
from agilab.projects.discover import find_app
from agilab.store.workspace import Workspace
from agilab.workflow.compared import Version, compare_versions
from agilab.workflow.notebooks.exporting import export_lab, round_trip
from agilab.workflow.notebooks.held_together import held_together
from agilab.workflow.notebooks.importing import make_an_app, write_import
from agilab.workflow.notebooks.preview import preview_import, toml_of
from agilab.workflow.notebooks.together import locked_in
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
    assert told.value.try_ == f"edit {tmp_path}/pyproject.toml, then: uv lock --directory {tmp_path}"
    assert read_document(tmp_path / "lab_stages.toml", LabStages).stages
    assert not (tmp_path / "uv.lock").exists()


@pytest.mark.slow
def test_a_lab_in_a_folder_called_like_a_package_has_that_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As every collection of tutorials has folders `numpy` and `pandas`."""
    folder = tmp_path / "iniconfig"
    path = notebook(folder, "# %%\nimport iniconfig\n")
    write_import(preview_import([path]), folder)
    assert tomllib.loads((folder / "pyproject.toml").read_text())["project"]["name"] == "iniconfig-lab"
    assert "iniconfig" in locked_in(folder)
    (folder / "uv.lock").unlink()
    (folder / "pyproject.toml").write_text('[project]\nname = "iniconfig"\n')
    monkeypatch.chdir(folder)
    with pytest.raises(AgiError, match="uv cannot lock") as told:
        write_import(preview_import([Path(path.name)]), Path())
    assert told.value.try_ == "edit pyproject.toml, then: uv lock"


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


def test_environments_and_apps_in_folders_with_plain_names_come_along_and_known_apps_need_not(
    tmp_path: Path,
) -> None:
    home = tmp_path / "Werk Süd"
    files = {
        "lab_stages.toml": (
            '[[stages]]\nid = "a"\nenv = "pol"\ncode = "1"\n'
            '[[stages]]\nid = "b"\napp = "wind"\n'
            '[[stages]]\nid = "c"\napp = "uav_queue_project"\n'
            '[[stages]]\nid = "d"\nenv = "."\ncode = "2"\n'
            '[[stages]]\nid = "e"\nenv = "nowhere_at_all"\ncode = "3"\n'
        ),
        "pyproject.toml": "# mine\n",
        "uv.lock": "# locked\n",
        "pol/pyproject.toml": "# theirs\n",
        "pol/uv.lock": "# locked too\n",
        "pol/src/pol/__init__.py": "",
        "wind/pyproject.toml": "# an app\n",
        "wind/data/a.csv": "1\n",
    }
    aside = ["pol/.venv/bin/python", "wind/src/__pycache__/x.pyc", "notes.txt"]
    for name, text in {**files, **dict.fromkeys(aside, "")}.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text)
    document = read_document(home / "lab_stages.toml", LabStages)
    made = export_lab(document, home / "lab_stages.toml", home / "Werk Süd.ipynb")
    target = tmp_path / "imp" / "x"
    written = write_import(preview_import([made.path]), target, lock=False)
    there = {file.relative_to(target).as_posix() for file in target.rglob("*") if file.is_file()}
    assert there == files.keys()
    assert written.missing == ("nowhere_at_all",)


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


DATED = """
# what a person wrote
[lab]
title = "Dated"

[lab.params]
day = 2026-03-02
at = 2026-03-02T10:00:00Z
hour = 12:30:00
days = [2026-01-01, "soon"]
said = "2026-03-02"

[[stages]]
id = "tell"
inputs = ["day", "said"]
extra = { since = 2025-01-01 }
code = "day"
"""


def test_dates_of_a_lab_come_back_as_dates_and_their_texts_as_texts(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    lab = home / "lab_stages.toml"
    lab.write_text(DATED, encoding="utf-8")
    document = read_document(lab, LabStages)
    for name in ("lab.ipynb", "lab.py", "lab.md"):
        if name != "lab.ipynb":
            pytest.importorskip("jupytext")
        made = export_lab(document, lab, home / name)
        target = tmp_path / name.replace(".", "-")
        write_import(preview_import([made.path]), target, lock=False)
        found = tomllib.loads((target / "lab_stages.toml").read_text(encoding="utf-8"))
        assert found["lab"]["params"] == {
            "day": date(2026, 3, 2),
            "at": datetime(2026, 3, 2, 10, tzinfo=UTC),
            "hour": time(12, 30),
            "days": [date(2026, 1, 1), "soon"],
            "said": "2026-03-02",
        }
        assert found["stages"][0]["extra"] == {"since": date(2025, 1, 1)}
    assert round_trip(document, toml=DATED).identical


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("'2026-04-01'", date(2026, 4, 1)),  # as papermill writes it
        ("'tomorrow'", "tomorrow"),
        ("'20260401'", "20260401"),
        ("datetime.date(2026, 4, 1)", date(2026, 4, 1)),
        ("datetime.datetime(2026, 4, 1, 12)", datetime(2026, 4, 1, 12)),
        ("datetime.datetime.fromisoformat('2026-04-01T12:00Z')", datetime(2026, 4, 1, 12, tzinfo=UTC)),
        ("time(12, 30)", time(12, 30)),
        ("[datetime.date(2026, 4, 1), 3]", [date(2026, 4, 1), 3]),
    ],
)
def test_an_edited_date_is_one_as_long_as_it_reads_as_one(typed: str, read: object, tmp_path: Path) -> None:
    lab = tmp_path / "lab_stages.toml"
    lab.write_text(DATED, encoding="utf-8")
    made = export_lab(read_document(lab, LabStages), lab, tmp_path / "lab.ipynb")
    text = made.path.read_text(encoding="utf-8")
    assert "day = datetime.date(2026, 3, 2)" in text
    made.path.write_text(text.replace("day = datetime.date(2026, 3, 2)", f"day = {typed}"), encoding="utf-8")
    write_import(preview_import([made.path]), tmp_path / "to", lock=False)
    found = tomllib.loads((tmp_path / "to" / "lab_stages.toml").read_text(encoding="utf-8"))
    assert found["lab"]["params"]["day"] == read


def test_a_date_that_became_its_text_is_a_difference(tmp_path: Path) -> None:
    lab = tmp_path / "lab_stages.toml"
    lab.write_text(DATED, encoding="utf-8")
    document = read_document(lab, LabStages)
    made = export_lab(document, lab, tmp_path / "lab.ipynb")
    other = DATED.replace("day = 2026-03-02", 'day = "2026-03-02"')
    told = round_trip(document, made.path, toml=other)
    assert not told.identical
    assert told.lost == ("lab.params.day is a text, and a date in the notebook",)
    sides = [Version(document, tmp_path, kinds_in(text)) for text in (DATED, other)]
    (found,) = compare_versions(*sides).document.lab
    assert found.to_plain() == {"field": "kind of lab.params.day", "before": "a date", "after": "a text"}
    assert compare_versions(sides[0], sides[0]).same


def test_a_moved_cell_is_told(tmp_path: Path) -> None:
    lab = tmp_path / "lab_stages.toml"
    stages = [f'[[stages]]\nid = "{name}"\ncode = "1"\n' for name in "abcd"]
    lab.write_text("".join(stages), encoding="utf-8")
    made = export_lab(read_document(lab, LabStages), lab, tmp_path / "lab.ipynb")
    book = json.loads(made.path.read_text(encoding="utf-8"))
    cells = book["cells"]
    pair = [cell for cell in cells if cell["id"] in ("a", "a-text")]
    book["cells"] = [*(cell for cell in cells[:-1] if cell not in pair), *pair, cells[-1]]
    made.path.write_text(json.dumps(book), encoding="utf-8")
    preview = preview_import([made.path])
    assert [stage.id for stage in preview.lab.stages] == ["b", "c", "d", "a"]
    assert [(change["kind"], change["stage"]) for change in preview.back] == [("moved", "a")]


def test_a_run_since_the_export_is_no_difference_of_a_notebook(tmp_path: Path) -> None:
    lab = tmp_path / "lab_stages.toml"
    lab.write_text('[[stages]]\nid = "a"\ncode = "1"\n', encoding="utf-8")
    made = export_lab(read_document(lab, LabStages), lab, tmp_path / "lab.ipynb")
    ran = '[stages.last_run]\nrun = "20261126-130214122-k-d095wy"\nstatus = "succeeded"\n'
    ran += 'at = "2026-11-26T13:02:14Z"\nseconds = 0.1\n'
    lab.write_text(f'[[stages]]\nid = "a"\ncode = "1"\n{ran}', encoding="utf-8")
    assert round_trip(read_document(lab, LabStages), made.path).identical
    lab.write_text(f'[[stages]]\nid = "a"\ncode = "2"\n{ran}', encoding="utf-8")
    assert round_trip(read_document(lab, LabStages), made.path).lost == ("stage a has another code",)


def test_a_report_that_is_there_is_kept(tmp_path: Path) -> None:
    path = notebook(tmp_path, "# %%\nx = 1\n")
    (tmp_path / "notebook_import.json").write_bytes(b"mine\xff")
    written = write_import(preview_import([path]), tmp_path, lock=False)
    assert written.kept == (("notebook_import.json", "notebook_import.json.bak"),)
    assert (tmp_path / "notebook_import.json.bak").read_bytes() == b"mine\xff"
    # Its own that says the same is not in the way.
    assert write_import(preview_import([path]), tmp_path, lock=False).kept == ()
    first = (tmp_path / "notebook_import.json").read_bytes()
    notebook(tmp_path, "# %%\nx = 2\n")
    written = write_import(preview_import([path]), tmp_path, lock=False)
    assert written.kept == (("notebook_import.json", "notebook_import.json.bak2"),)
    assert (tmp_path / "notebook_import.json.bak2").read_bytes() == first


def test_what_a_method_needs_besides_is_a_dependency(tmp_path: Path) -> None:
    text = "# %%\nimport duckdb\n# %%\nx = duckdb.sql('select 1 as a').df()\n"
    needs = ("duckdb", "numpy", "pandas", "pyarrow", "pydantic>=2.9")
    assert set(preview_import([notebook(tmp_path, text)]).dependencies) - {"cloudpickle"} == set(needs)


def test_a_stranger_of_a_modules_name_is_no_dependency(tmp_path: Path) -> None:
    text = "# %%\nimport numpy\nimport frobnicate_tools\n# %%\n%%writefile helper.py\nx = 1\n# %%\nimport helper\n"
    assert preview_import([notebook(tmp_path, text)]).dependencies == ("numpy", "pydantic>=2.9")
    asked = "# %%\n%pip install frobnicate-tools==1.2\nimport frobnicate_tools\n"
    assert preview_import([notebook(tmp_path, asked)]).dependencies == (
        "frobnicate-tools==1.2",
        "pydantic>=2.9",
    )


def test_why_many_cells_are_one_stage_is_said_in_a_line(tmp_path: Path) -> None:
    cells = "".join(f"# %%\nstep.n = {n}\n" for n in range(6))
    text = f"# %%\nimport math\n# %%\ndef step(x):\n    return x\nstep.n = 0\n{cells}"
    (told,) = preview_import([notebook(tmp_path, text)]).report.notebooks
    (why,) = held_together(told)
    assert why.startswith("cells 1 to 7 are one stage: step ")
    (told,) = preview_import([notebook(tmp_path, "# %%\nx = 1\n# %%\nprint(x)\n")]).report.notebooks
    assert list(held_together(told)) == []
