"""The functions as they are, against the worked examples of FAO paper 56 and what everybody knows of the poles."""

from pathlib import Path
from typing import Any

import dag_app
import pytest
from dag_app import DagArgs
from pydantic import ValidationError

from agi_node import RunContext


def by_hand(args: DagArgs, days: list[int]) -> dict[str, Any]:
    """All functions, called one after the other as anybody might."""
    distance, sun = dag_app.inverse_distance(days), dag_app.declination(days)
    angle = dag_app.sunset_angle(sun, args)
    return {
        "inverse_distance": distance,
        "declination": sun,
        "sunset_angle": angle,
        "daylight_hours": dag_app.daylight_hours(angle),
        "radiation": dag_app.radiation(distance, sun, angle, args),
    }


def test_examples_8_and_9_of_the_paper() -> None:
    """3 September (day 246) at 20° S, to the digits that the paper prints."""
    found = by_hand(DagArgs(latitudes=(-20.0,)), [246])
    assert found["inverse_distance"] == [pytest.approx(0.985, abs=5e-4)]
    assert found["declination"] == [pytest.approx(0.120, abs=5e-4)]
    assert found["sunset_angle"] == [[pytest.approx(1.527, abs=5e-4)]]
    assert found["radiation"] == [[pytest.approx(32.2, abs=0.05)]]
    assert found["daylight_hours"] == [[pytest.approx(11.7, abs=0.05)]]


def test_the_poles_have_days_and_nights_of_24_hours(tmp_path: Path) -> None:
    args = DagArgs(latitudes=(78.0,))
    found = by_hand(args, dag_app.days(args))
    run = RunContext.local(tmp_path)
    said = dag_app.year(found["daylight_hours"], found["radiation"], args, run)
    assert (said["shortest_day"], said["longest_day"]) == (0.0, 24.0)
    assert [check["passed"] for check in run.validations] == [True, True]


def test_each_function_says_by_its_parameters_what_it_needs() -> None:
    app = dag_app.app
    app.check()  # no unknown need, no circle
    assert app.needs("radiation") == ("inverse_distance", "declination", "sunset_angle")
    assert app.needs("publish") == ("daylight_hours", "radiation")


def test_a_latitude_beyond_the_pole_is_refused() -> None:
    with pytest.raises(ValidationError, match="less than 90"):
        DagArgs(latitudes=(0.0, 91.0))
