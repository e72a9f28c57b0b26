"""An app of nodes as a stage: its nodes below the stage's name, their results by name, whatever they are."""

from __future__ import annotations

import ast
import shutil
from pathlib import Path

import pytest

from agilab.workflow.running.plan import plan_lab
from agilab.workflow.running.prepare import read_lab
from agilab.workflow.running.request import LabRequest
from agilab.workflow.running.trial import try_stage
from tests.workflow.conftest import ALab

pytestmark = pytest.mark.slow

LAB = """
[[stages]]
id = "list"
code = "cities = ['Oslo', 'Rome']; factor = 2"
outputs = ["cities", "factor"]

[[stages]]
id = "one"
app = "steps"
outputs = ["scaled", "raw", "out/report.json"]
args = { file = "data/*.txt" }

[[stages]]
id = "each"
app = "steps"
foreach = { city = "cities" }
inputs = ["data/{city}.txt", "factor"]
outputs = ["scaled", "publish"]
args = { file = "{data/{city}.txt}", factor = "{factor}" }

[[stages]]
id = "tell"
inputs = [
    { name = "scaled", from = "one" },
    "raw",
    "out/report.json",
    "publish",
    { name = "scaled", from = "each", as = "both" },
]
code = "import json; scaled, sorted(raw), json.load(open('out/report.json')), both, publish"
"""


@pytest.fixture
def stepping(calling: ALab) -> ALab:
    shutil.copytree(calling.folder / "data", calling.folder / "steps" / "data")
    return calling.write(LAB)


def test_its_nodes_run_below_the_stage_and_give_what_they_return(stepping: ALab) -> None:
    result = stepping.run(cache=True)
    assert result.status == "succeeded", result.error
    told = ast.literal_eval(stepping.shown(result, "tell"))
    both = {"Oslo": {"total": 7 * 2 + 10}, "Rome": {"total": 11 * 2 + 10}}
    last = {city: scaled["total"] for city, scaled in both.items()}
    assert told == ({"total": 25 + 10}, [1, 2, 4, 5, 6, 7], {"total": 35}, both, last)
    states = stepping.states(result)
    assert {"one/read", "one/offset", "one/scaled", "one/raw", "one/publish", "one", "each/scaled[Rome]"} <= {
        *states
    }
    # Which files the nodes read was settled, and is told.
    read = {(file["root"], file["path"]) for file in stepping.manifest(result)["inputs"]}
    assert {("app", f"steps/data/{city}.txt") for city in ("Oslo", "Rome", "Bern")} <= read

    assert {step.action for step in plan_lab(LabRequest(stepping.path, cache=True), stepping.workspace)} == {
        "reuse"
    }
    assert set(stepping.states(stepping.run(cache=True)).values()) == {"reused"}
    (stepping.folder / "data" / "Rome.txt").write_text("5 7")
    states = stepping.states(stepping.run(cache=True))
    # `offset` takes no arguments, and so no file.
    ran = {
        "each/read[Rome]",
        "each/scaled[Rome]",
        "each/raw[Rome]",
        "each/publish[Rome]",
        "each[Rome]",
        "tell",
    }
    assert {unit for unit, state in states.items() if state == "succeeded"} == ran
    (stepping.folder / "steps" / "data" / "Bern.txt").write_text("8")
    states = stepping.states(stepping.run(cache=True))
    ran = {"one/read", "one/scaled", "one/raw", "one/publish", "one", "tell"}
    assert {unit for unit, state in states.items() if state == "succeeded"} == ran
    trial = try_stage(read_lab(stepping.path), "each", stepping.workspace, key="Rome")
    assert dict(trial.values) == {"scaled": '{"total":34}', "publish": "34"}


def test_what_the_app_does_not_leave_fails_the_stage_and_names_what_there_is(stepping: ALab) -> None:
    result = stepping.write(
        LAB.replace('"raw", "out/report.json"]\nargs', '"raw", "rows", "out/report.json"]\nargs')
    ).run()
    assert result.error is not None
    assert result.error.code == "AGI-STAGE-101"
    assert result.error.what == "stage one promises the value rows, and its app did not leave it"
    assert result.error.found == "offset, read, scaled, raw, publish, report.json"


TABLE = """
[[stages]]
id = "make"
app = "tables"
outputs = ["table", "largest"]
args = { rows = 5 }

[[stages]]
id = "use"
env = "tables"
inputs = ["table"]
outputs = ["total"]
code = "total = int(table['n'].sum())"

[[stages]]
id = "tell"
inputs = ["total", "largest"]
code = "total, largest"
"""


def test_a_table_reaches_a_stage_that_can_read_it_through_a_lab_that_cannot(lab: ALab, apps: Path) -> None:
    shutil.copytree(apps / "tables", lab.folder / "tables")
    result = lab.write(TABLE).run()  # the lab's own environment has no polars
    assert result.status == "succeeded", result.error
    assert lab.shown(result, "tell") == "(10, 4)"
