"""The first ten minutes: `agilab first-proof` in a home that does not exist, and what it leaves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agilab.contracts.base import parse_document, read_document
from agilab.contracts.plan import Plan
from agilab.contracts.run_manifest import RunManifest
from agilab.contracts.run_result import RunResult

from .conftest import Answer, call

pytestmark = pytest.mark.journey

Proof = tuple[Path, Answer]


def test_it_succeeds_and_stdout_is_one_document(proof: Proof) -> None:
    _, answer = proof
    assert answer.code == 0, answer.err
    result = parse_document(answer.out, RunResult, "stdout")
    assert result.status == "succeeded"
    assert len(result.next) == 3
    assert all(command.startswith("agilab ") for command in result.next)


def test_what_takes_long_is_said_on_stderr_in_plain_lines(proof: Proof) -> None:
    _, answer = proof
    assert "agilab: installing the locked packages of flight-project" in answer.err.splitlines()
    assert "\x1b" not in answer.err


def test_the_manifest_and_the_merged_artefact_are_where_it_says(proof: Proof) -> None:
    home, answer = proof
    result = parse_document(answer.out, RunResult, "stdout")
    manifest = read_document(str(result.manifest), RunManifest)
    assert manifest.run_id == result.run_id
    assert manifest.verdict.passed
    merged = json.loads(Path(str(result.reduce)).read_text())
    assert merged["payload"]["source_file_count"] == merged["partial_count"] == 24
    assert Path(str(result.manifest)).is_relative_to(home)


def test_every_command_that_it_proposes_works(proof: Proof) -> None:
    home, answer = proof
    for command in answer.document["next"]:
        done = call(home, *command.split()[1:])
        assert done.code == 0, (command, done.err)


def test_a_second_proof_says_how_it_went_in_a_pipe_without_colours(proof: Proof) -> None:
    home, _ = proof
    answer = call(home, "first-proof")
    assert answer.code == 0, answer.err
    assert answer.err == ""  # everything was there: nothing took long
    assert "flight_project succeeded in" in answer.out
    assert "24 items" in answer.out
    assert "aircraft           24: " in answer.out
    assert answer.out.count("agilab runs show") == 1
    assert "\x1b" not in answer.out
    assert not [line for line in answer.out.splitlines() if line != line.rstrip()]


def test_a_dry_run_writes_a_plan_that_proves_nothing(proof: Proof) -> None:
    home, _ = proof
    answer = call(home, "first-proof", "--dry-run", "--workers", "3")
    assert answer.code == 0, answer.err
    assert "nothing was executed" in answer.out
    (path,) = [line.split()[1] for line in answer.out.splitlines() if line.strip().startswith("file ")]
    plan = read_document(Path(path).expanduser(), Plan)
    assert len(plan.items) == 24
    assert plan.state == "not_executed"
    # By what the run before measured where it tells them apart, otherwise by the app's own cost.
    lengths = [item.cost if item.seconds is None else item.seconds for item in plan.items]
    assert lengths == sorted(lengths, reverse=True)


def test_it_works_without_a_network_once_the_cache_is_warm(proof: Proof) -> None:
    home, _ = proof
    answer = call(home, "first-proof", "--offline", "--json", UV_OFFLINE="1")
    assert answer.code == 0, answer.err


def test_it_is_in_the_tracking_store_with_its_manifest(proof: Proof) -> None:
    home, answer = proof
    manifest = read_document(answer.document["manifest"], RunManifest)
    assert manifest.tracking.state == "delivered"
    again = call(home, "track", "sync", str(manifest.run_id), "--json")
    assert again.code == 0, again.err
    assert again.document["already"] is True
    assert again.document["mlflow_run_id"] == manifest.tracking.mlflow_run_id
