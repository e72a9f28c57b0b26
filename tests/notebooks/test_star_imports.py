"""`from helpers import *` of an own module has the names that the notebook uses of those that its text binds."""

from __future__ import annotations

from pathlib import Path

import pytest

from agilab.notebooks.inspecting import inspect
from agilab.workflow.notebooks.preview import preview_import
from tests.notebooks.building import notebook
from tests.workflow.previews import write_files

HELPERS = (
    "import math\nimport numpy as np\nLIMIT = 3\n_own = 1\ndef twice(x):\n    return 2 * x\nclass Box: pass\n"
)
STAR = "from helpers import *"


def line(folder: Path, files: dict[str, str], *cells: str) -> str:
    """The first line of the first cell, once the notebook is read."""
    write_files(folder, files)
    (folder / "a.ipynb").write_bytes(notebook(*cells))
    return inspect(folder / "a.ipynb").parsed.cells[0].python.split("\n")[0]


WRITTEN_OUT = {
    "what cells use": (HELPERS, "print(twice(LIMIT), np.pi)", "from helpers import LIMIT, np, twice"),
    "in a function": (HELPERS, "def f():\n    return Box()", "from helpers import Box"),
    "in a text": (HELPERS, "t.query('x > @LIMIT')", "from helpers import LIMIT"),
    "of a list": ("__all__ = ['twice']\n" + HELPERS, "twice(LIMIT, np)", "from helpers import twice"),
    "nothing": (HELPERS, "x = 1", "import helpers"),
    "of another own module": ("from more import *\n", "far(1)", "from helpers import far"),
    "as it is run by itself": (
        HELPERS + "if __name__ == '__main__':\n    import sys\n    out = sys.argv",
        "twice(1)",
        "from helpers import twice",
    ),
}


@pytest.mark.parametrize("case", WRITTEN_OUT)
def test_it_is_written_out(case: str, tmp_path: Path) -> None:
    text, use, found = WRITTEN_OUT[case]
    files = {"helpers.py": text, "more.py": "def far(x):\n    return x\n"}
    assert line(tmp_path, files, f"{STAR}  # mine", use) == f"{found}  # mine"


LEFT = {
    "what a library binds": ("from math import *\n", "sin(1)"),
    "what is perhaps bound": ("try:\n    import fast\nexcept ImportError:\n    pass\n", "fast.go()"),
    "what is bound by a name that is made": ("globals()['a'] = 1\n", "a"),
    "what is taken away": ("a = 1\ndel a\n", "a"),
    "a list that is made": ("__all__ = [one for one in 'ab']\na = b = 1\n", "a"),
    "a module in a ring": ("from helpers import *\na = 1\n", "a"),
    "a text that is no Python": ("def\n", "a"),
    "a name that code makes": (HELPERS, "eval('twi' + 'ce')(1)"),
    "a name that is the module's": (HELPERS, "helpers = 3"),
}


@pytest.mark.parametrize("case", LEFT)
def test_it_stays(case: str, tmp_path: Path) -> None:
    text, use = LEFT[case]
    assert line(tmp_path, {"helpers.py": text}, STAR, use) == STAR
    assert line(tmp_path / "else", {"x.py": ""}, STAR, use) == STAR, "no such module lies there"


def test_a_package_and_a_folder_that_is_added(tmp_path: Path) -> None:
    first = "from .deep import *\nfrom .deep import one as first\n"
    files = {"lib/tools/__init__.py": first, "lib/tools/deep.py": "one = 1\n"}
    cells = (
        "import sys\nsys.path.append('lib')",
        "from tools import *\nfrom tools.deep import *",
        "first + one",
    )
    write_files(tmp_path, files)
    (tmp_path / "a.ipynb").write_bytes(notebook(*cells))
    found = inspect(tmp_path / "a.ipynb").parsed.cells[1].python
    assert found == "from tools import first, one\nfrom tools.deep import one"


def test_a_notebook_parts_as_with_any_other_import(tmp_path: Path) -> None:
    (tmp_path / "helpers.py").write_text(HELPERS)
    cells = (STAR, "a = twice(1)\nprint(a)", "b = twice(LIMIT)\nprint(b)")
    (tmp_path / "a.ipynb").write_bytes(notebook(*cells))
    preview = preview_import([tmp_path / "a.ipynb"], per="cell")
    codes = {one.code for one in preview.report.findings}
    assert "NB-208" in codes
    assert not codes & {"NB-203", "NB-601"}
    taken = [dict(stage.uses) for stage in preview.lab.stages if stage.uses]
    assert taken == [{"setup": ("twice",)}, {"setup": ("LIMIT", "twice")}]
