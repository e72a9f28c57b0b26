"""Programs that calls start with a list of words, or in a folder of their own: the files that these name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from agilab.notebooks.code.named_files import Artifact
from agilab.notebooks.inspecting import inspect
from tests.notebooks.building import notebook

HEAD = "import os, shlex, subprocess, sys\nfrom pathlib import Path\nfrom subprocess import check_output\n"


def named(*cells: str) -> list[Artifact]:
    return [one for one in inspect(notebook(HEAD, *cells)).artifacts if one.call == "shell"]


def done(*cells: str) -> list[tuple[str, str]]:
    return [(one.direction, one.path) for one in named(*cells)]


READS = {
    "run": "subprocess.run(['wc', '-c', 'data.csv'])",
    "a tuple": "subprocess.run(('wc', '-c', 'data.csv'))",
    "check_output": "check_output(['head', '-1', 'data.csv'])",
    "Popen": "subprocess.Popen(args=['cat', 'data.csv'], stdout=subprocess.PIPE).communicate()",
    "call": "subprocess.call(['/bin/cat', 'data.csv'])",
    "check_call": "subprocess.check_call(['grep', 'a', 'data.csv'])",
    "getstatusoutput": "subprocess.getstatusoutput('wc -c data.csv')",
    "a name": "CMD = ['wc', '-c', 'data.csv']\nsubprocess.run(CMD)",
    "a name in it": "NAME = 'data'\nsubprocess.run(['wc', f'{NAME}.csv'])",
    "a path": "P = Path('data.csv')\nsubprocess.run(['wc', str(P)])",
    "a path as it is": "subprocess.run(['wc', Path('.') / 'data.csv'])",
    "a folder that is asked for": "subprocess.run(['wc', os.path.abspath('data.csv')])",
    "a list in it": "FILES = ['data.csv']\nsubprocess.run(['cat', *FILES])",
    "lists added": "FILES = ['data.csv']\nsubprocess.run(['cat', '-n'] + FILES)",
    "shlex": "subprocess.run(shlex.split('cat data.csv'))",
    "a text split": "subprocess.run('cat data.csv'.split())",
    "a shell": "subprocess.run(['bash', '-c', 'cat data.csv | wc -l'])",
    "a shell and what it is given": "subprocess.run(['sh', '-c', 'cat $1', '_', 'data.csv'])",
    "a list for a shell": "subprocess.run(['wc -c data.csv'], shell=True)",
    "a list that grows": "c = ['wc']\nc.append('-c')\nc.extend(['data.csv'])\nsubprocess.run(c)",
    "a list that is added to": "c = ['head', 'data.csv']\nc += ['-q', '-n', '1']\nsubprocess.run(c)",
    "a list in a function": "def wc(f):\n    c = ['wc']\n    c.append(f)\n    return check_output(c)\nwc('data.csv')",
    "a function": "def size(*, of):\n    return check_output(['wc', '-c', of])\nsize(of='data.csv')",
}


@pytest.mark.parametrize("cell", READS.values(), ids=READS.keys())
def test_a_file_among_the_words_of_a_program_is_read(cell: str, tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("a\n")
    uses = inspect(notebook(HEAD, cell)).uses
    found = [use for use in uses if use.is_own and use.artifact.call == "shell"]
    assert [(use.does, use.path) for use in found] == [("read", "data.csv")]
    subprocess.run([sys.executable, "-c", HEAD + cell], cwd=tmp_path, check=True)


def test_a_program_of_python_is_read_too() -> None:
    assert done("subprocess.run([sys.executable, '-u', 'prog.py', '9'])") == [("read", "prog.py")]
    assert done("subprocess.run(f'{sys.executable} prog.py', shell=True)") == [("read", "prog.py")]


@pytest.mark.parametrize(
    ("call", "files"),
    [
        ("['cp', 'a', 'b']", [("read", "a"), ("written", "b")]),
        ("['tar', '-cf', 'x.tar', 'data']", [("read", "data"), ("written", "x.tar")]),
        ("['sort', 'a.csv', '-o', 'out.csv']", [("read", "a.csv"), ("written", "out.csv")]),
        ("['sort', '--output=out.csv', 'a.csv']", [("read", "a.csv"), ("written", "out.csv")]),
        ("['mkdir', '-p', 'out']", [("written", "out")]),
        ("['rm', 'a.csv']", [("unknown", "a.csv")]),
        ("['cat', 'a b.txt', 'c;d.txt']", [("read", "a b.txt"), ("read", "c;d.txt")]),
        ("['echo', 'a.csv']", []),
        ("['ls', '-l']", []),
        ("['ls', 'out'], capture_output=True", [("read", "out")]),
        ("words", []),
        ("['cat', name]", [("read", "{name}")]),
        ("['cat', 'a.csv' if x else 'b.csv']", [("read", "a.csv"), ("read", "b.csv")]),
    ],
)
def test_what_the_words_of_a_program_say(call: str, files: list[tuple[str, str]]) -> None:
    assert done(f"subprocess.run({call})") == files


@pytest.mark.parametrize("what", ["['wc', '-c', 'data.csv']", "'wc -c data.csv', shell=True"])
def test_a_program_reads_from_the_folder_that_it_is_started_in(what: str) -> None:
    assert done(f"subprocess.run({what}, cwd='sub')") == [("read", "sub/data.csv")]
    assert done(f"subprocess.run({what}, cwd=None)") == [("read", "data.csv")]
    assert done(f"FROM = Path('sub')\nsubprocess.run({what}, cwd=FROM / 'in')") == [
        ("read", "sub/in/data.csv")
    ]
    (one,) = named(f"subprocess.run({what}, cwd=os.environ['FROM'])")
    assert one.computed


def test_the_words_of_a_loop_are_each_of_them() -> None:
    cell = "for name in ['a.csv', 'b.csv']:\n    subprocess.run(['wc', '-c', name])"
    assert done(cell) == [("read", "a.csv"), ("read", "b.csv")]


def test_a_word_that_a_list_gets_perhaps_is_no_promise() -> None:
    cell = "c = ['sort', 'a.csv']\nif len(sys.argv) > 1:\n    c.extend(['-o', 'out.csv'])\nsubprocess.run(c)"
    (use,) = (one for one in inspect(notebook(HEAD, cell)).uses if one.does == "write")
    assert (use.path, bool(use.turns)) == ("out.csv", True)


def test_what_only_one_of_two_ways_reads_is_read_perhaps() -> None:
    inspection = inspect(notebook(HEAD, "subprocess.run(['cat', 'a.csv' if x else 'b.csv'])"))
    assert all(use.turns for use in inspection.uses)


HANDED = {
    "a text": ("def sh(c):\n    return os.popen(c).read()", "sh('wc -c data.csv')"),
    "a list": ("def sh(c):\n    return check_output(c, text=True)", "sh(['wc', '-c', 'data.csv'])"),
    "words": ("def sh(*c):\n    return check_output(c)", "sh('wc', '-c', 'data.csv')"),
    "words behind others": (
        "def wc(*c, **more):\n    return check_output(['wc', *c], **more)",
        "wc('-c', 'data.csv', text=True)",
    ),
    "a text to be split": ("def sh(c):\n    return check_output(shlex.split(c))", "sh(c='wc data.csv')"),
    "a list that grew": ("def sh(c):\n    return check_output(c)", "c = ['wc']\nc.append('data.csv')\nsh(c)"),
    "with a folder": (
        "ROOT = '.'\ndef sh(c):\n    return check_output(c, cwd=ROOT)",
        "sh(['cat', 'data.csv'])",
    ),
}


@pytest.mark.parametrize("cells", HANDED.values(), ids=HANDED.keys())
def test_a_command_that_a_function_starts_is_that_of_who_hands_it_over(
    cells: tuple[str, str], tmp_path: Path
) -> None:
    (tmp_path / "data.csv").write_text("a\n")
    found = [use for use in inspect(notebook(HEAD, *cells)).uses if use.is_own]
    assert [(use.cell, use.does, use.path) for use in found] == [(2, "read", "data.csv")]
    subprocess.run([sys.executable, "-c", "\n".join((HEAD, *cells))], cwd=tmp_path, check=True)


def test_a_command_that_a_function_changes_or_starts_perhaps_is_not_promised() -> None:
    changes = "def sh(c):\n    c = ['echo', *c]\n    return check_output(c)"
    assert done(changes, "sh(['touch', 'a.csv'])") == []
    perhaps = "def sh(c, dry=True):\n    if not dry:\n        check_output(c)"
    (use,) = inspect(notebook(HEAD, perhaps, "sh(['cp', '/dev/null', 'a.csv'])")).uses
    assert use.turns
