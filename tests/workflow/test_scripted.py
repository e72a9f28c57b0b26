"""A lab as a Python file, run by Python: the lab runs as by the command, and no stage's code runs in that process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from agilab.notebooks.reading import read
from agilab.notebooks.supervisor.read_back import read_back
from agilab.store.workspace import Workspace
from agilab.workflow.notebooks.exporting import export_lab
from agilab.workflow.running.prepare import read_lab
from tests.workflow.conftest import ALab
from tests.workflow.test_session_notebook import SQUARES, newest, without_times

pytest.importorskip("jupytext")
pytestmark = pytest.mark.slow

WHO = """
[[stages]]
id = "who"
code = 'open("stood-here", "w").close()'
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """An AGILab home of which the script may know; nothing is tracked."""
    workspace = Workspace(tmp_path_factory.mktemp("script-home")).ensure()
    (workspace.home / "settings.toml").write_text("[tracking]\nenabled = false\n")
    return workspace


@pytest.fixture
def script(lab: ALab, home: Workspace) -> Path:
    made = ALab(lab.folder, home).write(SQUARES + WHO)
    folder = made.folder / "deeper"
    folder.mkdir()
    return export_lab(read_lab(made.path).document, made.path, folder / "study.py").path


def python(home: Workspace, cwd: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, "AGILAB_HOME": str(home.home)},
        check=False,
    )


def test_it_runs_the_lab_as_the_command_does_from_any_folder(
    script: Path, home: Workspace, tmp_path_factory: pytest.TempPathFactory
) -> None:
    lab = script.parents[1]
    by = python(home, lab, "-m", "agilab", "workflow", "run", str(lab), "--json")
    assert by.returncode == 0, by.stderr
    by_command = newest(home)
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    done = python(home, elsewhere, str(script))
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "make: as in lab_stages.toml"
    assert "  tell   succeeded   7.0" in lines  # (0 + 1 + 4 + 9) / 2
    by_script = newest(home)
    assert by_script["run_id"] != by_command["run_id"]
    assert without_times(by_script) == without_times(by_command)
    left = [path.name for folder in (elsewhere, script.parent, lab) for path in folder.iterdir()]
    assert "stood-here" not in left, "no stage's code ran in the script's own process"
    assert "out" not in left


def test_what_somebody_edited_counts_and_other_cells_run_here(script: Path, home: Workspace) -> None:
    text = script.read_text(encoding="utf-8")
    assert "n * n" in text
    added = '\n# %%\n# %matplotlib inline\nprint("after", top)\ntop + 1\n'
    script.write_text(text.replace("n * n", "n ** 3").replace("top = 4", "top = 3") + added, encoding="utf-8")
    done = python(home, script.parent, script.name)
    assert (done.returncode, done.stderr) == (0, "")
    assert "make: as edited here" in done.stdout
    assert "tell   succeeded   4.5" in done.stdout  # (0 + 1 + 8) / 2
    assert done.stdout.endswith("after 3\n4\n")
    assert newest(home)["args"] == {"top": 3}
    edited = [change.kind for change in read_back(read(script)).changes]
    assert sorted(edited)[:3] == ["added", "edited", "params"], "and it still comes back as a notebook"


def test_a_stage_that_fails_is_the_exit_status_and_no_traceback(script: Path, home: Workspace) -> None:
    script.write_text(script.read_text(encoding="utf-8").replace("n / 2", "n / 0"), encoding="utf-8")
    done = python(home, script.parent, script.name)
    assert done.returncode == 1
    assert done.stderr.startswith("error[AGI-RUN-101]: halve raised ZeroDivisionError")
    assert "Traceback" not in done.stderr.split("found")[0]
    assert newest(home)["verdict"]["status"] == "failed"
    assert f"failed  {newest(home)['run_id']}" in done.stdout
    assert "  make   succeeded" in done.stdout


def test_a_cell_of_ones_own_that_fails_is_shown_where_it_stands(script: Path, home: Workspace) -> None:
    script.write_text(script.read_text(encoding="utf-8") + "\n# %%\nx = 1\nx / 0\n", encoding="utf-8")
    done = python(home, script.parent, script.name)
    assert done.returncode == 1
    last = len(script.read_text(encoding="utf-8").splitlines())
    assert f'study.py", line {last}, in <module>' in done.stderr
    assert done.stderr.endswith("ZeroDivisionError: division by zero\n")


@pytest.mark.parametrize("words", [("--set", "top=3"), ("--help",)])
def test_words_that_nobody_reads_are_refused(words: tuple[str, ...], script: Path, home: Workspace) -> None:
    done = python(home, script.parent, script.name, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error[AGI-ARGS-103]: study.py takes no words from the command line")
    asks = script.read_text(encoding="utf-8") + "\n# %%\nimport sys\n\nprint(sys.argv[1:])\n"
    script.write_text(asks, encoding="utf-8")
    done = python(home, script.parent, script.name, *words)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, str(list(words)))


def test_it_is_not_imported(script: Path, home: Workspace) -> None:
    done = python(home, script.parent, "-c", "import study")
    assert done.returncode == 1
    assert "error[AGI-STAGE-068]: study.py is the notebook of a lab" in done.stderr
    assert not (script.parent / "stood-here").exists()
