"""The parts of the meteo app by hand: the grid, what a case looks at, the scores, the quantile of an interval."""

from __future__ import annotations

import importlib
import math
import random
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.apps.sources import import_from

from agi_node import FileRef
from agi_node.files import use_roots

APP = Path(__file__).parents[2] / "src/agilab/apps/meteo_forecast_project"
START = datetime(2020, 3, 1)

import_from(APP)
meteo = importlib.import_module("meteo")
observations = importlib.import_module("meteo.observations")
forecast = importlib.import_module("meteo.forecast")
scores = importlib.import_module("meteo.scores")
HOUR, DAY = forecast.FREQUENCIES["h"], forecast.FREQUENCIES["d"]


def grid(values: list[float | None], hours: int = 1) -> pl.DataFrame:
    times = [START + timedelta(hours=hours * k) for k in range(len(values))]
    return pl.DataFrame({"time": times, "temperature_c": pl.Series(values, dtype=pl.Float64)})


def read(folder: Path, text: str, *stations: str, name: str = "data.csv") -> pl.DataFrame:
    (folder / name).write_text(text)
    with use_roots({"app": folder}):
        file = FileRef("app", name, (folder / name).stat().st_size)
        table: pl.DataFrame = observations.read_observations([file], stations)
        return table


# reading


def test_fahrenheit_and_the_names_of_nycflights_are_understood(tmp_path: Path) -> None:
    rows = ["JFK,32,2013-01-01T06:00:00Z", "JFK,39.02,2013-01-01T07:00:00Z"]
    table = read(tmp_path, "\n".join(["origin,temp,time_hour", *rows]))
    assert table.rows() == [("JFK", datetime(2013, 1, 1, 6), 0.0), ("JFK", datetime(2013, 1, 1, 7), 3.9)]


def test_a_reading_counts_for_the_hour_at_its_end_and_the_latest_of_an_hour_stays(tmp_path: Path) -> None:
    lines = ["12:00:00,1", "12:51:00,2", "13:00:00,3", "13:05:00,4", "13:05:00,5", "12:20:00,6"]
    text = "station,time,temperature_c\n" + "".join(f"X,2020-03-01T{line}\n" for line in lines)
    assert read(tmp_path, text).select("time", "temperature_c").rows() == [
        (datetime(2020, 3, 1, 12), 1.0),
        (datetime(2020, 3, 1, 13), 3.0),
        (datetime(2020, 3, 1, 14), 5.0),
    ]


def test_times_of_other_zones_are_brought_to_utc(tmp_path: Path) -> None:
    text = "station,time,temperature_c\nX,2020-03-01T12:00:00+02:00,1\n"
    assert read(tmp_path, text)["time"].to_list() == [datetime(2020, 3, 1, 10)]


def test_rows_without_a_temperature_say_nothing_and_other_stations_are_not_asked(tmp_path: Path) -> None:
    rows = ["X,2020-03-01T01:00:00,NA", "X,2020-03-01T02:00:00,", "X,2020-03-01T03:00:00,4"]
    silent = ["Y,2020-03-01T03:00:00,NaN"]
    text = "\n".join(["station,time,temperature_c", *rows, *silent])
    assert read(tmp_path, text, "X").height == 1


# the grid


def test_hours_without_a_reading_are_null_on_the_grid() -> None:
    readings = grid([1.0, 2.0, 3.0, 4.0]).filter(pl.col("temperature_c") != 2.0)
    assert observations.hourly(readings, 12.0)["temperature_c"].to_list() == [1.0, None, 3.0, 4.0]


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        ([10, 11, -10, 12], [10, 11, None, 12]),  # a spike
        ([10, 22, 10], [10, 22, 10]),  # exactly the limit, up and down
        ([10, 22.1, 10], [10, None, 10]),
        ([10, 34, 34, 34], [10, None, 34, 34]),  # 24 in two hours are allowed, so that it heals
        ([10, None, None, 46], [10, None, None, 46]),  # and so are 36 in three
        ([-40, 20, 20, 20, 20, 20], [-40, None, None, None, None, 20]),  # a wrong start
    ],
)
def test_the_step_test_compares_with_the_last_accepted_reading(values: list[Any], kept: list[Any]) -> None:
    found = observations.hourly(grid(values).drop_nulls(), 12.0)
    assert found["temperature_c"].to_list() == kept


def test_a_day_needs_eighteen_hours_and_a_day_that_was_cut_has_no_mean() -> None:
    first, second, third = [1.0] * 24, [2.0] * 18 + [None] * 6, [3.0] * 17 + [None] * 7
    days = observations.daily(grid([*first, *second, *third, *first[:20]]))
    assert days["temperature_c"].to_list() == [1.0, 2.0, None]
    late = grid([5.0] * 6 + [None] + [5.0] * 40).filter(pl.col("time") >= START + timedelta(hours=3))
    assert observations.daily(late)["time"].to_list() == []


# what a case looks at


@pytest.mark.parametrize("horizon", [1, 6, 24, 30])
def test_an_hours_case_looks_where_it_says(horizon: int) -> None:
    n = 40 * 24
    values = [float(random.Random(7 + k).uniform(-10, 30)) for k in range(n)]
    table = forecast.cases(grid(values), HOUR, horizon)
    for t in (30 * 24, 35 * 24 + 5, n - horizon - 1):
        row = table.row(t, named=True)
        same = max(k for k in range(t + 1) if (t + horizon - k) % 24 == 0)  # the last known at that hour
        assert row["time"] == START + timedelta(hours=t + horizon)
        assert row["y_true"] == values[t + horizon]
        assert row["naive"] == row["x_last"] == values[t]
        assert row["seasonal_naive"] == values[same]
        assert row["climatology"] == pytest.approx(math.fsum(values[same - 24 * k] for k in range(28)) / 28)
        assert row["x_lag_6"] == values[t - 6] - values[t]
        assert row["x_same_2"] == values[same - 48] - values[t]
        assert row["x_mean_24"] == pytest.approx(math.fsum(values[t - 23 : t + 1]) / 24 - values[t])
        angle = 2 * math.pi * ((t + horizon) % 24) / 24
        assert row["x_day_1_sin"] == pytest.approx(math.sin(angle), abs=1e-7)
        assert row["x_day_2_cos"] == pytest.approx(math.cos(2 * angle), abs=1e-7)
    assert table["y_true"].to_list()[-horizon:] == [None] * horizon


def test_a_days_case_has_a_week_as_its_season() -> None:
    values = [float(k * k) for k in range(60)]
    row = forecast.cases(grid(values, 24), DAY, 3).row(50, named=True)
    assert (row["time"], row["y_true"]) == (START + timedelta(days=53), values[53])
    assert (row["naive"], row["seasonal_naive"]) == (values[50], values[46])
    assert row["climatology"] == pytest.approx(sum(values[23:51]) / 28)


def test_a_missing_lag_is_the_last_reading_before_it_six_hours_old_at_most() -> None:
    values: list[float | None] = [float(k) for k in range(200)]
    values[100:108] = [None] * 8
    table = forecast.cases(grid(values), HOUR, 1)
    assert table["naive"].to_list()[99:109] == [99.0] * 7 + [None, None, 108.0]
    assert table["y_true"].to_list()[98:109] == [99.0] + [None] * 8 + [108.0, 109.0]


# scores


def test_the_scores_of_three_forecasts_are_what_one_works_out_by_hand() -> None:
    made = pl.DataFrame(
        {
            "y_true": [10.0, -4.0, 0.5],
            "y_pred": [12.0, -5.0, 0.5],
            "lower": [10.0, -4.5, -1.0],
            "upper": [14.0, -3.5, 1.0],
        }
    )
    found = scores.Scores.of(made, 2.0, 1.0).metrics()
    assert found == {
        "cases": 3,
        "mae": 1.0,
        "rmse": pytest.approx(math.sqrt(5 / 3)),
        "bias": pytest.approx(1 / 3),
        "mape": pytest.approx((20 + 25) / 2),
        "mape_left_out": 1,
        "smape": pytest.approx((200 * 2 / 22 + 200 / 9) / 3),
        "mase": 0.5,
        "coverage": 1.0,  # a truth on the bound is inside
        "width": pytest.approx((4 + 1 + 2) / 3),
    }


def test_no_forecasts_have_no_metrics_and_no_skill() -> None:
    nothing = scores.Scores()
    found = scores.compared(dict.fromkeys(forecast.MODELS, nothing))
    assert found["ridge"]["cases"] == 0
    assert {found["ridge"][name] for name in ("mae", "rmse", "mape", "skill", "best_baseline")} == {None}


def test_skill_is_against_the_best_baseline() -> None:
    def of(error: float) -> Any:
        bounds = {"y_true": [0.0], "y_pred": [error], "lower": [-9.0], "upper": [9.0]}
        return scores.Scores.of(pl.DataFrame(bounds), 1.0, 1.0)

    found = scores.compared(
        {"ridge": of(1.5), "naive": of(4.0), "seasonal_naive": of(2.0), "climatology": of(3.0)}
    )
    assert (found["ridge"]["skill"], found["ridge"]["best_baseline"]) == (0.25, "seasonal_naive")
    assert (found["naive"]["skill"], found["seasonal_naive"]["skill"]) == (-1.0, 0.0)


# intervals


@given(
    errors=st.lists(st.integers(0, 50), min_size=19, max_size=60),
    level=st.sampled_from([0.5, 0.8, 0.9, 0.95]),
)
def test_the_half_width_is_the_least_that_enough_errors_do_not_exceed(
    errors: list[int], level: float
) -> None:
    enough = math.ceil(round((len(errors) + 1) * level, 9))
    least = min(e for e in errors if sum(other <= e for other in errors) >= enough)
    found = forecast.conformal(np.array(errors, dtype=float)[:, None], level)
    assert found.tolist() == [float(least)]


def test_a_half_width_is_rounded_up_so_that_rounding_loses_no_coverage() -> None:
    errors = np.array([[0.1004] * 9, [0.1] * 9]).T
    assert forecast.conformal(errors, 0.9).tolist() == [0.101, 0.1]


def test_errors_that_are_exchangeable_are_covered_as_often_as_the_theorem_says() -> None:
    # Vovk et al. 2005, Lei et al. 2018: exactly ⌈(n + 1) · level⌉ / (n + 1) for continuous errors
    chance, n, level, trials = np.random.default_rng(4), 27, 0.8, 6000
    errors = np.abs(chance.standard_normal((n + 1, trials)))
    covered = (errors[n] <= forecast.conformal(errors[:n], level)).mean()
    expected = math.ceil(28 * 0.8) / 28
    assert covered == pytest.approx(expected, abs=3 * math.sqrt(expected * (1 - expected) / trials) + 1e-3)
