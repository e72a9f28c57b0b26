"""A lab whose stages take values that hold the same objects: each object is one, as in a notebook."""

from __future__ import annotations

import pytest

from agilab.workflow.running.prepare import read_lab
from agilab.workflow.running.trial import try_stage
from tests.workflow.conftest import ALab

pytestmark = pytest.mark.slow

BANK = """
[[stages]]
id = "make"
code = '''
class Account:
    def __init__(self, owner, *friends):
        self.owner, self.friends = owner, list(friends)

ann = Account("Ann")
bank = Account("Bank", ann)
'''
outputs = ["ann", "bank"]

[[stages]]
id = "pay"
inputs = ["ann", "bank"]
uses = { make = ["Account"] }
code = '''
ann.owner = "Ann B."
bank.friends[0].owner
'''

[[stages]]
id = "name"
inputs = ["ann"]
uses = { make = ["Account"] }
code = "ann.owner"

[[stages]]
id = "total"
foreach = { w = "who" }
inputs = ["ann", "bank"]
uses = { make = ["Account"] }
code = "bank.friends[0] is ann"

[lab]
params = { who = ["a", "b"] }
"""


def test_what_is_done_to_an_object_is_seen_through_each_value_that_holds_it(lab: ALab) -> None:
    result = lab.write(BANK).run()
    assert result.status == "succeeded", result.error
    assert lab.shown(result, "pay") == "'Ann B.'"
    assert lab.shown(result, "name") == "'Ann'"
    assert lab.shown(result, "total[a]") == "True"
    assert try_stage(read_lab(lab.path), "pay", lab.workspace).shown == "'Ann B.'"


def test_who_takes_both_runs_again_when_they_hold_one_object_no_more_and_who_takes_one_does_not(
    lab: ALab,
) -> None:
    lab.write(BANK).run(cache=True)
    result = lab.write(BANK.replace('"Bank", ann', '"Bank", Account("Ann")')).run(cache=True)
    states = lab.states(result)
    assert (states["pay"], states["name"]) == ("succeeded", "reused")
    assert lab.shown(result, "pay") == "'Ann'"
