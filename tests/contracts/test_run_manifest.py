"""A manifest says what it must, and cannot say two things that exclude each other."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from agilab.contracts.base import parse_document
from agilab.contracts.errors import AgiError
from agilab.contracts.failure import Failure
from agilab.contracts.plan import Plan
from agilab.contracts.run_manifest import RunManifest, TrackingRecord

Plain = dict[str, Any]


@pytest.fixture
def plain(plain_of: Callable[[str], Plain]) -> Plain:
    return plain_of("run_manifest")


def parse(plain: Plain) -> RunManifest:
    return parse_document(json.dumps(plain), RunManifest, "m.json")


def drop_environment(plain: Plain) -> None:
    plain["environment"] = None


def drop_plan(plain: Plain) -> None:
    plain["plan_digest"] = None


def drop_end(plain: Plain) -> None:
    plain["execution"]["timing"]["finished"] = None


def leave_running(plain: Plain) -> None:
    plain["execution"]["nodes"][0]["units"]["running"] = 1


def hide_failure(plain: Plain) -> None:
    plain["left_out"] = []


def add_error(plain: Plain) -> None:
    plain["verdict"]["error"] = plain["left_out"][0]["error"]


def repeat_artifact(plain: Plain) -> None:
    plain["artifacts"] *= 2


def lose_model(plain: Plain) -> None:
    plain["models"][0]["digest"] = "30" * 32


@pytest.mark.parametrize(
    ("spoil", "what", "found"),
    [
        (drop_environment, "succeeded without an environment", "environment null"),
        (drop_plan, "succeeded without a plan", "plan_digest null"),
        (drop_end, "succeeded without an end", "timing null"),
        (leave_running, "succeeded with units that did not end", "{'running': 1}"),
        (hide_failure, "hides what it left out", "1 failed units"),
        (add_error, "succeeded with an error", "AGI-DATA-010"),
        (repeat_artifact, "lists an artifact twice", "run:artifacts/work/3950c2/trajectories.parquet"),
        (
            lose_model,
            "registers a model that is no artifact of it",
            "artifacts/work/3950c2/trajectories.parquet",
        ),
    ],
)
def test_a_success_that_contradicts_itself_is_refused(
    plain: Plain, spoil: Callable[[Plain], None], what: str, found: str
) -> None:
    spoil(plain)

    with pytest.raises(AgiError, match=what) as caught:
        parse(plain)

    assert caught.value.code == "AGI-DOC-005"
    assert caught.value.found == found


@pytest.mark.parametrize(
    "spoil", [drop_environment, drop_plan, drop_end, leave_running, hide_failure, add_error]
)
def test_a_run_that_did_not_succeed_may_lack_what_it_never_reached(
    plain: Plain, spoil: Callable[[Plain], None]
) -> None:
    spoil(plain)
    plain["verdict"]["status"] = "interrupted"

    assert parse(plain).verdict.status == "interrupted"


def test_a_graph_of_plain_functions_needs_no_environment(plain: Plain) -> None:
    plain["environment"] = None
    plain["execution"]["executor"] = "inline"

    assert parse(plain).environment is None


def test_the_manifest_of_a_killed_run_says_who_wrote_it(plain: Plain) -> None:
    plain["verdict"]["status"] = "interrupted"
    plain["written_by"] = "reaper"

    assert parse(plain).written_by == "reaper"


def test_units_and_attempts_add_up_over_the_nodes(plain: Plain) -> None:
    execution = parse(plain).execution

    assert execution.units() == {"succeeded": 3, "failed": 1}
    assert execution.attempts == 5


def test_a_verdict_passes_only_if_the_run_succeeded_and_every_validation_did(plain: Plain) -> None:
    assert parse(plain).verdict.passed

    plain["verdict"]["validations"].append({**plain["verdict"]["validations"][0], "passed": False})
    assert not parse(plain).verdict.passed

    plain["verdict"]["validations"].pop()
    plain["verdict"]["status"] = "failed"
    assert not parse(plain).verdict.passed


def test_a_validation_without_evidence_is_none(plain: Plain) -> None:
    plain["verdict"]["validations"][0]["evidence"] = {}

    with pytest.raises(AgiError, match=r"verdict.validations\[0\].evidence is wrong"):
        parse(plain)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"mlflow_run_id": None}, "says delivered and names no MLflow run"),
        ({"state": "off"}, "names a backend that does not go with its state"),
        ({"backend": "none"}, "names a backend that does not go with its state"),
    ],
)
def test_tracking_cannot_claim_a_delivery_that_it_cannot_show(plain: Plain, change: Plain, what: str) -> None:
    plain["tracking"].update(change)

    with pytest.raises(AgiError, match=f"tracking {what}"):
        parse(plain)


def test_tracking_that_is_off_or_deferred_needs_no_mlflow_run() -> None:
    off = TrackingRecord(backend="none", uri=None, mlflow_run_id=None, state="off")
    deferred = TrackingRecord(
        backend="mlflow",
        uri="https://mlflow:5000",
        mlflow_run_id=None,
        state="deferred",
        message="no answer in 2 s",
    )

    assert off.tag == deferred.tag == "agilab.run_id"


def test_a_constructor_takes_a_datetime_and_another_spelling_of_utc(plain: Plain) -> None:
    manifest = parse(plain)

    assert (
        manifest.with_changes(written_at=datetime(2026, 11, 23, tzinfo=UTC)).written_at
        == manifest.with_changes(written_at="2026-11-23T00:00:00.000000+00:00").written_at
        == "2026-11-23T00:00:00.000000Z"
    )
    with pytest.raises(ValueError, match="written_at"):
        manifest.with_changes(written_at=datetime(2026, 11, 23))


def test_a_manifest_is_no_plan(plain: Plain) -> None:
    with pytest.raises(AgiError, match="is another document, not a plan"):
        parse_document(json.dumps(plain), Plan, "m.json")


def test_a_failure_keeps_what_a_person_was_told() -> None:
    error = AgiError(
        "AGI-DATA-001", "nothing was found", found="app:data/*.csv", try_="ls", whose="environment"
    )

    assert Failure.of(error).plain() == {
        "code": "AGI-DATA-001",
        "what": "nothing was found",
        "found": "app:data/*.csv",
        "allowed": None,
        "try": "ls",
        "whose": "environment",
    }
    assert Failure.of({**error.to_plain(), "traceback": "…", "type": "AgiError"}) == Failure.of(error)
