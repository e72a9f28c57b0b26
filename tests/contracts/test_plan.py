"""A plan can be read as nothing but a plan; a distribution can be edited and must still make sense."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from agilab.contracts.base import parse_document
from agilab.contracts.distribution import Distribution
from agilab.contracts.errors import AgiError
from agilab.contracts.plan import Plan
from agilab.contracts.run_manifest import RunManifest

Plain = dict[str, Any]


@pytest.fixture
def plain(plain_of: Callable[[str], Plain]) -> Plain:
    return plain_of("plan")


def parse_plan(plain: Plain) -> Plan:
    return parse_document(json.dumps(plain), Plan, "plan.json")


def parse_distribution(plain: Plain) -> Distribution:
    return parse_document(json.dumps(plain), Distribution, "distribution.json")


def test_a_plan_has_no_field_in_which_a_manifest_judges() -> None:
    assert not {"verdict", "status", "artifacts", "run_id", "execution", "log"} & Plan.model_fields.keys()


def test_a_plan_with_the_identifier_of_a_manifest_is_still_no_manifest(plain: Plain) -> None:
    plain["schema"] = "agilab.run_manifest.v2"

    with pytest.raises(AgiError, match="kind is wrong"):
        parse_document(json.dumps(plain), RunManifest, "plan.json")


@pytest.mark.parametrize("claim", [True, 0, 1, None, "false"])
def test_a_plan_cannot_claim_to_be_executed(plain: Plain, claim: Any) -> None:
    plain["executed"] = claim

    with pytest.raises(AgiError, match="executed is wrong"):
        parse_plan(plain)


@pytest.mark.parametrize("state", ["succeeded", "pending", ""])
def test_no_item_of_a_plan_has_a_state_but_not_executed(plain: Plain, state: str) -> None:
    plain["items"][0]["state"] = state

    with pytest.raises(AgiError, match=r"items\[0\].state is wrong") as caught:
        parse_plan(plain)

    assert caught.value.allowed == "'not_executed'"


def test_a_position_can_be_given_once(plain: Plain) -> None:
    plain["items"][1]["order"] = 1

    with pytest.raises(AgiError, match="gives one position to two items"):
        parse_plan(plain)


@pytest.mark.parametrize(
    ("place", "field", "value", "what", "found"),
    [
        ("items", "worker", "w9", "gives an item to a worker that is not there", "w9"),
        ("items", "unit", "work[b]", "names an item twice", "work[b]"),
        ("workers", "worker", "w1", "names a worker twice", "w1"),
    ],
)
def test_an_edited_distribution_must_make_sense(
    plain_of: Callable[[str], Plain], place: str, field: str, value: str, what: str, found: str
) -> None:
    plain = plain_of("distribution")
    plain[place][0][field] = value

    with pytest.raises(AgiError, match=what) as caught:
        parse_distribution(plain)

    assert (caught.value.code, caught.value.found) == ("AGI-DOC-005", found)


def test_loads_say_what_the_assignments_come_to_after_an_edit(plain_of: Callable[[str], Plain]) -> None:
    plain = plain_of("distribution")
    assert parse_distribution(plain).loads() == {"w0": 30.0, "w1": 40.0}

    plain["items"][0]["worker"] = "w0"

    assert parse_distribution(plain).loads() == {"w0": 130.0, "w1": 0.0}


def test_loads_are_seconds_where_every_item_has_them(plain_of: Callable[[str], Plain]) -> None:
    plain = plain_of("distribution")
    assert parse_distribution(plain).in_seconds is False

    plain["items"][2]["seconds"] = 4.0

    assert parse_distribution(plain).in_seconds is True
    assert parse_distribution(plain).loads() == {"w0": 0.5, "w1": 0.6}


def test_a_worker_without_capacity_is_refused(plain_of: Callable[[str], Plain]) -> None:
    plain = plain_of("distribution")
    plain["workers"][0]["capacity"] = 0

    with pytest.raises(AgiError, match=r"workers\[0\].capacity is wrong"):
        parse_distribution(plain)
