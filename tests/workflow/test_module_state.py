"""What a stage changed of the lab's own modules, which a stage below imports afresh, is told at the end of a run."""

from __future__ import annotations

import pytest

from agilab.projects.request import Faces
from agilab.workflow.running.execution import run_lab
from agilab.workflow.running.request import LabRequest

from .conftest import ALab

HEAD = """
schema = "agilab.lab_stages.v2"
[[stages]]
id = "first"
code = '''
FIRST
'''
[[stages]]
id = "second"
needs = ["first"]
code = '''
SECOND
'''
"""
MODULE = """
import logging, random, threading
SEEN = []
FOUND = {}
LIMIT = 3
lock = threading.Lock()
_client = None

class Client:
    count = 0
    def __init__(self):
        self.calls = 0
    def get(self, x):
        self.calls += 1
        Client.count += 1
        return x + self.calls

def client():
    global _client
    if _client is None:
        _client = Client()
    return _client

_numbers = random.Random(3)

def draw():
    return _numbers.random()

def see(x):
    SEEN.append(x)

def square(x):
    if x not in FOUND:
        FOUND[x] = x * x
    return FOUND[x]
"""


def notes_of(lab: ALab, first: str, second: str, **files: str) -> list[str]:
    lab.write(HEAD.replace("FIRST", first).replace("SECOND", second), **{"svc.py": MODULE, **files})
    notes: list[str] = []
    result = run_lab(LabRequest(lab.path, track=False), lab.workspace, Faces(note=notes.append))
    assert result.status == "succeeded", result.error
    return notes


@pytest.mark.parametrize(
    ("first", "second", "names"),
    [
        ("import svc; svc.see(1)", "from svc import SEEN; SEEN", "svc.SEEN"),
        ("import svc; svc.LIMIT = 9", "from svc import LIMIT; LIMIT", "svc.LIMIT"),
        ("import svc; svc.Client().get(1)", "import svc; svc.Client.count", "svc.Client.count"),
        ("import svc; svc.client().get(1)", "import svc; svc.client()", "svc.Client.count and svc._client"),
        ("import other; other.calls()", "import svc; svc.SEEN", "svc.SEEN"),
        ("import svc; svc.draw()", "import svc; svc.draw()", "svc._numbers"),  # another one in a notebook
    ],
)
def test_what_a_stage_changed_and_another_imports_is_told(
    lab: ALab, first: str, second: str, names: str
) -> None:
    other = {"other.py": "import svc\ndef calls():\n    svc.see(2)\n"}
    notes = notes_of(lab, first, second, **other)
    (note,) = notes
    assert note.startswith(f"first left {names} other than an import gives it: second imports that afresh")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("import svc; svc.square(3)", "import svc; svc.square(4)"),  # a memory of results
        ("import svc; svc.see(1)", "1 + 1"),  # nobody else imports it
        ("import svc; len(svc.SEEN), svc.lock.locked()", "import svc; svc.SEEN"),
        ("1 + 1", "import svc; svc.see(1)"),
        (
            "import svc; svc.see(1)",
            "import svc; svc.see(1)",
        ),  # both end with the same: a setting that is repeated
    ],
)
def test_what_nobody_misses_is_not(lab: ALab, first: str, second: str) -> None:
    assert notes_of(lab, first, second) == []
