"""A lab's notebook, run by Jupyter headless: the same run as the command's, and what was edited counts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agilab.contracts.lab_stages import LabStages
from agilab.store.workspace import Workspace
from agilab.workflow.notebooks.exporting import export_lab, export_single_kernel
from agilab.workflow.notebooks.preview import preview_import
from agilab.workflow.running.prepare import read_lab
from tests.projects.conftest import write_app
from tests.workflow.conftest import ALab, lock
from tests.workflow.test_app_stages import APP

pytestmark = pytest.mark.slow

JUPYTER = Path(sys.executable).with_name("jupyter-execute")
SQUARES = """
[lab]
title = "Squares"
params = { top = 4 }

[[stages]]
id = "make"
title = "Make numbers"
description = "As many as *top* says."
inputs = ["top"]
outputs = ["numbers"]
code = '''
def squared(n):
    return n * n

numbers = [squared(n) for n in range(top)]
'''

[[stages]]
id = "halve"
title = "Halve them"
inputs = ["numbers"]
outputs = ["halves", "out/halves.txt"]
code = '''
from pathlib import Path

halves = [n / 2 for n in numbers]
Path("out/halves.txt").write_text(str(halves))
'''

[[stages]]
id = "tell"
inputs = ["halves"]
code = "sum(halves)"
"""
DRAWN = """
[[stages]]
id = "backend"
outputs = ["line.png"]
code = '''
from importlib.util import find_spec

import matplotlib
import matplotlib.pyplot as plt

plt.plot([1, 2])
plt.savefig("line.png")
matplotlib.get_backend(), find_spec("matplotlib_inline") is not None
'''

[[stages]]
id = "nothing"
code = "\\n"
"""
Cells = list[dict[str, Any]]
Edit = Callable[[Cells], None]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """An AGILab home of which the kernel may know; nothing is tracked."""
    workspace = Workspace(tmp_path_factory.mktemp("kernel-home")).ensure()
    (workspace.home / "settings.toml").write_text("[tracking]\nenabled = false\n")
    return workspace


@pytest.fixture
def squares(lab: ALab, home: Workspace) -> ALab:
    return ALab(lab.folder, home).write(SQUARES)


def exported(lab: ALab) -> Path:
    return export_lab(read_lab(lab.path).document, lab.path, lab.folder / "study.ipynb").path


def executed(notebook: Path, home: Workspace, edit: Edit | None = None) -> Cells:
    """Run a notebook headless, perhaps edited, as `jupyter execute` does; returns its code cells."""
    if edit is not None:
        book = json.loads(notebook.read_text(encoding="utf-8"))
        edit(book["cells"])
        notebook.write_text(json.dumps(book), encoding="utf-8")
    done = subprocess.run(
        [str(JUPYTER), "--inplace", str(notebook)],
        capture_output=True,
        text=True,
        cwd=notebook.parent,
        env={**os.environ, "AGILAB_HOME": str(home.home)},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


def text_of(cell: dict[str, Any]) -> str:
    """What a cell printed or showed."""
    parts = [output.get("text") or output.get("data", {}).get("text/plain", []) for output in cell["outputs"]]
    return "".join(line for part in parts for line in part)


def source_of(cells: Cells, name: str) -> dict[str, Any]:
    return next(cell for cell in cells if cell.get("id") == name)


def newest(home: Workspace) -> dict[str, Any]:
    manifest = max(home.home.glob("runs/*/run_manifest.json"), key=lambda path: path.parent.name)
    document: dict[str, Any] = json.loads(manifest.read_text(encoding="utf-8"))
    return document


def without_times(value: Any) -> Any:
    """A manifest without what no two runs share: ids, times, and the head of a log that holds these."""
    if isinstance(value, dict):
        own = ("run_id", "timing", "worked_seconds", "written_at", "head")
        return {name: without_times(one) for name, one in value.items() if name not in own}
    return [without_times(one) for one in value] if isinstance(value, list) else value


def test_it_leaves_the_manifest_that_the_command_leaves(squares: ALab, home: Workspace) -> None:
    notebook = exported(squares)
    environ = {**os.environ, "AGILAB_HOME": str(home.home)}
    words = [sys.executable, "-m", "agilab", "workflow", "run", str(squares.folder), "--json"]
    subprocess.run(words, check=True, capture_output=True, env=environ)
    by_command = newest(home)

    cells = executed(notebook, home)
    by_notebook = newest(home)

    assert by_notebook["run_id"] != by_command["run_id"]
    assert without_times(by_notebook) == without_times(by_command)
    assert by_notebook["plan_digest"] == by_command["plan_digest"]
    assert "make: as in lab_stages.toml" in text_of(source_of(cells, "make"))
    told = text_of(source_of(cells, "lab-run"))
    assert told.startswith(f"succeeded  {by_notebook['run_id']}")
    # (0 + 1 + 4 + 9) / 2
    assert "tell   succeeded   7.0" in told


def test_a_cell_runs_as_it_was_edited_and_the_lab_is_asked_before_it_changes(
    squares: ALab, home: Workspace
) -> None:
    notebook = exported(squares)

    def cube(cells: Cells) -> None:
        cell = source_of(cells, "make")
        cell["source"] = "".join(cell["source"]).replace("n * n", "n ** 3")
        source_of(cells, "lab-params")["source"] = "top = 3"

    cells = executed(notebook, home, cube)
    assert "make: as edited here" in text_of(source_of(cells, "make"))
    # (0 + 1 + 8) / 2
    assert "tell   succeeded   4.5" in text_of(source_of(cells, "lab-run"))
    assert newest(home)["args"] == {"top": 3}
    assert "n ** 3" not in squares.path.read_text(encoding="utf-8"), "a run changes no code of the lab"
    run, replay = newest(home)["run_id"], newest(home)["replay"]
    kept = home.home / "runs" / run / "lab_stages.toml"
    assert replay["needs"][0] == f"the lab {squares.folder.name}"
    (edited_there,) = replay["needs"][1:]
    assert edited_there.startswith("stage make as edited in the notebook: ")
    assert f"runs/{run}/lab_stages.toml" in edited_there
    assert "n ** 3" in kept.read_text(encoding="utf-8")

    back = preview_import([notebook])
    edited = {change["stage"]: change["kind"] for change in back.back}
    assert edited == {"make": "edited", "": "params"}
    assert "n ** 3" in (back.lab.stages[0].code or "")
    assert back.lab.lab.params == {"top": 3}
    ran = tomllib.loads(kept.read_text(encoding="utf-8"))["stages"][0]["code"]
    assert back.lab.stages[0].code == ran, "what was run is what is imported, to the last line end"


def test_a_stage_that_fails_ends_the_notebook_with_its_error_and_leaves_a_manifest(
    squares: ALab, home: Workspace
) -> None:
    notebook = exported(squares)

    def broken(cells: Cells) -> None:
        cell = source_of(cells, "halve")
        cell["source"] = "".join(cell["source"]).replace("n / 2", "n / 0")

    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        executed(notebook, home, broken)
    assert newest(home)["verdict"]["status"] == "failed"


def test_a_notebook_of_one_kernel_gives_the_same_values(squares: ALab, home: Workspace) -> None:
    target = squares.folder / "single" / "one.ipynb"
    target.parent.mkdir()
    document = read_lab(squares.path).document
    made = export_single_kernel(document, squares.path, target, home)
    assert made.union is not None
    assert made.union.allowed
    cells = executed(target, home)
    assert text_of(source_of(cells, "tell")) == "7.0"
    assert (target.parent / "out" / "halves.txt").read_text() == "[0.0, 0.5, 2.0, 4.5]"
    assert isinstance(document, LabStages)


def test_a_lab_that_draws_runs_in_a_kernel_whose_backend_its_environment_does_not_know(
    tmp_path: Path, home: Workspace
) -> None:
    lock(tmp_path, "drawn", "matplotlib")
    lab = ALab(tmp_path, home).write(DRAWN)
    cells = executed(exported(lab), home)
    assert text_of(source_of(cells, "backend")) == "backend: as in lab_stages.toml\n"
    assert text_of(source_of(cells, "nothing")) == "nothing: as in lab_stages.toml\n", "a first line alone"
    told = text_of(source_of(cells, "lab-run"))
    assert "backend  succeeded   ('module://agi_node.shown', False)" in told, told
    (shown,) = [output for output in source_of(cells, "lab-run")["outputs"] if "data" in output]
    rows = "".join(shown["data"]["text/html"])
    assert "<code>nothing</code>" in rows
    assert "<code></code>" not in rows, "a stage that shows nothing has no box for it"
    by_notebook = newest(home)
    (run,) = home.home.glob(f"runs/{by_notebook['run_id']}")
    (picture,) = run.rglob("line.png")
    assert picture.read_bytes().startswith(b"\x89PNG")


CALLED = """
[[stages]]
id = "add"
app = "adding_project"
outputs = ["total"]

[[stages]]
id = "tell"
inputs = ["total"]
code = "total"
"""


def test_an_app_without_arguments_is_a_first_line_alone_and_runs(lab: ALab, home: Workspace) -> None:
    app = write_app(lab.folder / "adding_project", APP, name="adding")
    (app / "data").mkdir()
    (app / "data" / "numbers.txt").write_text("1 2 4")
    cells = executed(exported(ALab(lab.folder, home).write(CALLED)), home)
    assert "".join(source_of(cells, "add")["source"]) == "%%stage add app=adding_project: -> total"
    assert text_of(source_of(cells, "add")) == "add: as in lab_stages.toml\n"
    # 1 + 2 + 4, of three work items
    assert "{'total': 7, 'parts': 3}" in text_of(source_of(cells, "lab-run"))
