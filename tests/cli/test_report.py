"""`agilab report`: what it shows of a real run, in lines, as a document, and when something was changed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from agilab.contracts.base import parse_document
from agilab.contracts.report import Report

from .conftest import Agilab, Answer, Terminal, call

Proof = tuple[Path, Answer]


def test_the_reports_are_listed(agilab: Agilab) -> None:
    answer = agilab("report", "list", "--json")
    assert [row["name"] for row in answer.document] == [
        *("reducers", "reducer-benchmark"),
        *("notebook-import", "notebook-roundtrip", "notebook-union-environment"),
    ]
    assert "reducer-benchmark" in agilab("report", "list").out


def test_where_nothing_ran_every_app_is_said_never_to_have_run(agilab: Agilab, home: Path) -> None:
    answer = agilab("report", "reducers", "--json")
    assert answer.code == 0, answer.err
    report = parse_document(answer.out, Report, "stdout")
    assert report.verdict == "incomplete"
    apps = {row["name"] for row in agilab("app", "list", "--json").document}
    assert {app["app"] for app in report.details["apps"]} == apps
    assert {check.state for check in report.checks} == {"unknown"}
    assert not home.exists(), "looking leaves nothing behind"


def test_a_name_that_no_app_has_is_answered_with_the_nearest(agilab: Agilab) -> None:
    answer = agilab("report", "reducers", "fligth")
    assert answer.code == 2
    assert "agilab app show flight_project" in answer.err


@pytest.mark.journey
def test_the_reduce_of_a_first_proof_holds(proof: Proof) -> None:
    home, _ = proof
    answer = call(home, "report", "reducers", "flight", "--json")
    assert answer.code == 0, answer.err
    report = parse_document(answer.out, Report, "stdout")
    assert report.verdict == "passed"
    (app,) = report.details["apps"]
    assert (app["partial_count"], app["reducer"]) == (24, "FlightSummary")
    assert {check.how for check in report.checks} == {"executed", "derived"}
    lines = call(home, "report", "reducers", "flight").out
    assert f"run {app['run_id']}" in lines
    assert "distinct  aircraft" in lines
    assert "24 partials: every recorded success is in it once" in lines
    compact = call(home, "report", "reducers", "flight", "--compact")
    assert compact.out.count("\n") == 1
    assert json.loads(compact.out)["checks"] == answer.document["checks"]


@pytest.mark.journey
def test_a_changed_artefact_is_named_with_exit_code_1(spoiled: Path) -> None:
    newest = max((spoiled / "runs").glob("*/reduce_summary.json"), key=lambda file: file.parent.name)
    newest.write_text(newest.read_text().replace('"row_count": 36550', '"row_count": 36551'))
    answer = call(spoiled, "report", "reducers", "flight")
    assert answer.code == 1
    assert "reduce_summary.json: other bytes than the manifest says" in answer.out
    assert "failed: " in answer.out


def test_the_benchmark_compares_and_tells_the_ratio(agilab: Agilab) -> None:
    words = ("report", "reducer-benchmark", "--partials", "3", "--items", "3000", "--rounds", "2")
    answer = agilab(*words)
    assert answer.code == 0, answer.err
    assert "3 partials, 3,000 items, median of 2" in answer.out
    assert "the reduce and the single pass give the same bytes" in answer.out
    report = parse_document(agilab(*words, "--json").out, Report, "stdout")
    assert report.verdict == "passed"
    assert (report.details["partials"], report.details["items"]) == (3, 3000)


def test_a_number_out_of_range_is_refused(agilab: Agilab) -> None:
    answer = agilab("report", "reducer-benchmark", "--partials", "0")
    assert answer.code == 2
    assert "--partials" in answer.err


def test_it_fits_a_terminal_of_eighty_columns(home: Path, terminal: Callable[..., Terminal]) -> None:
    screen = terminal(home, "report", "reducers", columns=80)
    assert screen.finish() == 0
    lines = screen.text.splitlines()
    assert max(map(len, lines)) <= 80
    assert any(line.startswith("incomplete: ") for line in lines)
