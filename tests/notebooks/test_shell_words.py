"""Words of shell lines that name files: what a program is told of, which nobody knows, its stage has and hands on.

The oracle is a plain script: the cells in one folder, one after another, print what the stages print, each in a folder
of its own with nothing but the files that it takes.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from agilab.contracts.lab_stages import is_file
from agilab.notebooks.inspecting import Inspection, inspect
from agilab.notebooks.stages.staging import Staged, stage_notebooks
from tests.notebooks.building import notebook

SORTS = '#!/bin/sh\nsort "$1" > "$2"\n'
MAKES = "import sys\nopen(sys.argv[2], 'w').write('x\\n' + ''.join(sorted(open(sys.argv[1]))))\n"
GENERATES = "open('out.txt', 'w').write('x\\n' + ''.join(sorted(open('in.txt'))))\n"
BY_HELPER = "import helper\nfor n in helper.NAMES:\n    open(n + '.txt', 'w').write(open('in.txt').read())\n"
HELPER = "NAMES = ['out']\n"
IN = {"in.txt": "c\nb\na\n"}
OLD = {"out.txt": "old\n"}
SHOW = "!cat out.txt"
READ = "print(open('out.txt').read())"
PYTHON = sys.executable


def found_in(folder: Path, *cells: str) -> tuple[Inspection, Staged]:
    path = folder / "n.ipynb"
    path.write_bytes(notebook(*cells))
    one = inspect(path)
    return one, stage_notebooks([one], per="cell")


def files(found: Staged) -> list[tuple[list[str], list[str]]]:
    """What the stages take and give."""
    return [
        (
            sorted(name for name in (getattr(one, "name", one) for one in stage.inputs) if is_file(name)),
            sorted(name for name in stage.outputs if is_file(name)),
        )
        for stage in found.lab.stages
        if stage.kind != "none"
    ]


def codes(one: Inspection, found: Staged) -> set[str]:
    return {each.code for each in one.findings} | {each.code for _, each in found.findings}


def laid(folder: Path, lying: Mapping[str, str]) -> Path:
    for name, text in lying.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(0o755 if text.startswith("#!") else 0o644)
    return folder


def printed(folder: Path, source: str) -> tuple[str, bool]:
    done = subprocess.run(
        [PYTHON, "-u", "-c", source], cwd=folder, capture_output=True, text=True, check=False
    )
    return done.stdout, done.returncode == 0


def of_stages(found: Staged, store: Path, rooms: Path) -> str:
    """What the stages print, one after another; what they promise they leave."""
    said = ""
    for stage in found.lab.stages:
        room = rooms / stage.id
        room.mkdir(parents=True)
        names = [getattr(one, "name", one) for one in stage.inputs]
        for name in filter(is_file, names):
            assert (store / name).exists(), f"nobody makes {name}"
            copy = shutil.copytree if (store / name).is_dir() else shutil.copy
            (room / name).parent.mkdir(parents=True, exist_ok=True)
            copy(store / name, room / name)
        text, went_well = printed(room, stage.code)
        assert went_well
        said += text
        for name in filter(is_file, stage.outputs):
            assert (room / name).is_file(), f"{stage.id} promises {name}"
            (store / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(room / name, store / name)
    return said


TOLD: dict[str, tuple[Mapping[str, str], list[str]]] = {
    "a program, shown": ({"tool": SORTS, **IN}, ["!./tool in.txt out.txt", SHOW]),
    "a program, read": ({"tool": SORTS, **IN}, ["!./tool in.txt out.txt", READ]),
    "a shell": ({"tool.sh": SORTS, **IN}, ["!bash tool.sh in.txt out.txt", SHOW, READ]),
    "a call": ({"tool": SORTS, **IN}, ["import os\nos.system('./tool in.txt out.txt')", READ]),
    "a list": ({"tool": SORTS, **IN}, ["import subprocess\nsubprocess.run(['./tool', 'in.txt', 'out.txt'])", READ]),
    "a script": ({"make.py": MAKES, **IN}, [f"!{PYTHON} make.py in.txt out.txt", READ]),
    "a script that names them": ({"gen.py": GENERATES, **IN}, [f"!{PYTHON} gen.py", READ]),
    "a module": ({"tools/gen.py": GENERATES, **IN}, [f"!{PYTHON} -m tools.gen", READ]),
    "a script of a module": (
        {"gen.py": BY_HELPER, "helper.py": HELPER, **IN},
        [f"!{PYTHON} gen.py", SHOW, READ],
    ),
    "a script in a cell": (IN, [f"%%writefile make.py\n{MAKES}", f"!{PYTHON} make.py in.txt out.txt", READ]),
    "a script in a cell that names them": (IN, [f"%%writefile gen.py\n{GENERATES}", f"!{PYTHON} gen.py", READ]),
    "names": (
        {"tool": SORTS, **IN},
        ["a, b = 'in.txt', 'out.txt'\n!./tool {a} {b}", "a, b = 'in.txt', 'out.txt'\n!./tool $a $b", READ],
    ),
    "in a folder": ({"sub/tool": SORTS, "sub/in.txt": "b\na\n"}, ["!cd sub && ./tool in.txt ../out.txt", SHOW]),
    "in a folder of its own": (
        {"sub/tool": SORTS, "sub/in.txt": "b\na\n", "sub/out.txt": "old\n"},
        ["!(cd sub; ./tool in.txt out.txt)", "print(open('sub/out.txt').read())"],
    ),
    "made by make": (
        {"Makefile": "prog: in.txt\n\t(echo '\043!/bin/sh'; echo cat in.txt) > prog; chmod +x prog\n", **IN},
        ["!make", "!./prog"],
    ),
    "a loop": (
        {"tool": SORTS, **IN, "more.txt": "d\n"},
        ["!for f in in.txt more.txt; do ./tool $f ${f}.out; done", "print(open('in.txt.out').read())"],
    ),
    "a started one": ({"tool.sh": SORTS, **IN}, ["!nice -n 3 ./tool.sh in.txt out.txt", SHOW]),
    "through two": (
        {"tool": SORTS, **IN},
        ["!./tool in.txt out.txt", "!./tool out.txt again.txt", "print(open('again.txt').read())"],
    ),
    "what was read before": (
        {"tool": SORTS, **IN},
        ["print(open('in.txt').read())", "!./tool in.txt out.txt", "print(open('in.txt').read())", READ],
    ),
    "changed where it lies": (
        {"turn": '#!/bin/sh\nsort -o "$1" "$1"\n', **IN},
        ["!./turn in.txt", "print(open('in.txt').read())"],
    ),
    "a folder": (
        {"w.py": "import os, sys\nos.makedirs(sys.argv[2])\nopen(sys.argv[2] + '/a.csv', 'w').write('1')\n"},
        [f"!{PYTHON} w.py --out results", "print(open('results/a.csv').read())"],
    ),
    "a pattern": (
        {"show.py": "import sys\nprint(len(sys.argv))\n", "data/a.txt": "1", "data/b.txt": "2"},
        [f"!{PYTHON} show.py data/*.txt", "print(1)"],
    ),
    "a folder that lies there": (
        {"show.py": "import os, sys\nprint(sorted(os.listdir(sys.argv[1])))\n", "data/a.txt": "1"},
        [f"!{PYTHON} show.py data", "print(1)"],
    ),
    "sed": (IN, ["!sed -n 's/a/z/w out.txt' in.txt", SHOW]),
    "awk": (IN, ["!awk '{print $1 > \"out.txt\"}' in.txt", SHOW]),
    "nothing there": ({}, ["!head -1 absent.txt", "import os\nos.system('cat absent.txt')", "print(1)"]),
    "nothing there in a script": ({}, ["%%bash\ncat absent.txt\necho on", "!cp absent.txt there.txt", "print(1)"]),
    "nothing there for a program": ({"tool": SORTS}, ["!./tool absent.txt out.txt", SHOW, "!wc -l other.txt"]),
}  # fmt: skip


@pytest.fixture(autouse=True)
def not_below_make(monkeypatch: pytest.MonkeyPatch) -> None:
    """A `make` that another one has started says where it goes."""
    for name in ("MAKELEVEL", "MAKEFLAGS", "MFLAGS"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("before", [{}, OLD], ids=["for the first time", "again"])
@pytest.mark.parametrize("name", TOLD)
def test_stages_print_what_the_notebook_prints(name: str, before: Mapping[str, str], tmp_path: Path) -> None:
    lying, cells = TOLD[name]
    for place in ("whole", "store"):
        laid(tmp_path / place, {**lying, **before})
        (tmp_path / place).mkdir(exist_ok=True)
    one, found = found_in(tmp_path / "store", *cells)
    said, _ = printed(tmp_path / "whole", "\n".join(cell.python for cell in one.parsed.cells))
    assert of_stages(found, tmp_path / "store", tmp_path / "rooms") == said


@pytest.mark.parametrize(
    ("command", "made"),
    [
        ("gcc -shared -o lib.so a.c", ["lib.so"]),
        ("gcc -o prog a.c", ["./prog"]),
        ("gcc a.c", ["a.out"]),
        ("g++ -c -O2 src/b.cpp", ["b.o"]),
        ("gcc -E a.c", []),
        ("pandoc in.md -o out.html", ["out.html"]),
        ("jupyter nbconvert n.ipynb --to html --output=n.html", ["n.html"]),
        ("kubectl get pods -o yaml", []),
        ("ssh -o Some=no host", []),
    ],
)
def test_what_a_program_is_told_to_write_is_promised(command: str, made: list[str]) -> None:
    (taken, given), *_ = files(stage_notebooks([inspect(notebook(f"!{command}"))]))
    assert (taken, given) == ([], sorted(made))


def test_a_file_that_is_not_there_is_asked_of_nobody_and_told(tmp_path: Path) -> None:
    one, found = found_in(tmp_path, "!head -1 absent.txt", "import csv\nprint(open('data.csv').read())")
    assert files(found) == [([], []), (["data.csv"], [])], "Python stops where it is not there"
    assert "NB-316" in codes(one, found)


def test_a_command_that_has_to_go_well_needs_its_file(tmp_path: Path) -> None:
    head = "import subprocess\n"
    for cell in (f"{head}subprocess.check_output(['wc', 'a.csv'])", "%%bash\nwc a.csv"):
        assert files(found_in(tmp_path, cell)[1]) == [(["a.csv"], [])]


def test_a_program_of_the_machine_is_not_thought_to_make_what_is_missing(tmp_path: Path) -> None:
    one, found = found_in(tmp_path, "!nvidia-smi\n!python --version", "print(open('data.csv').read())")
    assert files(found)[-1] == (["data.csv"], [])
    assert "NB-317" not in codes(one, found)


def test_what_a_program_may_make_unseen_is_told(tmp_path: Path) -> None:
    laid(tmp_path, {"gen.py": BY_HELPER, "helper.py": HELPER, **IN})
    one, found = found_in(tmp_path, "!python gen.py", READ)
    assert files(found) == [(["gen.py", "helper.py", "in.txt"], ["out.txt"])], (
        "one stage, which fails without it"
    )
    assert [each.what for each in one.findings if each.code == "NB-317"] == [
        "“out.txt” is not there, and no cell is seen to make it; gen.py of cell 0 may"
    ]


def test_who_only_looks_at_a_program_does_not_change_it() -> None:
    cells = ("%%writefile p.py\nprint(1)", "!pylint p.py", "!black p.py", "!python p.py")
    found = stage_notebooks([inspect(notebook(*cells))], per="cell")
    assert files(found) == [([], ["p.py"]), (["p.py"], []), (["p.py"], ["p.py"]), (["p.py"], [])]
