"""Parameters left at their defaults, and what own modules read by functions that they call when they are imported."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.notebooks.apart_folders import printed_as_notebook, printed_as_stages
from tests.notebooks.building import notebook
from tests.notebooks.test_file_uses import files, gives, staged, takes

FIRST = "import os\nfrom pathlib import Path\nDATA = Path('data')\n"
KINDS: dict[str, tuple[str, str]] = {
    "a name": ("FILE = os.path.join('data', 'x.txt')\ndef f(p=FILE):\n    return open(p).read()", "f()"),
    "part of a path": (
        "def f(folder=DATA, *, name='x.txt'):\n    whole = os.path.join(folder, name)\n    return open(whole).read()",
        "f()",
    ),
    "an expression": ("def f(p=DATA / 'x.txt'):\n    return p.read_text()", "f()"),
    "what the name was then": (
        "NAME = 'x.txt'\ndef f(p=NAME):\n    return open(f'data/{p}').read()\nNAME = 'y.txt'",
        "f()",
    ),
    "the same name": ("def at(name, DATA=DATA):\n    return DATA / name", "open(at('x.txt')).read()"),
    "through another": (
        "def g(p):\n    return open(p).read()\ndef f(folder=DATA):\n    return g(os.path.join(folder, 'x.txt'))",
        "f()",
    ),
    "of a class": (
        "class A:\n    D = 'data/x.txt'\n    def __init__(self, p=D):\n        self.x = open(p).read()\n"
        "    def f(self, p=DATA / 'x.txt'):\n        return open(p).read()",
        "A().f()",
    ),
    "made a path": ("def f(p='data'):\n    p = Path(p)\n    return (p / 'x.txt').read_text()", "f()"),
    "none given": (
        "def f(p=None):\n    if p is None:\n        p = DATA\n    p = Path(p)\n    return open(p / 'x.txt').read()",
        "f()",
    ),
    "none or": ("def f(p=None):\n    p = p or DATA / 'x.txt'\n    return open(p).read()", "f()"),
    "none else": (
        "def f(p=None):\n    p = Path(p) if p is not None else DATA\n    return open(p / 'x.txt').read()",
        "f()",
    ),
    "given": (
        "def f(p=None):\n    if p is None:\n        p = DATA / 'y.txt'\n    return open(p).read()",
        "f('data/x.txt')",
    ),
}


def _lies(folder: Path) -> Path:
    (folder / "data/train/a").mkdir(parents=True)
    (folder / "data/train/b").mkdir()
    for name in ("x.txt", "y.txt", "train/a/1.txt", "train/b/2.txt"):
        (folder / "data" / name).write_text(name)
    (folder / "conf.json").write_text('{"k": 3}')
    return folder


@pytest.mark.parametrize("kind", KINDS)
def test_a_parameter_that_nothing_is_given_for_has_its_default(kind: str, tmp_path: Path) -> None:
    """Each function reads `data/x.txt` and nothing else, as plain Python shows in a folder that has only this file."""
    text, call = KINDS[kind]
    cells = (FIRST + text, f"print({call})")
    plain = tmp_path / "plain/data"
    plain.mkdir(parents=True)
    (plain / "x.txt").write_text("7")
    assert printed_as_notebook(notebook("\n".join(cells)), plain.parent) == ["7\n"]

    found = files(staged(cells, folder=_lies(tmp_path / "beside")))

    assert [path for reads, _ in found for path in reads] == ["data/x.txt"]


@pytest.mark.parametrize(
    "text",
    [
        "def f(p=None):\n    if p is None:\n        p = DATA\n    else:\n        p = Path('o')\n    return open(p)",
        "def f(p=DATA):\n    p = p / 'train'\n    return open(p / 'x.txt')",
        "def f(p=None):\n    if p is not None:\n        p = DATA\n    return open(p / 'x.txt')",
        "def f(p=input()):\n    return open(p)",
        "P = 'data/x.txt' if len(str(DATA)) else 3\nP = open\ndef f(p=P):\n    return open(p)",
    ],
)
def test_what_becomes_of_it_otherwise_is_not_known(text: str, tmp_path: Path) -> None:
    found = files(staged((FIRST + text, "f()"), folder=_lies(tmp_path)))

    assert [path for reads, _ in found for path in reads] == []


def test_what_a_default_names_is_written_and_goes_on(tmp_path: Path) -> None:
    save = "OUT = DATA / 'made.txt'\ndef save(text, p=OUT):\n    with open(p, 'w') as file:\n        file.write(text)"
    _, second, third = staged(
        (FIRST + save, "save('a')", "print(open(OUT).read())"), folder=_lies(tmp_path)
    ).lab.stages
    assert gives(second) == takes(third) == ["data/made.txt"]


HERE = "import json\nfrom pathlib import Path\nHERE = Path(__file__).resolve().parent\nTRAIN = HERE / 'data/train'\n"
MODULES: dict[str, tuple[str, str, list[str]]] = {
    "a default": ("def f(p=HERE / 'data/x.txt'):\n    return open(p).read()", "tools.f()", ["data/x.txt"]),
    "a default folder": (
        "def f(root=TRAIN):\n    return {p.name: len(list(p.glob('*.txt'))) for p in sorted(Path(root).iterdir())}",
        "tools.f()",
        ["data/train/"],
    ),
    "folders of a folder": ("N = len([p for p in TRAIN.iterdir() if p.is_dir()])", "tools.N", ["data/train/"]),
    "folders that a pattern finds": ("N = sorted(p.name for p in TRAIN.glob('*'))", "tools.N", ["data/train/"]),
    "made once": (
        "class Config:\n    _it = None\n    def __new__(cls):\n        if cls._it is None:\n"
        "            cls._it = super().__new__(cls)\n            cls._it._load()\n        return cls._it\n"
        "    def _load(self):\n        path = HERE / 'conf.json'\n        if not path.exists():\n"
        "            raise FileNotFoundError(path)\n        with open(path) as file:\n"
        "            self.k = json.load(file)['k']\nconfig = Config()",
        "tools.config.k",
        ["conf.json"],
    ),
    "made by what it begins with": (
        "class Config:\n    def __init__(self, p=HERE / 'conf.json'):\n        self.k = json.loads(p.read_text())['k']"
        "\nconfig = Config()",
        "tools.config.k",
        ["conf.json"],
    ),
    "by a function": (
        "def load(name):\n    with open(HERE / name) as file:\n        return json.load(file)\n"
        "CONF = load('conf.json')",
        "tools.CONF['k']",
        ["conf.json"],
    ),
    "as a program": (
        "def load(name='gone.json'):\n    return open(HERE / name).read()\n"
        "if __name__ == '__main__':\n    load()\n    load('conf.json')\n    open(HERE / 'conf.json')",
        "3",
        [],
    ),
    "what may not be there": (
        "def load(name):\n    try:\n        return open(HERE / name).read()\n    except OSError:\n        return ''\n"
        "CONF = load('gone.json')",
        "len(tools.CONF)",
        [],
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", MODULES)
def test_what_own_modules_read_is_there_for_the_stage(kind: str, tmp_path: Path) -> None:
    text, value, wanted = MODULES[kind]
    folder = _lies(tmp_path / "beside")
    (folder / "tools.py").write_text(HERE + text + "\n")
    cells = (f"import tools\nprint({value})",)

    lab = staged(cells, folder=folder).lab

    (stage,) = lab.stages
    assert takes(stage) == sorted([*wanted, "tools.py"])
    theirs = printed_as_notebook(notebook(*cells), folder)
    assert printed_as_stages(lab, tmp_path / "apart", folder, apart=True) == theirs


def test_folders_that_a_pattern_finds_are_taken_with_all_that_is_in_them(tmp_path: Path) -> None:
    """`data/train/*` finds no file there, only folders."""
    folder = _lies(tmp_path)
    look = "import glob\nprint(sorted(glob.glob('data/train/*')))"
    make = "import os\nos.makedirs('data/train/c', exist_ok=True)\nopen('data/train/c/3.txt', 'w').close()"
    below = ["data/train/a/1.txt", "data/train/b/2.txt"]
    assert files(staged((look,), folder=folder)) == [(["data/train/"], [])]
    assert files(staged((make, look), folder=folder))[1] == ([*below, "data/train/c/3.txt"], [])
    assert files(staged(("import glob\nprint(glob.glob('data/train/a/*'))",), folder=folder)) == [
        (["data/train/a/*"], [])
    ]
