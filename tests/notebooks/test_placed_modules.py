"""Own modules that know where they lie: what is read and written through them are files of the stages that do it."""

from __future__ import annotations

from pathlib import Path

import pytest

from agilab.notebooks.files.own_files import MOST_BELOW
from agilab.notebooks.inspecting import inspect
from agilab.notebooks.stages.above import levels_above, raised
from agilab.notebooks.stages.staging import stage_notebooks
from tests.notebooks.apart_folders import printed_as_notebook, printed_as_stages
from tests.notebooks.building import notebook
from tests.notebooks.test_file_uses import gives, staged, takes

CONFIG = """
import os
import os.path as osp
from pathlib import Path
ROOT = Path(__file__).resolve().parents[{up}]
DATA_DIR = ROOT / "data"
RAW = DATA_DIR / "raw"
BY_WORDS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "{back}", "data", "raw")
OUT = DATA_DIR / "processed"
OUT.mkdir(parents=True, exist_ok=True)
NAMES = {{"a": "a.csv", "whole": {{"b": RAW / "b.csv"}}}}
PLAIN = {{"a": "{back}/data/raw/a.csv"}}
def path_of(name, folder=RAW):
    '''Where it lies.'''
    whole = folder / name
    return whole
class Paths:
    raw = RAW
    b = raw / "b.csv"
    def text(self):
        return self.b.read_text() + (RAW / "a.csv").read_text()
paths = Paths()
"""
LOADING = """
import json
from {package}config import path_of, OUT
def table(name):
    return len(path_of(name).read_text())
def load_table(name):
    return table(name)
def kept():
    with open("{back}/data/kept.json") as file:
        return json.load(file)
def save(text, name="made.txt"):
    (OUT / name).write_text(text)
"""
READS = {
    "a glob": (
        "from config import RAW\nprint(sorted(p.name for p in RAW.glob('*.csv')))",
        ["data/raw/*.csv"],
    ),
    "by attribute": ("import config\nprint(len((config.RAW / 'a.csv').read_text()))", ["data/raw/a.csv"]),
    "another name": (
        "import config as c\nfrom config import RAW as R\nprint(open(R / 'a.csv').read() + str(c.ROOT.is_dir()))",
        ["data/raw/a.csv"],
    ),
    "all names": ("from config import *\nprint(len(open(RAW / 'a.csv').read()))", ["data/raw/a.csv"]),
    "by words": (
        "import os\nfrom config import BY_WORDS\nprint(sorted(os.listdir(BY_WORDS)))",
        ["data/raw/"],
    ),
    "of a dictionary": (
        "from config import NAMES, RAW\nprint(len((RAW / NAMES['a']).read_text()))",
        ["data/raw/a.csv"],
    ),
    "of one in another": (
        "import config\nprint(len(open(config.NAMES['whole']['b']).read()))",
        ["data/raw/b.csv"],
    ),
    "no file of its own": (
        "from config import PLAIN\nprint(len(open(PLAIN['a']).read()))",
        ["data/raw/a.csv"],
    ),
    "of a class": ("from config import Paths\nprint(len(Paths.b.read_text()))", ["data/raw/b.csv"]),
    "of an object": ("from config import paths\nprint(len(paths.b.read_text()))", ["data/raw/b.csv"]),
    "of one that is made there": (
        "from config import Paths\nprint(len(open(Paths().b).read()))",
        ["data/raw/b.csv"],
    ),
    "by a function": ("import config\nprint(len(open(config.path_of('a.csv')).read()))", ["data/raw/a.csv"]),
    "read in a function": ("import loading\nprint(loading.table('b.csv'))", ["data/raw/b.csv"]),
    "read by a name in it": ("from loading import kept\nprint(kept())", ["data/kept.json"]),
    "read by a function that is called so": (
        "import loading\nprint(loading.load_table('b.csv'))",
        ["data/raw/b.csv"],
    ),
    "in a function of the notebook": (
        "import loading\ndef mine():\n    return loading.kept()\nprint(mine())",
        ["data/kept.json"],
    ),
}


def _lies(root: Path, place: str) -> Path:
    """A project whose modules lie in a folder below; returns the folder of its notebook."""
    up, back = (1, "..") if place else (0, ".")
    package = "" if place != "src" else "src."
    for name, text in {
        "config.py": CONFIG.format(up=up, back=back),
        "loading.py": LOADING.format(package=package, back=back),
    }.items():
        (root / place).mkdir(parents=True, exist_ok=True)
        (root / place / name).write_text(text)
    (root / "data/raw").mkdir(parents=True)
    (root / "data/raw/a.csv").write_text("x\n1\n")
    (root / "data/raw/b.csv").write_text("x\n1\n22\n")
    (root / "data/kept.json").write_text('{"k": 3}')
    folder = root / ("notebooks" if place else "")
    folder.mkdir(exist_ok=True)
    return folder


@pytest.mark.parametrize("case", READS)
def test_what_is_read_through_a_module_beside_the_notebook_is_an_input(tmp_path: Path, case: str) -> None:
    cell, files = READS[case]
    (stage,) = staged((cell,), folder=_lies(tmp_path, "")).lab.stages
    assert {one for one in takes(stage) if not one.endswith(".py")} == set(files)
    assert "config.py" in takes(stage)


@pytest.mark.parametrize("case", READS)
def test_the_same_of_a_folder_beside_the_notebook_s(tmp_path: Path, case: str) -> None:
    """The template of cookiecutter-data-science: `src/config.py` is asked from `notebooks/`."""
    cell, files = READS[case]
    for name in ("config", "loading"):
        cell = cell.replace(f"import {name}\n", f"from src import {name}\n").replace(
            f"import {name} as", f"import src.{name} as"
        )
        cell = cell.replace(f"from {name} ", f"from src.{name} ")
    folder = _lies(tmp_path, "src")
    path = folder / "n.ipynb"
    path.write_bytes(notebook("import sys\nsys.path.append('..')\n" + cell))
    found = inspect(path)
    assert levels_above(folder, found.uses) == 1
    whole = raised(inspect(path, beside=True), folder, 1)
    (stage,) = stage_notebooks([whole], per="cell").lab.stages
    assert {one for one in takes(stage) if not one.endswith(".py")} == set(files)
    assert "src/config.py" in takes(stage)


def test_what_is_written_through_a_module_is_an_output_and_goes_on(tmp_path: Path) -> None:
    folder = _lies(tmp_path, "")
    first, second, third, fourth = staged(
        (
            "import config\n(config.OUT / 'b.txt').write_text('b')",
            "import loading\nloading.save('c')",
            "from loading import save\nsave('d', 'd.txt')",
            "from config import OUT\nprint([(OUT / n).read_text() for n in ('b.txt', 'made.txt', 'd.txt')])",
        ),
        folder=folder,
    ).lab.stages
    assert gives(first) == ["data/processed/b.txt"]
    assert gives(second) == ["data/processed/made.txt"]
    assert gives(third) == ["data/processed/d.txt"]
    assert {*gives(first), *gives(second), *gives(third)} <= {*takes(fourth)}


@pytest.mark.slow
def test_stages_print_what_the_notebook_prints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cells = [*(cell for cell, _ in READS.values()), "import loading\nloading.save('c')"]
    cells += ["from config import OUT\nprint((OUT / 'made.txt').read_text())"]
    folder = _lies(tmp_path / "beside", "")
    lab = staged(tuple(cells), folder=folder).lab
    theirs = printed_as_notebook(notebook(*cells), _lies(tmp_path / "room", ""))
    (tmp_path / "modules").mkdir()  # of the lab, as a worker finds them: without any data beside them
    for one in folder.glob("*.py"):
        (tmp_path / "modules" / one.name).write_bytes(one.read_bytes())
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "modules"))
    ours = printed_as_stages(lab, tmp_path / "apart", folder, apart=True)
    assert "".join(ours) == "".join(theirs), "cells may be one stage"
    assert len(ours) > len(cells) / 2


def test_a_package_that_reads_its_own_file_has_all_of_its_files(tmp_path: Path) -> None:
    (tmp_path / "conf/more").mkdir(parents=True)
    (tmp_path / "conf/__init__.py").write_text(
        "import json\nfrom pathlib import Path\nPARAMS = json.loads((Path(__file__).parent / 'p.json').read_text())\n"
    )
    (tmp_path / "conf/p.json").write_text("{}")
    (tmp_path / "conf/more/t.txt").write_text("t")
    (tmp_path / "plain.py").write_text("from conf import PARAMS\n")
    for cell in ("from conf import PARAMS", "import plain"):
        (stage,) = staged((f"{cell}\nprint(1)",), folder=tmp_path).lab.stages
        assert takes(stage) == ["conf/__init__.py", "conf/more/t.txt", "conf/p.json"]


def test_a_package_of_very_many_files_says_which_do_not_come_along(tmp_path: Path) -> None:
    (tmp_path / "big").mkdir()
    (tmp_path / "big/__init__.py").write_text("HERE = __file__\n")
    for number in range(MOST_BELOW + 1):
        (tmp_path / f"big/f{number:04}.txt").write_text("")
    (told,) = _told("import big\nprint(big.HERE)", tmp_path, "NB-313")
    assert "big" in told
    assert f"{MOST_BELOW}" in told


def test_a_module_that_does_not_say_where_it_lies_stays_where_it_is(tmp_path: Path) -> None:
    (tmp_path / "plain.py").write_text("def one():\n    return 1\n")
    (stage,) = staged(("import plain\nprint(plain.one())",), folder=tmp_path).lab.stages
    assert takes(stage) == []


def test_a_constant_that_the_notebook_sets_is_not_known(tmp_path: Path) -> None:
    (tmp_path / "conf.py").write_text("DATA = 'a.csv'\n")
    cell = "import conf\nconf.DATA = input()\nopen(conf.DATA)"
    assert takes(staged((cell,), folder=tmp_path).lab.stages[0]) == []
    (told,) = _told(cell, tmp_path, "NB-301")
    assert "conf.DATA" in told


def test_what_a_module_computes_is_said_to_be_unknown(tmp_path: Path) -> None:
    (tmp_path / "conf.py").write_text(
        "import os\nfrom pathlib import Path\nHERE = Path(os.environ.get('D') or __file__).parent\n"
        "def where(name):\n    if name:\n        return HERE / name\n    return None\n"
    )
    for cell in (
        "from conf import HERE\nprint(list(HERE.glob('*.csv')))",
        "import conf\nprint(list((conf.HERE / 'x').glob('*.csv')))",
        "import conf\nprint(open(conf.where('a')).read())",
    ):
        (told,) = _told(cell, tmp_path, "NB-312")
        assert "conf." in told


def _told(cell: str, folder: Path, code: str) -> list[str]:
    path = folder / "n.ipynb"
    path.write_bytes(notebook(cell))
    return [one.what for one in inspect(path).findings if one.code == code]


def test_a_project_that_is_installed_is_known_by_its_folder(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[build-system]\nrequires = ['hatchling']\n")
    folder = _lies(tmp_path, "src/study")
    (tmp_path / "src/study/config.py").write_text(CONFIG.format(up=2, back="../.."))
    (tmp_path / "src/study/loading.py").unlink()
    path = folder / "n.ipynb"
    path.write_bytes(notebook("from study.config import RAW\nprint((RAW / 'a.csv').read_text())"))
    found = inspect(path)
    assert {one.known_by for one in found.imports} == {"local"}
    assert levels_above(folder, found.uses) == 1
    (stage,) = stage_notebooks([raised(inspect(path, beside=True), folder, 1)], per="cell").lab.stages
    assert takes(stage) == ["data/raw/a.csv", "src/study/config.py"]


@pytest.mark.parametrize(
    "text",
    [
        "def f(x):\n    return f(x)\nX = f('a')\n",
        "def g(x):\n    return h(x) + h(x)\ndef h(x):\n    return g(x) + g(x)\nX = g('a')\n",
        "from other import X\n",
        "from conf import *\nX = X\n",
        "X = (\n",
    ],
)
def test_modules_that_go_round_in_circles_come_to_an_end(tmp_path: Path, text: str) -> None:
    (tmp_path / "conf.py").write_text(text)
    (tmp_path / "other.py").write_text("from conf import X\n")
    cell = "from conf import X\nprint(open(X).read())"
    assert takes(staged((cell,), folder=tmp_path).lab.stages[0]) == []
    assert len(_told(cell, tmp_path, "NB-301")) == 1


def test_where_a_module_lies_does_not_change_with_the_working_folder(tmp_path: Path) -> None:
    (tmp_path / "conf.py").write_text("from pathlib import Path\nHERE = Path(__file__).parent\n")
    (tmp_path / "d").mkdir()
    (tmp_path / "d/a.csv").write_text("1")
    cell = "import os\nfrom conf import HERE\nos.chdir('d')\nprint(open(HERE / 'd' / 'a.csv').read())"
    assert takes(staged((cell,), folder=tmp_path).lab.stages[0]) == ["conf.py", "d/a.csv"]
