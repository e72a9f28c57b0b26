"""Values of several stages that hold the same objects in the notebook, and not in who takes both, are told of."""

from __future__ import annotations

import pytest

from agilab.projects.request import Faces
from agilab.workflow.running.execution import run_lab
from agilab.workflow.running.request import LabRequest

from .conftest import ALab

pytestmark = pytest.mark.slow

CHAIN = """
schema = "agilab.lab_stages.v2"
[[stages]]
id = "make"
outputs = ["ann", "many"]
code = '''
class Account:
    def __init__(self, owner, *friends):
        self.owner, self.friends = owner, list(friends)

ann = Account("Ann")
many = [1, 2, 3]
'''
[[stages]]
id = "found"
inputs = ["ann", "many"]
uses = { make = ["Account"] }
outputs = ["bank", "total"]
code = '''
bank = Account("Bank", FRIEND)
total = sum(many)
'''
[[stages]]
id = "grow"
inputs = ["bank"]
uses = { make = ["Account"] }
outputs = ["group"]
code = "group = Account('Group', *bank.friends)"

[[stages]]
id = "last"
inputs = [TAKES]
uses = { make = ["Account"] }
code = "1"
"""


def notes_of(lab: ALab, takes: str, friend: str = "ann") -> list[str]:
    lab.write(CHAIN.replace("TAKES", takes).replace("FRIEND", friend))
    notes: list[str] = []
    result = run_lab(LabRequest(lab.path, track=False), lab.workspace, Faces(note=notes.append))
    assert result.status == "succeeded", result.error
    return notes


@pytest.mark.parametrize(
    ("takes", "said"),
    [
        ('"ann", "bank"', "ann of make and bank of found"),
        ('"group", "ann"', "group of grow and ann of make"),
        ('"group", "bank"', "group of grow and bank of found"),
    ],
)
def test_what_is_made_of_a_value_comes_apart_from_it(lab: ALab, takes: str, said: str) -> None:
    (note,) = notes_of(lab, takes)
    assert note.startswith(
        f"last takes {said}, which hold the same objects where one was made of the other; here each"
    )


@pytest.mark.parametrize(
    ("takes", "friend"),
    [
        ('"ann"', "ann"),
        ('"bank"', "ann"),
        ('"ann", "total"', "ann"),
        ('"many", "total"', "ann"),
        ('"ann", "bank"', "Account(ann.owner)"),
    ],
)
def test_who_takes_one_of_them_or_what_has_nothing_in_common_is_not(
    lab: ALab, takes: str, friend: str
) -> None:
    assert notes_of(lab, takes, friend) == []


KIN = """
schema = "agilab.lab_stages.v2"
[[stages]]
id = "make"
outputs = ["rows", "many"]
code = '''
rows = [{"n": 1}, {"n": 2}]
many = [1, 2, 3]
'''
[[stages]]
id = "hold"
inputs = ["rows", "many"]
outputs = ["held"]
code = '''
import types
held = types.SimpleNamespace(first=FIRST, total=sum(many))
'''
[[stages]]
id = "change"
inputs = ["held"]
outputs = [GIVES]
code = '''
CHANGE
'''
[[stages]]
id = "last"
inputs = ["TAKES"]
code = "1"
"""


def kin_notes(
    lab: ALab, change: str, takes: str = "rows", first: str = "rows[0]", gives: str = ""
) -> list[str]:
    text = KIN.replace("CHANGE", change).replace("TAKES", takes).replace("FIRST", first)
    lab.write(text.replace("GIVES", gives))
    notes: list[str] = []
    result = run_lab(LabRequest(lab.path, track=False), lab.workspace, Faces(note=notes.append))
    assert result.status == "succeeded", result.error
    return notes


@pytest.mark.parametrize("gives", ["", '"held"'])
def test_a_change_of_what_another_value_holds_too_is_told(lab: ALab, gives: str) -> None:
    (note,) = kin_notes(lab, "held.first['n'] = 9", gives=gives)
    assert note.startswith(
        "change changed held in place, and rows, taken by last, holds some of the same objects"
    )
    assert note.endswith("if it counts, put that change into the stage which makes rows")


@pytest.mark.parametrize(
    ("change", "takes", "first"),
    [
        ("print(held.first)", "rows", "rows[0]"),
        ("held = 3", "rows", "rows[0]"),
        ("held.first['n'] = 9", "many", "rows[0]"),
        ("held.first['n'] = 9", "rows", "dict(rows[0])"),
    ],
)
def test_where_nothing_of_it_changes_nothing_is_told(lab: ALab, change: str, takes: str, first: str) -> None:
    assert kin_notes(lab, change, takes, first) == []


def test_lists_and_the_like_that_nobody_changes_are_as_good_twice(lab: ALab) -> None:
    lab.write(
        CHAIN.replace("TAKES", '"bank", "many"')
        .replace("FRIEND", "0")
        .replace("total = sum(many)", "total = 1")
        .replace('bank = Account("Bank", 0)', "import types; bank = types.SimpleNamespace(many=many)")
        .replace("group = Account('Group', *bank.friends)", "group = 1")
    )
    notes: list[str] = []
    result = run_lab(LabRequest(lab.path, track=False), lab.workspace, Faces(note=notes.append))
    assert (result.status, notes) == ("succeeded", [])
