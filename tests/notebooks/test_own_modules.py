"""A notebook's own modules: what they keep from one call to the next is there in every stage that uses it."""

from __future__ import annotations

from pathlib import Path

import pytest

from agilab.notebooks.files.own_modules import needed_by
from agilab.notebooks.inspecting import inspect
from agilab.notebooks.stages.staging import stage_notebooks
from tests.notebooks.apart_folders import printed_as_notebook, printed_as_stages
from tests.notebooks.building import notebook
from tests.notebooks.test_file_uses import staged, takes

WRITTEN = (
    "%%writefile tools.py\nimport heapq, logging\nlog = logging.getLogger(__name__)\n"
    "RATE = 2\nSEEN = []\nFOUND = {}\nturns = 0\n_model = None\n"
    "def scale(x):\n    SEEN.append(x)\n    return x * RATE\n"
    "def through(x):\n    return scale(x) + 1\n"
    "def turn():\n    global turns\n    turns += 1\n    return turns\n"
    "def twice(x):\n    log.info(x)\n    return x * RATE\n"
    "def square(x):\n    if x not in FOUND:\n        FOUND[x] = x * x\n    return FOUND[x]\n"
    "def model():\n    global _model\n    if _model is None:\n        _model = (1, 2)\n    return _model\n"
    "class Log:\n    def add(self, x):\n        SEEN.append(x)\n"
    "class Plain:\n    def __init__(self):\n        self.xs = []\n    def add(self, x):\n        self.xs.append(x)\n"
)
ALIKE: dict[str, tuple[str, ...]] = {
    "a function that fills a list": (
        "import tools\nprint(tools.scale(1))",
        "import tools\nprint(tools.scale(3))",
        "from tools import SEEN\nprint(SEEN)",
    ),
    "through another function": (
        "from tools import through\nprint(through(1))",
        "import tools as t\nprint(t.SEEN)",
    ),
    "a function that counts": ("import tools\nprint(tools.turn())", "import tools\nprint(tools.turn())"),
    "given to another": (
        "from tools import scale\nprint(list(map(scale, [1, 2])))",
        "import tools\nprint(len(tools.SEEN))",
    ),
    "in a function of the notebook": (
        "import tools\ndef run():\n    return tools.scale(5)\nprint(run())",
        "import tools\nprint(tools.SEEN)",
    ),
    "filled from outside": (
        "import tools\ntools.SEEN.append(4)",
        "import tools\ntools.SEEN.sort()\nprint(tools.SEEN)",
        "import tools\nprint(tools.SEEN[0])",
    ),
    "filled by a library": (
        "import tools, heapq\nheapq.heappush(tools.SEEN, 1)",
        "import tools\nprint(tools.SEEN)",
    ),
    "set": ("import tools\ntools.RATE = 10", "import tools\nprint(tools.twice(2))"),
    "set, and added to": (
        "import tools\ntools.RATE = 10\ntools.RATE += 1",
        "import tools\nprint(tools.twice(2))",
    ),
    "set in a loop": (
        "import tools\nfor n in range(4):\n    tools.RATE = n",
        "import tools\nprint(tools.twice(2))",
    ),
    "set by its name": ("import tools\nsetattr(tools, 'RATE', 7)", "from tools import RATE\nprint(RATE)"),
    "set by a function that does more": (
        "import tools\ndef use(n):\n    print(n)\n    tools.RATE = n\nuse(9)",
        "import tools\nprint(tools.twice(2))",
    ),
    "set in a folder for modules": (
        "import sys\nsys.path.append('lib')\nimport pathlib\npathlib.Path('lib').mkdir(exist_ok=True)",
        "import pathlib\npathlib.Path('lib/deep.py').write_text('RATE = 2\\nL = []\\ndef f(x):\\n    L.append(x)\\n')",
        "import sys\nsys.path.append('lib')\nimport deep\ndeep.RATE = 10\ndeep.f(1)",
        "import deep\nprint(deep.RATE, deep.L)",
    ),
    "objects": (
        "import tools\ntools.Log().add(3)",
        "import tools\nprint(tools.SEEN)",
    ),
    "loaded anew": (
        "import tools, importlib\ntools.scale(1)",
        "import tools, importlib\nimportlib.reload(tools)\nprint(tools.SEEN)\ntools.scale(2)",
        "import tools\nprint(tools.SEEN)",
    ),
    "a module of a module": (
        "%%writefile upper.py\nfrom tools import scale, SEEN\ndef both(x):\n    return scale(x) + scale(x)\n",
        "import upper\nprint(upper.both(2))",
        "import tools\nprint(tools.SEEN)",
        "from upper import SEEN\nprint(SEEN)",
    ),
}


@pytest.mark.parametrize("name", ALIKE)
def test_stages_see_what_a_module_keeps(name: str, tmp_path: Path) -> None:
    cells = (WRITTEN, *ALIKE[name])
    beside, whole = tmp_path / "beside", tmp_path / "whole"
    beside.mkdir()
    whole.mkdir()

    told = printed_as_stages(staged(cells).lab, tmp_path / "apart", beside, apart=True)

    expected = "".join(printed_as_notebook(notebook(*cells), whole))
    assert expected.strip()
    assert "".join(told) == expected


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("from tools import twice\na = twice(2)", "from tools import twice\nb = twice(a)"),
        ("from tools import square\na = square(2)", "from tools import square\nb = square(a)"),
        ("import tools\na = tools.model()[0]", "import tools\nb = tools.model()[a]"),
        ("import tools\ntools.RATE = 3\na = tools.twice(2)", "import tools\nb = tools.twice(a)"),
        ("from tools import Plain\np = Plain()\np.add(1)\na = len(p.xs)", "from tools import Plain\nb = [Plain(), a]"),
        ("import tools\na = tools.scale(2)", "import tools\nb = tools.twice(a)"),
    ],
)  # fmt: skip
def test_a_module_that_keeps_nothing_that_is_read_parts_no_fewer_stages(first: str, second: str) -> None:
    stages = staged((WRITTEN, first, second)).lab.stages

    assert [stage.outputs for stage in stages] == [("tools.py",), ("a",), ()]
    assert "a" in stages[2].inputs


def test_what_a_module_holds_is_read_after_it_was_set() -> None:
    cells = ("import tools\ntools.RATE = 10", "a = tools.RATE", "b = [a]")

    stages = staged((WRITTEN, *cells)).lab.stages

    assert [stage.outputs for stage in stages] == [("tools.py",), (), ("a",), ()]
    assert stages[3].inputs == ("a",)


def test_modules_that_lie_beside_are_read(tmp_path: Path) -> None:
    package = tmp_path / "lab_tools"
    package.mkdir()
    (package / "__init__.py").write_text("from .parts import note, plain\n")
    (package / "parts.py").write_text(
        "NOTES = []\ndef note(x):\n    NOTES.append(x)\n    return x\ndef plain(x):\n    return x\n"
    )
    (tmp_path / "broken.py").write_text("def (\n")
    cells = (
        "import broken\nfrom lab_tools import note, plain",
        "a = note(1)",
        "b = plain(a)",
        "c = plain(b)",
        "d = note(2)",
    )
    path = tmp_path / "n.ipynb"
    path.write_bytes(notebook(*cells))

    found = stage_notebooks([inspect(path)], per="cell").lab.stages

    assert [stage.origin.indices for stage in found if stage.origin] == [(0,), (1, 2, 3, 4)]
    path.write_bytes(notebook(*(cell.replace("note(2)", "plain(2)") for cell in cells)))
    found = stage_notebooks([inspect(path)], per="cell").lab.stages
    assert len(found) == len(cells)


@pytest.mark.parametrize(
    "text",
    [
        "held = {}\ndef get(n=1):\n    if n not in held:\n        held[n] = [n, 2]\n    return held[n]",
        "held = {}\ndef get(a=1, b=2):\n    key = (a, b)\n    if key in held:\n"
        "        return held[key]\n    found = [a, b]\n    held[key] = found\n    return found",
        "from functools import cache\n@cache\ndef get():\n    return [1, 2]",
        "class One:\n    _it = None\n    def __init__(self):\n        self.rows = [1]\n    @classmethod\n"
        "    def get(cls):\n        if cls._it is None:\n            cls._it = cls()\n        return cls._it\n"
        "def get():\n    return One.get().rows",
        "_it = None\ndef get():\n    global _it\n    if _it is None:\n        _it = [1, 2]\n    return _it",
    ],
)
def test_a_memory_of_what_nobody_changes_parts_stages(text: str) -> None:
    cells = (
        "import own\na = own.get()[0]",
        "import own\nb = own.get()[0] + a",
        "copy = [*own.get()]\ncopy.append(b)",
    )

    stages = staged((f"%%writefile own.py\n{text}\n", *cells)).lab.stages

    assert len(stages) == 1 + len(cells)


def test_what_a_module_of_a_package_fills_for_another(tmp_path: Path) -> None:
    package = tmp_path / "pk"
    package.mkdir()
    (package / "__init__.py").write_text("from . import core\n")
    (package / "core.py").write_text("STATE = {}\n")
    (package / "api.py").write_text(
        "from .core import STATE\ndef connect(n):\n    STATE['db'] = n\ndef current():\n    return dict(STATE)\n"
    )
    cells = ("from pk import api\napi.connect('db1')", "print(api.current())")
    path = tmp_path / "n.ipynb"
    path.write_bytes(notebook(*cells))

    found = stage_notebooks([inspect(path)], per="cell").lab.stages

    assert [stage.origin.indices for stage in found if stage.origin] == [(0, 1)]


def test_stages_take_the_modules_of_a_folder_that_is_added(tmp_path: Path) -> None:
    files = {
        "lib/conf.py": "def twice(x):\n    return 2 * x\n",
        "lib/train.py": "from conf import twice\ndef step(x):\n    return twice(x) + 1\n",
        "lib/words/__init__.py": "import pathlib\n"
        "def all():\n    return pathlib.Path(__file__).with_name('w.txt').read_text()\n",
        "lib/words/w.txt": "hello",
        "lib/other.py": "def nobody():\n    pass\n",
    }
    beside, whole = tmp_path / "beside", tmp_path / "whole"
    for folder in (beside, whole):
        for name, text in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
    cells = (
        "import sys\nsys.path.insert(0, 'lib')\nfrom train import step\nprint(step(2))",
        "import sys\nsys.path.append('./lib')\nimport words\nprint(words.all())",
        "print(1)",
    )

    lab = staged(cells, folder=beside).lab

    assert next(takes(stage) for stage in lab.stages if stage.kind != "none")[:2] == [
        "lib/conf.py",
        "lib/train.py",
    ]
    assert not any("lib/other.py" in takes(stage) for stage in lab.stages)
    told = printed_as_stages(lab, tmp_path / "apart", beside, apart=True)
    assert "".join(told) == "".join(printed_as_notebook(notebook(*cells), whole)) == "5\nhello\n1\n"


def test_what_a_module_does_without_is_said_and_not_asked_for(tmp_path: Path) -> None:
    (tmp_path / "tools.py").write_text(
        "import numpy as np\n"
        "def set_seed(seed):\n    np.random.seed(seed)\n"
        "    try:\n        import torch\n    except ImportError:\n        return\n    torch.manual_seed(seed)\n"
        "try:\n    import tabulate\nexcept ImportError as error:\n    raise SystemExit('needs tabulate') from error\n",
        encoding="utf-8",
    )
    path = tmp_path / "a.ipynb"
    path.write_bytes(notebook("import tools\ntools.set_seed(1)"))
    inspection = inspect(path)
    (said,) = [one for one in inspection.findings if one.code == "NB-206"]
    assert "tools does without torch" in said.what
    assert said.mend == "if it counts: uv add torch"
    assert needed_by(inspection.module_texts) == {"numpy", "tabulate"}

    path.write_bytes(notebook("import torch\nimport tools\ntools.set_seed(1)"))
    assert not [one for one in inspect(path).findings if one.code == "NB-206"]
