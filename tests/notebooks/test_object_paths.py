"""Files whose paths objects keep: `self.path` is what the object was made with; its stage takes or gives that file."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from agilab.notebooks.inspecting import Inspection, inspect
from tests.notebooks.building import code as cell
from tests.notebooks.building import notebook
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


BASE = """from pathlib import Path
class Base:
    def __init__(self, root):
        self.root = Path(root)
    def file(self, name):
        return self.root / f"{name}.txt"
"""
STORE = BASE + "class Store(Base):\n    def __init__(self, root, name='a'):\n        super().__init__(root)\n"
MADE = {
    "of another attribute": (
        LOADER.format("self.root = Path(folder); self.path = self.root / path", "pass"),
        "    def keep(self):\n        self.path.write_text('x')\n",
        "Loader('a.txt', '.').keep()",
    ),
    "of one of a class above": (
        STORE + "        self.path = self.root / (name + '.txt')\n",
        "    def keep(self):\n        self.path.write_text('x')\n",
        "Store('.').keep()",
    ),
    "with what a method is given": (
        STORE,
        "    def keep(self, name):\n        (self.root / name).write_text('x')\n",
        "one = Store('.')\none.keep('a.txt')",
    ),
    "in a text": (
        STORE,
        "    def keep(self, name):\n        open(f'{self.root}/{name}', 'w')\n",
        "Store('.').keep('a.txt')",
    ),
    "by a method of a class above": (
        STORE,
        "    def keep(self, key):\n        self.file(key).write_text('x')\n",
        "Store('.').keep('a')",
    ),
    "by a method, as a text": (
        "class Store:\n    def __init__(self, root='a'):\n        self.root = root\n"
        "    def file(self):\n        return f'{self.root}.txt'\n",
        "    def keep(self):\n        with open(self.file(), 'w') as opened:\n            opened.write('x')\n",
        "Store().keep()",
    ),
    "by a method, with a name": (
        STORE,
        "    def keep(me, key):\n        there = me.file(name=key)\n        there.write_text('x')\n",
        "Store('.').keep('a')",
    ),
    "by a property": (
        STORE + "    @property\n    def path(self):\n        return self.root / 'a.txt'\n",
        "    def keep(self):\n        self.path.write_text('x')\n",
        "Store('.').keep()",
    ),
    "and given to a function": (
        STORE + "        self.path = self.root / f'{name}.txt'\n",
        "    def keep(self):\n        put(self.path)\ndef put(path):\n    open(path, 'w')\n",
        "Store('.').keep()",
    ),
    "of what an annotation calls a path": (
        "class Store:\n    def __init__(self, root: Path):\n        self.root = root\n",
        "    def keep(self, name):\n        (self.root / name).write_text('x')\n",
        "Store(Path()).keep('a.txt')",
    ),
    "of what the derived class says": (
        "class Base:\n    NAME = 'b.txt'\n    def keep(self):\n        open(self.NAME, 'w')\n",
        "class Store(Base):\n    NAME = 'a.txt'\n",
        "Store().keep()",
    ),
}


@pytest.mark.parametrize("case", MADE)
def test_a_path_that_is_made_of_what_an_object_keeps_is_known(case: str, tmp_path: Path) -> None:
    above, method, call = MADE[case]
    code = f"from pathlib import Path\n{above}{method}"
    assert gives(staged((code, call), folder=tmp_path).lab.stages[-1]) == ["a.txt"]
    assert left(tmp_path / "run", code, call) == ["a.txt"]


@pytest.mark.parametrize("case", MADE)
def test_a_module_knows_the_paths_that_its_objects_make(case: str, tmp_path: Path) -> None:
    above, method, call = MADE[case]
    (tmp_path / "tools.py").write_text(f"from pathlib import Path\n{above}{method}")
    cells = "from pathlib import Path\nfrom tools import *\nfrom tools import Loader, Store", call
    assert gives(staged(cells, folder=tmp_path).lab.stages[-1]) == ["a.txt"]


def test_a_class_may_be_derived_from_one_of_a_module(tmp_path: Path) -> None:
    (tmp_path / "zbase.py").write_text(BASE)
    store = "from zbase import Base\n" + STORE.removeprefix(BASE)
    store += "        self.path = self.file(name)\n    def save(self):\n        self.path.write_text('x')\n"
    (tmp_path / "astore.py").write_text(store)
    for code in (store, "from astore import Store"):
        stage = staged((code, "Store('.').save()"), folder=tmp_path).lab.stages[-1]
        assert gives(stage) == ["a.txt"]


SAVES_ELSEWHERE = (
    STORE
    + "    def save(self, name, text):\n        (self.root / name).write_text(text)\n"
    + "    def load(self, name):\n        return (self.root / name).read_text()\n"
)


def test_a_method_whose_text_is_known_writes_and_reads_what_that_says(tmp_path: Path) -> None:
    cells = SAVES_ELSEWHERE, "one = Store('cache')\none.save('d.txt', 'x')", "one.load('d.txt')"
    _, saves, loads = inspected(tmp_path, *cells)
    assert saves == {("write", "cache/d.txt")}
    assert ("read", "cache/d.txt") in loads
    assert ("read", "d.txt") not in loads


def test_what_a_derived_class_says_otherwise_is_not_promised_by_the_class_above(tmp_path: Path) -> None:
    code = BASE + "    def keep(self):\n        self.file('a').write_text('x')\n"
    code += "class Other(Base):\n    def file(self, name):\n        return self.root / 'b.txt'\n"
    assert gives(staged((code, "Other('.').keep()"), folder=tmp_path).lab.stages[-1]) == []


def seen(folder: Path, *cells: str) -> Inspection:
    path = folder / "n.ipynb"
    path.write_bytes(notebook(*map(cell, cells)))
    return inspect(path)


def inspected(folder: Path, *cells: str) -> list[set[tuple[str, str]]]:
    uses = seen(folder, *cells).uses
    return [{(one.does, one.path) for one in uses if one.cell == number} for number in range(len(cells))]


def test_a_module_whose_path_is_not_known_is_told_where_it_is_called(tmp_path: Path) -> None:
    (tmp_path / "tools.py").write_text(
        "class Store:\n    def __init__(self):\n        self.table = {}\n"
        "    def load(self, key):\n        return open(self.table[key]).read()\n"
    )
    cells = "from tools import Store", "one = Store()\none.load('a')\none.load('b')"
    said = [one for one in seen(tmp_path, *cells).findings if one.code == "NB-312"]
    assert [(one.cell, one.line) for one in said] == [(1, 2), (1, 3)]
    assert "{self.table[key]}" in said[0].what


@pytest.mark.slow
def test_methods_that_all_call_each_other_are_read_in_little_time(tmp_path: Path) -> None:
    lines = ["class Ring:", "    def __init__(self, root):", "        self.root = root"]
    for number in range(60):
        lines += [f"    def m{number}(self, name):", f"        open(self.root + name + '{number}', 'w')"]
        lines += [f"        self.m{(number * 7 + step * 11) % 60}(name + 'a')" for step in range(1, 8)]
    cells = "\n".join(lines), *(f"Ring('r{number}').m{number}('n')" for number in range(8))
    started = time.process_time()
    first = inspected(tmp_path, *cells)[1]
    assert time.process_time() - started < 30  # it was some minutes, and more with each method
    assert ("write", "r0n0") in first
