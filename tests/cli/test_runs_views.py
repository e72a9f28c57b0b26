"""`agilab runs explain`, `show --json`, `graph` and `gantt` on runs of a real app."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from tests.views.made_runs import Written

from agilab.engine.graph import Graph, Node
from agilab.store.locks import RunLock
from agilab.store.store import Store
from agilab.store.workspace import Workspace

from .conftest import Lab, call

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
    assert [step["kind"] for step in document["story"]][:2] == ["unit_ready", "attempt_started"]


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
    assert records["page"] == {"total": 5, "limit": 1000, "offset": 0, "node": None, "state": None}
    failed = lab("runs", "show", bad, "--json", "--state", "failed").document["records"]["units"]
    assert [unit["unit"] for unit in failed] == ["work[h2]"]
    assert failed[0]["retries"] == 1
    since = str(document["cursor"])
    nothing = lab("runs", "show", bad, "--json", "--since", since).document["records"]
    assert (nothing["units"], nothing["graph"], nothing["artifacts"]) == ([], [], [])
    page = lab("runs", "show", bad, "--json", "--limit", "1", "--offset", "1").document
    assert [unit["node"] for unit in page["records"]["units"]] == ["work"]
    assert len(page["artifacts"]) <= 1
    assert page["artifacts_total"] == len(document["artifacts"])


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
    assert f"rerun as {child}" in shown.out
    document = call(tmp_path, "runs", "show", parent, "--json").document
    assert [row["run_id"] for row in document["children"]] == [child]
    assert [row["action"] for row in document["records"]["actions"]] == ["note", "rerun"]
