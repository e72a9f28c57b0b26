"""What is remembered of a lab's run: nested runs in MLflow, `last_run` in the document, how long a stage took."""

from __future__ import annotations

import hashlib
import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from agilab.cli.boundary import run
from agilab.cli.summary import print_summary
from agilab.contracts.run_result import RunResult
from agilab.projects.request import Faces
from agilab.store.store import Store
from agilab.tracking.uri import sqlite_uri
from agilab.workflow.running.execution import run_lab
from agilab.workflow.running.request import LabRequest
from tests.workflow.conftest import ALab

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::PendingDeprecationWarning"),  # of rich-click, of its own settings
]

CODE = "numbers = [3, 1]\\nopen('out.txt', 'w').write('three')"
LAB = f"""
[[stages]]
id = "make"
title = "Make numbers"
question = "Which numbers?"
model = "somebody"
outputs = ["numbers", "./out.txt"]
code = "{CODE}"
origin = {{ mode = "generated", prompt_digest = "{"7" * 64}" }}

[[stages]]
id = "each"
foreach = {{ number = "numbers" }}
outputs = ["twice"]
code = "twice = 2 * number"

[[stages]]
id = "nothing"
code = "Skip('nothing to do')"
"""


def tracked(lab: ALab, **request: Any) -> RunResult:
    return run_lab(LabRequest(lab.path, **request), lab.workspace)


def in_mlflow(lab: ALab, result: RunResult) -> tuple[Run, dict[str, Run]]:
    """The parent run and the nested ones by node, as MLflow's own client reads them."""
    client = MlflowClient(sqlite_uri(lab.workspace.home / "mlflow" / "mlflow.db"))
    places = [one.experiment_id for one in client.search_experiments()]
    found = client.search_runs(places, f"tags.`agilab.run_id` = '{result.run_id}'")
    nested = {run.data.tags["agilab.node"]: run for run in found if "agilab.node" in run.data.tags}
    (parent,) = (run for run in found if "agilab.node" not in run.data.tags)
    assert {run.data.tags["mlflow.parentRunId"] for run in nested.values()} <= {parent.info.run_id}
    return parent, nested


def last_runs(lab: ALab) -> dict[str, dict[str, Any]]:
    stages = tomllib.loads(lab.path.read_text(encoding="utf-8"))["stages"]
    return {stage["id"]: stage["last_run"] for stage in stages if "last_run" in stage}


def test_mlflow_has_a_nested_run_for_each_executed_stage_with_what_was_run(lab: ALab) -> None:
    first = tracked(lab.write(LAB), cache=True)
    parent, nested = in_mlflow(lab, first)
    assert set(nested) == {"make", "each", "nothing"}
    make = nested["make"].data
    assert make.params["runtime"] == "python"
    assert make.params["model"] == "somebody"
    assert make.tags["agilab.title"] == "Make numbers"
    assert make.tags["agilab.question"] == "Which numbers?"
    assert make.tags["agilab.prompt"] == "7" * 64
    code = CODE.replace("\\n", "\n")
    assert make.tags["agilab.code"] == hashlib.sha256(code.encode()).hexdigest()
    assert make.tags["agilab.environment"] == parent.data.tags["agilab.environment"] != ""
    assert make.tags["agilab.output.out.txt"] == hashlib.sha256(b"three").hexdigest()
    assert make.tags["agilab.output.numbers"] == hashlib.sha256(b"[3,1]").hexdigest()
    with Store(lab.workspace) as store:
        took = store.unit(first.run_id or "", "make").duration_us
    assert make.metrics["agilab.seconds"] == (took or 0) / 1e6
    assert nested["nothing"].data.tags["agilab.state"] == "skipped"
    assert nested["each"].data.tags["agilab.units.succeeded"] == "2"

    lab.path.write_text(lab.path.read_text().replace("2 * number", "3 * number"))
    parent, nested = in_mlflow(lab, tracked(lab, cache=True))
    assert set(nested) == {"each", "nothing"}  # a skip leaves nothing that could be used again
    assert parent.data.tags["agilab.not_executed.reused"] == "make"


def test_a_lab_has_one_experiment_and_it_is_not_empty(lab: ALab) -> None:
    result = tracked(lab.write(LAB))
    client = MlflowClient(sqlite_uri(lab.workspace.home / "mlflow" / "mlflow.db"))
    names = {one.name for one in client.search_experiments()} - {"Default"}
    assert {name for name in names if name.endswith("study")} == {"lab:study"}
    assert (
        client.get_experiment_by_name("lab:study").experiment_id
        == in_mlflow(lab, result)[0].info.experiment_id
    )


WAITS = """
[[stages]]
id = "slow"
outputs = ["items"]
code = "import time; time.sleep(0.4); items = [1]"

[[stages]]
id = "beside"
code = "import time; time.sleep(0.4)"

[[stages]]
id = "quick"
code = "1"
"""


def test_a_stage_took_as_long_as_it_was_worked_at_and_not_as_long_as_it_waited(lab: ALab) -> None:
    result = lab.write(WAITS).run(workers=1)
    nodes = {node["node"]: node for node in lab.manifest(result)["execution"]["nodes"]}
    # All three are ready at once and there is one worker, so the last waits for 0.4 s at least.
    assert max(node["timing"]["duration_seconds"] for node in nodes.values()) >= 0.8
    assert nodes["quick"]["worked_seconds"] < 0.4 <= nodes["slow"]["worked_seconds"] < 0.8
    last = last_runs(lab)
    assert last["quick"]["seconds"] < 0.4 <= last["slow"]["seconds"] < 0.8


def test_a_stage_whose_result_is_used_again_keeps_its_last_run(lab: ALab) -> None:
    stages = WAITS.replace("0.4", "0.1")  # which no other test here has left a result of
    first = lab.write(stages).run(cache=True)
    text = lab.path.read_text()
    assert set(lab.states(lab.run(cache=True)).values()) == {"reused"}
    assert lab.path.read_text() == text
    assert {last["run"] for last in last_runs(lab).values()} == {first.run_id}
    # Without a word of that run in the document it is said that nothing was run, and no time is made up.
    third = lab.write(stages).run(cache=True)
    for last in last_runs(lab).values():
        assert (last["run"], last["status"]) == (third.run_id, "reused")
        assert not last.get("seconds")
    text = lab.path.read_text()
    lab.run(cache=True)
    assert lab.path.read_text() == text


def test_a_stage_that_was_edited_while_it_ran_does_not_get_the_run_of_the_older_code(lab: ALab) -> None:
    edit = "import pathlib; p = pathlib.Path({path!r}); p.write_text(p.read_text().replace('x = 1', 'x = 2'))"
    lab.write(f"""
[[stages]]
id = "one"
outputs = ["x"]
code = "x = 1"

[[stages]]
id = "editor"
needs = ["one"]
code = {json.dumps(edit.format(path=str(lab.path)).replace("'x = 1'", "'x = ' + '1'"))}
""")
    told: list[str] = []
    result = run_lab(LabRequest(lab.path, track=False), lab.workspace, Faces(note=told.append))
    assert result.status == "succeeded"
    assert tomllib.loads(lab.path.read_text())["stages"][0]["code"] == "x = 2"
    assert set(last_runs(lab)) == {"editor"}
    assert [line for line in told if line.startswith("one: lab_stages.toml has other code")]


def test_names_of_files_keep_their_letters(lab: ALab) -> None:
    lab.write('''
[[stages]]
id = "write"
outputs = ["out ö.txt", "日本.txt", "a/OUT.csv", "b/out.csv"]
code = """
import os
for name in ("out ö.txt", "日本.txt", "a/OUT.csv", "b/out.csv"):
    os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
    open(name, "w").write(name)
"""
''')
    result = lab.run()
    assert result.status == "succeeded", result.error
    folder = lab.workspace.run_folder(result.run_id or "") / "artifacts" / "write"
    found = {path.name: path.read_text() for path in folder.iterdir()}
    assert found == {
        "out ö.txt": "out ö.txt",
        "日本.txt": "日本.txt",
        "OUT.csv": "a/OUT.csv",
        "out-2.csv": "b/out.csv",
    }
    artifacts = lab.manifest(result)["artifacts"]
    assert {Path(one["path"]).name for one in artifacts} == set(found)
    assert {one["name"]: one.get("written_as") for one in artifacts if one.get("written_as")} == {
        "out-2.csv": "b/out.csv"
    }


BESIDE = """
[[stages]]
id = "list"
outputs = ["names", "wrong"]
code = "names, wrong = ['a', 'b', 'c'], 7"

[[stages]]
id = "some"
foreach = { name = "names" }
outputs = ["length"]
code = "assert name != 'b', 'not b'; length = 1"

[[stages]]
id = "spread"
foreach = { one = "wrong" }
outputs = ["other"]
code = "other = one"

[[stages]]
id = "after"
inputs = ["other"]
code = "other"
"""


def test_a_stage_that_never_had_a_unit_is_shown_with_the_reason(
    lab: ALab, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    result = lab.write(BESIDE).run(keep_going=True)
    left_out = {one["unit"]: one["error"] for one in lab.manifest(result)["left_out"]}
    assert set(left_out) == {"spread", "some[b]"}
    monkeypatch.setenv("AGILAB_HOME", str(lab.workspace.home))
    print_summary(result)
    lines = capsys.readouterr().out.splitlines()
    stages = lines[lines.index("Stages") : lines.index("Checks")]
    rows = {words[0]: " ".join(words[1:]) for line in stages if (words := line.split())}
    assert rows["some"].startswith("failed 1, succeeded 2")
    assert rows["spread"].startswith("failed")
    assert rows["after"].startswith("upstream_failed")
    assert [line for line in lines[lines.index("Left out (2)") :] if line.split()[:1] == ["spread"]]
    for node, sentence in (
        ("spread", f"spread could not be expanded into units: {left_out['spread']['what']}."),
        ("after", "after never began, because spread did not end as it requires."),
    ):
        assert run(["runs", "show", result.run_id or "", node]) == 0
        assert sentence in " ".join(capsys.readouterr().out.split())
    assert run(["runs", "show", result.run_id or "", "some", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["subject"], shown["state"]) == ("some", "failed")
    assert [unit["state"] for unit in shown["records"]["units"]] == ["succeeded", "failed", "succeeded"]
    assert run(["runs", "show", result.run_id or "", "nobody"]) != 0


GRID = """
[lab]
params = {{ columns = [1, 2, 3, 4, 5, 6], rows = [1, 2, 3, 4, 5] }}

[[stages]]
id = "grid"
foreach = {{ column = "columns", row = "rows" }}
cache = true
outputs = ["cell"]
code = "cell = column * row + {more}; assert column != row or column < 2, 'on the diagonal'"
"""


def test_a_plan_has_one_row_for_a_mapped_stage_and_each_unit_on_request(
    lab: ALab, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lab.write(GRID.format(more=17)).run(
        keep_going=True
    )  # four of the thirty cells lie on the diagonal after the first
    monkeypatch.setenv("AGILAB_HOME", str(lab.workspace.home))
    assert run(["workflow", "plan", str(lab.path)]) == 0
    shown = capsys.readouterr().out.splitlines()
    (row,) = (line.split() for line in shown if line.startswith("grid"))
    assert row[1:5] == ["reuse", "26,", "run", "4"]
    assert run(["workflow", "plan", str(lab.path), "--units"]) == 0
    assert sum(line.startswith("grid[") for line in capsys.readouterr().out.splitlines()) == 30
