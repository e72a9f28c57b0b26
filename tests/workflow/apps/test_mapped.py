"""A stage that calls an app for each item: the whole app below each key, and what the stages behind it get."""

from __future__ import annotations

import ast
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from agilab.engine.selection import Selection
from agilab.store.store import Store
from agilab.tracking.payload import build_payload
from agilab.views.timeline import read_timeline
from agilab.workflow.judging.validate import validate
from agilab.workflow.running.plan import plan_lab
from agilab.workflow.running.prepare import read_lab
from agilab.workflow.running.request import LabRequest
from agilab.workflow.running.resuming import resume_lab
from agilab.workflow.running.trial import try_stage
from tests.workflow.apps.conftest import NUMBERS
from tests.workflow.conftest import ALab

pytestmark = pytest.mark.slow

LAB = """
[lab]
params = { factor = 3 }

[[stages]]
id = "list"
code = "cities = ['Oslo', 'Rome', 'Bern']"
outputs = ["cities"]

[[stages]]
id = "copy"
foreach = { city = "cities" }
inputs = ["data/{city}.txt"]
outputs = ["out/{city}.txt"]
code = '''
from pathlib import Path
Path(f"out/{city}.txt").write_text(Path(f"data/{city}.txt").read_text())
'''

[[stages]]
id = "add"
app = "adding"
foreach = { city = "cities" }
inputs = ["out/{city}.txt", "factor"]
outputs = ["{city}/report.json", "report", "seen", "summary"]
args = { file = "{out/{city}.txt}", factor = "{factor}", label = "of {city}" }

[[stages]]
id = "all"
app = "adding"
inputs = ["out/{city}.txt", "report"]
outputs = ["summary"]
args = { file = "{out/{city}.txt}", label = "{report}" }
enabled = false

[[stages]]
id = "whole"
app = "adding"
inputs = ["out/{city}.txt"]
outputs = ["report"]
args = { file = "{out/{city}.txt}" }

[[stages]]
id = "each"
foreach = { city = "cities" }
inputs = ["{city}/report.json", { name = "summary", from = "add" }]
code = '''
import os
[os.path.join(folder, name) for folder, _, names in os.walk(".") for name in names], summary
'''

[[stages]]
id = "tell"
inputs = ["{city}/report.json", { name = "report", from = "add" }, "seen", { name = "summary", from = "add" }]
code = '''
import json
{city: json.load(open(f"{city}/report.json")) for city in report}, report, seen, summary
'''
"""
WORDS = {city: [int(word) for word in text.split()] for city, text in NUMBERS.items()}
REPORTS = {
    city: {
        "label": f"of {city}",
        "total": 3 * sum(words),
        "parts": [f"{city}-{n}" for n in range(len(words))],
    }
    for city, words in WORDS.items()
}


def _told(lab: ALab, result: Any, unit: str = "tell") -> Any:
    return ast.literal_eval(lab.shown(result, unit))


def test_each_item_is_the_whole_app(calling: ALab) -> None:
    result = calling.write(LAB).run(cache=True)
    assert result.status == "succeeded", result.error
    seen = {city: {f"{city}-{n}": w for n, w in enumerate(words)} for city, words in WORDS.items()}
    summary = {city: {"total": report["total"]} for city, report in REPORTS.items()}
    assert _told(calling, result) == (REPORTS, REPORTS, seen, summary)
    assert list(_told(calling, result)[1]) == list(NUMBERS)  # in the order of the list, not of the names
    assert _told(calling, result, "each[Rome]") == (["./Rome/report.json"], {"total": 33})
    assert calling.left(result, "whole")["values"]["report"]["text"].startswith('{"label":"","total":25,')
    states = calling.states(result)
    assert {
        "add/plan[Oslo]",
        "add/work[Oslo/Oslo-2]",
        "add/reduce[Oslo]",
        "add/publish[Oslo]",
        "add[Oslo]",
    } <= {*states}
    again = calling.states(calling.run(cache=True))
    # A plan looks at what is there now; everything behind it counts by its content.
    plans = {f"add/plan[{city}]" for city in NUMBERS} | {"whole/plan"}
    assert {unit for unit, state in again.items() if state != "reused"} == plans
    (calling.folder / "data" / "Rome.txt").write_text("5 9")
    third = calling.states(calling.run(cache=True))
    ran = {unit for unit, state in third.items() if state == "succeeded"} - plans
    assert ran == {
        *(
            "copy[Rome]",
            "add/work[Rome/Rome-0]",
            "add/work[Rome/Rome-1]",
            "add/reduce[Rome]",
            "add/publish[Rome]",
        ),
        *("add[Rome]", "each[Rome]", "tell", "whole/reduce", "whole/publish", "whole"),
        *(f"whole/work[{city}-{n}]" for city, words in WORDS.items() for n in range(len(words))),
    }  # `whole` is given all files in one argument, any of which its work may read


def test_it_is_seen_planned_tracked_and_tried_as_one_stage(calling: ALab, tmp_path: Path) -> None:
    calling.write(LAB)
    assert not [one for one in validate(calling.path, calling.workspace).findings if one.severity == "error"]
    result = calling.run()
    steps = {
        step.name: step.action for step in plan_lab(LabRequest(calling.path, cache=True), calling.workspace)
    }
    assert steps["add/plan[Rome]"] == "run"
    assert steps["add/work"] == steps["add[Rome]"] == "wait"
    with Store(calling.workspace) as store:
        nodes = {node["node"]: node for node in build_payload(store, result.run_id or "", {})["nodes"]}
        assert not any(row.worker for row in store.units(result.run_id or "", node="add"))
        bars = [bar for lane in read_timeline(store, result.run_id or "").lanes for bar in lane.bars]
        assert {bar.node for bar in bars} >= {"add/plan", "add/work", "tell"}
        assert "add" not in {bar.node for bar in bars}  # nobody was at work on what is only gathered
    assert [row[0] for row in nodes["add"]["table"]["data"]] == list(NUMBERS)
    assert nodes["add/work"]["params"]["units"] == "6"
    trial = try_stage(read_lab(calling.path), "add", calling.workspace, key="Rome", keep=tmp_path / "kept")
    assert (trial.unit, trial.status) == ("add[Rome]", "succeeded")
    assert trial.values["seen"] == '{"Rome-0":5,"Rome-1":6}'
    assert json.loads((tmp_path / "kept" / "Rome" / "report.json").read_text()) == REPORTS["Rome"]
    below = try_stage(read_lab(calling.path), "each", calling.workspace, key="Rome")
    assert below.shown == "(['./Rome/report.json'], {'total': 33})"
    below = try_stage(read_lab(calling.path), "tell", calling.workspace)
    assert ast.literal_eval(below.shown or "")[1] == REPORTS
    calling.write(LAB.replace('"report", "seen"', '"report", "sene"').replace('"seen", {', "{"))
    trial = try_stage(read_lab(calling.path), "add", calling.workspace)
    assert trial.error is not None
    assert trial.error["code"] == "AGI-STAGE-101"
    assert trial.error["found"] == "summary, ends.json, report.json, seen.json"


def test_part_of_it_is_run_again(calling: ALab) -> None:
    calling.write(LAB).run()
    states = calling.states(calling.run(selection=Selection(from_node="add", downstream=False)))
    ran = {unit.partition("[")[0] for unit, state in states.items() if state == "succeeded"}
    assert ran == {"add/plan", "add/work", "add/reduce", "add/publish", "add", "whole/plan"}
    states = calling.states(calling.run(selection=Selection(units=("add[Rome]",))))
    ran = {unit for unit, state in states.items() if state == "succeeded"}
    plans = {f"add/plan[{city}]" for city in NUMBERS} | {"whole/plan"}
    assert ran - plans == {
        *(
            "add/work[Rome/Rome-0]",
            "add/work[Rome/Rome-1]",
            "add/reduce[Rome]",
            "add/publish[Rome]",
            "add[Rome]",
        ),
        *("each[Rome]", "tell"),
    }


def test_the_good_items_go_on_where_that_is_enough(calling: ALab) -> None:
    lab = LAB.replace('id = "tell"', 'id = "tell"\nrequire = 1')
    calling.write(lab.replace('id = "whole"', 'id = "whole"\nrequire = "any"'))
    (calling.folder / "data" / "Rome.txt").write_text("5 x")
    result = calling.run(keep_going=True)
    states = calling.states(result)
    assert states["add/work[Rome/Rome-1]"] == "failed"
    # What could be merged is, and a person sees what is missing.
    assert states["add/reduce[Rome]"] == states["add[Rome]"] == "succeeded"
    (calling.folder / "data" / "Rome.txt").write_text("")
    (calling.folder / "data" / "Oslo.txt").unlink()
    (calling.folder / "data" / "Oslo.txt").mkdir()
    result = calling.run(keep_going=True)
    assert calling.states(result)["copy[Oslo]"] == "failed"
    assert (
        calling.states(result)["add/plan[Oslo]"] == calling.states(result)["add[Oslo]"] == "upstream_failed"
    )
    assert calling.states(result)["add[Rome]"] == "skipped"  # a plan of nothing
    assert list(_told(calling, result)[1]) == ["Bern"]
    assert '"parts":["Bern-0"]' in calling.left(result, "whole")["values"]["report"]["text"]


NESTED = """
[[stages]]
id = "months"
foreach = { city = ["Oslo", "Bern"] }
code = "months = [1, 2]"
outputs = ["months"]

[[stages]]
id = "add"
app = "adding"
foreach = { month = "months" }
inputs = ["data/{city}.txt"]
outputs = ["ends"]
args = { file = "{data/{city}.txt}", factor = "{month}" }

[[stages]]
id = "name"
foreach = { end = "ends" }
code = "named = f'{city} {month} {end}'"
outputs = ["named"]

[[stages]]
id = "crossed"
app = "adding"
foreach = { city = ["Oslo", "Rome"], factor = [1, 10] }
inputs = ["data/{city}.txt"]
outputs = ["summary"]
args = { file = "{data/{city}.txt}", factor = "{factor}" }

[[stages]]
id = "tell"
inputs = ["named", "summary"]
code = "named, summary"
"""


def test_items_nest_and_combine(calling: ALab) -> None:
    result = calling.write(NESTED).run()
    assert result.status == "succeeded", result.error
    named, summary = _told(calling, result)
    ends = {(city, month): month * sum(WORDS[city]) for city in ("Oslo", "Bern") for month in (1, 2)}
    assert list(named.values()) == [f"{c} {m} {one}" for (c, m), end in ends.items() for one in (0, end)]
    assert summary == {
        f"city={city},factor={factor}": {"total": factor * sum(WORDS[city])}
        for city in ("Oslo", "Rome")
        for factor in (1, 10)
    }
    assert "add/work[Bern/2/Bern-0]" in calling.states(result)


def test_a_killed_run_goes_on_below_each_key(calling: ALab) -> None:
    calling.write(LAB.replace('label = "of {city}"', 'label = "of {city}", wait_s = 0.4'))
    script = (
        "import sys; from pathlib import Path\n"
        "from agilab.workflow.running.execution import LabRequest, run_lab\n"
        "run_lab(LabRequest(Path(sys.argv[1]), track=False, workers=1))\n"
    )
    environment = {**os.environ, "AGILAB_HOME": str(calling.workspace.home)}
    runner = subprocess.Popen([sys.executable, "-c", script, str(calling.path)], env=environment)
    run_id, done, deadline = "", set[str](), time.monotonic() + 60
    while not run_id and time.monotonic() < deadline:
        assert runner.poll() is None, "it ended before it could be killed"
        with Store(calling.workspace) as store:
            for run in store.runs(app="lab:study", limit=1):
                if run.state == "running":
                    units = store.units(run.run_id, node="add/work", state="succeeded")
                    done = {unit.unit_id for unit in units}
                    run_id = run.run_id if done else ""
        time.sleep(0.02)
    runner.send_signal(signal.SIGKILL)
    runner.wait()
    result = resume_lab(run_id, calling.workspace)
    assert result.status == "succeeded", result.error
    assert _told(calling, result)[0] == REPORTS
    with Store(calling.workspace) as store:
        attempts = {unit.unit_id: unit.attempts for unit in store.units(run_id, node="add/work")}
    assert {attempts[unit] for unit in done} == {1}


def test_a_cluster_runs_it_as_well(calling: ALab) -> None:
    result = calling.write(LAB).run(executor="dask", workers=2)
    assert result.status == "succeeded", result.error
    assert _told(calling, result)[0] == REPORTS


TWICE = """
[[stages]]
id = "first"
code = "open('numbers.txt', 'w').write('1 2')"
outputs = ["numbers.txt"]

[[stages]]
id = "add"
app = "adding"
inputs = ["numbers.txt"]
outputs = ["summary"]
args = { file = "{numbers.txt}" }

[[stages]]
id = "second"
needs = ["add"]
code = "open('numbers.txt', 'w').write('10')"
outputs = ["numbers.txt"]

[[stages]]
id = "again"
app = "adding"
foreach = { odd = ["a [b]*", "c.d e", "São Paulo"] }
inputs = ["numbers.txt", "data/{odd}.txt"]
outputs = ["report", "ends"]
args = { file = "{numbers.txt}", label = "{data/{odd}.txt}" }

[[stages]]
id = "tell"
inputs = ["summary", "report"]
code = "summary, report"
"""


def test_stages_and_items_keep_their_files_apart_whatever_they_are_called(calling: ALab) -> None:
    odd = ["a [b]*", "c.d e", "São Paulo"]
    for name in odd:
        (calling.folder / "data" / f"{name}.txt").write_text("0")
    result = calling.write(TWICE).run()
    assert result.status == "succeeded", result.error
    summary, report = _told(calling, result)
    assert summary == {"total": 3}
    assert {name: one["total"] for name, one in report.items()} == dict.fromkeys(odd, 10)
    folder = calling.workspace.run_folder(result.run_id or "") / "stages" / "again"
    placed = sorted(path.name for path in folder.rglob("*.txt"))
    assert placed == sorted([f"{name}.txt" for name in odd] + ["numbers.txt"] * 3)  # each item has its own
