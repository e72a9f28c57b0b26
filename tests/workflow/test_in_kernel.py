"""What a notebook's kernel is told before its first cell."""

import subprocess
import sys

from agilab.workflow.notebooks.in_kernel import FIRST

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


def test_a_notebook_that_draws_nothing_may_speak_of_matplotlib_where_there_is_none() -> None:
    assert errors("%matplotlib inline")[-1] == "ModuleNotFoundError", "as Jupyter does"
    assert errors(FIRST, "%matplotlib inline", "import matplotlib")[-3:] == [
        "NoneType",
        "NoneType",
        "ModuleNotFoundError",
    ]
