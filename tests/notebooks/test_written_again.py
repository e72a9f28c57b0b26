"""Files that cells write again: stages print what the notebook prints, and each file has one maker after another.

The oracle is plain Python: the cells one after another in one process and one folder.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from agilab.contracts.lab_stages import LabStages
from agilab.notebooks.python.parsing import parse_notebook
from agilab.notebooks.reading import read
from tests.notebooks.apart_folders import printed_as_stages
from tests.notebooks.building import notebook
from tests.notebooks.test_file_uses import files, gives, said, staged, takes

READ = "print(open('t.txt').read())"


def write(text: str, mode: str = "w") -> str:
    return f"with open('t.txt', {mode!r}) as f:\n    f.write({text!r})"


REMOVE = "import os\nos.remove('t.txt')"
IF_THERE = "import os\nif os.path.exists('t.txt') and len(os.sep) == 1:\n    os.remove('t.txt')"
NEVER = "import os\nif os.sep == '':\n    open('t.txt', 'w').write('b')"
IS_THERE = "import os\nprint(os.path.exists('t.txt'))"
HELPER = "def save(x, to='t.txt'):\n    open(to, 'w').write(x)"
LOOP = "for k in 'abc':\n    open('t.txt', 'w').write(k)"
CHANGE = "with open('t.txt') as f:\n    x = f.read()\nopen('t.txt', 'w').write(x + 'b')"
MANY = "import os\nos.makedirs('out', exist_ok=True)\nfor k in 'ab':\n    open(f'out/{k}.txt', 'w').write(k)"
SQL = "import sqlite3\nc = sqlite3.connect('d.db')\n{}\nc.commit()\nc.close()"
FILES: dict[str, tuple[str, ...]] = {
    "overwritten": (write("a"), READ, write("bb"), READ, READ),
    "a cell that is a file": ("%%writefile t.txt\na", READ, "%%writefile t.txt\nb", READ),
    "a helper": (HELPER, "save('a')", READ, "save('b')", READ),
    "in a loop": (LOOP, READ, LOOP.replace("abc", "de"), READ),
    "then added to": (write("a"), write("b"), write("c", "a"), READ),
    "read and written": (write("a"), CHANGE, write("c", "a"), READ),
    "under a condition": (write("a"), NEVER, READ, write("c"), READ),
    "removed, then added to": (write("a"), READ, REMOVE, IS_THERE, write("b", "a"), READ),
    "removed in the same cell": (write("a"), f"{REMOVE}\nopen('t.txt', 'x').write('b')", READ),
    "removed, if it is there": (write("a"), IF_THERE, "print(1)", write("b", "a"), READ),
    "removed, then not made": (write("a"), REMOVE, NEVER, IS_THERE, write("c", "a"), READ),
    "moved away": (
        write("a"),
        "import shutil\nshutil.move('t.txt', 'u.txt')",
        write("b", "x"),
        READ,
        "print(open('u.txt').read())",
    ),
    "a folder removed": (
        "import os\nos.makedirs('out', exist_ok=True)\nopen('out/a.txt', 'w').write('a')",
        "open('out/b.txt', 'w').write('b')",
        "import shutil\nshutil.rmtree('out')",
        "import os\nos.mkdir('out')\nopen('out/a.txt', 'w').write('c')",
        "open('out/b.txt', 'a').write('d')",
        "print(open('out/a.txt').read(), open('out/b.txt').read())",
    ),
    "by a pattern": (MANY, "print(1)", MANY.replace("ab", "bc"), "print(2)"),
    "a database": (
        SQL.format("c.execute('create table t (x)')"),
        SQL.format("c.execute('insert into t values (1)')"),
        SQL.format("print(list(c.execute('select x from t')))"),
    ),
}
"""Cells that know nothing of each other but files, and a helper."""
WITH_1, WITH_22 = "%%writefile mod.py\nx = 1", "%%writefile mod.py\nx = 22"
A_CLASS = "%%writefile mod.py\nclass A:\n    def f(self):\n        return 1"
MODULES: dict[str, tuple[str, ...]] = {
    "a name of it": (WITH_1, "import mod\nprint(mod.x)", WITH_22, "print(mod.x)"),
    "imported again": (WITH_1, "import mod", WITH_22, "import mod\nprint(mod.x)"),
    "loaded again": (
        WITH_1,
        "import mod",
        WITH_22,
        "import importlib\nimportlib.reload(mod)",
        "print(mod.x)",
    ),
    "added to": (WITH_1, "import mod", "%%writefile -a mod.py\nx = 22", "print(mod.x)"),
    "through a function": (WITH_1, "def f():\n    return mod.x", "import mod", WITH_22, "print(f())"),
    "an object": (A_CLASS, "from mod import A\na = A()", A_CLASS.replace("1", "22"), "print(a.f())"),
    "through another": (
        WITH_1,
        "%%writefile two.py\nimport mod",
        "import two",
        WITH_22,
        "print(two.mod.x)",
    ),
}


def printed(cells: tuple[str, ...], folder: Path) -> list[str]:
    """What the cells print, one after another."""
    texts = [one.python for one in parse_notebook(read(notebook(*cells))).cells]
    script = "import sys\nsys.dont_write_bytecode = True\nspace = {'__name__': '__main__'}\n"
    script += "".join(f"exec({text!r}, space)\n" for text in texts)
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=folder, text=True, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def as_stages(lab: LabStages, tmp_path: Path) -> list[str]:
    found = printed_as_stages(lab, tmp_path / "stages", tmp_path / "nothing", apart=True)
    return [line for told in found for line in told.splitlines()]


def made_twice(lab: LabStages) -> list[str]:
    """What a stage makes that one above makes, too, and that it is not given: no run begins with that."""
    seen: set[str] = set()
    found = []
    for stage in lab.stages:
        found += [path for path in gives(stage) if path in seen and path not in takes(stage)]
        seen |= {*gives(stage)}
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_what_is_written_again_is_read_as_the_notebook_reads_it(name: str, tmp_path: Path) -> None:
    room = tmp_path / "room"
    room.mkdir()
    lab = staged(FILES[name]).lab
    assert len([stage for stage in lab.stages if stage.kind != "none"]) > 1
    assert made_twice(lab) == []
    assert as_stages(lab, tmp_path) == printed(FILES[name], room)


@pytest.mark.slow
@pytest.mark.parametrize("name", MODULES)
def test_a_module_stays_as_it_was_imported(name: str, tmp_path: Path) -> None:
    room = tmp_path / "room"
    room.mkdir()
    found = staged(MODULES[name])
    assert made_twice(found.lab) == []
    assert as_stages(found.lab, tmp_path) == printed(MODULES[name], room)
    whys = {one["why"] for one in found.report["notebooks"][0]["borders"] if not one["cut"]}
    assert any("is written again after it was imported" in why for why in whys)


def test_a_module_that_nobody_has_by_then_parts_stages() -> None:
    cells = (
        "%%writefile mod.py\nx = 1",
        "import mod\nprint(mod.x)",
        "%%writefile mod.py\nx = 22",
        "print(3)",
    )
    assert len(staged(cells).lab.stages) == 4


def test_what_is_overwritten_goes_from_stage_to_stage() -> None:
    found = staged((write("a"), READ, write("b"), READ))
    assert files(found) == [([], ["t.txt"]), (["t.txt"], []), (["t.txt"], ["t.txt"]), (["t.txt"], [])]
    assert not found.findings


def test_what_removes_a_file_is_one_stage_with_what_writes_it_again_and_says_why() -> None:
    remove = "import os\nos.remove('t.txt')"
    found = staged((write("a"), remove, "print(1)", write("b"), write("c")))
    assert files(found) == [([], ["t.txt"]), (["t.txt"], ["t.txt"]), (["t.txt"], ["t.txt"])]
    whys = [one["why"] for one in found.report["notebooks"][0]["borders"] if not one["cut"]]
    assert whys == ["t.txt is removed and then written again"] * 2


def test_what_is_removed_and_made_by_nobody_above_parts_stages(tmp_path: Path) -> None:
    clean = "import os\nif os.path.exists('t.txt'):\n    os.remove('t.txt')"
    found = staged((clean, "x = 1\nprint(x)", write("a"), READ), folder=tmp_path)
    assert files(found) == [([], []), ([], []), ([], ["t.txt"]), (["t.txt"], [])]


def test_of_two_notebooks_that_write_one_file_the_second_comes_after_the_first() -> None:
    found = staged((write("a"), READ), (write("b"), READ))
    assert files(found) == [([], ["t.txt"]), (["t.txt"], []), (["t.txt"], ["t.txt"]), (["t.txt"], [])]
    assert said(found, "NB-315") == ["“t.txt” is written by n0.ipynb, too, and here once more after that"]
