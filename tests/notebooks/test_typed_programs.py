"""Programs in Python that cells type in, as `%%python` does: the files that they read and write."""

from __future__ import annotations

from pathlib import Path

import pytest

from agilab.notebooks.inspecting import inspect
from agilab.notebooks.modules.imports import Import
from tests.notebooks.building import notebook


def uses(folder: Path, *cells: str) -> list[tuple[str, str, str]]:
    path = folder / "n.ipynb"
    path.write_bytes(notebook(*cells))
    return [(one.does, one.path, one.only) for one in inspect(path).uses]


@pytest.mark.parametrize(
    "cell",
    [
        "%%python\nopen('a.txt', 'w').write('1')",
        "%%python3 -u\nfrom pathlib import Path\nPath('a.txt').write_text('1')",
        "%%script python --out said\nopen('a.txt', 'w').write('1')",
        "%%script python3.11\ndef make(name):\n    with open(name, 'w') as f:\n        f.write('1')\n\nmake('a.txt')",
        "!python -c \"open('a.txt', 'w').write('1')\"",
        "import subprocess, sys\nsubprocess.run([sys.executable, '-c', \"open('a.txt', 'w')\"])",
        "import subprocess\nsubprocess.run(['python', '-'], input=\"open('a.txt', 'w')\", text=True)",
        "%%python\nimport logging\nlogging.basicConfig(filename='a.txt')",
    ],
)
def test_a_file_that_one_writes_is_written_by_its_cell(cell: str, tmp_path: Path) -> None:
    found = uses(tmp_path, cell, "print(open('a.txt').read())")
    made, read = (one for one in found if one[0] != "name")  # which is said where it is handed to a function
    assert made in [("write", "a.txt", ""), ("add", "a.txt", "")]
    assert read == ("read", "a.txt", "")


def test_what_one_reads_removes_moves_and_does_only_sometimes_is_followed(tmp_path: Path) -> None:
    found = uses(
        tmp_path,
        "%%python\nimport os, random\nos.rename('a.txt', 'b.txt')\nopen('c.txt').read()\nos.remove('c.txt')\n"
        "if random.random() > 2:\n    open('d.txt', 'w')",
    )
    assert found == [
        ("read", "a.txt", ""),
        ("remove", "a.txt", ""),
        ("write", "b.txt", ""),
        ("read", "c.txt", ""),
        ("remove", "c.txt", ""),
        ("write", "d.txt", "if random.random() > 2"),
    ]


def test_it_has_names_and_a_folder_of_its_own(tmp_path: Path) -> None:
    cells = (
        "name = 'mine.txt'\nimport os, subprocess",
        "%%python\nimport os\nname = 'its.txt'\nos.makedirs('sub')\nos.chdir('sub')\nopen(name, 'w')",
        "open(name, 'w')",
        "subprocess.run(['python3'], input=\"open('x.txt', 'w')\", text=True, cwd='other')",
    )
    written = [path for does, path, _ in uses(tmp_path, *cells) if does == "write"]
    assert written == ["sub", "sub/its.txt", "mine.txt", "other/x.txt"]


def test_its_own_modules_are_taken_and_its_lines_are_those_of_the_cell(tmp_path: Path) -> None:
    (tmp_path / "helper.py").write_text("")
    (tmp_path / "n.ipynb").write_bytes(notebook("%%python\nimport helper, json\n\nopen('a.txt', 'w')"))
    found = inspect(tmp_path / "n.ipynb")
    assert [(one.path, one.artifact.line) for one in found.uses] == [("helper.py", 1), ("a.txt", 4)]
    imports: list[Import] = [*found.imports]
    assert [one.module for one in imports] == ["subprocess"]


@pytest.mark.parametrize(
    "cell",
    [
        "%%python2\nopen('a.txt', 'w')",
        "%%perl\nopen('a.txt', 'w')",
        "%%python\nopen('a.txt', 'w'",
        "import subprocess\nsubprocess.run(['python', '-q', '-c', ''], input=\"open('a.txt', 'w')\", text=True)",
    ],
)
def test_what_is_no_program_in_python_is_not_read_as_one(cell: str, tmp_path: Path) -> None:
    assert uses(tmp_path, cell) == []
