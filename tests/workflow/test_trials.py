"""Trying a stage on what the last run recorded above it, whatever became of the rest of that run."""

from __future__ import annotations

import ast

import pytest

from agi_node.errors import AgiError
from agilab.workflow.running.prepare import read_lab
from agilab.workflow.running.trial import Trial, try_stage
from tests.workflow.conftest import ALab

NESTED = """\
[lab]
params = { broken = 3 }

[[stages]]
id = "list"
outputs = ["cities"]
code = "cities = ['Oslo', 'Rome']"

[[stages]]
id = "months"
foreach = { city = "cities" }
outputs = ["months"]
code = "months = [1, 2, 3, 4]"

[[stages]]
id = "mean"
foreach = { month = "months" }
inputs = ["broken"]
outputs = ["m"]
code = '''
if city == "Rome" and month == broken:
    raise ValueError("no signal")
m = 10 * month
'''

[[stages]]
id = "year"
foreach = { city = "cities" }
inputs = ["m"]
outputs = ["year"]
require = 0.7
code = "year = sum(m.values()); year, sorted(m)"

[[stages]]
id = "tell"
inputs = ["year", "m"]
require = "any"
code = "year, len(m)"
"""


def tried(lab: ALab, stage: str, key: str | None = None) -> Trial:
    return try_stage(read_lab(lab.path), stage, lab.workspace, key=key)


def refused(lab: ALab, stage: str, key: str | None = None) -> str:
    with pytest.raises(AgiError) as error:
        tried(lab, stage, key)
    assert error.value.code == "AGI-STAGE-039"
    return error.value.found or ""


def test_as_much_as_a_stage_requires_is_enough_to_try_it(own_lab: ALab) -> None:
    result = own_lab.write(NESTED).run()
    assert own_lab.states(result)["mean[Rome/3]"] == "failed"
    assert tried(own_lab, "year", "Rome").shown == "(70, ['1', '2', '4'])"
    assert tried(own_lab, "tell").shown == own_lab.shown(result, "tell") == "({'Oslo': 100, 'Rome': 70}, 7)"

    # What the run would not begin is not tried; of several, the first that it would.
    own_lab.write(NESTED.replace("0.7", "0.8"))
    assert refused(own_lab, "year", "Rome").startswith("mean[Rome/3] without a result in run ")
    own_lab.write(NESTED.replace("0.7", "0.8").replace("broken = 3", "broken = 4"))
    assert tried(own_lab, "year").unit == "year[Oslo]"
    # `year` was made from a part of its inputs; that it would not be today is no reason.
    assert ast.literal_eval(tried(own_lab, "tell").shown or "") == ({"Oslo": 100, "Rome": 70}, 7)


def test_a_list_that_is_another_now_is_no_list_of_the_last_run(own_lab: ALab) -> None:
    stages = (
        '[[stages]]\nid = "each"\nforeach = { n = [1, 2] }\noutputs = ["y"]\ncode = "y = 10 * n"\n'
        '[[stages]]\nid = "next"\nforeach = { n = [1, 2] }\ninputs = ["y"]\ncode = "y + 1"\n'
        '[[stages]]\nid = "sum"\ninputs = ["y"]\ncode = "sum(y.values())"\n'
    )
    own_lab.write(stages).run()
    assert tried(own_lab, "next", "2").shown == "21"
    own_lab.write(stages.replace("[1, 2]", "[1, 2, 3]"))
    assert refused(own_lab, "next", "3").startswith("each")
    assert tried(own_lab, "sum").shown == "30"  # on what the last run left
    own_lab.write(stages.replace("foreach = { n = [1, 2] }\noutputs", "outputs", 1))
    assert refused(own_lab, "sum").startswith("each without a result in run ")
