"""What programs import that cells run: it is among the lab's packages, for they run in its environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from agilab.notebooks.inspecting import Inspection, inspect
from tests.notebooks.building import notebook

SCRIPT = "%%writefile tools/fit.py\nimport os, numpy as np\nfrom sklearn import linear_model\nimport helper"
HELPER = "%%writefile tools/helper.py\nimport yaml"


def inspected(folder: Path, *cells: str, **files: str) -> Inspection:
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    (folder / "n.ipynb").write_bytes(notebook(*cells))
    return inspect(folder / "n.ipynb")


def said(found: Inspection) -> list[tuple[str, int | None]]:
    return [(one.what, one.cell) for one in found.findings if one.code == "NB-209"]


@pytest.mark.parametrize(
    "run",
    [
        "!python tools/fit.py",
        "import subprocess, sys\nsubprocess.run([sys.executable, 'tools/fit.py'])",
        "%%bash\necho it\npython tools/fit.py --n 3",
    ],
)
def test_a_script_that_a_cell_writes_and_another_runs_has_its_packages(run: str, tmp_path: Path) -> None:
    found = inspected(tmp_path, SCRIPT, HELPER, run)
    assert found.known_distributions == ("numpy", "PyYAML", "scikit-learn")
    assert said(found) == [("tools/fit.py, which is run here, imports numpy, sklearn, yaml", 2)]
    assert {one.program for one in found.imports if one.distribution} == {"tools/fit.py"}


def test_a_script_that_lies_there_has_them_too_and_one_that_nobody_runs_has_none(tmp_path: Path) -> None:
    assert inspected(tmp_path, "!python fit.py", fit="import scipy").known_distributions == ("scipy",)
    assert inspected(tmp_path, SCRIPT, HELPER).known_distributions == ()


@pytest.mark.parametrize(
    "cell",
    [
        "%%python\nimport requests",
        "%%script python3\nimport requests",
        "!python -c 'import requests'",
        "%%bash\npython - <<'END'\nimport requests\nEND",
        "%%bash\nset -e\necho a; python3 -u <<END\nimport requests\nEND\nls",
        "import subprocess\nsubprocess.run(['python', '-'], input='import requests', text=True)",
    ],
)
def test_a_program_that_a_cell_types_in_has_its_packages(cell: str, tmp_path: Path) -> None:
    found = inspected(tmp_path, cell)
    assert found.known_distributions == ("requests",)
    assert said(found) == [("a program of the cell, which is run here, imports requests", 0)]


def test_a_text_below_another_program_is_none_of_python(tmp_path: Path) -> None:
    assert inspected(tmp_path, "%%bash\ncat > a.txt <<'END'\nimport requests\nEND").distributions == ()


def test_what_nobody_knows_is_told_with_the_program_and_not_installed(tmp_path: Path) -> None:
    found = inspected(tmp_path, "!python fit.py", fit="import nobody_knows_this")
    assert found.known_distributions == ()
    (what,) = [one.what for one in found.findings if one.code == "NB-202"]
    assert what.startswith("nothing says what provides nobody_knows_this of fit.py;")
