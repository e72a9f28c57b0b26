"""A date of a lab is a date to its stages, its lists, its reruns and its notebook, and a text to apps and to people."""

from __future__ import annotations

import tomllib
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import pytest

from agi_node.errors import AgiError
from agilab.contracts.base import read_document
from agilab.contracts.lab_stages import LabStages
from agilab.engine.selection import Selection
from agilab.notebooks.reading import read
from agilab.notebooks.supervisor.read_back import read_back
from agilab.store.store import Store
from agilab.views.explanation import explain
from agilab.workflow.document.params import params_given
from agilab.workflow.legacy.reading import from_v1
from agilab.workflow.legacy.writing import to_v1
from agilab.workflow.notebooks.exporting import export_lab
from agilab.workflow.notebooks.session import Lab
from agilab.workflow.running.again import rerun
from tests.projects.conftest import write_app
from tests.workflow.conftest import ALab

LAB = """
[lab.params]
since = 2024-02-28
until = 2024-03-01T12:00:00+02:00
days = [2024-02-29, 2024-03-01]
name = "2024-02-28"

[[stages]]
id = "next"
inputs = ["since", "until", "name"]
outputs = ["first"]
code = '''
import datetime
first = since + datetime.timedelta(days=1)
since, until, name
'''

[[stages]]
id = "daily"
foreach = { day = "days" }
inputs = ["first"]
outputs = ["passed", "out/{day}.txt"]
code = '''
passed = (day - first).days
open(f"out/{day}.txt", "w").write(day.isoformat())
'''

[[stages]]
id = "all"
inputs = ["passed"]
code = "passed"
"""

APP = '''
"""Says which days it was given."""
import datetime

from agi_node import App, Args, WorkItem


class Days(Args):
    since: datetime.date = datetime.date(2000, 1, 1)
    day: datetime.date = datetime.date(2000, 1, 1)
    first: datetime.date = datetime.date(2000, 1, 1)
    text: str = ""


app = App("days", args=Days)


@app.plan
def plan(args):
    yield WorkItem("one", {"days": (args.day - args.since).days, "after": (args.first - args.since).days})


@app.work
def work(payload, args, run):
    run.save_json("found", {**payload, "text": args.text})
'''


@pytest.mark.slow
def test_a_date_reaches_stages_lists_and_reruns(own_lab: ALab) -> None:
    lab = own_lab.write(LAB)
    result = lab.run(cache=True)
    until = datetime(2024, 3, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    assert lab.shown(result, "next") == repr((date(2024, 2, 28), until, "2024-02-28"))
    # 2024 is a leap year: the day after the 28th of February is the 29th.
    assert lab.shown(result, "all") == "{'2024-02-29': 0, '2024-03-01': 1}"
    assert lab.file(result, "2024-02-29.txt").read_text() == "2024-02-29"
    assert lab.states(result) == {
        **dict.fromkeys(("next", "daily[2024-02-29]", "daily[2024-03-01]", "all"), "succeeded")
    }
    manifest = lab.manifest(result)
    assert manifest["args"]["since"] == "2024-02-28"
    assert manifest["args"]["days"] == ["2024-02-29", "2024-03-01"]
    with Store(lab.workspace) as store:
        assert "datetime.date(2024, 2, 28)" in str(explain(store, result.run_id or "", "next").to_plain())

    again = lab.run(cache=True)
    assert set(lab.states(again).values()) == {"reused"}
    other = lab.run(cache=True, params={"since": date(2024, 2, 29)})
    assert lab.shown(other, "next").startswith("(datetime.date(2024, 2, 29), ")
    assert lab.manifest(other)["replay"]["command"].endswith("--set since=2024-02-29")
    twice = rerun(other.run_id or "", Selection(), lab.workspace, track=False)
    assert set(lab.states(twice).values()) == {"reused"}
    text = lab.run(cache=True, params={"since": "2024-02-28"}, keep_going=True)
    assert lab.states(text)["next"] == "failed", (
        "a text is another value than the date, and no cache may mix them"
    )
    assert tomllib.loads(lab.path.read_text())["lab"]["params"] == tomllib.loads(LAB)["lab"]["params"]


@pytest.mark.slow
def test_an_app_gets_the_text_of_a_date_which_it_reads_as_one(own_lab: ALab) -> None:
    write_app(own_lab.folder / "days_project", APP, name="days")
    lab = own_lab.write(
        LAB
        + """
[[stages]]
id = "call"
app = "days_project"
foreach = { day = "days" }
inputs = ["since", "first"]
outputs = ["found"]
args = { since = "{since}", day = "{day}", first = "{first}", text = "from {since}" }

[[stages]]
id = "told"
inputs = ["found"]
code = "found"
"""
    )
    result = lab.run()
    assert lab.shown(result, "told") == repr(
        {
            "2024-02-29": {"one": {"after": 1, "days": 1, "text": "from 2024-02-28"}},
            "2024-03-01": {"one": {"after": 1, "days": 2, "text": "from 2024-02-28"}},
        }
    )


def test_a_notebook_and_version_1_keep_dates(tmp_path: Path) -> None:
    path = tmp_path / "lab_stages.toml"
    path.write_text(LAB.replace('"days"', "[2024-02-29]"), encoding="utf-8")
    document = read_document(path, LabStages)
    made = export_lab(document, path, tmp_path / "lab.ipynb")
    text = made.path.read_text(encoding="utf-8")
    assert "since = datetime.date(2024, 2, 28)" in text
    assert "for day in [2024-02-29]" in text
    found = read_back(read(text.encode(), name="lab.ipynb"))
    assert (found.changes, found.document) == ((), document)
    by_hand = text.replace("for day in [2024-02-29]", "for day in [2024-03-01T06:00:00]")
    assert read_back(read(by_hand.encode(), name="lab.ipynb")).document.stages[1].foreach == {
        "day": (datetime(2024, 3, 1, 6),)
    }
    assert from_v1(to_v1(document)).lab.lab.params == document.lab.params
    assert from_v1(to_v1(document)).lab.stages[1].foreach == document.stages[1].foreach


def test_a_cell_of_the_lab_takes_its_list_of_dates(tmp_path: Path) -> None:
    path = tmp_path / "lab_stages.toml"
    path.write_text(LAB.replace('"days"', "[2024-02-29]"), encoding="utf-8")
    lab = Lab(path)
    code = lab.document.stages[1].code or ""
    line = "daily: first -> passed, out/{day}.txt for day in "
    assert lab.stage(f"{line}[2024-02-29]", code) == "daily: as in lab_stages.toml"
    assert lab.stage(f"{line}[2024-02-29, 12:30]", code) == "daily: as edited here"


def test_a_program_may_give_the_text_of_a_date() -> None:
    own = tomllib.loads(LAB)["lab"]["params"]
    given = params_given({"since": "2025-01-01", "days": ["2025-01-02"], "name": "2025-01-01"}, own)
    assert given == {"since": date(2025, 1, 1), "days": [date(2025, 1, 2)], "name": "2025-01-01"}
    for name, value in (("since", "soon"), ("since", 3), ("days", ["soon"]), ("name", {"a"})):
        with pytest.raises(AgiError, match=f"the param {name} cannot have this value"):
            params_given({name: value}, own)
