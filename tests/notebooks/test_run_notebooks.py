"""Other notebooks that `%run` runs: a stage runs their cells, and they are read as if they stood in the cell."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from agilab.notebooks.inspecting import Inspection, inspect
from agilab.workflow.notebooks.own_project import requirements_of
from tests.notebooks.building import code, markdown, notebook
from tests.notebooks.test_file_uses import staged, takes

HELPERS = (
    "%matplotlib inline\n%load_ext autoreload\n%autoreload 2\nimport json\nimport near",
    markdown("Functions"),
    "def load(path):\n    return json.load(open(path))\nSCALE = load('scale.json')['by']\nload?",
)


def _lies(root: Path, *cells: object, at: str = "helpers.ipynb", **texts: str) -> Path:
    (root / at).parent.mkdir(parents=True, exist_ok=True)
    (root / at).write_bytes(notebook(*cells))
    for name, text in texts.items():
        (root / name.replace("__", ".")).write_text(text)
    return root


def _inspected(folder: Path, *cells: str) -> Inspection:
    (folder / "n.ipynb").write_bytes(notebook(*cells))
    return inspect(folder / "n.ipynb")


def _said(folder: Path, *cells: str) -> list[str]:
    return [one.what for one in _inspected(folder, *cells).findings if one.code == "NB-115"]


LINE = "%run ./helpers.ipynb"
COMMENT = f"{LINE} became a comment: "


def test_a_stage_takes_the_notebook_and_what_its_cells_read_and_import(tmp_path: Path) -> None:
    folder = _lies(tmp_path, *HELPERS, near__py="import yaml\n", scale__json='{"by": 2}', a__json="{}")
    lab = staged((LINE, "x = 1\nprint(load('a.json'))"), folder=folder).lab
    every = {one for stage in lab.stages for one in takes(stage)}
    assert every == {"helpers.ipynb", "scale.json", "a.json"}
    assert "PyYAML" in requirements_of([_inspected(folder, LINE)], lab)
    assert _said(folder, LINE) == [f"{LINE} shares the notebook's names"]


def test_what_its_cells_install_is_a_dependency(tmp_path: Path) -> None:
    folder = _lies(tmp_path, "!pip install -q rich\n%pip install polars==1.0\nx = 1")
    found = _inspected(folder, "y = 1", f"z = 1\n{LINE}")
    assert [(one.text, one.cell, one.line) for one in found.requirements] == [
        ("rich", 1, 2), ("polars==1.0", 1, 2),
    ]  # fmt: skip


WHY_NOT = {
    "a folder": ("%cd data", "cell 0 of it has %cd in it, which is for IPython alone"),
    "a shell": ("x = 1\n!cp a b", "cell 0 of it has a line with ! in it, which is for IPython alone"),
    "a program": ("%%bash\nls", "cell 0 of it has %%bash in it, which is for IPython alone"),
    "another": ("%run more.ipynb", "cell 0 of it has %run in it, which is for IPython alone"),
    "timed": ("%time x = 1", "cell 0 of it has %time in it, which is for IPython alone"),
    "waits": ("await f()", "cell 0 of it cannot be run as it stands: 'await' outside function"),
    "broken": ("x = (", "cell 0 of it is no Python: '(' was never closed (line 1)"),
    "in a text": (
        "%matplotlib inline\nx = '''\n%matplotlib inline\n'''",
        "cell 0 of it has a magic where it cannot be taken out of the text",
    ),
}


@pytest.mark.parametrize("case", WHY_NOT)
def test_a_notebook_that_ipython_alone_can_run_stays_a_comment_with_the_reason(
    tmp_path: Path, case: str
) -> None:
    source, why = WHY_NOT[case]
    assert _said(_lies(tmp_path, source), LINE) == [COMMENT + why]
    assert inspect(tmp_path / "n.ipynb").parsed.cells[0].python == f"# {LINE}"


def test_a_file_that_is_no_notebook_stays_a_comment_with_the_reason(tmp_path: Path) -> None:
    assert _said(tmp_path, LINE) == [f"{COMMENT}no such notebook lies there"]
    file = tmp_path / "helpers.ipynb"
    for text, why in {
        "{": "the file cannot be read as a notebook",
        '{"nbformat": 3, "worksheets": []}': "it is no notebook of nbformat 4",
        '{"nbformat": 4, "cells": [{"cell_type": "code"}]}': "it is no notebook of nbformat 4",
    }.items():
        file.write_text(text)
        assert _said(tmp_path, LINE) == [COMMENT + why]
    assert _said(tmp_path, "%run {name}.ipynb") == [
        "%run {name}.ipynb became a comment: which notebook that is, is known only when it runs"
    ]


def test_a_shell_line_may_name_what_the_notebook_gives(tmp_path: Path) -> None:
    _lies(tmp_path, "DATA = 'data'")
    found = _inspected(tmp_path, "!ls {DATA} $HOME", LINE, "!ls {DATA} $DATA")
    assert "str(DATA)" not in found.parsed.cells[0].python
    assert found.parsed.cells[2].python.count("str(DATA)") == 2


def test_get_ipython_in_it_is_said(tmp_path: Path) -> None:
    _lies(tmp_path, "ip = get_ipython()")
    told = [
        (one.what, one.cell, one.line) for one in _inspected(tmp_path, LINE).findings if one.code == "NB-506"
    ]
    assert told == [("./helpers.ipynb calls get_ipython()", 0, 1)]


# ---- the line does what IPython does: both are run

BEHAVIOURS = [
    ("helpers.ipynb", HELPERS, "%run helpers.ipynb\nsaid = SCALE, load('scale.json'), near.far"),
    ("helpers.ipynb", ("x = 2", "x += 1"), "x = 7\n%run helpers.ipynb\n%run -i helpers.ipynb\nsaid = x"),
    ("helpers.ipynb", ("said = name.upper()",), "name = 'a'\nif name:\n    %run -n './helpers.ipynb'\nsaid += '!'"),
    ("My helpers.ipynb", ("x = 2",), '%run "My helpers.ipynb"\nsaid = x'),
    ("in/helpers.ipynb", ("import os, sys\nsys.path.append('more')", "said = __file__, os.path.exists('in')"),
     "%run ./in/helpers.ipynb\nsaid = said, 'in' in sys.path, 'more' in sys.path, '__file__' in globals()"),
    ("helpers.ipynb", ("said = []", "from __future__ import annotations\ndef f(x: int): pass\n"
     "said.append(f.__annotations__)", "def f(x: int): pass\nsaid.append(f.__annotations__['x'].__name__)"),
     "%run helpers.ipynb"),
    ("helpers.ipynb", ("%%time\nx = 1", "%%html\n<b>&</b>", "?x\nx?\n%precision 3\nx += 1", code("x += 1", 3)),
     "%run helpers.ipynb\nsaid = x"),
    ("helpers.ipynb", ("def told(): return later", "later = __name__"),
     "%run helpers.ipynb\nlater += '2'\nsaid = told()"),
]  # fmt: skip

RUN = """
import json, os, sys
before = sys.path[:]
for folder, source in json.load(sys.stdin):
    os.chdir(folder)
    sys.path[:] = [folder, *before]
    sys.modules.pop("near", None)
    print("\\nsaid:" + repr(run(source)))
"""
PLAINLY = """
def run(source):
    names = {"__name__": "__main__"}
    exec(source, names)
    return names["said"]
"""
IN_IPYTHON = """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.history_manager.enabled = False
shell.register_magic_function(lambda line: None, magic_name="matplotlib")
def run(source):
    shell.run_cell(source, silent=True).raise_error()
    return shell.user_ns.pop("said")
"""


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str]]:
    """What each of `BEHAVIOURS` said: as a stage has it, and in IPython."""
    pytest.importorskip("IPython")
    given: list[tuple[str, str, str]] = []
    for name, cells, source in BEHAVIOURS:
        folder = _lies(
            tmp_path_factory.mktemp("lies"), *cells, at=name, near__py="far = 5\n", scale__json='{"by": 2}'
        )
        (one,) = _inspected(folder, source).parsed.cells
        assert one.python.count("\n") == source.count("\n")
        given.append((str(folder), one.python, source))
    sides = []
    for script, which in ((PLAINLY, 1), (IN_IPYTHON, 2)):
        done = subprocess.run(
            [sys.executable, "-c", script + RUN],
            input=json.dumps([(one[0], one[which]) for one in given]),
            text=True,
            capture_output=True,
            check=False,
            env=os.environ
            | {"IPYTHONDIR": str(tmp_path_factory.mktemp("ipython")), "PYTHONDONTWRITEBYTECODE": "1"},
        )
        assert done.returncode == 0, done.stderr + done.stdout
        sides.append([line for line in done.stdout.splitlines() if line.startswith("said:")])
    return list(zip(*sides, strict=True))


@pytest.mark.parametrize("number", range(len(BEHAVIOURS)))
def test_a_stage_runs_its_cells_as_ipython_does(number: int, both: list[tuple[str, str]]) -> None:
    ours, theirs = both[number]
    assert ours == theirs, BEHAVIOURS[number]


def test_a_magic_that_comes_into_the_notebook_later_ends_the_stage(tmp_path: Path) -> None:
    """It is not passed over: only those are taken out that were there when it was imported."""
    _lies(tmp_path, "%matplotlib inline\nx = 1")
    (one,) = _inspected(tmp_path, LINE).parsed.cells
    _lies(tmp_path, "%matplotlib inline\n%cd data\nx = 1")
    done = subprocess.run(
        [sys.executable, "-c", one.python], cwd=tmp_path, text=True, capture_output=True, check=False
    )
    assert done.returncode == 1
    assert 'File "<helpers.ipynb>", line 2' in done.stderr
    assert "SyntaxError" in done.stderr
