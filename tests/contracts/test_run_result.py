"""What a command prints for a program that called it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from agilab.contracts.base import parse_document
from agilab.contracts.errors import AgiError
from agilab.contracts.run_result import RunResult

Plain = dict[str, Any]


@pytest.fixture
def plain(plain_of: Callable[[str], Plain]) -> Plain:
    return plain_of("run_result")


def parse(plain: Plain) -> RunResult:
    return parse_document(json.dumps(plain), RunResult, "r.json")


def test_it_has_the_six_things_that_a_caller_looks_for(plain: Plain) -> None:
    assert {"status", "run_id", "manifest", "reduce", "duration_seconds", "next"} <= parse(
        plain
    ).plain().keys()


@pytest.mark.parametrize("field", ["run_id", "manifest"])
def test_success_without_evidence_is_refused(plain: Plain, field: str) -> None:
    plain[field] = None

    with pytest.raises(AgiError, match="succeeded without evidence"):
        parse(plain)


def test_a_dry_run_has_a_plan_and_no_evidence() -> None:
    dry = RunResult(
        status="not_executed",
        run_id=None,
        manifest=None,
        reduce=None,
        duration_seconds=0.2,
        next=(),
        plan="/x/plan.json",
    )

    assert parse(dry.plain()) == dry
    with pytest.raises(ValueError, match="has evidence of a run that was not executed"):
        dry.with_changes(manifest="/x/run_manifest.json")


def test_a_failure_may_come_before_there_was_a_run(plain: Plain) -> None:
    error = {"code": "AGI-ENV-001", "what": "no environment", "whose": "environment"}
    plain.update(status="failed", run_id=None, manifest=None, reduce=None, error=error)

    assert parse(plain).error is not None
