"""Folders of modules that functions, own modules and programs add are known, and so are the modules in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from agilab.notebooks.inspecting import inspect
from agilab.notebooks.stages.above import levels_above, raised
from agilab.notebooks.stages.staging import stage_notebooks
from tests.notebooks.building import notebook
from tests.notebooks.test_file_uses import takes

USES = "from mylib import load\nprint(load(1))"
ADDS = {
    "a module's function": (
        "import start\nstart.setup()\n" + USES,
        "import sys\nfrom pathlib import Path\ndef setup():\n"
        "    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'src'))\n",
    ),
    "what a module's function is given": (
        "from start import setup\nsetup('../src')\n" + USES,
        "import os, sys\ndef setup(folder):\n    sys.path.append(os.path.abspath(folder))\n",
    ),
    "its default": (
        "from start import setup\nsetup()\n" + USES,
        "import sys\ndef setup(folder='../src'):\n    sys.path.append(folder)\n",
    ),
    "a module when it is imported": (
        "import start\n" + USES,
        "import os, sys\nsys.path.append(os.path.join(os.path.dirname(__file__), '..', 'src'))\n",
    ),
    "a module that imports it": (
        "from start import mylib\nprint(mylib.load(1))",
        "import os, sys\nsys.path.insert(0, os.path.abspath('../src'))\nimport mylib\n",
    ),
    "a function of the notebook": (
        "import sys\ndef add(folder):\n    sys.path.insert(0, folder)\nadd('../src')\n" + USES,
        "",
    ),
    "a program": ("%run start.py\n" + USES, "import sys\nsys.path.append('../src')\n"),
    "a module of a folder that one adds": (
        "import start\nimport further\n" + USES,
        "import sys\nsys.path.append('../more')\n",
    ),
}


@pytest.mark.parametrize("case", ADDS)
def test_a_module_in_a_folder_that_is_added_elsewhere_is_a_file_of_its_stages(
    tmp_path: Path, case: str
) -> None:
    cell, module = ADDS[case]
    for name, text in {
        "notebooks/start.py": module,
        "src/mylib.py": "def load(x):\n    return x\n",
        "more/further.py": "import sys\nsys.path.append('../src')\n",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    folder = tmp_path / "notebooks"
    path = folder / "n.ipynb"
    path.write_bytes(notebook(cell))
    found = inspect(path)
    assert "NB-202" not in {one.code for one in found.findings}
    assert levels_above(folder, found.uses) == 1
    stages = stage_notebooks([raised(inspect(path, beside=True), folder, 1)], per="cell").lab.stages
    assert "src/mylib.py" in {one for stage in stages for one in takes(stage)}
