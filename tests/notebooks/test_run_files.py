"""Programs that `%run` runs are read as if they stood in the cell: packages, files, folders and names."""

from __future__ import annotations

from pathlib import Path

import pytest

from agilab.notebooks.inspecting import Inspection, inspect
from agilab.workflow.notebooks.own_project import requirements_of
from tests.notebooks.building import notebook
from tests.notebooks.test_file_uses import staged, takes

PROGRAM = "import pandas as pd\nimport lib\ndef load(path):\n    return pd.read_csv(path)\n"


def _lies(root: Path, **texts: str) -> Path:
    for name, text in {"program.py": PROGRAM, "lib.py": "import yaml\n", "a.csv": "x\n1\n", **texts}.items():
        file = root / name.replace("__", "/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return root


def _inspected(folder: Path, *cells: str) -> Inspection:
    (folder / "n.ipynb").write_bytes(notebook(*cells))
    return inspect(folder / "n.ipynb")


@pytest.mark.parametrize("line", ["%run program.py", "%run program", "%run -i program.py", "%run -m program"])
def test_packages_of_a_program_and_of_its_modules_are_dependencies(tmp_path: Path, line: str) -> None:
    found = _inspected(_lies(tmp_path), line, "print(1)")
    lab = staged((line, "print(1)"), folder=tmp_path).lab
    assert {"pandas", "PyYAML"} <= {*requirements_of([found], lab)}


def test_names_that_a_program_brings_read_files(tmp_path: Path) -> None:
    cells = ("%run program.py", "print(len(load('a.csv')), len(pd.read_csv('b.csv')))")
    lab = staged(cells, folder=_lies(tmp_path, **{"b.csv": "y\n"})).lab
    every = {one for stage in lab.stages for one in takes(stage)}
    assert {"program.py", "a.csv", "b.csv"} <= every


def test_a_program_that_goes_to_another_folder_takes_the_cells_along(tmp_path: Path) -> None:
    folder = _lies(tmp_path, **{"go.py": "import os\nos.chdir('data')\n", "data__a.txt": "1"})
    lab = staged(("%run go.py", "print(open('a.txt').read())"), folder=folder).lab
    assert {"data/a.txt", "go.py"} <= {one for stage in lab.stages for one in takes(stage)}


def test_what_stands_under_main_is_run_and_what_lies_by_file_is_found(tmp_path: Path) -> None:
    program = (
        "from pathlib import Path\nHERE = Path(__file__).parent\nif __name__ == '__main__':\n"
        "    print((HERE / 'a.csv').read_text())\n"
    )
    (stage,) = staged(("%run tools/go.py",), folder=_lies(tmp_path, tools__go__py=program, **{
        "tools__go.py": program, "tools__a.csv": "1",
    })).lab.stages  # fmt: skip
    assert takes(stage) == ["tools/a.csv", "tools/go.py"]


def test_what_is_said_of_a_program_is_said_of_the_line_that_runs_it(tmp_path: Path) -> None:
    program = "\n" * 40 + "import nobodys_package\nopen('/data/a.txt')\n"
    found = _inspected(_lies(tmp_path, **{"program.py": program}), "x = 1\n%run program.py\ny = 2")
    told = {one.code: one.line for one in found.findings}
    assert told["NB-202"] == told["NB-302"] == 2
