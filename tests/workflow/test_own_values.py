"""A value whose class is written in an own module that lies in a folder of the project: stages below read it back."""

from __future__ import annotations

import pytest

from agilab.notebooks.stages.above import inspected_in_place
from agilab.notebooks.stages.staging import stage_notebooks
from agilab.store.store import Store
from agilab.workflow.notebooks.preview import toml_of
from tests.notebooks.building import notebook
from tests.notebooks.test_file_uses import takes
from tests.workflow.conftest import ALab

CONFIG = "class Config:\n    seed = 3\n    def double(self):\n        return 2 * self.seed\n"
FUNCTIONS = "def number():\n    return 3\ndef scaled(table):\n    return [2 * one for one in table]\n"
PACKAGE = {
    "src/__init__.py": "",
    "src/config.py": CONFIG,
    "src/start.py": "from src.config import Config\ndef start():\n    return Config()\n",
}
LATE = PACKAGE | {"src/start.py": "def start():\n    from src.config import Config\n    return Config()\n"}
BESIDE = "import sys\nsys.path.append('..')\n"
LIBRARY = "import sys\nsys.path.append('../lib')\n"
USE = "print(cfg.double())"
CASES = {
    "by a function of the package": (PACKAGE, BESIDE + "from src.start import start\ncfg = start()", USE),
    "by an import in that function": (LATE, BESIDE + "from src.start import start\ncfg = start()", USE),
    "in a list": (
        PACKAGE,
        BESIDE + "from src.start import start\nsome = []\nsome.append(start())\nlen(some)",
        "print([one.double() for one in some])",
    ),
    "by a function of the notebook": (
        PACKAGE,
        BESIDE
        + "def made():\n    from src.start import start\n    return start()\ncfg = made()\nn = cfg.seed",
        USE,
    ),
    "a function itself": (
        {"src/__init__.py": "", "src/tools.py": FUNCTIONS},
        BESIDE + "from src.tools import number, scaled\nsteps = {'n': number, 's': scaled}\nsteps['m'] = len",
        "print(steps['n'](), steps['s']([1, 2]))",
    ),
    "in a folder that code adds": (
        {
            "lib/config.py": CONFIG,
            "lib/start.py": "import config\ndef start():\n    return config.Config()\n",
        },
        LIBRARY + "from start import start\ncfg = start()",
        USE,
    ),
}


def _imported(lab: ALab, files: dict[str, str], *cells: str) -> list[list[str]]:
    """Makes the lab of a notebook in `notebooks/`; returns the files that each stage takes."""
    for name, text in files.items():
        (lab.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (lab.folder / name).write_text(text)
    path = lab.folder / "notebooks" / "n.ipynb"
    path.parent.mkdir()
    path.write_bytes(notebook(*cells))
    found = stage_notebooks([inspected_in_place(path)], per="cell").lab
    lab.write(toml_of(found))
    return [takes(stage) for stage in found.stages]


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_it_is_read_back_in_the_stage_below(lab: ALab, case: str) -> None:
    files, first, second = CASES[case]
    taken = _imported(lab, files, first, second)
    assert taken[-1] == sorted(files), "its module with it"
    result = lab.run()
    assert result.status == "succeeded", result.error


def test_what_holds_none_of_it_is_taken_without_its_module(lab: ALab) -> None:
    functions = {"src/__init__.py": "", "src/tools.py": FUNCTIONS}
    head = BESIDE + "from src.tools import number, scaled\n"
    (_, second) = _imported(lab, functions, head + "table = scaled([1])\nn = [number()]", "print(table, n)")
    assert second == [], "a function that gives a list"


def test_nor_is_what_the_text_says(lab: ALab) -> None:
    head = BESIDE + "from src.start import start\ncfg = start()\n"
    (_, second) = _imported(
        lab, PACKAGE, head + "n, names = 3, ['a', 'b']\nn += len(names)", "print(n, names)"
    )
    assert second == []


@pytest.mark.slow
def test_where_the_module_is_not_taken_the_error_says_how(lab: ALab) -> None:
    _imported(lab, PACKAGE, BESIDE + "from src.start import start\ncfg = start()", USE)
    head, _, below = lab.path.read_text().rpartition('inputs = ["cfg", ')
    lab.path.write_text(f'{head}inputs = ["cfg"]\n{below.partition("]")[2]}')
    result = lab.run()
    with Store(lab.workspace) as store:
        (event,) = store.events(result.run_id or "", kinds=("attempt_failed",))
    error = event.data["error"]
    assert (error["code"], error["found"]) == ("AGI-RUN-113", "ModuleNotFoundError: No module named 'src'")
    assert error["try"].endswith("if src lies in the lab's folder, add its files to the inputs of this stage")
