"""What a stage looked for and does not take, though it lies in the lab's folder, is told at the end of its run."""

from __future__ import annotations

import pytest

from agilab.engine.rerun import Selection
from agilab.projects.request import Faces
from agilab.store.store import Store
from agilab.workflow.running.execution import run_lab
from agilab.workflow.running.request import LabRequest
from agilab.workflow.running.resuming import resume_lab

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
STAGE_BELOW = """
[[stages]]
id = "below"
inputs = ["seen"]
code = "not seen"
"""
FILES = {
    "data__a.csv": "a",
    "data__b.csv": "b",
    "data__deep__c.txt": "c",
    "data__notes [1].txt": "1",
    "notes.txt": "n",
    ".settings": "s",
}


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
        ("try: open('data/a.csv')\nexcept OSError: 'none'", "", "data/a.csv"),
        ("sqlite3.connect('notes.txt').execute('create table mine (a)')", "", "notes.txt"),
        ("if not os.path.isfile('notes.txt'): open('notes.txt', 'w').write('sample')", "", "notes.txt"),
        ("open('notes.txt', 'a').write('more'); open('notes.txt').read()", "", "notes.txt"),
        ("try: open('.settings')\nexcept OSError: 'none'", "", ".settings"),
        ("try: pathlib.Path('notes.txt').read_text()\nexcept OSError: 'none'", "", "notes.txt"),
        ("pathlib.Path('data').is_dir()", "", "data/"),
        ("os.path.exists('data/a.csv')", '"data/b.csv"', "data/a.csv"),
        ("os.path.isfile('notes.txt') or os.stat(os.path.abspath('.'))", "", "notes.txt"),
        ("pathlib.Path('data/notes [1].txt').exists()", "", "data/notes [1].txt"),
        ("try: pathlib.Path('notes.txt').touch(exist_ok=False)\nexcept OSError: 'old'", "", "notes.txt"),
        ("connection = sqlite3.connect('notes.txt'); connection.close()", "", "notes.txt"),
    ],
)
def test_what_lies_there_and_is_not_taken_is_told(lab: ALab, code: str, inputs: str, path: str) -> None:
    (note,) = notes_of(lab, code, inputs)
    assert note == (
        f"look looked for {path}, which lies in the lab's folder and is none of its inputs, so that it was not there; "
        "add it to the inputs of look"
    )


@pytest.mark.parametrize(
    ("code", "inputs", "pattern", "unseen"),
    [
        ("glob.glob('data/*.csv')", "", "data/*.csv", "data/a.csv and data/b.csv, which lie"),
        (
            "list(pathlib.Path('data').glob('*.csv'))",
            "",
            "data/*.csv",
            "data/a.csv and data/b.csv, which lie",
        ),
        (
            "list(pathlib.Path('data').rglob('*.txt'))",
            "",
            "data/**/*.txt",
            "data/deep/c.txt and data/notes [1].txt",
        ),
        (
            "os.makedirs('data', exist_ok=True); os.listdir('data')",
            '"data/deep/"',
            "data/*",
            "data/a.csv, data/b.csv and data/notes [1].txt, which lie",
        ),
        ("list(pathlib.Path('data').iterdir())", '"data/a.csv"', "data/*", "data/b.csv, data/deep/ and"),
        ("glob.glob('data/*.csv')", '"data/a.csv"', "data/*.csv", "data/b.csv, which lies"),
        ("os.listdir('.')", '"data/"', "*", "notes.txt, which lies"),
    ],
)
def test_what_a_pattern_does_not_find_is_told_by_name(
    lab: ALab, code: str, inputs: str, pattern: str, unseen: str
) -> None:
    (note,) = notes_of(lab, code, inputs)
    assert note.startswith(f"look looked for {pattern} and did not see {unseen}")
    assert note.endswith("to the inputs of look")


def test_settings_of_the_environment_are_not_to_be_kept_unseen(
    lab: ALab, monkeypatch: pytest.MonkeyPatch
) -> None:
    (lab.folder / ".env").write_text("API_KEY=q9Zr2LmX7t", encoding="utf-8")
    (note,) = notes_of(lab, "os.path.isfile('.env')")
    assert note.startswith(
        "look looked for .env, which is none of its inputs: start the run with the variables in"
    )
    monkeypatch.setenv("API_KEY", "another")
    assert notes_of(lab, "os.path.isfile('.env')") == []


def test_a_note_stays_with_the_run_and_is_not_said_again_of_a_stage_that_did_not_run(lab: ALab) -> None:
    assert notes_of(lab, "seen = os.path.exists('notes.txt')", "", '"seen"')
    lab.path.write_text(lab.path.read_text(encoding="utf-8") + STAGE_BELOW, encoding="utf-8")
    first = run_lab(LabRequest(lab.path, track=False), lab.workspace)
    (note,) = first.notes
    assert note.startswith("look looked for notes.txt, which lies")
    with Store(lab.workspace, readonly=True) as store:
        (event,) = store.events(str(first.run_id), kinds=("note_added",))
        (head,) = [found.run_seq for found in store.events(str(first.run_id), kinds=("manifest_written",))]
    assert event.data == {"by": "agilab", "stage": "look", "text": note}
    assert event.run_seq < head
    again = run_lab(LabRequest(lab.path, track=False, selection=Selection(only=("below",))), lab.workspace)
    assert again.status == "succeeded"
    assert again.notes == ()


@pytest.mark.parametrize(
    ("code", "path"),
    [
        ("open('data/' + 'a.csv')", "data/a.csv"),
        ("sqlite3.connect('notes' + '.txt').execute('select * from prices')", "notes.txt"),
        ("assert pathlib.Path('data').is_dir(), 'run prepare.py first'", "data/"),
        ("glob.glob('data/*.csv')[0]", "data/*.csv"),
        ("class Own(Exception): __slots__ = ()\nif not os.listdir('.'): raise Own", "*"),
    ],
)
def test_a_stage_that_fails_for_it_is_told_too(lab: ALab, code: str, path: str) -> None:
    (note,) = notes_of(lab, code, ends="failed")
    assert note.startswith(f"look looked for {path}")


def test_what_lies_outside_the_folder_for_the_notebook_is_told_where_a_stage_fails_for_it(lab: ALab) -> None:
    (lab.folder.parent / "wells").mkdir()
    (lab.folder.parent / "wells" / "sample.las").write_text("1", encoding="utf-8")
    assert notes_of(lab, "open('../wells/sample.las')", ends="failed")[-1].endswith(
        "look looked for ../wells/sample.las, which lies outside the lab's folder, where no stage has anything; bring "
        "it into the folder, or the lab into one above"
    )
    notes = notes_of(lab, "open('../wells/nowhere.las')", ends="failed")
    assert not [note for note in notes if "looked for" in note]


@pytest.mark.parametrize(
    ("code", "inputs", "outputs"),
    [
        ("glob.glob('data/*.csv')", '"data/*.csv"', ""),
        ("len(glob.glob('data/**', recursive=True))", '"data/**"', ""),
        ("len(glob.glob('data/**', recursive=True))", '"data/"', ""),
        ("os.path.isdir('data/deep'), os.listdir('data')", '"data/**/*"', ""),
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
        ("if not os.path.exists('data'): os.mkdir('data')\nopen('data/mine.txt', 'w').close()", "", ""),
        ("if not os.path.isfile('notes.txt'): open('notes.txt', 'w').close()", "", '"notes.txt"'),
        ("open('notes.txt', 'a').write('more')", "", ""),
        ("import shutil; shutil.copy(os.__file__, 'notes.txt')", "", ""),
        ("os.makedirs('data/deep'); import shutil; shutil.rmtree('data')", "", ""),
        ("os.path.exists('data/a.csv'), pathlib.Path('data').is_dir()", '"data/a.csv"', ""),
        ("import inspect; inspect.getsourcefile(pathlib); pathlib.Path('.').resolve().exists()", "", ""),
        ("open(0, closefd=False), os.listdir(b'.'), glob.glob(b'*')", "", ""),
    ],
)
def test_what_it_has_or_nobody_has_is_not(lab: ALab, code: str, inputs: str, outputs: str) -> None:
    assert notes_of(lab, code, inputs, outputs) == []


def test_a_note_is_written_once_by_whoever_takes_a_run_to_its_end(
    lab: ALab, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("agilab.workflow.running.execution.finish", die)
        with pytest.raises(KeyboardInterrupt):
            notes_of(lab, "os.path.exists('notes.txt')")
    with Store(lab.workspace, readonly=True) as store:
        (run,) = store.runs(limit=1)
    said: list[str] = []
    result = resume_lab(run.run_id, lab.workspace, Faces(note=said.append))
    assert result.status == "succeeded"
    assert list(result.notes) == said
    assert len(said) == 1
