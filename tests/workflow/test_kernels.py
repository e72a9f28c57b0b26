"""`--verify` and kernels: what is given to none, one that dies, and the folder of IPython that it may write into."""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping
from pathlib import Path

import pytest

from agilab.projects.request import Faces
from agilab.store.workspace import Workspace
from agilab.workflow.notebooks.importing import write_import
from agilab.workflow.notebooks.preview import preview_import
from agilab.workflow.notebooks.profile import own_profile
from tests.workflow.studies import Study, study
from tests.workflow.test_verdicts import headline
from tests.workflow.test_verification import by_name, imported, verified

pytestmark = pytest.mark.slow

DYING = study(
    "its kernel dies",
    """
# %%
early = 3
print("before", early)
# %% [markdown]
## Later
# %%
import os, signal
late = 4
if "ipykernel" in os.sys.modules:
    os.kill(os.getpid(), signal.SIGKILL)
# %%
latest = late + 1
""",
)
STORED = Study(
    "what one notebook stores another takes",
    {"1.ipynb": "# %%\nx = 7\n%store x\n", "2.ipynb": "# %%\n%store -r x\nassert x == 7\n"},
)


def book(folder: Path, name: str, *cells: Mapping[str, object], language: str = "python") -> Path:
    """A notebook with these cells, whose kernel is of a language."""
    raw = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": {"name": language, "display_name": language, "language": language}},
        "cells": [
            {"id": f"c{number}", "metadata": {}, "cell_type": "code", "outputs": [], "execution_count": None}
            | cell
            for number, cell in enumerate(cells)
        ],
    }
    path = folder / name
    path.write_text(json.dumps(raw), encoding="utf-8")
    return path


def test_a_notebook_that_is_not_python_is_not_run_and_those_beside_it_are_verified(
    tmp_path: Path, workspace: Workspace
) -> None:
    preview, lab = imported(study("python", "# %%\nsix = sum(range(4))\n"), tmp_path)
    book(tmp_path, "shell.ipynb", {"source": "mkdir made"}, language="bash")
    preview = preview_import([*preview.notebooks, tmp_path / "shell.ipynb"])
    lab = write_import(preview, tmp_path, lock=False).path
    told: list[str] = []
    found = {one.notebook: one for one in verified(preview, lab, workspace, Faces(say=told.append))}
    shell = found.pop("shell.ipynb")
    assert (shell.equal, shell.cannot_run, shell.compared) == (False, True, ())
    assert shell.error == "the notebook is bash, not Python"
    assert headline(shell) == "cannot be verified here"
    assert not [line for line in told if line.startswith(("running shell.ipynb", "shell.ipynb, cell"))]
    assert [one.equal for one in found.values()] == [True]


def test_where_no_stage_runs_nothing_is_made_ready_and_each_notebook_is_told_of(
    tmp_path: Path, workspace: Workspace
) -> None:
    book(tmp_path, "shell.ipynb", {"source": "mkdir made"}, language="bash")
    book(tmp_path, "words.ipynb", {"cell_type": "markdown", "source": "# Only words"})
    preview = preview_import([tmp_path / "shell.ipynb", tmp_path / "words.ipynb"])
    lab = write_import(preview, tmp_path, lock=False).path
    told: list[str] = []
    found = {one.notebook: one for one in verified(preview, lab, workspace, Faces(say=told.append))}
    assert told == []
    assert headline(found["shell.ipynb"]) == "cannot be verified here"
    assert headline(found["words.ipynb"]) == "nothing to compare"
    assert found["words.ipynb"].error == ""


def test_cells_that_are_not_python_are_not_run_where_the_kernel_is_of_many_languages(
    tmp_path: Path, workspace: Workspace
) -> None:
    preview, lab = imported(study("python", "# %%\none = 1\n"), tmp_path)
    many = book(
        tmp_path,
        "many.ipynb",
        {"source": "mkdir made", "metadata": {"kernel": "Bash"}},
        {"source": "import os\nthere = os.path.exists('made')", "metadata": {"kernel": "Python3"}},
        language="sos",
    )
    preview = preview_import([many])
    lab = write_import(preview, tmp_path, lock=False).path
    (found,) = verified(preview, lab, workspace)
    assert found.error == ""
    assert by_name(found)["there"].equal, "neither has made the folder"


def test_a_kernel_that_dies_is_told_in_words_and_nothing_is_held_against_the_lab(
    tmp_path: Path, workspace: Workspace
) -> None:
    preview, lab = imported(DYING, tmp_path)
    (found,) = verified(preview, lab, workspace)
    assert (found.equal, found.cannot_run) == (False, True)
    assert found.error.startswith(
        "the notebook's kernel died at cell 2 (SIGKILL, as for want of memory), and its"
    )
    assert "Traceback" not in found.error
    assert headline(found).startswith("cannot be verified here: ")
    judged = by_name(found)
    assert judged["output of cell 0"].equal, "what it printed before is known"
    assert (judged["early"].equal, judged["early"].why) == (None, "it went with the notebook's kernel")
    assert (judged["latest"].equal, judged["latest"].why) == (None, "the notebook does not come so far")
    assert not [one for one in found.compared if one.equal is False]


def test_what_notebooks_store_is_theirs_and_what_a_person_has_stored_stays(
    tmp_path: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "ipython"
    stored = own / "profile_default" / "db" / "autorestore" / "x"
    stored.parent.mkdir(parents=True)
    stored.write_bytes(pickle.dumps("a person's"))
    monkeypatch.setenv("IPYTHONDIR", str(own))
    before = sorted(own.rglob("*"))
    (tmp_path / "study").mkdir()
    preview, lab = imported(STORED, tmp_path / "study")
    second = next(one for one in verified(preview, lab, workspace) if one.notebook == "2.ipynb")
    assert second.error.startswith("the pipeline: "), "the notebook finds what the first one stored"
    assert pickle.loads(stored.read_bytes()) == "a person's"
    assert sorted(own.rglob("*")) == before, "no history either"


def test_a_kernel_has_the_settings_of_the_person_who_asks_and_what_was_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = tmp_path / "own" / "profile_default"
    for name in ("startup/10-mine.py", "ipython_config.py", "db/autorestore/x", "history.sqlite", "log/a"):
        (profile / name).parent.mkdir(parents=True, exist_ok=True)
        (profile / name).write_text("it", encoding="utf-8")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "own"))
    made = own_profile(tmp_path / "made") / "profile_default"
    files = sorted(path.relative_to(made).as_posix() for path in made.rglob("*") if path.is_file())
    assert files == ["db/autorestore/x", "ipython_config.py", "startup/10-mine.py"]
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "nowhere"))
    assert list(own_profile(tmp_path / "none").iterdir()) == []


def test_a_kernel_that_does_not_start_says_nothing_of_the_lab(
    tmp_path: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    startup = tmp_path / "ipython" / "profile_default" / "startup" / "0.py"
    startup.parent.mkdir(parents=True)
    startup.write_text("import os\nos._exit(3)\n", encoding="utf-8")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    (tmp_path / "study").mkdir()
    preview, lab = imported(study("printing", "# %%\nprint('here')\n"), tmp_path / "study")
    (found,) = verified(preview, lab, workspace)
    assert (found.equal, found.cannot_run, found.compared) == (False, True, ())
    assert found.error.startswith("the notebook's kernel did not start: ")
    assert "Traceback" not in found.error
