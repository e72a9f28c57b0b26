"""What a notebook's kernel is told before its first cell."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from agilab.workflow.notebooks.in_kernel import FIRST
from agilab.workflow.notebooks.kernel import surroundings

SHELL = """
import sys
sys.modules["matplotlib"] = None
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
for cell in sys.argv[1:]:
    print(type(shell.run_cell(cell).error_in_exec).__name__)
"""


def errors(*cells: str) -> list[str]:
    words = [sys.executable, "-c", SHELL, *cells]
    told = subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()
    return [line for line in told if line.endswith("Error") or line == "NoneType"]


@pytest.mark.slow
def test_a_notebook_that_draws_nothing_may_speak_of_matplotlib_where_there_is_none() -> None:
    assert errors("%matplotlib inline")[-1] == "ModuleNotFoundError", "as Jupyter does"
    assert errors(FIRST, "%matplotlib inline", "import matplotlib")[-3:] == [
        "NoneType",
        "NoneType",
        "ModuleNotFoundError",
    ]


def test_a_notebook_has_no_docstring_as_its_stages_have_none() -> None:
    assert errors("assert __doc__ is None") == ["AssertionError"], "IPython has a sentence of its own there"
    assert errors(FIRST, "assert __doc__ is None")[-1] == "NoneType"


@pytest.mark.slow
def test_what_cells_assign_is_not_shown_as_in_a_stage() -> None:
    ask = "%config InteractiveShell.ast_node_interactivity = '{}'"
    told = "assert get_ipython().ast_node_interactivity == '{}'"
    assert errors(FIRST, ask.format("last_expr_or_assign"), told.format("last_expr"))[-1] == "NoneType"
    assert errors(FIRST, ask.format("all"), told.format("all"))[-1] == "NoneType", "which stages do too"


def test_both_runs_begin_with_variables_that_make_files_and_sets_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PYTHONHASHSEED", "SOURCE_DATE_EPOCH", "MATPLOTLIBRC", "MPLCONFIGDIR", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    own = tmp_path / "matplotlib" / "matplotlibrc"
    own.parent.mkdir()
    own.write_text("lines.linewidth: 3", encoding="utf-8")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    began = int(time.time())
    found = surroundings(tmp_path)
    assert found["PYTHONHASHSEED"] == "0"
    assert began <= int(found["SOURCE_DATE_EPOCH"]) <= began + 60
    said = Path(found["MATPLOTLIBRC"]).read_text(encoding="utf-8").splitlines()
    assert said == ["lines.linewidth: 3", "svg.hashsalt: notebook"], "what a person set stays"

    own.write_text("svg.hashsalt: mine\n", encoding="utf-8")
    monkeypatch.setenv("PYTHONHASHSEED", "7")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    found = surroundings(tmp_path)
    assert (found["PYTHONHASHSEED"], found["SOURCE_DATE_EPOCH"]) == ("7", "86400")
    assert Path(found["MATPLOTLIBRC"]).read_text(encoding="utf-8") == "svg.hashsalt: mine\n"
