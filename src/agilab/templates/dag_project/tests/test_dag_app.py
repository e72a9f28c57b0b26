"""The functions as they are, against the worked examples of FAO paper 56."""

from math import radians
from pathlib import Path

import dag_app
import pytest
from dag_app import functions

from agi_node import AgiError, RunContext


def test_examples_8_and_9_of_the_paper() -> None:
    """3 September (day 246) at 20° S, to the digits that the paper prints."""
    ordered = dag_app.order(dag_app.FUNCTIONS, dag_app.GIVEN)
    values = dag_app.evaluate(ordered, {"day": 246, "latitude": radians(-20)})
    assert values["inverse_distance"] == pytest.approx(0.985, abs=5e-4)
    assert values["declination"] == pytest.approx(0.120, abs=5e-4)
    assert values["sunset_angle"] == pytest.approx(1.527, abs=5e-4)
    assert values["radiation"] == pytest.approx(32.2, abs=0.05)
    assert values["daylight_hours"] == pytest.approx(11.7, abs=0.05)


def test_the_poles_have_days_and_nights_of_24_hours(tmp_path: Path) -> None:
    found = dag_app.year(78.0, dag_app.DagArgs(), RunContext.local(tmp_path))
    assert found.shortest_day is not None
    assert found.longest_day is not None
    assert (found.shortest_day[0], found.longest_day[0]) == (0.0, 24.0)


def test_each_function_comes_after_its_needs_however_they_are_listed() -> None:
    names = [f.__name__ for f in dag_app.order(dag_app.FUNCTIONS[::-1], dag_app.GIVEN)]
    assert sorted(names) == sorted(f.__name__ for f in dag_app.FUNCTIONS)
    assert names.index("declination") < names.index("sunset_angle") < names.index("daylight_hours")
    assert max(names.index(n) for n in ("declination", "sunset_angle")) < names.index("radiation")


def test_a_need_that_nobody_gives_is_refused_by_name() -> None:
    with pytest.raises(AgiError, match="sunset_angle needs declination, which nobody gives"):
        dag_app.order((functions.sunset_angle,), dag_app.GIVEN)


def test_a_circle_is_refused_and_told() -> None:
    def hen(egg: int) -> int:
        return egg

    def egg(hen: int) -> int:
        return hen

    with pytest.raises(AgiError, match=r"need each other in a circle\n.*(hen → egg → hen|egg → hen → egg)"):
        dag_app.order((hen, egg), ())


def test_a_latitude_beyond_the_pole_is_refused() -> None:
    with pytest.raises(AgiError, match=r"no place between the poles\n.*91"):
        list(dag_app.latitudes(dag_app.DagArgs(latitudes=(0.0, 91.0))))
