"""What a stage looked for and a stage above made, which no output says or the stage does not take, is told."""

from __future__ import annotations

import pytest

from agilab.projects.request import Faces
from agilab.workflow.running.execution import run_lab
from agilab.workflow.running.request import LabRequest

from .conftest import ALab

HEAD = """
schema = "agilab.lab_stages.v2"
[[stages]]
id = "above"
outputs = ["done"MORE]
code = '''
import os, pathlib
os.makedirs("cache", exist_ok=True)
MAKES
done = True
'''
[[stages]]
id = "below"
inputs = ["done"TAKES]
outputs = [OUTPUTS]
code = '''
import glob, os, pathlib, sqlite3
LOOKS
'''
"""
MAKES = "pathlib.Path('cache/a.txt').write_text('a')"


def notes_of(lab: ALab, looks: str, *, makes: str = MAKES, ends: str = "succeeded", **more: str) -> list[str]:
    text = HEAD.replace("MAKES", makes).replace("LOOKS", looks)
    for name in ("MORE", "TAKES", "OUTPUTS"):
        text = text.replace(name, more.get(name.lower(), ""))
    lab.write(text)
    notes: list[str] = []
    result = run_lab(LabRequest(lab.path, track=False), lab.workspace, Faces(note=notes.append))
    assert result.status == ends, result.error
    return notes


@pytest.mark.parametrize(
    "looks",
    [
        "os.path.exists('cache/a.txt')",
        "p = pathlib.Path('cache', 'a.txt'); p.read_text() if p.is_file() else 'again'",
        "try: open('cache/a.txt')\nexcept OSError: 'again'",
        "glob.glob('cache/*.txt')",
        "os.makedirs('cache', exist_ok=True); pathlib.Path('cache/a.txt').touch(exist_ok=False)",
        "os.makedirs('cache', exist_ok=True); os.listdir('cache')",
        "sqlite3.connect('cache/a.txt') if os.makedirs('cache', exist_ok=True) is None else 0",
    ],
)
def test_what_is_made_above_and_no_output_says_is_told_of_who_looks_for_it(lab: ALab, looks: str) -> None:
    (note,) = notes_of(lab, looks)
    assert note == (
        "below looked for cache/a.txt, which above wrote and none of its outputs says, so that it was not there; "
        "add it to the outputs of above and to the inputs of below"
    )


def test_a_stage_that_fails_for_it_is_told_too(lab: ALab) -> None:
    (note,) = notes_of(lab, "open('cache/a.txt').read()", ends="failed")
    assert note.startswith("below looked for cache/a.txt, which above wrote and none of its outputs says")


def test_several_files_are_one_sentence(lab: ALab) -> None:
    makes = "for name in 'abcd': pathlib.Path(f'cache/{name}.txt').write_text(name)"
    (note,) = notes_of(lab, "[os.path.exists(f'cache/{name}.txt') for name in 'abcd']", makes=makes)
    assert "cache/a.txt, cache/b.txt, cache/c.txt and 1 more, which above wrote" in note
    assert note.endswith(
        "so that they were not there; add them to the outputs of above and to the inputs of below"
    )


def test_what_an_output_says_and_who_looks_does_not_take_is_told(lab: ALab) -> None:
    (note,) = notes_of(lab, "os.path.exists('cache/a.txt')", more=', "cache/a.txt"')
    assert note.startswith(
        "below looked for cache/a.txt, which above makes and below does not take, so that it was"
    )
    assert note.endswith("add it to the inputs of below")


def test_what_is_added_to_and_kept_below_has_lost_what_was_above(lab: ALab) -> None:
    looks = "os.makedirs('cache', exist_ok=True); open('cache/a.txt', 'a').write('b')"
    (note,) = notes_of(lab, looks, outputs='"cache/a.txt"')
    assert note == (
        "below adds to cache/a.txt, which above wrote and none of its outputs says, and began it anew; "
        "add it to the outputs of above and to the inputs of below"
    )


@pytest.mark.parametrize(
    ("makes", "looks", "more"),
    [
        (MAKES, "os.path.exists('cache/b.txt')", {}),
        (
            MAKES,
            "os.makedirs('cache', exist_ok=True); open('cache/a.txt', 'a').write('b')",
            {},
        ),  # nobody keeps it
        (MAKES, "os.makedirs('cache', exist_ok=True); open('cache/a.txt', 'w').write('b')", {}),
        (f"{MAKES}; os.remove('cache/a.txt')", "os.path.exists('cache/a.txt')", {}),
        (MAKES, "open('cache/a.txt').read()", {"more": ', "cache/a.txt"', "takes": ', "cache/a.txt"'}),
        (MAKES, "glob.glob('cache/*')", {"more": ', "cache/"', "takes": ', "cache/"'}),
        (
            "pathlib.Path('cache/a [1].txt').write_text('a')",
            "open('cache/a [1].txt').read()",
            {"more": ', "cache/a [1].txt"', "takes": ', "cache/a [1].txt"'},
        ),
    ],
)
def test_what_it_has_or_no_notebook_finds_is_not(
    lab: ALab, makes: str, looks: str, more: dict[str, str]
) -> None:
    assert notes_of(lab, looks, makes=makes, **more) == []


def test_a_file_that_an_input_names_is_that_one_where_a_pattern_finds_an_older(lab: ALab) -> None:
    lab.write("""
schema = "agilab.lab_stages.v2"
[[stages]]
id = "make"
outputs = ["part_*.txt"]
code = "for name in 'ab': open(f'part_{name}.txt', 'w').write(name)"
[[stages]]
id = "more"
inputs = ["part_*.txt"]
outputs = ["part_a.txt"]
code = "open('part_a.txt', 'a').write('!')"
[[stages]]
id = "read"
inputs = ["part_a.txt", "part_*.txt"]
code = "open('part_a.txt').read() + open('part_b.txt').read()"
""")
    assert lab.shown(lab.run(), "read") == "'a!b'"


NO_ENDING = """
schema = "agilab.lab_stages.v2"
[[stages]]
id = "make"
outputs = ["./flag", "./other"]
code = "open('flag', 'w').close(); open('other', 'w').close()"
[[stages]]
id = "look"
inputs = ["./other"]
code = """


@pytest.mark.parametrize(
    "code",
    [
        "import pathlib; pathlib.Path('flag').touch(exist_ok=False)",
        "import os; os.path.exists('flag'), os.path.exists('other')",
    ],
)
def test_a_file_whose_name_has_no_ending_is_told_as_any_other(lab: ALab, code: str) -> None:
    (note,) = lab.write(f'{NO_ENDING}"{code}"').run().notes
    assert note.startswith("look looked for flag, which make makes and look does not take")


MOVED = """
schema = "agilab.lab_stages.v2"
[[stages]]
id = "make"
outputs = ["out/a.txt", "out/b.txt"]
code = "for name in 'ab': open(f'out/{name}.txt', 'w').write(name)"
[[stages]]
id = "move"
inputs = ["out/a.txt", "data.txt"]
outputs = ["out/c.txt"]
code = "import os; os.rename('out/a.txt', 'out/c.txt'); os.remove('data.txt')"
[[stages]]
id = "look"
inputs = ["out/b.txt", "out/c.txt"]
code = "import glob, os; os.path.exists('out/a.txt'), os.path.exists('data.txt'), sorted(glob.glob('out/*'))"
"""
AGAIN = """
[[stages]]
id = "again"
outputs = ["out/a.txt"]
code = "open('out/a.txt', 'w').write('again')"
[[stages]]
id = "last"
code = "import os; os.path.exists('out/a.txt')"
"""


def test_a_file_that_a_stage_above_moved_or_removed_nobody_lacks(lab: ALab) -> None:
    result = lab.write(MOVED, **{"data.txt": "1"}).run()
    assert (result.status, result.notes) == ("succeeded", ())
    assert lab.shown(result, "look") == "(False, False, ['out/b.txt', 'out/c.txt'])"


def test_one_that_is_made_again_below_who_removed_it_is_there_again(lab: ALab) -> None:
    result = lab.write(MOVED + AGAIN, **{"data.txt": "1"}).run()
    (note,) = result.notes
    assert note.startswith("last looked for out/a.txt, which again makes and last does not take")
