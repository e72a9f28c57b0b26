"""Labs of version 1 as notebooks: read as any other, and never written back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agilab.cli.boundary import run
from agilab.workflow.document.locate import FILE, read_lab_file
from agilab.workflow.notebooks.session import Lab
from tests.workflow.conftest import ALab

# rich-click says of its own settings that they will be others one day; in a process of its own nobody sees that.
pytestmark = pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
Agilab = Callable[..., tuple[int, str, str]]

V1 = """# my lab
[__meta__]
schema = "agilab.lab_stages.v1"
version = 1
study__sequence = [1, 0]

[[study]]
D = "Tell"
C = "print(2 * x)"
R = "runpy"
id = "tell"
consumes = ["x"]

[[study]]
D = "Load"   # the first
Q = "a number"
C = "x = 20 + 1"
R = "runpy"
id = "load"
produces = ["x"]
day = 2024-05-31
"""


@pytest.fixture
def agilab(
    lab: ALab, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Any]:
    """Runs `agilab WORDS` in the folder of a lab of version 1; answers with exit code, stdout and stderr."""
    monkeypatch.setenv("AGILAB_HOME", str(lab.workspace.home))
    monkeypatch.chdir(lab.write(V1).folder)

    def agilab(*words: str) -> tuple[int, str, str]:
        code = run(words)
        return (code, *capsys.readouterr())

    return agilab


@pytest.mark.parametrize(
    "words",
    [
        ("workflow", "export", "--output", "a.ipynb"),
        ("notebook", "export", "--output", "a.ipynb"),
        ("notebook", "export", "--single-kernel", "--output", "a.ipynb"),
        ("notebook", "roundtrip"),
        ("notebook", "union"),
        ("report", "notebook-roundtrip", FILE),
        ("report", "notebook-union-environment", FILE),
    ],
    ids=" ".join,
)
def test_what_only_reads_a_lab_reads_one_of_version_1(agilab: Agilab, words: tuple[str, ...]) -> None:
    code, _, err = agilab(*words)
    assert (code, "error" in err) == (0, False), err
    assert Path(FILE).read_text() == V1


def test_its_notebook_is_not_written_back_until_it_is_migrated(agilab: Agilab) -> None:
    assert agilab("notebook", "export", "--output", "a.ipynb")[0] == 0
    path = Path("a.ipynb")
    book = json.loads(path.read_text())
    cell = next(one for one in book["cells"] if one["id"] == "load")
    cell["source"] = "".join(cell["source"]).replace("20 + 1", "30 + 1")
    path.write_text(json.dumps(book))
    code, out, _ = agilab("notebook", "roundtrip", "--notebook", "a.ipynb")
    assert code == 1
    assert "stage load has another code" in out

    code, _, err = agilab("notebook", "import", "a.ipynb", "--yes", "--no-lock")
    assert code == 2
    assert f"error[AGI-LAB-103]: {FILE} is of version 1" in err
    assert f"agilab workflow migrate {FILE}" in err
    assert Path(FILE).read_text() == V1

    assert agilab("workflow", "migrate", FILE)[0] == 0
    code, _, err = agilab("notebook", "import", "a.ipynb", "--yes", "--no-lock")
    assert code == 0, err
    text = Path(FILE).read_text()
    assert "30 + 1" in text
    assert "# the first" in text


@pytest.mark.slow
def test_its_notebook_runs_it(agilab: Agilab, lab: ALab) -> None:
    assert agilab("notebook", "export", "--output", "a.ipynb")[0] == 0
    session = Lab(FILE, workspace=lab.workspace)
    assert session.stage("load: -> x", "x = 20 + 1") == f"load: as in {FILE}"
    assert session.stage("tell: x", "print(3 * x)") == "tell: as edited here"
    ran = session.run(track=False)
    assert [(name, state) for name, state, _ in ran.stages] == [("load", "succeeded"), ("tell", "succeeded")]
    kept = read_lab_file(lab.workspace.run_folder(ran.run_id) / FILE)
    assert (kept.dialect, [one.code for one in kept.lab.stages]) == ("v2", ["x = 20 + 1", "print(3 * x)"])
    assert Path(FILE).read_text() == V1
