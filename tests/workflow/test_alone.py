"""Stages that are run alone, on what the last run left."""

from __future__ import annotations

import json
import shlex
import tomllib

import pytest

from agi_node.errors import AgiError
from agilab.cli.boundary import run as agilab
from agilab.engine.selection import Selection
from agilab.store.store import Store
from agilab.workflow.running.plan import plan_lab
from agilab.workflow.running.prepare import read_lab
from agilab.workflow.running.request import LabRequest
from agilab.workflow.running.trial import try_stage
from tests.workflow.conftest import ALab

# rich-click says of its own settings that they will be others one day; in a process of its own nobody sees that.
pytestmark = pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
FIRST = '[[stages]]\nid = "load"\noutputs = ["x"]\ncode = "x = 20"\n'
ADDED = """
[[stages]]
id = "other"
inputs = ["x"]
outputs = ["y"]
code = "y = x + 1"

[[stages]]
id = "new"
inputs = ["y"]
outputs = ["z"]
code = "z = 2 * y; z"
"""


def runs(lab: ALab) -> set[str]:
    return {folder.name for folder in (lab.workspace.home / "runs").iterdir()}


@pytest.mark.slow
def test_what_a_stage_takes_and_never_left_is_named_before_anything_begins(
    lab: ALab, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AGILAB_HOME", str(lab.workspace.home))
    lab.write(FIRST).run()
    lab.write(FIRST + ADDED)
    before = runs(lab)
    for command in ("run", "plan"):
        capsys.readouterr()
        assert agilab(["workflow", command, str(lab.folder), "--only", "new"]) == 1
        told = capsys.readouterr().err
        assert "AGI-STAGE-066" in told
        assert "other: not done in run" in " ".join(told.split())
    assert runs(lab) == before, "nothing was begun"

    # The command that it names is the one that works.
    with pytest.raises(AgiError) as refused:
        lab.run(selection=Selection(only=("new",)))
    words = shlex.split(refused.value.try_ or "")
    assert words[-4:] == ["--only", "other", "--only", "new"]
    assert agilab([*words[1:], "--no-track"]) == 0
    (made,) = runs(lab) - before
    capsys.readouterr()
    assert agilab(["runs", "show", made]) == 0
    assert "only other, new" in " ".join(capsys.readouterr().out.split())


def test_several_stages_run_together_and_nothing_else_does(lab: ALab) -> None:
    lab.write(FIRST + ADDED).run()
    # Had it run, the first would be 30; `new` takes what `other` makes of the 20 that is kept.
    lab.write((FIRST + ADDED).replace("x = 20", "x = 30").replace("x + 1", "x + 2"))
    selection = Selection(only=("new", "other"))
    plan = plan_lab(LabRequest(lab.path, track=False, selection=selection), lab.workspace)
    assert {step.name: step.action for step in plan} == {"load": "reuse", "other": "run", "new": "run"}
    result = lab.run(selection=selection)
    assert lab.states(result) == {"load": "reused", "other": "succeeded", "new": "succeeded"}
    assert lab.shown(result, "new") == "44"


MAPPED = """
[[stages]]
id = "numbers"
outputs = ["numbers"]
code = "numbers = [1, 0, 2]"
[[stages]]
id = "each"
foreach = { n = "numbers" }
outputs = ["s"]
code = "s = 8 // n"
[[stages]]
id = "more"
foreach = { n = "numbers" }
inputs = ["s"]
outputs = ["u"]
code = "u = s + 1"
[[stages]]
id = "total"
inputs = ["s"]
code = "sum(s.values())"
"""


@pytest.mark.slow
def test_a_list_of_which_items_failed_is_enough_for_whoever_walks_it_too(lab: ALab) -> None:
    lab.write(MAPPED).run(keep_going=True)
    with pytest.raises(AgiError) as refused:
        lab.run(selection=Selection(only=("total",)))
    assert refused.value.code == "AGI-STAGE-066"
    assert "1 of 3 units" in (refused.value.found or "")
    states = lab.states(lab.run(selection=Selection(only=("more",))))
    assert (states["more[1]"], states["more[2]"]) == ("succeeded", "succeeded")
    lab.write(MAPPED.replace('id = "total"', 'id = "total"\nrequire = "any"'))
    # 8 // 1 + 8 // 2
    assert lab.shown(lab.run(selection=Selection(only=("total",))), "total") == "12"


BESIDE = FIRST + '[[stages]]\nid = "broken"\ncode = "1 / 0"\n' + ADDED


@pytest.mark.slow
def test_the_run_ends_as_the_stage_did_that_it_was_made_for(lab: ALab) -> None:
    failed = lab.write(BESIDE).run(keep_going=True)
    assert failed.status == "failed"
    good = lab.run(selection=Selection(only=("new",)))
    assert good.status == "succeeded", good.error
    states = {"load": "reused", "broken": "cancelled", "other": "reused", "new": "succeeded"}
    assert lab.states(good) == states
    manifest = lab.manifest(good)
    assert [one["unit"] for one in manifest["left_out"]] == ["broken"]
    (units,) = (one for one in manifest["verdict"]["validations"] if one["name"] == "units")
    assert units["passed"]
    assert units["evidence"] == {"good": 1, "total": 1}
    assert "1 more undone" in units["message"]
    lasts = {stage["id"]: stage["last_run"] for stage in tomllib.loads(lab.path.read_text())["stages"]}
    assert (lasts["broken"]["status"], lasts["broken"]["run"]) == ("failed", failed.run_id), (
        "it did not run again"
    )
    assert lasts["new"]["run"] == good.run_id
    bad = lab.run(selection=Selection(only=("broken", "new")))
    assert bad.status == "failed"
    assert lab.run(selection=Selection(failed=True)).status == "failed", "what is undone is not forgotten"


def test_what_is_needed_further_up_is_asked_for_too(lab: ALab) -> None:
    lab.write(FIRST).run()
    chain = "".join(
        f'[[stages]]\nid = "s{n}"\ninputs = ["v{n - 1}"]\noutputs = ["v{n}"]\ncode = "v{n} = v{n - 1} + 1"\n'
        for n in range(1, 7)
    )
    lab.write(FIRST + chain.replace('"v0"', '"x"').replace("v0", "x"))
    with pytest.raises(AgiError) as near:
        lab.run(selection=Selection(only=("s3",)))
    assert (near.value.try_ or "").endswith("--only s1 --only s2 --only s3")
    with pytest.raises(AgiError) as far:
        lab.run(selection=Selection(only=("s6",)))
    assert (far.value.try_ or "").endswith("--failed"), "everything that is undone, in place of a long line"
    assert (far.value.found or "").endswith("and 1 more")


PARAM = """\
[lab.params]
p = 3

[[stages]]
id = "load"
inputs = ["p"]
outputs = ["x"]
code = "x = 10 * p"

[[stages]]
id = "fin"
inputs = ["x"]
code = "x"
"""


def test_what_was_made_with_another_param_is_marked_as_that(
    lab: ALab, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The manifest has the params of now; that a result is of others has to stand beside it."""
    monkeypatch.setenv("AGILAB_HOME", str(lab.workspace.home))
    lab.write(PARAM).run()
    capsys.readouterr()
    assert agilab(["workflow", "run", str(lab.folder), "--only", "fin", "--set", "p=70", "--no-track"]) == 0
    assert "older arguments: load" in capsys.readouterr().out

    (newest,) = sorted(runs(lab))[-1:]
    assert json.loads((lab.workspace.run_folder(newest) / "run_manifest.json").read_text())["reused"][0][
        "older_arguments"
    ] == ["load"]
    assert agilab(["runs", "show", newest]) == 0
    assert "older arguments: load" in capsys.readouterr().out
    assert agilab(["runs", "explain", newest, "load"]) == 0
    assert "although its arguments have changed since" in " ".join(capsys.readouterr().out.split())


FILE = """
[[stages]]
id = "load"
inputs = ["a.csv"]
outputs = ["x"]
code = "x = open('a.csv').read()"

[[stages]]
id = "twice"
inputs = ["x"]
outputs = ["y"]
code = "y = 2 * x"

[[stages]]
id = "fin"
inputs = ["y"]
code = "y"
"""


def test_what_was_made_of_another_file_is_marked_as_that(
    lab: ALab, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AGILAB_HOME", str(lab.workspace.home))
    lab.write(FILE, **{"a.csv": "1"}).run()
    (lab.folder / "a.csv").write_text("2")
    capsys.readouterr()
    assert agilab(["workflow", "run", str(lab.folder), "--only", "fin", "--no-track"]) == 0
    assert "older inputs: load" in " ".join(capsys.readouterr().out.split()), "and twice has the load of then"

    (newest,) = sorted(runs(lab))[-1:]
    assert agilab(["runs", "show", newest]) == 0
    assert "used again although changed since: older inputs: load" in capsys.readouterr().out
    assert agilab(["runs", "explain", newest, "load"]) == 0
    assert "although its inputs have changed since" in " ".join(capsys.readouterr().out.split())

    assert agilab(["workflow", "run", str(lab.folder), "--only", "load", "--no-track"]) == 0
    assert "older inputs: twice" in " ".join(capsys.readouterr().out.split()), "its load is another by now"


KEPT = """
[[stages]]
id = "load"
outputs = ["numbers"]
code = "numbers = [1, 2, 4]"
[[stages]]
id = "weigh"
foreach = { n = "numbers" }
outputs = ["s"]
code = "s = 8 // n"
[[stages]]
id = "total"
inputs = ["s"]
outputs = ["t"]
code = "t = sum(s.values())"
[[stages]]
id = "both"
inputs = ["t", "numbers"]
outputs = ["b"]
code = "b = t + numbers[0]; b"
"""
"""8 + 4 + 2 is 14; with the first number 15."""


@pytest.mark.slow
def test_what_other_stages_left_stays_where_the_stage_that_ran_alone_fails(lab: ALab) -> None:
    first = lab.write(KEPT).run()
    lab.write(KEPT.replace("8 // n", "8 // (n - 2)"))
    for _ in range(2):
        assert lab.run(selection=Selection(only=("weigh",))).status == "failed"
    plan = plan_lab(LabRequest(lab.path, track=False, selection=Selection(only=("both",))), lab.workspace)
    actions = {step.name: step.action for step in plan}
    assert (actions["load"], actions["total"], actions["both"]) == ("reuse", "reuse", "run")
    assert try_stage(read_lab(lab.path), "both", lab.workspace).shown == "15"
    again = lab.run(selection=Selection(only=("both",)))
    assert again.status == "succeeded", again.error
    assert lab.shown(again, "both") == "15"
    assert lab.states(again)["total"] == "reused"
    with Store(lab.workspace, readonly=True) as store:
        assert store.result(again.run_id or "", "total")["from_run"] == first.run_id
    with pytest.raises(AgiError, match="total cannot run alone") as refused:
        lab.run(selection=Selection(only=("total",)))
    assert "weigh" in (refused.value.found or ""), "what failed is not forgotten"
    lab.write(KEPT.replace("8 // n", "4 // n"))
    mended = lab.run(selection=Selection(from_node="weigh"))
    assert lab.shown(mended, "both") == "8", "4 + 2 + 1, and 1: what comes after it ran again"
