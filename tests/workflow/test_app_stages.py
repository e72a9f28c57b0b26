"""A stage that calls an app: the app's own nodes in the lab's run, given what stages before it left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from agi_node.errors import AgiError
from agilab.engine.selection import Selection
from agilab.store.store import Store
from agilab.workflow.running.plan import plan_lab
from agilab.workflow.running.request import LabRequest
from agilab.workflow.running.resuming import resume_lab
from tests.projects.conftest import write_app
from tests.workflow.conftest import ALab

pytestmark = pytest.mark.slow

APP = '''
"""Adds up the lines of a file, one work item for each."""
import time

from agi_node import App, Args, Files, Partial, Sum, WorkItem


class Numbers(Args):
    file: Files = Files("data/*.txt")
    factor: int = 1
    pause: float = 0.0


class Total(Partial):
    total: Sum[int]


app = App("adding", args=Numbers, partial=Total)


@app.plan
def plan(args):
    for file in args.file:
        for number, line in enumerate(file.path.read_text().split()):
            yield WorkItem(f"{number}", {"value": int(line)})


@app.work
def work(payload, args, run):
    time.sleep(args.pause)
    run.save_json("seen", payload["value"])
    return Total(total=payload["value"] * args.factor)


@app.publish
def publish(summary, args, run):
    run.save_json("total", {"total": summary.total, "parts": len(run.artifacts("seen"))})
'''

LAB = """
[lab]
params = { factor = 3 }

[[stages]]
id = "write"
code = '''
from pathlib import Path
Path("out/numbers.txt").write_text("1 2 4")
'''
outputs = ["out/numbers.txt"]

[[stages]]
id = "add"
app = "adding_project"
inputs = ["out/numbers.txt", "factor"]
outputs = ["total.json", "total", "summary"]

[stages.args]
file = "{out/numbers.txt}"
factor = "{factor}"

[[stages]]
id = "tell"
inputs = ["total.json", "total", "summary"]
code = '''
import json
json.loads(open("total.json").read()), total, summary
'''
"""


@pytest.fixture
def adding(lab: ALab) -> ALab:
    write_app(lab.folder / "adding_project", APP, name="adding")
    return lab.write(LAB)


def test_an_app_gets_values_and_files_and_hands_on_what_the_stage_promises(adding: ALab) -> None:
    result = adding.run()
    assert result.status == "succeeded", result.error
    total = {"total": 21, "parts": 3}
    assert eval(adding.shown(result, "tell")) == (total, total, {"total": 21})
    units = adding.states(result)
    expected = {
        "write",
        "add/plan",
        "add/work[0]",
        "add/work[1]",
        "add/work[2]",
        "add/reduce",
        "add/publish",
        "add",
        "tell",
    }
    assert units == dict.fromkeys(expected, "succeeded")


def test_what_changes_runs_again_and_the_rest_does_not(adding: ALab) -> None:
    adding.run(cache=True)
    again = adding.states(adding.run(cache=True))
    ran = {unit for unit, state in again.items() if state == "succeeded"}
    assert ran == {"add/plan"}  # a plan looks at folders
    other = adding.run(cache=True, params={"factor": 5})
    assert eval(adding.shown(other, "tell"))[2] == {"total": 35}
    ran = {unit for unit, state in adding.states(other).items() if state == "succeeded"}
    assert "add/work[0]" in ran
    assert "write" not in ran


def test_it_is_planned_and_rerun_from_by_the_name_of_the_stage(adding: ALab) -> None:
    steps = plan_lab(LabRequest(adding.path), adding.workspace)
    assert [step.name for step in steps] == [
        "write",
        "add/plan",
        "add/work",
        "add/reduce",
        "add/publish",
        "add",
        "tell",
    ]
    adding.run()
    states = adding.states(adding.run(selection=Selection(from_node="add")))
    assert {unit for unit, state in states.items() if state == "reused"} == {"write"}


def test_a_failure_in_the_app_is_the_stages(adding: ALab) -> None:
    adding.write(LAB.replace('"1 2 4"', '"1 x 4"'))
    result = adding.run()
    assert result.status == "failed"
    assert result.error is not None
    assert "invalid literal for int()" in result.error.what
    assert adding.states(result)["add/plan"] == "failed"


def test_arguments_that_the_app_does_not_know_are_refused_before_anything_runs(adding: ALab) -> None:
    adding.write(LAB.replace('file = "{out/numbers.txt}"\nfactor = "{factor}"', "faktor = 2"))
    with pytest.raises(AgiError) as refused:
        adding.run()
    assert refused.value.code.startswith("AGI-ARGS")
    assert "faktor" in str(refused.value)


def test_an_unknown_argument_is_refused_also_where_its_value_comes_later(adding: ALab) -> None:
    adding.write(LAB.replace('factor = "{factor}"', 'faktor = "{factor}"'))
    with pytest.raises(AgiError) as refused:
        adding.run()
    assert refused.value.code == "AGI-ARGS-010"
    assert refused.value.found == "faktor"


def test_an_app_has_its_saved_arguments_where_others_come_later(adding: ALab) -> None:
    (adding.folder / "adding_project" / "app_settings.toml").write_text("[args]\nfactor = 5\n")
    lab = LAB.replace('factor = "{factor}"\n', "").replace(
        '"out/numbers.txt", "factor"]', '"out/numbers.txt"]'
    )
    assert eval(adding.shown(adding.write(lab).run(), "tell"))[2] == {"total": 35}


def test_a_killed_run_goes_on_within_the_app(adding: ALab) -> None:
    adding.write(LAB.replace('factor = "{factor}"', 'factor = "{factor}"\npause = 0.4'))
    script = (
        "import sys; from pathlib import Path\n"
        "from agilab.workflow.running.execution import LabRequest, run_lab\n"
        "run_lab(LabRequest(Path(sys.argv[1]), track=False, workers=1))\n"
    )
    environment = {**os.environ, "AGILAB_HOME": str(adding.workspace.home)}
    runner = subprocess.Popen([sys.executable, "-c", script, str(adding.path)], env=environment)
    run_id, deadline = "", time.monotonic() + 60
    while not run_id and time.monotonic() < deadline:
        with Store(adding.workspace) as store:
            for run in store.runs(app="lab:study", limit=1):
                states = {unit.unit_id: unit.state for unit in store.units(run.run_id)}
                if run.state == "running" and "succeeded" in [states.get(f"add/work[{n}]") for n in range(3)]:
                    run_id = run.run_id
        time.sleep(0.02)
    runner.send_signal(signal.SIGKILL)
    runner.wait()
    result = resume_lab(run_id, adding.workspace)
    assert result.status == "succeeded", result.error
    assert eval(adding.shown(result, "tell"))[0] == {"total": 21, "parts": 3}


FOLDER = """
[[stages]]
id = "add"
app = "adding_project"
inputs = ["data/numbers.txt"]
outputs = ["total"]
args = { file = "{data/numbers.txt}" }

[[stages]]
id = "tell"
inputs = ["total"]
code = "total"
"""


def test_an_app_gets_a_file_of_the_labs_folder(adding: ALab) -> None:
    adding.write(FOLDER, **{"data__numbers.txt": "5 6"})
    result = adding.run()
    assert result.status == "succeeded", result.error
    assert eval(adding.shown(result, "tell")) == {"total": 11, "parts": 2}


def test_an_app_is_given_what_a_mapped_stage_made_as_a_dict_of_plain_data(adding: ALab) -> None:
    """Only plain data: an argument of the app has to want it, and a fitted model, say, is none."""
    each = (
        '[[stages]]\nid = "each"\nforeach = { n = [1, 2] }\ncode = "factor = n"\noutputs = ["factor"]\n\n'
        '[[stages]]\nid = "add"\napp = "adding_project"\ninputs = ["factor"]\noutputs = ["total"]\n'
        'args = { factor = "{factor}" }\n'
    )
    result = adding.write(each).run()
    assert result.error is not None
    assert result.error.code == "AGI-ARGS-002"  # the factor is a number, and here come two
    assert "factor" in str(result.error)
    result = adding.write(each.replace("factor = n", "factor = object()")).run()
    assert result.error is not None
    assert result.error.code == "AGI-STAGE-054"
