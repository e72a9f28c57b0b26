"""Cells for other programs: the names that `--out` and `--err` give to what these write, and `% name`."""

from __future__ import annotations

from pathlib import Path

import pytest

from agilab.notebooks.inspecting import inspect
from agilab.notebooks.python.magics import translate
from agilab.notebooks.python.meanings import line_meaning
from agilab.workflow.notebooks.preview import preview_import
from tests.notebooks.building import notebook


@pytest.mark.parametrize(
    "line",
    [
        "%%bash --out said",
        "%%script bash --out said",
        "%%script --out=said bash",
        "%%script bash --no-raise-error --ou said",
        "%%sh --err said",
        "%%bash --bg --out said",
    ],
)
def test_the_names_that_a_script_gives_come_from_its_stage(line: str, tmp_path: Path) -> None:
    path = tmp_path / "n.ipynb"
    path.write_bytes(notebook("## Make\nx = 1", f"{line}\necho 3", "print(said)"))
    assert not [one for one in preview_import([path]).report.findings if one.code == "NB-602"]


@pytest.mark.parametrize(("cell", "code"), [("x = 3 +", "NB-103"), ("print 'x'", "NB-104")])
def test_a_cell_that_does_not_parse_is_told_once(cell: str, code: str, tmp_path: Path) -> None:
    path = tmp_path / "n.ipynb"
    path.write_bytes(notebook("y = 1", cell))
    findings = [one for one in preview_import([path]).report.findings if one.location.cell == 1]
    assert [one.code for one in findings] == [code]


def test_both_streams_get_their_names() -> None:
    names: dict[str, object] = {}
    exec(translate("%%script bash --err worse --out said\necho a\necho b >&2").python, names)
    assert (names["said"], names["worse"]) == ("a\n", "b\n")


def test_a_program_in_the_background_is_waited_for_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    found = translate("%%bash --bg\nsleep 0.1\necho a | tee made.txt; exit 3")
    exec(found.python)
    assert (tmp_path / "made.txt").read_text() == "a\n"
    assert capfd.readouterr().out == "", "what it writes goes nowhere, as in IPython"
    assert found.magics[0].meaning.what.endswith("a notebook does not wait for it (--bg), its stage does")


@pytest.mark.parametrize("options", ["--bg --proc said", "--bg --out said", "--out {name} --err said"])
def test_a_pipe_a_process_and_a_name_in_a_value_are_left_to_ipython_which_is_said(options: str) -> None:
    found = translate(f"%%bash {options}\nserve", {"name"})
    assert found.python.startswith(f'get_ipython().run_cell_magic("bash", "{options}", ')
    assert found.python.endswith("); said = get_ipython().user_ns['said']")
    assert found.magics[0].meaning.code == "NB-111"
    with pytest.raises(NameError, match="get_ipython"):
        exec(found.python)


def test_options_of_the_program_stay_with_it() -> None:
    python = translate("%%script bash --out said -s --output b\necho $1 $2").python
    assert "(['bash', '-s', '--output', 'b'], " in python


def test_the_files_of_a_script_whose_output_is_kept_are_known() -> None:
    found = inspect(notebook("%%script bash --out said --err worse\nwc -l < a.csv > n.txt"))
    assert [(one.direction, one.path) for one in found.artifacts] == [("read", "a.csv"), ("written", "n.txt")]


@pytest.mark.parametrize(
    ("arguments", "target", "python", "code"),
    [
        ("matplotlib inline", "", "", "NB-121"),
        ("cd data", "", 'import os; os.chdir("data")', "NB-121"),
        ("pwd", "y", "import os; y = os.getcwd()", "NB-121"),
        ("time x = 3", "", "x = 3", "NB-121"),
        ("pip install rich", "", "", "NB-113"),
        ("nobody knows", "", "", "NB-111"),
    ],
)
def test_a_magic_behind_a_blank_is_the_one_that_older_ones_took_it_for(
    arguments: str, target: str, python: str, code: str
) -> None:
    found = line_meaning("", arguments, target, ())
    name = arguments.split(maxsplit=1)[0]
    assert (found.python, found.code) == (python, code)
    assert found.what.endswith(
        f"% {name} was taken for %{name}; for the blank IPython stops there since version 7"
    )


def test_a_percent_sign_alone_is_no_magic() -> None:
    assert line_meaning("", "", "", ()).code == "NB-121"


def test_ipython_stops_at_the_blank() -> None:
    transformer = pytest.importorskip("IPython.core.inputtransformer2").TransformerManager()
    assert "run_line_magic('', 'matplotlib inline')" in transformer.transform_cell("% matplotlib inline")
