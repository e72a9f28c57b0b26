"""The payload for the tracking store: whole tables, and numbers that JSON does not have."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from typing import Any

import pytest

from agilab.contracts.base import parse_document
from agilab.contracts.errors import AgiError
from agilab.contracts.tracking import MetricColumns, TrackingPayload

Plain = dict[str, Any]


@pytest.fixture
def plain(plain_of: Callable[[str], Plain]) -> Plain:
    return plain_of("tracking")


def parse(plain: Plain) -> TrackingPayload:
    return parse_document(json.dumps(plain), TrackingPayload, "t.json")


def test_points_come_as_columns_with_their_numbers_untagged(plain: Plain) -> None:
    metrics = parse(plain).metrics

    assert len(metrics) == 2
    assert metrics.name == ("rows", "loss")
    assert metrics.value[0] == 2883.0
    assert math.isnan(metrics.value[1])
    assert metrics.step == (0, None)


def test_columns_of_different_length_are_refused(plain: Plain) -> None:
    plain["metrics"]["step"].pop()

    with pytest.raises(AgiError, match="metrics has columns of different length") as caught:
        parse(plain)

    assert caught.value.found == "{'name': 2, 'value': 2, 'step': 1, 'at_ms': 2}"


@pytest.mark.parametrize("value", ["1.0", "$int:3", True, None, [1]])
def test_a_column_holds_numbers_alone(plain: Plain, value: Any) -> None:
    plain["metrics"]["value"][0] = value

    with pytest.raises(AgiError, match=r"metrics.value(\[0\])? is wrong"):
        parse(plain)


def test_a_table_row_of_another_width_is_refused(plain: Plain) -> None:
    plain["nodes"][0]["table"]["data"][1].append(3)

    with pytest.raises(AgiError, match=r"nodes\[0\].table has a row of another width") as caught:
        parse(plain)

    assert caught.value.found == "row 1: 3 values"


def test_a_hundred_thousand_points_are_read_in_a_moment(plain: Plain) -> None:
    count = 100_000
    columns = MetricColumns(
        name=("loss",) * count,
        value=(0.5,) * (count - 1) + (math.inf,),
        step=tuple(range(count)),
        at_ms=(1,) * count,
    )
    text = parse(plain).with_changes(metrics=columns).text()

    started = time.perf_counter()
    again = parse_document(text, TrackingPayload, "t.json")

    assert time.perf_counter() - started < 2  # 0.2 s alone; a function call for each value would show
    assert again.metrics == columns
