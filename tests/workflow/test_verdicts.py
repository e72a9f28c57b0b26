"""What `--verify` says in a word: what is equal stays so beside a failure of others, and a notebook may fail itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from agilab.cli.notebook_view import told
from agilab.cli.verified_view import verification_view
from agilab.contracts.notebook_import import Verification
from agilab.store.workspace import Workspace
from agilab.workflow.notebooks.importing import Imported
from tests.workflow.studies import Study, study
from tests.workflow.test_verification import imported, verified

pytestmark = pytest.mark.slow

TWO = Study(
    "one of two fails",
    {"fine.ipynb": "# %%\nsix = sum(range(4))\n", "other.ipynb": "# %%\nseven = 3 + len('four')\n"},
)
OF_PYTHON_2 = study(
    "of Python 2",
    "# %%\nimport math\nl = [math.comb(4, 2)]\n# %%\nfor one in l:\n    print one\n",
)
UNNAMED = study(
    "names by a notebook that is not named",
    "# %%\nwhich = 'helpers'\n# %%\n%run {which}.ipynb\n# %% [markdown]\n## Tell\n# %%\nassert sum(hidden) > 2\n",
    files={
        "helpers.ipynb": '{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{"cell_type": "code", '
        '"id": "a", "metadata": {}, "outputs": [], "execution_count": null, "source": "hidden = [5]"}]}'
    },
)
REMOVED_BY_ANOTHER = Study(
    "a file that another notebook removes",
    {
        "1.ipynb": "# %%\nopen('t.txt', 'w').write('a')\n",
        "2.ipynb": "# %%\nimport os\nos.remove('t.txt')\n# %%\nopen('t.txt', 'a').write('b')\n",
    },
)


def headline(one: Verification) -> str:
    """The first line of what is shown of it, without the times."""
    console = Console(width=200)
    with console.capture() as capture:
        console.print(verification_view(one))
    return capture.get().partition("\n")[0].partition("  notebook ")[0]


def test_what_fails_in_another_notebook_of_the_lab_is_said_and_not_held_against_this_one(
    tmp_path: Path, workspace: Workspace
) -> None:
    preview, lab = imported(TWO, tmp_path)
    text = lab.read_text(encoding="utf-8")
    assert text.count("len('four')") == 1
    lab.write_text(text.replace("len('four')", "nowhere"), encoding="utf-8")
    found = {one.notebook: one for one in verified(preview, lab, workspace)}
    fine, other = found["fine.ipynb"], found["other.ipynb"]
    assert fine.equal
    assert (fine.error, fine.cannot_run) == ("", False)
    assert fine.beside.startswith("what failed besides is of other.ipynb: ")
    assert fine.beside.endswith("NameError: name 'nowhere' is not defined")
    assert headline(fine) == "equal: 1 of 1 compared are equal"
    assert not other.equal
    assert other.error.startswith("the pipeline: ")
    assert other.beside == ""
    assert headline(other) == "different: 0 of 1 compared are equal"


def test_stages_that_no_ordinary_run_would_begin_with_are_not_said_to_be_equal(
    tmp_path: Path, workspace: Workspace
) -> None:
    preview, lab = imported(REMOVED_BY_ANOTHER, tmp_path, "cell")
    first, second = verified(preview, lab, workspace)
    assert first.equal
    assert (first.refused, first.error, second.error) == ("", "", "")
    assert [one.equal for one in second.compared if one.equal is False] == []
    assert not second.equal
    assert "AGI-STAGE-021" in second.refused
    assert headline(second).startswith("cannot run: ")
    done = Imported(lab, (), None, ())
    report = preview.report.with_changes(verification=(first, second))
    console = Console(width=200)
    with console.capture() as capture:
        console.print(*told(done, report, runs=True), sep="\n")
    shown = capture.get()
    assert "agilab workflow run would refuse the lab: " in shown
    assert "agilab workflow validate" in shown.partition("Next")[2]
    assert "agilab workflow run" not in shown.partition("Next")[2]


def test_a_notebook_that_fails_by_itself_cannot_be_verified_and_what_comes_before_is_compared(
    tmp_path: Path, workspace: Workspace
) -> None:
    preview, lab = imported(OF_PYTHON_2, tmp_path)
    (found,) = verified(preview, lab, workspace)
    assert (found.equal, found.fails_alike, found.cannot_run) == (False, False, True)
    assert found.error.startswith("the notebook itself fails in cell 1: SyntaxError: Missing parentheses")
    assert {one.name for one in found.compared if one.equal} >= {"l"}, "what was made before is compared"
    assert headline(found).startswith("cannot be verified here: "), found.compared


def test_a_stage_that_fails_for_a_name_is_said_with_the_finding_that_told_of_it(
    tmp_path: Path, workspace: Workspace
) -> None:
    preview, lab = imported(UNNAMED, tmp_path)
    (found,) = verified(preview, lab, workspace)
    assert not found.equal
    assert "NameError: name 'hidden' is not defined (NB-602, cell 3: hidden is read here" in found.error


def test_a_stage_that_fails_where_the_notebook_does_not_is_different_though_nothing_could_be_compared(
    tmp_path: Path, workspace: Workspace
) -> None:
    preview, lab = imported(study("only words", "# %%\nassert len('only words') == 10\n"), tmp_path)
    text = lab.read_text(encoding="utf-8")
    lab.write_text(text.replace("== 10", "== 11"), encoding="utf-8")
    (found,) = verified(preview, lab, workspace)
    assert (found.equal, found.cannot_run, found.compared) == (False, False, ())
    assert headline(found) == "different: a stage fails where the notebook does not"
