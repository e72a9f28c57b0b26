"""`agilab runs explain`, `show --json`, `graph` and `gantt` on runs of a real app."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.views.made_runs import Written

from agilab.engine.graph import Graph, Node
from agilab.store.locks import RunLock
from agilab.store.store import Store
from agilab.store.workspace import Workspace

from .conftest import Lab, Terminal, _environment, call

pytestmark = pytest.mark.journey


@pytest.fixture(scope="module")
def good(lab: Lab) -> str:
    return str(lab("run", "tides", "--hours", "3", "--json").document["run_id"])


@pytest.fixture(scope="module")
def bad(lab: Lab) -> str:
    return str(lab("run", "tides", "--break-at", "h2", "--retries", "1", "--json").document["run_id"])


def test_a_failed_run_is_explained_in_words_that_lead_on(lab: Lab, bad: str) -> None:
    text = lab("runs", "explain", bad).out
    assert "work[h2] failed first" in text
    assert "At fault is the app's code" in text
    assert f"agilab runs explain {bad} 'work[h2]'" in text
    unit = lab("runs", "explain", bad, "h2").out
    assert "the gauge of hour 2 is dry" in unit
    assert "It was tried 2 times; retries that its policy allows: 1." in unit
    assert "payload digest" in unit
    reduce = lab("runs", "explain", bad, "reduce").out
    assert "reduce never began" in reduce


def test_an_explanation_is_one_document_for_a_program(lab: Lab, good: str) -> None:
    document = lab("runs", "explain", good, "h1", "--json").document
    assert document["kind"] == "unit"
    assert document["state"] == "succeeded"
    assert document["needed_by"] == ["reduce (succeeded)"]
    assert [step["kind"] for step in document["story"]][-2:] == ["attempt_started", "attempt_succeeded"]


def test_what_does_not_exist_is_told(lab: Lab, good: str) -> None:
    answer = lab("runs", "explain", good, "h77")
    assert answer.code == 1
    assert "error[AGI-RUN-003]" in answer.err
    assert lab("runs", "graph", "nope").code == 1


def test_show_has_records_in_pages_and_since_a_cursor(lab: Lab, bad: str) -> None:
    document = lab("runs", "show", bad, "--json").document
    records = document["records"]
    assert document["cursor"] == records["cursor"]
    assert [node["node"] for node in records["graph"]] == ["plan", "work", "reduce"]
    assert records["page"] == {
        "total": 5,
        "limit": 1000,
        "offset": 0,
        "node": None,
        "state": None,
        "next": None,
    }
    failed = lab("runs", "show", bad, "--json", "--state", "failed").document["records"]["units"]
    assert [unit["unit"] for unit in failed] == ["work[h2]"]
    assert failed[0]["retries"] == 1
    since = str(document["cursor"])
    nothing = lab("runs", "show", bad, "--json", "--since", since).document["records"]
    assert (nothing["units"], nothing["graph"], nothing["artifacts"]) == ([], [], [])
    page = lab("runs", "show", bad, "--json", "--limit", "1", "--offset", "1").document
    assert [unit["node"] for unit in page["records"]["units"]] == ["work"]
    assert page["records"]["page"]["next"] == 2
    assert {row["unit"] for row in page["records"]["artifacts"]} <= {page["records"]["units"][0]["unit"]}
    assert page["artifacts_total"] == len(records["artifacts"])


def test_show_lists_units_in_words_too(lab: Lab, bad: str) -> None:
    text = lab("runs", "show", bad, "--units", "--state", "failed").out
    assert "Units (1)" in text
    assert "work[h2]" in text
    refused = lab("runs", "show", bad, "--state", "bad")
    assert refused.code == 2
    assert "error[AGI-RUN-019]" in refused.err


def test_the_graph_is_drawn_with_boxes_or_letters(lab: Lab, good: str) -> None:
    text = lab("runs", "graph", good).out
    assert "│ work (each of plan) │" in text
    assert "│ succeeded 3" in text
    plain = lab("runs", "graph", good, PYTHONIOENCODING="ascii").out
    assert "| work (each of plan) |" in plain
    assert plain.isascii()
    assert "h0 succeeded" in lab("runs", "graph", good, "--units").out


def test_the_graph_is_data_too(lab: Lab, good: str) -> None:
    document = lab("runs", "graph", good, "--json", "--units").document
    assert [node["node"] for node in document["nodes"]] == ["plan", "work", "reduce"]
    assert document["edges"][0] == {"from": "plan", "to": "work", "shared_keys": 0}
    assert [unit["unit"] for unit in document["nodes"][1]["drawn"]] == ["work[h0]", "work[h1]", "work[h2]"]
    assert document == lab("runs", "graph", good, "--format", "json", "--units").document


@pytest.mark.skipif(shutil.which("dot") is None, reason="graphviz is not installed here")
def test_graphviz_draws_what_the_command_prints(lab: Lab, good: str) -> None:
    text = lab("runs", "graph", good, "--format", "dot", "--units").out
    drawn = subprocess.run(
        ["dot", "-Tsvg"], input=text, capture_output=True, text=True, check=True, timeout=20
    )
    assert drawn.stdout.count('class="node"') == 3 + 3


def test_too_many_units_are_not_drawn_one_by_one(lab: Lab) -> None:
    run = lab("run", "tides", "--hours", "250", "--json").document["run_id"]
    answer = lab("runs", "graph", run, "--units")
    assert answer.code == 2
    assert "error[AGI-RUN-017]" in answer.err
    assert "252 units" in answer.err


def test_time_is_drawn_for_a_terminal(lab: Lab, bad: str) -> None:
    text = lab("runs", "gantt", bad).out
    assert "w0  " in text
    assert "✗" in text
    assert "Critical path" in text
    assert "attempt 2" in text
    assert all(len(line) <= 100 for line in text.splitlines())
    plain = lab("runs", "gantt", bad, PYTHONIOENCODING="ascii").out
    assert plain.isascii()


def test_time_is_drawn_as_a_page_whose_bytes_are_always_the_same(lab: Lab, bad: str, tmp_path: Path) -> None:
    first, second = tmp_path / "one.html", tmp_path / "two.html"
    answer = lab("runs", "gantt", bad, "--format", "html", "--output", str(first))
    assert answer.code == 0
    assert answer.out == ""
    assert "wrote" in answer.err
    second.write_text(lab("runs", "gantt", bad, "--format", "html").out, encoding="utf-8")
    assert first.read_bytes() == second.read_bytes()
    assert first.read_text(encoding="utf-8").startswith("<!doctype html>")
    refused = lab("runs", "gantt", bad, "--output", str(tmp_path / "no" / "such" / "folder.html"))
    assert refused.code == 3
    assert "error[AGI-RUN-018]" in refused.err


def test_a_unit_has_one_record_whoever_asks_for_it(lab: Lab, bad: str) -> None:
    one = lab("runs", "show", bad, "h2", "--json").document
    listed = lab("runs", "show", bad, "--json", "--state", "failed").document["records"]["units"][0]
    assert {name: one[name] for name in listed} == listed
    assert one["run_id"] == bad


def test_a_note_on_a_unit_does_not_hide_why_it_failed(tmp_path: Path) -> None:
    with Store(Workspace(tmp_path)) as store:
        run = Written(store, Graph((Node("n", "n"),)))
        run.expand("n")
        run.fail("n", run.start("n", "w0"), 1000)
        run.finish("n", "failed")
        run.end("failed")
    assert call(tmp_path, "runs", "note", "r1", "bad frame", "--unit", "n").code == 0
    text = call(tmp_path, "runs", "show", "r1", "n").out
    assert "error[AGI-RUN-101]: n raised ValueError: no" in text
    assert "bad frame" in text
    assert "what it printed was not kept" in text
    assert "agilab runs explain r1" in call(tmp_path, "runs", "show", "r1").out


def test_an_interrupted_run_of_a_flow_is_not_sent_to_a_command_that_refuses_it(tmp_path: Path) -> None:
    with Store(Workspace(tmp_path)) as store:
        Written(store, Graph((Node("n", "n"),)), app="flow:demo").log.flush()
    for words in (("list",), ("show", "r1"), ("explain", "r1"), ("tail", "r1")):
        answer = call(tmp_path, "runs", *words)
        assert 'flow.resume("r1")' in answer.out + answer.err, words
        assert "agilab runs resume" not in answer.out + answer.err, words


def test_a_cancelled_run_of_a_flow_is_gone_on_with_where_its_functions_are(tmp_path: Path) -> None:
    script = tmp_path / "demo.py"
    script.write_text(
        "import time\nfrom agilab import Flow\nflow = Flow('demo')\n"
        "@flow.node\ndef nap():\n    time.sleep(60)\n"
        "flow.run(workers=1) if __name__ == '__main__' else None\n"
    )
    with subprocess.Popen(
        [sys.executable, str(script)], env=_environment(tmp_path), stderr=subprocess.DEVNULL
    ) as run:
        until = time.monotonic() + 30
        while "running" not in call(tmp_path, "runs", "explain", "last").out:
            assert time.monotonic() < until, "the run never began"
        answer = call(tmp_path, "runs", "cancel", "last")
        run.wait(30)
    assert answer.code == 0, answer.err
    assert "flow.preview_rerun(" in answer.out
    assert "agilab runs" not in answer.out


def test_runs_are_listed_by_the_name_that_is_in_the_log_also_of_an_app_that_is_gone(tmp_path: Path) -> None:
    with Store(Workspace(tmp_path)) as store:
        for number, app in enumerate(("flow:demo", "gone")):
            Written(store, Graph((Node("n", "n"),)), f"r{number}", app=app).end()
    for number, app in enumerate(("flow:demo", "gone")):
        rows = call(tmp_path, "runs", "list", "--app", app, "--json").document
        assert [row["run_id"] for row in rows] == [f"r{number}"]
    assert "No runs of flight_project yet" in call(tmp_path, "runs", "list", "--app", "flight_project").out
    refused = call(tmp_path, "runs", "list", "--app", "nope")
    assert (refused.code, "error[AGI-APP-101]" in refused.err) == (2, True)


def test_a_command_is_in_one_piece_on_a_narrow_terminal(
    lab: Lab, bad: str, terminal: Callable[..., Terminal]
) -> None:
    screen = terminal(lab.home, "runs", "explain", bad, "h2", columns=60)
    assert screen.finish() == 0
    assert f"agilab runs rerun {bad} --unit 'work[h2]' --dry-run" in screen.text


def test_what_people_did_to_a_run_and_what_was_made_of_it_is_seen_at_once(tmp_path: Path) -> None:
    graph = Graph((Node("n", "n"),))
    with Store(Workspace(tmp_path)) as store:
        first = Written(store, graph, "20260101-100000000-demo-aaaaaa")
        first.log.append("note_added", by="ada", text="for the paper", mark="keep")
        first.log.append("run_finished", state="succeeded")
        first.log.flush()
        parent, child = first.log.run_id, "20260101-110000000-demo-bbbbbb"
        asked = {"selection": {"units": ["n"]}}
        second = Written(store, graph, child, parent=parent, rerun=asked)
        second.log.append("run_paused", by="ada", reason="look first")
        second.log.flush()
        with RunLock(store.workspace.run_folder(child)):
            shown = call(tmp_path, "runs", "show", child)
            document = call(tmp_path, "runs", "show", child, "--json").document
    assert f"a rerun of {parent}" in shown.out
    assert f"paused: nothing new starts; agilab runs unpause {child}" in shown.out
    assert (document["parent"], document["paused"], document["rerun"]) == (parent, True, asked)
    assert [row["action"] for row in document["records"]["actions"]] == ["pause"]
    shown = call(tmp_path, "runs", "show", parent)
    assert "marked keep" in shown.out
    assert "Notes\n  for the paper  ada\n" in shown.out
    assert f"rerun as {child}" in shown.out
    document = call(tmp_path, "runs", "show", parent, "--json").document
    assert [row["run_id"] for row in document["children"]] == [child]
    assert [row["action"] for row in document["records"]["actions"]] == ["note", "rerun"]
