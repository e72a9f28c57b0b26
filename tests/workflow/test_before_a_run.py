"""What is said before a run is what the run does."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from agi_node.errors import AgiError
from agilab.cli.boundary import run as agilab
from agilab.engine.selection import Selection
from agilab.flow.preview import Preview
from agilab.store.store import Store
from agilab.store.workspace import Workspace
from agilab.workflow.ahead import refuse_hopeless
from agilab.workflow.document.create import create_lab
from agilab.workflow.running.plan import plan_lab
from agilab.workflow.running.prepare import read_lab
from agilab.workflow.running.request import LabRequest
from agilab.workflow.running.trial import try_stage
from tests.workflow.conftest import ALab

# rich-click says of its own settings that they will be others one day; in a process of its own nobody sees that.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::PendingDeprecationWarning"),
]

ROW = """
[lab.params]
d = 2
cities = ["Oslo", "Bergen"]

[[stages]]
id = "a"
outputs = ["x"]
code = "x = 10"

[[stages]]
id = "b"
inputs = ["x", "d"]
outputs = ["y"]
code = "y = x * d"

[[stages]]
id = "c"
inputs = ["y", "d"]
outputs = ["z"]
code = "z = y + d"

[[stages]]
id = "each"
foreach = { city = "cities" }
inputs = ["z"]
outputs = ["w"]
code = "w = city + str(z)"

[[stages]]
id = "end"
inputs = ["w"]
code = "w"
"""
ALONE = Selection(from_node="c", downstream=False)


def planned(lab: ALab, **request: Any) -> Preview:
    return plan_lab(LabRequest(lab.path, track=False, **request), lab.workspace)


@pytest.fixture(scope="module")
def keeping_its_word() -> dict[str, set[str]]:
    """What each action of a plan may become."""
    return {
        "run": {"succeeded"},
        "reuse": {"reused"},
        "wait": {"succeeded", "reused"},
        "leave": {"left_out", "cancelled", "upstream_failed"},
        "skip": {"upstream_failed", "skipped"},
    }


@pytest.mark.parametrize(
    ("selection", "params", "runs"),
    [
        (Selection(failed=True), {"d": 9}, {"b", "c", "each[Oslo]", "each[Bergen]", "end"}),
        (Selection(from_node="c"), {"d": 9}, {"b", "c", "each[Oslo]", "each[Bergen]", "end"}),
        (Selection(from_node="each"), {}, {"each[Oslo]", "each[Bergen]", "end"}),
        (ALONE, {}, {"c"}),
        (ALONE, {"d": 9}, {"c"}),
        (ALONE, {"d": 9, "cities": ["Oslo", "Rome"]}, {"c"}),
    ],
    ids=["failed-set", "from-set", "from", "only", "only-set", "only-other-items"],
)
def test_a_plan_of_a_rerun_says_what_the_rerun_does(
    lab: ALab,
    keeping_its_word: dict[str, set[str]],
    selection: Selection,
    params: dict[str, Any],
    runs: set[str],
) -> None:
    lab.write(ROW).run()
    plan = planned(lab, selection=selection, params=params)
    states = lab.states(lab.run(selection=selection, params=params))
    assert {name for name, state in states.items() if state == "succeeded"} == runs
    assert set(plan.of("run")) <= runs
    for step in plan:
        units = [state for name, state in states.items() if name.partition("[")[0] == step.name]
        for state in [states[step.name]] if step.name in states else units:
            assert state in keeping_its_word[step.action], (step, state)


def test_the_reason_names_the_param_and_what_stays_behind(lab: ALab) -> None:
    lab.write(ROW).run()
    assert (
        planned(lab, selection=Selection(failed=True), params={"d": 9}).of("run")["b"] == "param d is 9 now"
    )
    alone = planned(lab, selection=ALONE, params={"d": 9})
    assert alone.of("run") == {"c": "asked for alone"}
    assert alone.of("reuse")["b"].endswith(", although param d is 9 now")
    assert alone.of("reuse")["each[Oslo]"].endswith(", although c runs again")


def test_a_stage_alone_runs_no_other_that_failed_or_is_new(lab: ALab) -> None:
    broken = ROW.replace('code = "w"', 'code = "1 / 0"')
    lab.write(broken).run()
    more = '\n[[stages]]\nid = "more"\ncode = "1"\n'
    lab.write(ROW + more)
    plan = planned(lab, selection=ALONE)
    assert set(plan.of("run")) == {"c"}
    assert set(plan.of("leave")) == {"end", "more"}
    result = lab.run(selection=ALONE)
    states = lab.states(result)
    assert {name for name, state in states.items() if state == "succeeded"} == {"c"}


HOPELESS = """
[[stages]]
id = "long"
outputs = ["x"]
code = "x = 1"

[[stages]]
id = "wrong"
inputs = ["x"]
code = "x + undefined"

[[stages]]
id = "worse"
code = "x ="

[[stages]]
id = "after"
needs = ["worse"]
code = "1"
"""


def refusal(lab: ALab, selection: Selection | None = None) -> list[str]:
    with pytest.raises(AgiError) as refused:
        refuse_hopeless(lab.path, lab.workspace, selection)
    assert refused.value.code == "AGI-STAGE-053"
    return (refused.value.found or "").splitlines()


def test_what_reading_knows_to_fail_is_refused_before_anything_runs(lab: ALab) -> None:
    lab.write(HOPELESS)
    wrong = "lab_stages.toml:10:13 AGI-STAGE-071: wrong reads undefined, which nothing gives"
    worse = "lab_stages.toml:14:12 AGI-STAGE-070: line 1 of worse is not Python: invalid syntax"
    assert refusal(lab) == [wrong, worse]
    assert refusal(lab, Selection(failed=True)) == [wrong, worse]
    assert refusal(lab, Selection(from_node="long")) == [wrong]
    refuse_hopeless(lab.path, lab.workspace, Selection(from_node="long", downstream=False))
    refuse_hopeless(lab.path, lab.workspace, Selection(from_node="after"))


def test_anyway_is_the_way_past(
    lab: ALab, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AGILAB_HOME", str(lab.workspace.home))
    lab.write(HOPELESS)
    words = ["workflow", "run", str(lab.folder), "--no-track", "--json"]
    assert agilab(words) == 1
    assert "AGI-STAGE-053" in capsys.readouterr().err
    assert agilab([*words, "--anyway"]) == 1
    ended = json.loads(capsys.readouterr().out)
    assert ended["status"] == "failed"
    assert ended["error"]["code"] != "AGI-STAGE-053"


def test_a_rerun_of_a_lab_looks_ahead_as_well(
    lab: ALab, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AGILAB_HOME", str(lab.workspace.home))
    good = HOPELESS.replace("undefined", "42").replace('x ="', 'x = 2"')
    run_id = lab.write(good).run(keep_going=True).run_id or ""
    lab.write(HOPELESS)

    def refused(*words: str) -> list[str]:
        assert agilab(["runs", "rerun", run_id, "--no-track", "--json", *words]) == 1
        err = capsys.readouterr().err
        assert "AGI-STAGE-053" in err
        return [name for name in ("wrong", "worse") if f": {name} reads" in err or f"of {name} is" in err]

    before = len(runs(lab))
    assert refused() == ["wrong", "worse"]
    assert refused("--failed", "--dry-run") == ["wrong", "worse"]
    assert refused("--from", "long") == ["wrong"]
    assert refused("--unit", "wrong", "--no-downstream") == ["wrong"]
    assert refused("--where", "node=worse") == ["worse"]
    assert len(runs(lab)) == before, "nothing was begun"
    assert agilab(["runs", "rerun", run_id, "--unit", "long", "--no-downstream", "--no-track", "--json"]) == 0
    capsys.readouterr()
    assert agilab(["runs", "rerun", run_id, "--unit", "wrong", "--no-track", "--json", "--anyway"]) == 1
    assert json.loads(capsys.readouterr().out)["status"] == "failed"


def runs(lab: ALab) -> list[str]:
    with Store(lab.workspace) as store:
        return [run.run_id for run in store.runs(app="lab:study", limit=1000)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "no stages"),
        ('[[stages]]\nid = "words"\n', "1 stage: 1 only text"),
        (
            '[[stages]]\nid = "r"\nruntime = "none"\ncode = "x <- 1"\n'
            '[[stages]]\nid = "off"\nenabled = false\ncode = "1"\n',
            "2 stages: 1 only text, 1 disabled",
        ),
    ],
)
def test_a_lab_without_a_stage_that_runs_has_nothing_to_run_and_needs_no_environment(
    text: str, found: str, tmp_path: Path, workspace: Workspace
) -> None:
    lab = ALab(tmp_path, workspace).write(text)
    for begin in (lab.run, lambda: plan_lab(LabRequest(lab.path), workspace)):
        with pytest.raises(AgiError, match="there is nothing to run") as refused:
            begin()
        assert refused.value.found == found


def test_a_new_lab_that_calls_an_app_runs_as_it_is(tmp_path: Path, lab: ALab) -> None:
    shutil.copytree(
        Path(__file__).parents[2] / "src/agilab/templates/simple_project", tmp_path / "simple_project"
    )
    made = create_lab(tmp_path / "calls", app="../simple_project")
    assert made.files == ("lab_stages.toml", "pyproject.toml", "uv.lock")
    refuse_hopeless(made.path, lab.workspace)
    result = ALab(made.path.parent, lab.workspace).run()
    assert result.status == "succeeded", result.error


def test_a_diff_sees_code_in_files_and_the_modules_that_it_imports(
    lab: ALab, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AGILAB_HOME", str(lab.workspace.home))
    stages = (
        '[[stages]]\nid = "a"\nfile = "code/f.py"\noutputs = ["y"]\n\n'
        '[[stages]]\nid = "b"\ninputs = ["y"]\ncode = "import helpers\\nhelpers.f(y)"\n\n'
        '[[stages]]\nid = "c"\ncode = "1"\n'
    )
    files = {"code__f.py": "y = '$1'\n", "helpers.py": "import deep\nf = deep.g\n", "deep.py": "g = str\n"}
    lab.write(stages, **files, **{"unused.py": "1\n"})
    as_committed = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c", "-C", str(lab.folder)]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run([*as_committed, *words], check=True)
    lab.run(write_back=False)

    def diff(*words: str) -> Any:
        assert agilab(["workflow", "diff", str(lab.path), *words, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    assert diff()["same"]
    assert diff("last")["same"]
    lab.write(stages, **{"code__f.py": "y = '$2'\n", "deep.py": "g = repr\n", "unused.py": "2\n"})
    for words in ([], ["last"]):
        found = diff(*words)
        (stage,) = found["stages"]
        assert (stage["stage"], [one["field"] for one in stage["fields"]]) == ("a", ["code in code/f.py"])
        assert stage["fields"][0]["lines"][1:] == ["-y = '$1'", "+y = '$2'"]
        (module,) = found["modules"]
        assert (module["module"], module["kind"], module["stages"]) == ("deep", "changed", ["b"])
        assert module["lines"][1:] == ["-g = str", "+g = repr"]


def test_nested_lists_and_a_share_of_them_are_as_the_documentation_says(lab: ALab) -> None:
    text = (Path(__file__).parents[2] / "docs" / "stages.md").read_text(encoding="utf-8")
    (block,) = [part for part in text.split("```toml\n")[1:] if 'id = "measure"' in part]
    result = lab.write(block.partition("```")[0]).run()
    states = lab.states(result)
    assert {name for name, state in states.items() if state != "succeeded"} == {"measure[south/south-1]"}
    assert lab.shown(result, "all") == "{'north': 25, 'south': 25}"
    assert result.status == "succeeded"


def test_without_a_share_the_first_failure_still_stops_a_run(lab: ALab) -> None:
    stages = (
        '[[stages]]\nid = "each"\nforeach = { n = [1, 0] }\noutputs = ["y"]\ncode = "y = 1 / n"\n'
        '[[stages]]\nid = "alone"\nneeds = ["each"]\n{}code = "1"\n'
    )
    assert lab.states(lab.write(stages.replace("{}", "")).run(workers=1))["alone"] == "cancelled"
    assert (
        lab.states(lab.write(stages.replace("{}", "require = 'any'\n")).run(workers=1))["alone"]
        == "succeeded"
    )


def test_a_trial_names_what_is_lacking_and_not_a_list_that_there_is_not(lab: ALab) -> None:
    stages = (
        '[[stages]]\nid = "each"\nforeach = { n = [1, 0] }\noutputs = ["y"]\ncode = "y = 1 / n"\n'
        '[[stages]]\nid = "reduce"\ninputs = ["y"]\ncode = "y"\n'
    )
    lab.write(stages).run()
    with pytest.raises(AgiError) as refused:
        try_stage(read_lab(lab.path), "reduce", lab.workspace)
    assert refused.value.code == "AGI-STAGE-039"
    assert (refused.value.found or "").startswith("each[0] without a result in run ")
