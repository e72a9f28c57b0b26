"""Files whose paths objects keep: `self.path` is what the object was made with; its stage takes or gives that file."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.notebooks.test_file_uses import gives, left, staged, takes

LOADER = "class Loader:\n    def __init__(self, path, folder='data'):\n        {}\n    def load(self):\n        {}\n"
READS = {
    "as it is given": (
        LOADER.format("self.path = path", "return open(self.path).read()"),
        "Loader('a.txt').load()",
    ),
    "beside another": (
        LOADER.format("self.at, self.path = folder, path", "return open(self.path).read()"),
        "Loader('a.txt').load()",
    ),
    "by its name": (
        LOADER.format("self.path = path", "return open(self.path).read()"),
        "Loader(path='a.txt').load()",
    ),
    "of an object with a name": (
        LOADER.format("self.path = path", "return open(self.path).read()"),
        "one = Loader('a.txt')\nx = 1\ntext = one.load()",
    ),
    "as a path": (
        "from pathlib import Path\n"
        + LOADER.format("self.path = Path(path)", "return self.path.read_text()"),
        "Loader('a.txt').load()",
    ),
    "in a folder": (
        "import os\n"
        + LOADER.format("self.at = folder", "return open(os.path.join(self.at, 'a.txt')).read()"),
        "Loader('', folder='.').load()",
    ),
    "by another method": (
        LOADER.format(
            "self.path = path",
            "return self.text()\n    def text(self):\n        return open(self.path).read()",
        ),
        "Loader('a.txt').load()",
    ),
    "of the class": (
        "class Loader:\n    PATH = 'a.txt'\n    def load(self):\n        return open(self.PATH).read()",
        "Loader().load()",
    ),
    "of a data class": (
        "from dataclasses import dataclass\n@dataclass\nclass Loader:\n    path: str\n    n: int = 3\n"
        "    def load(self):\n        return open(self.path).read()",
        "Loader('a.txt').load()",
    ),
    "by default of a data class": (
        "import dataclasses\n@dataclasses.dataclass(frozen=True)\nclass Loader:\n    path: str = 'a.txt'\n"
        "    def load(self):\n        return open(self.path).read()",
        "Loader().load()",
    ),
    "when it is made": (
        LOADER.format("self.path = path; self.text = open(self.path).read()", "pass"),
        "Loader('a.txt')",
    ),
    "in a function": (
        LOADER.format("self.path = path", "return open(self.path).read()")
        + "def read(name):\n    return Loader(name).load()\n",
        "read('a.txt')",
    ),
    "of an object that nobody knows": (
        LOADER.format("self.path = path", "return open(self.path).read()"),
        "many = [Loader('a.txt')]\nfor one in many:\n    one.load()",
    ),
}


@pytest.mark.parametrize("case", READS)
def test_what_an_object_reads_is_given_to_its_stage(case: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    stage = staged(READS[case], folder=tmp_path).lab.stages[-1]
    assert [one.removeprefix("./") for one in takes(stage)] == ["a.txt"]


@pytest.mark.parametrize("case", READS)
def test_a_module_of_its_own_has_it_alike(case: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    (tmp_path / "tools.py").write_text(READS[case][0])
    cells = "from tools import *\nfrom tools import Loader", READS[case][1]
    stage = staged(cells, folder=tmp_path).lab.stages[-1]
    assert "a.txt" in [one.removeprefix("./") for one in takes(stage)]


SAVER = """class Saver:
    def __init__(self, path):
        self.path = path
    def save(self):
        open(self.path, 'w').write('x')
"""
WRITES = {
    "as it is given": (SAVER, "Saver('a.txt').save()", ["a.txt"]),
    "of an object with a name": (SAVER, "one = Saver('a.txt')\ntwo = Saver('b.txt')\none.save()", ["a.txt"]),
    "each of two": (SAVER, "one, two = Saver('a.txt'), Saver('b.txt')\nSaver('c.txt').save()", ["c.txt"]),
    "of another class": (
        SAVER + "class Other:\n    def save(self):\n        open('other.txt', 'w')\n",
        "Saver('a.txt').save()",
        ["a.txt"],
    ),
    "in a derived class": (
        SAVER + "class Derived(Saver):\n    def save(self):\n        open('d.txt', 'w')\n",
        "Derived('a.txt').save()",
        ["d.txt"],
    ),
    "by the class that it is derived from": (
        SAVER + "class Derived(Saver):\n    n = 1\nclass More(Derived):\n    pass\n",
        "More('a.txt').save()",
        ["a.txt"],
    ),
    "by the class above, which is given it": (
        SAVER
        + "class Derived(Saver):\n    def __init__(self, name):\n        super().__init__(name + '.txt')\n",
        "Derived('a').save()",
        ["a.txt"],
    ),
    "never": (SAVER, "Saver('a.txt')", []),
    "of one in a list, which is not promised": (
        SAVER,
        "for one in [Saver('a.txt'), Saver('b.txt')]:\n    one.save()",
        [],
    ),
    "set later, which is not promised": (SAVER, "one = Saver('a.txt')\none.path = 'b.txt'\none.save()", []),
    "set by another method": (
        SAVER + "    def to(self, path):\n        self.path = path\n",
        "one = Saver('a.txt')\none.to('b.txt')\none.save()",
        [],
    ),
}


@pytest.mark.parametrize("case", WRITES)
def test_what_an_object_certainly_writes_is_promised(case: str, tmp_path: Path) -> None:
    *cells, promised = WRITES[case]
    assert isinstance(promised, list)
    stage = staged(tuple(map(str, cells)), folder=tmp_path).lab.stages[-1]
    assert gives(stage) == promised
    assert set(promised) <= {*left(tmp_path, *map(str, cells))}
