"""An own module that goes to another folder when it is imported: the cells below read from there, in the lab too."""

from __future__ import annotations

from pathlib import Path

import pytest

from agilab.notebooks.stages.above import inspected_in_place
from agilab.notebooks.stages.staging import stage_notebooks
from agilab.workflow.notebooks.preview import toml_of
from tests.notebooks.building import notebook
from tests.notebooks.test_file_uses import takes
from tests.workflow.conftest import ALab

UTIL = "def read(name):\n    return open(f'data/{name}.txt').read()\n"
MOVES = {
    "up": "import os\nfrom pathlib import Path\nos.chdir(Path.cwd().parent)\n",
    "by a name of its own": "import os\nROOT = os.path.abspath('..')\nprint(ROOT)\nos.chdir(ROOT)\n",
    "from its own place": "import os\nfrom pathlib import Path\nos.chdir(Path(__file__).resolve().parent.parent)\n",
}


def _written(root: Path, preamble: str, *cells: str) -> Path:
    files = {"experiments/preamble.py": preamble, "src/__init__.py": "", "src/util.py": UTIL}
    for name, text in {**files, "data/x.txt": "7"}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    path = root / "experiments" / "q.ipynb"
    path.write_bytes(notebook(*cells))
    return path


@pytest.mark.slow
@pytest.mark.parametrize("case", MOVES)
def test_the_lab_lies_where_its_paths_are_meant_from(lab: ALab, case: str) -> None:
    cells = "ROOT = 'mine'\nimport preamble", "v = open('data/x.txt').read()\nprint(v, ROOT)"
    one = inspected_in_place(_written(lab.folder, MOVES[case], *cells))
    assert one.workdir == "experiments"
    found = stage_notebooks([one], per="cell").lab
    assert "data/x.txt" in takes(found.stages[-1])
    result = lab.write(toml_of(found)).run()
    assert result.status == "succeeded", result.error


def test_modules_are_looked_for_in_what_it_adds(tmp_path: Path) -> None:
    preamble = "import os, sys\nROOT = os.path.abspath('..')\nsys.path.append(ROOT)\nos.chdir(ROOT)\n"
    path = _written(tmp_path, preamble, "import preamble\nfrom src.util import read\nprint(read('x'))")
    one = inspected_in_place(path)
    assert not [finding.what for finding in one.findings if finding.code == "NB-202"]
    (stage,) = stage_notebooks([one]).lab.stages
    assert {"src/util.py", "data/x.txt"} <= {*takes(stage)}


def test_a_module_that_goes_nowhere_moves_no_lab(tmp_path: Path) -> None:
    """A function goes only when it is called, and `if __name__` is not run by an import."""
    preamble = "import os\ndef go():\n    os.chdir('..')\nif __name__ == '__main__':\n    os.chdir('..')\n"
    path = _written(tmp_path, preamble, "import preamble\nv = open('data/x.txt').read()")
    assert inspected_in_place(path).workdir == ""
