"""Runs of a lab that was edited since its last run: what is kept, how it is marked, what counts as never run."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import pytest

from agilab.cli.boundary import run as agilab
from agilab.cli.summary import print_summary
from agilab.engine.selection import Selection
from agilab.workflow.running.plan import plan_lab
from agilab.workflow.running.request import LabRequest
from tests.workflow.conftest import ALab, lock

# rich-click says of its own settings that they will be others one day; in a process of its own nobody sees that.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::PendingDeprecationWarning"),
]
FAILED = Selection(failed=True)


@pytest.fixture
def lab(own_lab: ALab) -> ALab:
    return own_lab


def last_run(lab: ALab, stage: str) -> dict[str, Any]:
    stages = tomllib.loads(lab.path.read_text(encoding="utf-8"))["stages"]
    found: dict[str, Any] = next(one["last_run"] for one in stages if one["id"] == stage)
    return found


VERSIONS = """
[lab.params]
stop = 1

[[stages]]
id = "a"
outputs = ["v"]
code = "import packaging; v = packaging.__version__"

[[stages]]
id = "b"
inputs = ["v", "stop"]
code = '''
import packaging
if stop:
    raise ValueError("stop")
(v, packaging.__version__)
'''
"""


def test_a_result_of_another_environment_is_kept_and_everywhere_marked(
    lab: ALab, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AGILAB_HOME", str(lab.workspace.home))
    lock(lab.folder, "edited", "packaging==24.0")
    first = lab.write(VERSIONS).run()
    lock(lab.folder, "edited", "packaging==24.1")

    asked: dict[str, Any] = {"selection": FAILED, "params": {"stop": 0}}
    plan = plan_lab(LabRequest(lab.path, track=False, **asked), lab.workspace)
    why = f"reused from run {first.run_id}, older environment"
    assert plan.of("reuse") == {"a": why}
    result = lab.run(**asked)
    # The two versions that `packaging` itself says: nothing but the mark tells that they are of two environments.
    assert lab.shown(result, "b") == "('24.0', '24.1')"
    (reused,) = lab.manifest(result)["reused"]
    assert (reused["older_code"], reused["older_environment"]) == ([], ["a"])

    capsys.readouterr()
    print_summary(result)
    assert "older environment: a" in capsys.readouterr().out
    run_id = result.run_id or ""
    assert agilab(["runs", "show", run_id]) == 0
    assert "older environment: a" in capsys.readouterr().out
    assert agilab(["runs", "show", run_id, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["older"] == {"environment": 1}
    assert agilab(["runs", "explain", run_id, "a"]) == 0
    assert "although its environment has changed since" in " ".join(capsys.readouterr().out.split())

    lab.write(lab.path.read_text().replace("v = packaging", "v = '' + packaging"))
    from_b = LabRequest(lab.path, track=False, selection=Selection(from_node="b"), params={"stop": 0})
    assert plan_lab(from_b, lab.workspace).of("reuse")["a"].endswith(", older code and environment")


ADDED = """

[[stages]]
id = "neu"
inputs = ["x"]
outputs = ["y"]
code = "y = x + 1"
"""


@pytest.mark.parametrize("option", ["--only", "--from"])
def test_a_stage_that_was_just_added_is_run(
    lab: ALab, option: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AGILAB_HOME", str(lab.workspace.home))
    lab.write('[[stages]]\nid = "a"\noutputs = ["x"]\ncode = "x = 1"\n').run()
    lab.write(lab.path.read_text() + ADDED)
    capsys.readouterr()
    assert agilab(["workflow", "plan", str(lab.folder), option, "neu", "--json"]) == 0
    steps = json.loads(capsys.readouterr().out)["steps"]
    assert {step["unit"]: step["action"] for step in steps} == {"a": "reuse", "neu": "run"}
    result = lab.run(selection=Selection(from_node="neu", downstream=option == "--from"))
    assert result.status == "succeeded"
    assert lab.states(result) == {"a": "reused", "neu": "succeeded"}
    assert agilab(["workflow", "plan", str(lab.folder), option, "new"]) == 2
    told = capsys.readouterr().err
    assert "error[AGI-STAGE-040]: the lab has no stage of that name" in told
    assert "neu" in told


EACH = """
[lab.params]
names = ["a", "b", "c"]
stop = 1

[[stages]]
id = "each"
foreach = { name = "names" }
outputs = ["size"]
code = '''
size = ord(name)
Skip("nothing in it") if name == "d" else None
'''

[[stages]]
id = "all"
inputs = ["stop"]
code = "1 / (1 - stop)"
"""


def test_a_stage_with_units_of_several_runs_keeps_its_last_run_when_all_are_used_again(lab: ALab) -> None:
    lab.write(EACH)
    lab.run(cache=True, params={"names": ["a"], "stop": 0})
    second = lab.run(cache=True, params={"stop": 0})
    last = last_run(lab, "each")
    assert (last["run"], last["status"]) == (second.run_id, "succeeded")
    assert last["units"] == {"reused": 1, "succeeded": 2}
    assert last["seconds"] > 0
    text = lab.path.read_text()
    third = lab.run(cache=True, params={"stop": 0})
    assert set(lab.states(third).values()) == {"reused"}
    assert lab.path.read_text() == text
    lab.run(cache=True, params={"stop": 0})
    assert lab.path.read_text() == text


def test_what_skips_itself_again_changes_no_last_run(lab: ALab) -> None:
    lab.write(EACH.replace('"c"]', '"d"]'))
    first = lab.run(keep_going=True)
    before = last_run(lab, "each")
    assert (before["run"], before["units"]) == (first.run_id, {"skipped": 1, "succeeded": 2})
    again = lab.run(selection=FAILED, params={"stop": 0})
    assert lab.states(again) == {
        "each[a]": "reused",
        "each[b]": "reused",
        "each[d]": "skipped",
        "all": "succeeded",
    }
    assert last_run(lab, "each") == before
    assert last_run(lab, "all")["run"] == again.run_id


LEFT = """
[lab.params]
names = ["Öfen", "b c"]

[[stages]]
id = "each"
foreach = { name = "names" }
outputs = ["size"]
code = "size = 1 / (len(name) - 4)"

[[stages]]
id = "more"
foreach = { name = "names" }
inputs = ["size"]
outputs = ["twice"]
code = "twice = 2 * size"

[[stages]]
id = "all"
inputs = ["twice"]
require = "any"
code = "twice"
"""


def test_what_was_left_out_is_named_as_a_person_reads_it(
    lab: ALab, capsys: pytest.CaptureFixture[str]
) -> None:
    result = lab.write(LEFT).run()
    assert lab.shown(result, "all") == "{'b c': -2.0}"  # 2 / (3 - 4)
    capsys.readouterr()
    print_summary(result)
    told = capsys.readouterr().out
    assert "more[Öfen]  was not run: each[Öfen] did not end well" in told
    assert "%C3" not in told


def test_what_a_stage_alone_would_do_is_planned_where_one_of_its_items_failed(lab: ALab) -> None:
    lab.write(
        """
[[stages]]
id = "m"
foreach = { k = ["a", "b", "c"] }
outputs = ["v"]
code = "v = 1 / (k != 'b')"
[[stages]]
id = "s"
inputs = ["v"]
outputs = ["n"]
require = 0.5
code = "n = len(v)"
"""
    )
    assert lab.run().status == "succeeded"
    alone = Selection(from_node="m", downstream=False)
    steps = plan_lab(LabRequest(lab.path, track=False, selection=alone), lab.workspace)
    assert {step.name: step.action for step in steps.steps} == {
        "m[a]": "run",
        "m[b]": "run",
        "m[c]": "run",
        "s": "reuse",
    }
    done = lab.run(selection=alone)
    assert lab.states(done) == {"m[a]": "succeeded", "m[b]": "failed", "m[c]": "succeeded", "s": "reused"}
