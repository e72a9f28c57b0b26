"""`agilab runs`: what became of runs, good and bad, complete and interrupted."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .conftest import Answer, Lab, _environment, call

pytestmark = pytest.mark.journey


def test_runs_are_listed_newest_first(lab: Lab) -> None:
    first = lab("run", "tides", "--hours", "1", "--json").document["run_id"]
    second = lab("run", "tides", "--hours", "2", "--json").document["run_id"]
    rows = lab("runs", "list", "--json").document
    assert [row["run_id"] for row in rows[:2]] == [second, first]
    assert rows[0]["units"] == {"succeeded": 4}
    assert len(lab("runs", "list", "--limit", "1", "--json").document) == 1
    text = lab("runs", "list", "--app", "tides").out
    assert text.index(second) < text.index(first)
    assert "4/4" in text


def test_a_run_is_shown_by_the_end_of_its_id_and_as_last(lab: Lab) -> None:
    run = lab("run", "tides", "--hours", "3", "--json").document["run_id"]
    by_end = lab("runs", "show", run[-6:], "--json").document
    assert by_end == lab("runs", "show", "last", "--json").document
    assert by_end["state"] == "succeeded"
    assert {node["node"]: node["units"] for node in by_end["nodes"]} == {
        "plan": {"succeeded": 1},
        "work": {"succeeded": 3},
        "reduce": {"succeeded": 1},
    }
    text = lab("runs", "show", run).out
    assert "checks passed" in text
    assert "height" in text
    assert "run_manifest.json" in text
    assert "agilab run tides" in text


def test_a_failed_run_says_what_failed_first_and_exits_with_1(lab: Lab) -> None:
    answer = lab("run", "tides", "--break-at", "h2", "--json")
    assert answer.code == 1
    assert answer.document["status"] == "failed"
    assert "the gauge of hour 2 is dry" in answer.document["error"]["what"]
    assert "the gauge of hour 2 is dry" in answer.err
    text = lab("runs", "show", answer.document["run_id"]).out
    assert "Failures (1)" in text
    assert "work[h2]" in text
    assert "the gauge of hour 2 is dry" in text
    assert Path(answer.document["manifest"]).is_file()


def test_the_summary_of_a_failed_run_says_what_was_left_out(lab: Lab) -> None:
    answer = lab("run", "tides", "--break-at", "h2", "--keep-going")
    assert answer.code == 0, answer.err
    assert "3 of 4 items" in answer.out
    assert "Left out (1)" in answer.out
    assert "work[h2]" in answer.out
    assert "not recorded" in answer.out  # this workspace tracks nothing


def test_a_unit_is_shown_with_its_story_and_what_it_printed(lab: Lab) -> None:
    run = lab("run", "tides", "--loud", "--break-at", "h1", "--retries", "1", "--json").document["run_id"]
    text = lab("runs", "show", run, "h1").out
    assert "work[h1]  failed" in text
    assert "attempt 2 on w" in text
    assert "now up_for_retry" in text
    assert "hour 1 begins" in text
    assert "about to fail" in text
    assert "Traceback" in text
    document = lab("runs", "show", run, "work[h1]", "--json").document
    assert document["attempts"] == 2
    assert document["log"][-2:] == ["hour 1 begins", "about to fail"]


def test_a_unit_is_shown_with_the_params_and_metrics_that_it_logged(lab: Lab) -> None:
    run = lab("run", "tides", "--loud", "--hours", "1", "--json").document["run_id"]
    text = re.sub(" +", " ", lab("runs", "show", run, "h0").out)
    assert "Params\n gauge north m\n" in text
    assert "height_cm 31 of 3 points, 12 to 40\n ebb 0.25" in text
    assert "Params" not in lab("runs", "show", run, "plan").out


def test_an_unknown_unit_is_told_with_the_form_of_its_name(lab: Lab) -> None:
    lab("run", "tides", "--hours", "1")
    answer = lab("runs", "show", "last", "h77")
    assert answer.code == 1
    assert "error[AGI-RUN-003]" in answer.err
    assert "NODE or NODE[KEY]" in answer.err


def test_a_run_whose_process_was_killed_is_interrupted(lab: Lab) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "agilab", "run", "tides", "--seconds", "30", "--workers", "1"],
        env=_environment(lab.home),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until = time.monotonic() + 30
        while time.monotonic() < until:
            newest = lab("runs", "list", "--limit", "1", "--json").document
            if newest and newest[0]["state"] == "running" and newest[0]["units"].get("running"):
                break
            time.sleep(0.2)
        else:
            pytest.fail("the run never began")
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    row = lab("runs", "list", "--limit", "1", "--json").document[0]
    assert row["run_id"] == newest[0]["run_id"]
    assert row["state"] == "interrupted"
    assert "interrupted" in lab("runs", "list", "--limit", "1").out
    assert lab("runs", "show", "last", "--json").document["manifest"] is None
    findings = lab("doctor", "--json").document["findings"]
    (finding,) = [one for one in findings if one["code"] == "AGI-STORE-202"]
    assert row["run_id"] in finding["evidence"]


def test_evidence_that_holds_is_verified(proof: tuple[Path, Answer]) -> None:
    home, answer = proof
    verified = call(home, "runs", "verify", answer.document["run_id"], "--json")
    assert verified.code == 0
    assert all(finding["passed"] for finding in verified.document["findings"])
    assert "every byte is as it was written" in call(home, "runs", "verify", answer.document["run_id"]).out


def test_one_changed_byte_is_named(proof: tuple[Path, Answer], spoiled: Path) -> None:
    run = proof[1].document["run_id"]
    path = spoiled / "runs" / run / "reduce_summary.json"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(bytes(data))
    answer = call(spoiled, "runs", "verify", run)
    assert answer.code == 1
    assert "reduce_summary.json: other bytes than the manifest says" in answer.out
    assert call(spoiled, "runs", "verify", run, "--json").document["status"] == "failed"


def test_a_missing_manifest_is_named(proof: tuple[Path, Answer], spoiled: Path) -> None:
    run = proof[1].document["run_id"]
    (spoiled / "runs" / run / "run_manifest.json").unlink()
    answer = call(spoiled, "runs", "verify", run)
    assert answer.code == 1
    assert "run_manifest.json" in answer.out
