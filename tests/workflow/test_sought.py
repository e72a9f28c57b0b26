"""What a stage looked for and does not take, though it lies in the lab's folder, is told at the end of its run."""

from __future__ import annotations

import pytest

from agilab.projects.request import Faces
from agilab.workflow.running.execution import run_lab
from agilab.workflow.running.request import LabRequest

from .conftest import ALab

HEAD = """
schema = "agilab.lab_stages.v2"
[[stages]]
id = "look"
inputs = [INPUTS]
outputs = [OUTPUTS]
code = '''
import glob, os, pathlib, sqlite3
CODE
'''
"""
FILES = {"data__a.csv": "a", "data__b.csv": "b", "data__deep__c.txt": "c", "notes.txt": "n"}


def notes_of(
    lab: ALab, code: str, inputs: str = "", outputs: str = "", *, ends: str = "succeeded"
) -> list[str]:
    lab.write(HEAD.replace("CODE", code).replace("INPUTS", inputs).replace("OUTPUTS", outputs))
    for name, text in FILES.items():
        path = lab.folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    notes: list[str] = []
    result = run_lab(LabRequest(lab.path, track=False), lab.workspace, Faces(note=notes.append))
    assert result.status == ends, result.error
    return notes


@pytest.mark.parametrize(
    ("code", "inputs", "path"),
    [
        ("glob.glob('data/*.csv')", "", "data/*.csv"),
        ("list(pathlib.Path('data').glob('*.csv'))", "", "data/*.csv"),
        ("list(pathlib.Path('data').rglob('*.txt'))", "", "data/**/*.txt"),
        ("os.makedirs('data', exist_ok=True); os.listdir('data')", "", "data/*"),
        ("list(pathlib.Path('data').iterdir())", '"data/a.csv"', "data/*"),
        ("glob.glob('data/*.csv')", '"data/a.csv"', "data/*.csv"),
        ("try: open('data/a.csv')\nexcept OSError: 'none'", "", "data/a.csv"),
        (
            "connection = sqlite3.connect('notes.txt'); connection.close(); os.remove('notes.txt')",
            "",
            "notes.txt",
        ),
        ("try: pathlib.Path('notes.txt').read_text()\nexcept OSError: 'none'", "", "notes.txt"),
    ],
)
def test_what_lies_there_and_is_not_taken_is_told(lab: ALab, code: str, inputs: str, path: str) -> None:
    (note,) = notes_of(lab, code, inputs)
    assert note.startswith(
        f"look looked for {path}, which lies in the lab's folder and is none of its inputs"
    )
    assert note.endswith("add it to the inputs of look")


def test_a_stage_that_fails_for_it_is_told_too(lab: ALab) -> None:
    (note,) = notes_of(lab, "open('data/' + 'a.csv')", ends="failed")
    assert note.startswith("look looked for data/a.csv, which lies")


@pytest.mark.parametrize(
    ("code", "inputs", "outputs"),
    [
        ("glob.glob('data/*.csv')", '"data/*.csv"', ""),
        ("list(pathlib.Path('data').iterdir())", '"data/"', ""),
        ("sorted(os.listdir('.')), glob.glob('*.csv')", '"notes.txt", "data/"', ""),
        ("try: open('other.txt')\nexcept OSError: 'none'", "", ""),  # which lies nowhere
        ("open('notes.txt', 'w').write('mine')", "", '"notes.txt"'),
        ("open(os.path.join(os.path.dirname(os.__file__), 'no.such'), 'a').close() if 0 else 1", "", ""),
        ("import json.tool; 1", "", ""),
        (
            "import importlib.metadata as of; len(list(of.entry_points())) + len(list(of.distributions()))",
            "",
            "",
        ),
        ("import pkgutil; len(list(pkgutil.iter_modules()))", "", ""),
        ("open(0, closefd=False), os.listdir(b'.'), glob.glob(b'*')", "", ""),
    ],
)
def test_what_it_has_or_nobody_has_is_not(lab: ALab, code: str, inputs: str, outputs: str) -> None:
    assert notes_of(lab, code, inputs, outputs) == []
