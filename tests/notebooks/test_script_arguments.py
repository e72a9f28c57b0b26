"""`%%bash -s "$out"`: what a script is given is what IPython gives it, and the files that it names by it are seen."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.notebooks.apart_folders import printed_as_stages
from tests.notebooks.test_file_uses import staged

MADE = "import pathlib\npathlib.Path('out').mkdir(exist_ok=True)\nk = pathlib.Path('out/a b.csv').write_text('1\\n2')"
ALIKE: dict[str, tuple[str, ...]] = {
    "a folder": (
        MADE,
        "var = 'out'",
        '%%bash -s "$var"\nwc -l < "$1/a b.csv" > $1/n.txt',
        "print(open('out/n.txt').read().strip())",
    ),
    "in braces, twice": (
        MADE,
        "var = 'out'\nname = 'a b.csv'",
        '%%bash -s "$var" "{name}"\ncp "${1}/${2}" ${1}/c.csv',
        "print(open('out/c.csv').read())",
    ),
    "written out": (
        "print('nothing yet')",
        '%%bash -s "b c.txt" \'d.txt\'\necho one > "$1"\necho "it\'s $1" > $2',
        "print(open('b c.txt').read(), open('d.txt').read())",
    ),
    "of another program": (
        MADE,
        "%%sh -s out\nawk '{print $1 * 2}' \"$1/a b.csv\" > $1/twice.txt",
        "print(open('out/twice.txt').read())",
    ),
    "options before": (
        "print(0)",
        "%%bash -e -s -- e.txt\necho $# > $1",
        "print(open('e.txt').read())",
    ),
    "every one": (
        "pair = 'f.txt g.txt'",
        "%%bash -s $pair\necho two | tee $@ > /dev/null",
        "%%bash\ntrue",
    ),
}
_IN_IPYTHON = """
import json, os, pathlib, sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance(colors="NoColor")
shell.history_manager.enabled = False
for cell in json.load(sys.stdin):
    shell.run_cell(cell).raise_error()
"""


def _in_ipython(cells: tuple[str, ...], folder: Path) -> tuple[str, list[str]]:
    """What IPython itself prints for these cells, and the files that they leave."""
    done = subprocess.run(
        [sys.executable, "-c", _IN_IPYTHON],
        input=json.dumps(cells),
        text=True,
        capture_output=True,
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder), "IPYTHONDIR": str(folder.parent / "ipython")},
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout, sorted(str(one.relative_to(folder)) for one in folder.rglob("*") if one.is_file())


@pytest.mark.parametrize("name", ALIKE)
def test_what_a_script_is_given_names_its_files(name: str, tmp_path: Path) -> None:
    beside, whole = tmp_path / "beside", tmp_path / "whole"
    beside.mkdir()
    whole.mkdir()
    lab = staged(ALIKE[name]).lab

    expected, left = _in_ipython(ALIKE[name], whole)
    told = printed_as_stages(lab, tmp_path / "apart", beside, apart=True)

    assert "".join(told) == expected
    if name != "every one":  # a value with spaces is several words, which no reading tells
        assert sorted(one for stage in lab.stages for one in stage.outputs if "." in one) == left
    else:
        files = {one.name for one in (tmp_path / "apart").rglob("*.txt")}
        assert files == set(left) == {"f.txt", "g.txt"}
