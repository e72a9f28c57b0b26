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
