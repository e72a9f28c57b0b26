"""The library `backtest` on series that are no weather: against published values, closed forms, and plain sums."""

from __future__ import annotations

import importlib
import math
import random
import re
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Ridge

from agi_node import AgiError, Distinct, LocalRun, RunContext

LIBRARY = Path(__file__).parents[2] / "src/agilab/libraries/backtest"
sys.path.insert(0, str(LIBRARY / "src"))
backtest = importlib.import_module("backtest")
Look, Outcome, Plan, Scores, cases, replay = (
    getattr(backtest, name) for name in ("Look", "Outcome", "Plan", "Scores", "cases", "replay")
)
HOUR, DAY, START = timedelta(hours=1), timedelta(days=1), datetime(2020, 3, 1)
SHORT = Look(step=HOUR, lags=(1, 2), same=0)
NORMAL_MAE = math.sqrt(2 / math.pi)  # the mean of |z| where z is standard normal
Z90 = 1.6448536269514722  # 90 % of a standard normal lie within ± this


def grid(values: Any, step: timedelta = HOUR, name: str = "load_mw") -> pl.DataFrame:
    times = [START + step * k for k in range(len(values))]
    return pl.DataFrame({"time": times, name: pl.Series(values, dtype=pl.Float64)})


def every(steps: int) -> pl.Expr:
    """Origins so far apart."""
    return pl.int_range(pl.len()) % steps == 0


def autoregressive(factor: float, length: int, seed: int) -> list[float]:
    """x[t] = factor · x[t-1] + a standard normal; a random walk for a factor of 1."""
    values = [0.0]
    for shock in np.random.default_rng(seed).standard_normal(length):
        values.append(factor * values[-1] + float(shock))
    return values


def replayed(series: pl.DataFrame, horizon: int, look: Any, plan: Any, **models: Any) -> pl.DataFrame:
    """The back-test of the last column, its origins `horizon` apart: errors of a perfect forecast are independent."""
    table = cases(series, series.columns[-1], horizon, look)
    made: pl.DataFrame = replay(table, horizon, plan, models or {"ridge": Ridge(1.0)}, every(horizon))
    return made


# published values


BEER = """443 410 420 532 433 421 410 512 449 381 423 531 426 408 416 520 409 398 398 507 432 398 406 526 428 397 403
517 435 383 424 521 421 402 414 500 451 380 416 492 428 408 406 506 435 380 421 490 435 390 412 454 416 403 408 482
438 386 405 491 427 383 394 473 420 390 410 488 415 398 419 488 414 374"""
"""Megalitres brewed in Australia by quarter, 1992 to the middle of 2010 (Australian Bureau of Statistics, 8301.0)."""


def test_the_baselines_and_scores_are_those_of_a_textbook() -> None:
    """Hyndman and Athanasopoulos, Forecasting: Principles and Practice (2nd ed., 2018), section 3.4.

    Ten quarters ahead from the end of 2007: RMSE, MAE, MAPE and MASE of the mean of all before, which is climatology
    with a cycle of one quarter over 64 of them, of the naive and of the seasonal naive forecast.
    """
    brewed = [float(word) for word in BEER.split()]
    times = pl.datetime_range(datetime(1992, 1, 1), datetime(2010, 6, 1), "1q", eager=True)
    series = pl.DataFrame({"time": times, "beer_ml": brewed})
    look = Look(step="1q", season=4, climate=64)
    rows = [cases(series, "beer_ml", ahead, look).row(63, named=True) for ahead in range(1, 11)]
    assert rows[-1]["time"] == datetime(2010, 4, 1)
    scale = backtest.mase_scale(series["beer_ml"].head(64), 4)
    published = {
        "climatology": (38.45, 34.83, 8.28, 2.44),
        "naive": (62.69, 57.40, 14.18, 4.01),
        "seasonal_naive": (14.31, 13.40, 3.17, 0.94),
    }
    for model, expected in published.items():
        pairs = {"y_true": [row["y_true"] for row in rows], "y_pred": [row[model] for row in rows]}
        made = pl.DataFrame(pairs | {"lower": [0.0] * 10, "upper": [999.0] * 10})
        found = Scores.of(made, scale, 0.0).metrics()
        assert tuple(round(found[name], 2) for name in ("rmse", "mae", "mape", "mase")) == expected


# closed forms


@pytest.mark.parametrize(("horizon", "length"), [(1, 10_000), (9, 40_000)])
def test_on_a_random_walk_nothing_beats_naive_and_its_error_grows_with_the_root_of_the_horizon(
    horizon: int, length: int
) -> None:
    walk = autoregressive(1.0, length, seed=horizon)
    plan = Plan(train=length // 10, refit=length // 10, calibration=3 * length // 10)
    made = replayed(grid(walk), horizon, SHORT, plan)
    scale = backtest.mase_scale(pl.Series(walk), 1)
    scores = Outcome.scored(made, "ridge", scale).by_model("ridge")
    naive = scores["naive"]
    n, root = naive.mae.count, math.sqrt(horizon)
    assert n == len([at for at in range(plan.test, len(walk) - horizon) if at % horizon == 0])
    # |N(0, h)|: mean √(2h/π), variance h (1 - 2/π); four standard errors
    assert naive.mae.mean == pytest.approx(NORMAL_MAE * root, abs=4 * root * math.sqrt((1 - 2 / math.pi) / n))
    assert naive.rmse == pytest.approx(root, abs=4 * root / math.sqrt(2 * n))
    assert naive.bias.mean == pytest.approx(0, abs=4 * root / math.sqrt(n))
    assert naive.mase.mean == pytest.approx(root, rel=0.04)
    # the interval is ± z √h, estimated from so many errors: a 90 % quantile of |z| has density 2 φ(z)
    errors = plan.calibration / horizon
    slack = 4 * math.sqrt(0.09 / errors) / (2 * math.exp(-(Z90**2) / 2) / math.sqrt(2 * math.pi))
    assert naive.width.mean == pytest.approx(2 * Z90 * root, abs=2 * slack * root)
    assert -0.02 < backtest.compared(scores)["ridge"]["skill"] < 0.02


def test_a_series_that_returns_is_forecast_as_well_as_it_can_be() -> None:
    # the best forecast of x is f^h x: its error has variance (1 - f^2h) / (1 - f^2), naive's 2 (1 - f^h) / (1 - f^2)
    factor, horizon = 0.9, 6
    made = replayed(
        grid(autoregressive(factor, 40_000, seed=3)),
        horizon,
        SHORT,
        Plan(train=4_000, refit=4_000, calibration=8_000, level=0.8),
    )
    found = backtest.compared(Outcome.scored(made, "ridge", None).by_model("ridge"))
    spread = (1 - factor ** (2 * horizon)) / (1 - factor**2)
    n = found["ridge"]["cases"]
    assert found["ridge"]["rmse"] == pytest.approx(math.sqrt(spread), rel=4 / math.sqrt(2 * n))
    naive = math.sqrt(2 * (1 - factor**horizon) / (1 - factor**2))
    assert found["naive"]["rmse"] == pytest.approx(
        naive, rel=6 / math.sqrt(2 * n)
    )  # these errors overlap a little
    assert found["ridge"]["best_baseline"] == "naive"
    assert found["ridge"]["skill"] == pytest.approx(1 - math.sqrt((1 + factor**horizon) / 2), abs=0.02)
    assert found["ridge"]["coverage"] == pytest.approx(0.8, abs=4 * math.sqrt(0.16 / n) + 0.01)


def test_the_readme_does_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    page = (LIBRARY / "README.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    names: dict[str, Any] = {}
    exec(example, names)
    assert capsys.readouterr().out.strip() == example.strip().rpartition("# ")[2], "what the comment shows"
    best = 1 - math.sqrt((1 + 0.9**6) / 2)
    assert f"{best:.1%}".replace("%", " %") in page
    assert names["metrics"]["skill"] == pytest.approx(best, abs=0.02)


def test_on_a_steady_rise_each_baseline_lags_by_what_it_looks_back() -> None:
    rise = [2.0 * day for day in range(400)]  # sales, a week as season
    look = Look(step=DAY, cycle=7, season=7, climate=4, lags=(1,), waves={"week": (7 * DAY, 2)})
    table = cases(grid(rise, DAY), "load_mw", 3, look)
    made = replay(table, 3, Plan(train=100, refit=30, calibration=60), {"ridge": Ridge(1e-6)})
    scores = Outcome.scored(made, "ridge", backtest.mase_scale(pl.Series(rise), 7)).by_model("ridge")
    assert scores["naive"].bias.mean == pytest.approx(-6)
    assert scores["seasonal_naive"].bias.mean == pytest.approx(-14)
    assert scores["climatology"].bias.mean == pytest.approx(-14 * (1 + 2 + 3 + 4) / 4)
    assert scores["naive"].mase.mean == pytest.approx(6 / 14)
    assert scores["ridge"].mae.mean < 0.01
    assert scores["naive"].width.mean == pytest.approx(12)
    assert scores["naive"].covered == scores["naive"].mae.count, "a truth on the bound is inside"


# what a case looks at


HOURLY = Look(
    step=HOUR,
    cycle=24,
    season=24,
    fill=6,
    lags=(1, 2, 3, 6, 12, 23),
    windows=(24, 168),
    waves={"day": (DAY, 3)},
)


@pytest.mark.parametrize("horizon", [1, 6, 24, 30])
def test_a_case_looks_where_it_says(horizon: int) -> None:
    n = 40 * 24
    values = [random.Random(7 + k).uniform(-10, 30) for k in range(n)]
    table = cases(grid(values), "load_mw", horizon, HOURLY)
    for t in (30 * 24, 35 * 24 + 5, n - horizon - 1):
        row = table.row(t, named=True)
        same = max(k for k in range(t + 1) if (t + horizon - k) % 24 == 0)  # the last known at that hour
        assert (row["origin"], row["time"]) == (START + HOUR * t, START + HOUR * (t + horizon))
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


def test_without_a_cycle_a_week_can_be_the_season() -> None:
    row = cases(grid([float(k * k) for k in range(60)], DAY), "load_mw", 3, Look(step=DAY, season=7)).row(
        50, named=True
    )
    assert (row["time"], row["y_true"]) == (START + 53 * DAY, 53.0**2)
    assert (row["naive"], row["seasonal_naive"]) == (50.0**2, 46.0**2)
    assert row["climatology"] == pytest.approx(sum(k * k for k in range(23, 51)) / 28)


def test_a_step_may_be_a_month_and_a_model_is_not_needed() -> None:
    months = pl.date_range(datetime(2000, 1, 31), datetime(2019, 12, 31), "1mo", eager=True).dt.month_start()
    sales = pl.DataFrame({"time": months, "pieces": [at % 12 for at in range(len(months))]})
    table = cases(sales, "pieces", 2, Look(step="1mo", cycle=12, season=12, climate=3))
    made = replay(table, 2, Plan(train=60, refit=12, calibration=36), {})
    assert made["model"].unique(maintain_order=True).to_list() == list(backtest.BASELINES)
    found = Outcome.scored(made, "seasonal_naive", None)
    assert (found.mae.mean, found.climatology.mae.mean) == (0, 0)
    assert found.naive.mae.max == 10, "from December to February"
    assert (found.time_start, found.time_end) == ("2008-03-01T00:00:00Z", "2019-12-01T00:00:00Z")


@pytest.mark.parametrize("missing", [None, math.nan])
def test_a_missing_value_is_the_last_one_before_it_six_steps_old_at_most(missing: float | None) -> None:
    values: list[float | None] = [float(k) for k in range(200)]
    values[100:108] = [missing] * 8
    table = cases(grid(values), "load_mw", 1, HOURLY)
    assert table["naive"].to_list()[99:109] == [99.0] * 7 + [None, None, 108.0]
    assert table["y_true"].to_list()[98:109] == [99.0] + [None] * 8 + [108.0, 109.0]
    bare = cases(grid(values), "load_mw", 1, Look(step=HOUR))
    assert bare["naive"].to_list()[99:109] == [99.0] + [None] * 8 + [108.0], "nothing stands in unless asked"


@pytest.mark.parametrize(
    ("rows", "horizon", "found"),
    [
        ([0, 1, 3], 1, "2020-03-01 01:00:00, then 2020-03-01 03:00:00"),
        ([0, 1, 1, 2], 1, "2020-03-01 01:00:00, then 2020-03-01 01:00:00"),
        ([3, 2, 1, 0], 1, "2020-03-01 03:00:00, then 2020-03-01 02:00:00"),
        ([0, 1, 2, 3], 0, "0"),
    ],
)
def test_a_series_that_is_on_no_grid_is_refused_where_it_leaves_it(
    rows: list[int], horizon: int, found: str
) -> None:
    with pytest.raises(AgiError) as caught:
        cases(grid([1.0, 2.0, 3.0, 4.0])[rows], "load_mw", horizon, SHORT)
    assert (caught.value.code, caught.value.found) == ("AGI-DATA-152", found)


@pytest.mark.parametrize(
    ("name", "value"),
    [("cycle", 0), ("lags", (0,)), ("step", timedelta(0)), ("season", -1), ("step", "1 month"), ("wave", {})],
)
def test_a_look_that_cannot_be_is_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=name):
        Look(**{"step": HOUR, name: value})


# from readings to a grid


def test_steps_without_a_reading_are_null_on_the_grid() -> None:
    readings = grid([1.0, 2.0, 3.0, 4.0]).filter(pl.col("load_mw") != 2.0)
    assert backtest.on_grid(readings, "load_mw", HOUR)["load_mw"].to_list() == [1.0, None, 3.0, 4.0]


def test_a_reading_counts_for_the_step_at_its_end_and_the_latest_of_a_step_stays() -> None:
    minutes = {60: 1.0, 111: 2.0, 120: 3.0, 125: 4.0, 80: 6.0}
    readings = pl.DataFrame(
        {"time": [START + timedelta(minutes=at) for at in minutes], "load_mw": list(minutes.values())}
    )
    expected = [(START + HOUR * at, value) for at, value in ((1, 1.0), (2, 3.0), (3, 4.0))]
    assert backtest.at_steps(readings, HOUR).rows() == expected
    assert backtest.on_grid(readings, "load_mw", HOUR).rows() == expected
    twice = pl.concat([readings, readings.with_columns(load_mw=9.0)])  # of one time, the last row
    assert set(backtest.at_steps(twice, HOUR)["load_mw"]) == {9.0}


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        ([10, 11, -10, 12], [10, 11, None, 12]),  # a spike
        ([10, 22, 10], [10, 22, 10]),  # exactly the limit, up and down
        ([10, 22.1, 10], [10, None, 10]),
        ([10, 34, 34, 34], [10, None, 34, 34]),  # 24 in two steps are allowed, so that it heals
        ([10, None, None, 46], [10, None, None, 46]),  # and so are 36 in three
        ([-40, 20, 20, 20, 20, 20], [-40, None, None, None, None, 20]),  # a wrong start
    ],
)
def test_the_step_test_compares_with_the_last_accepted_reading(values: list[Any], kept: list[Any]) -> None:
    assert backtest.on_grid(grid(values), "load_mw", HOUR, 12.0)["load_mw"].to_list() == kept


def test_a_mean_needs_so_many_values_and_a_day_that_was_cut_has_none() -> None:
    first, second, third = [1.0] * 24, [2.0] * 18 + [None] * 6, [3.0] * 17 + [None] * 7
    days = backtest.means(grid([*first, *second, *third, *first[:20]]), "load_mw", DAY, 18)
    assert days["load_mw"].to_list() == [1.0, 2.0, None]
    late = grid([5.0] * 6 + [None] + [5.0] * 40).filter(pl.col("time") >= START + 3 * HOUR)
    assert backtest.means(late, "load_mw", DAY, 18)["time"].to_list() == []


# replayed


PLAN = Plan(train=60, refit=20, calibration=40, level=0.8)


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(now=st.integers(100, 290), horizon=st.integers(1, 5), seed=st.integers(0, 99))
def test_what_comes_later_changes_nothing_that_was_forecast_before(now: int, horizon: int, seed: int) -> None:
    values = autoregressive(0.7, 299, seed)
    other = [value if at <= now else 50 - 3 * value for at, value in enumerate(values)]
    look = Look(step=HOUR, lags=(1,), windows=(4,))
    was, is_now = (
        replay(cases(grid(series), "load_mw", horizon, look), horizon, PLAN, {"ridge": Ridge(1.0)})
        .filter(pl.col("time") <= START + HOUR * (now + horizon))
        .select("time", "model", "split", "y_pred", "lower", "upper")
        for series in (values, other)
    )
    assert was.equals(is_now)
    assert was["time"].max() == START + HOUR * min(now + horizon, 299)


def test_an_interval_is_the_quantile_of_the_errors_known_at_its_origin() -> None:
    # the level follows what became known: Gibbs & Candès 2021, eq. 2
    values = autoregressive(0.5, 199, seed=8)
    made = replay(cases(grid(values), "load_mw", 2, SHORT), 2, PLAN, {"ridge": Ridge(1.0)})
    naive = made.filter(model="naive", split="test")
    level, halves = 0.8, dict[int, float]()
    for time, pred, lower, upper in naive.select("time", "y_pred", "lower", "upper").iter_rows():
        origin = int((time - START) / HOUR) - 2
        errors = {t: abs(round(values[t - 2], 3) - values[t]) for t in range(PLAN.train + 2, origin + 1)}
        recent = sorted(errors[t] for t in range(origin - PLAN.calibration + 1, origin + 1) if t in errors)
        if origin - 2 in halves:
            level += 0.01 * ((errors[origin] > halves[origin - 2]) - 0.2)
        half = recent[math.ceil((len(recent) + 1) * level - 1e-9) - 1]
        halves[origin] = (upper - lower) / 2
        assert (upper - lower) / 2 == pytest.approx(half, abs=1.1e-3)
        assert pred == pytest.approx(values[origin], abs=5e-4)
    assert naive.height == 200 - 2 - PLAN.test
    assert made.filter(split="calibration")["lower"].null_count() == 4 * (PLAN.test - PLAN.train)


def test_models_are_compared_on_the_same_cases_and_in_their_order() -> None:
    values: list[float | None] = list(autoregressive(0.8, 399, seed=2))
    values[200:230] = [None] * 30
    table = cases(grid(values), "load_mw", 1, Look(step=HOUR, lags=(1, 2, 3, 4), climate=4, same=0))
    made = replay(table, 1, PLAN, {"weak": Ridge(1e6), "strong": Ridge(1.0)})
    assert made["model"].unique(maintain_order=True).to_list() == ["weak", "strong", *backtest.BASELINES]
    known = made.drop_nulls("y_pred").group_by("model").agg(pl.col("time").sort())
    assert len({tuple(times) for times in known["time"].to_list()}) == 1
    weak, strong = (Outcome.scored(made, name, None) for name in ("weak", "strong"))
    assert strong.mae.mean < weak.mae.mean
    assert strong.naive == weak.naive
    assert weak.mae.count + weak.without_past + weak.without_truth == weak.due_count
    assert weak.without_past > 0 < weak.without_truth


def test_a_level_that_takes_more_errors_than_there_can_be_is_refused() -> None:
    plan = Plan(train=60, refit=20, calibration=40, level=0.98)
    with pytest.raises(AgiError, match=r"too few forecasts to calibrate intervals of level 0\.98") as caught:
        replayed(grid(autoregressive(0.5, 299, seed=1)), 1, SHORT, plan)
    assert (caught.value.code, caught.value.found, caught.value.allowed) == (
        "AGI-DATA-151",
        "40 at most",
        "49 or more",
    )


# intervals


@pytest.mark.parametrize("growth", [0.99, 1.01])
def test_whatever_becomes_of_the_errors_the_long_run_is_covered(growth: float) -> None:
    # Gibbs & Candès 2021, proposition 4.1: however errors come about, of T intervals the share that misses differs
    # from 1 - level by (max(level, 1 - level) + pace) / (pace · T) at most, as long as the levels asked for can be had
    walk, steps = [0.0], np.random.default_rng(3).normal(size=2400)
    for at, step in enumerate(steps):
        walk.append(walk[-1] + step * growth ** min(at, 600))
    plan = Plan(train=100, refit=100, calibration=300, level=0.8, pace=0.02)
    table = cases(grid(walk), "load_mw", 1, SHORT)
    test = replay(table, 1, plan, {}).filter(model="naive", split="test")
    covered = test["y_true"].is_between(test["lower"] - 1e-9, test["upper"] + 1e-9)
    assert abs(covered.mean() - 0.8) <= (0.8 + plan.pace) / (plan.pace * len(test))
    still = replay(table, 1, plan.model_copy(update={"pace": 0.0}), {}).filter(model="naive", split="test")
    early = len(still) // 10  # where the errors still change
    held = still["y_true"].is_between(still["lower"], still["upper"]).head(early).mean()
    assert abs(held - 0.8) > abs(covered.head(early).mean() - 0.8), "without, they lag behind"


@given(
    errors=st.lists(st.integers(0, 50), min_size=19, max_size=60),
    level=st.sampled_from([0.5, 0.8, 0.9, 0.95]),
)
def test_the_half_width_is_the_least_that_enough_errors_do_not_exceed(
    errors: list[int], level: float
) -> None:
    enough = math.ceil(round((len(errors) + 1) * level, 9))
    least = min(e for e in errors if sum(other <= e for other in errors) >= enough)
    found = backtest.conformal(np.array(errors, dtype=float)[:, None], level, 3)
    assert found.tolist() == [float(least)]


def test_a_half_width_is_rounded_up_so_that_rounding_loses_no_coverage() -> None:
    errors = np.array([[0.1004] * 9, [0.1] * 9]).T
    assert backtest.conformal(errors, 0.9, 3).tolist() == [0.101, 0.1]


def test_errors_that_are_exchangeable_are_covered_as_often_as_the_theorem_says() -> None:
    # Vovk et al. 2005, Lei et al. 2018: exactly ⌈(n + 1) · level⌉ / (n + 1) for continuous errors
    chance, n, level, trials = np.random.default_rng(4), 27, 0.8, 6000
    errors = np.abs(chance.standard_normal((n + 1, trials)))
    covered = (errors[n] <= backtest.conformal(errors[:n], level, 3)).mean()
    expected = math.ceil(28 * 0.8) / 28
    assert covered == pytest.approx(expected, abs=3 * math.sqrt(expected * (1 - expected) / trials) + 1e-3)


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
    found = Scores.of(made, 2.0, 1.0).metrics()
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


def test_a_truth_of_zero_is_never_divided_by() -> None:
    made = pl.DataFrame(
        {"y_true": [0.0, 4.0], "y_pred": [1.0, 5.0], "lower": [0.0, 0.0], "upper": [1.0, 9.0]}
    )
    found = Scores.of(made, None, 0.0).metrics()
    assert (found["mape"], found["mape_left_out"], found["mase"]) == (25.0, 1, None)


def of(error: float) -> Any:
    bounds = {"y_true": [0.0], "y_pred": [error], "lower": [-9.0], "upper": [9.0]}
    return Scores.of(pl.DataFrame(bounds), 1.0, 1.0)


def test_skill_is_against_the_best_baseline() -> None:
    scores = {"ridge": of(1.5), "naive": of(4.0), "seasonal_naive": of(2.0), "climatology": of(3.0)}
    found = backtest.compared(scores)
    assert (found["ridge"]["skill"], found["ridge"]["best_baseline"]) == (0.25, "seasonal_naive")
    assert (found["naive"]["skill"], found["seasonal_naive"]["skill"]) == (-1.0, 0.0)


def test_no_forecasts_have_no_metrics_and_no_skill() -> None:
    baselines = dict.fromkeys(backtest.BASELINES, of(2.0))
    for scores in (
        {"ridge": Scores(), **dict.fromkeys(baselines, Scores())},
        {"ridge": Scores(), **baselines},
    ):
        ridge = backtest.compared(scores)["ridge"]
        assert ridge["cases"] == 0
        assert {ridge[name] for name in ("mae", "rmse", "mape", "skill")} == {None}


def test_groups_pool_over_every_other_label() -> None:
    errors = {("north", "1d"): 1.0, ("north", "7d"): 2.0, ("south", "1d"): 6.0}
    units = [
        ({"store": store, "ahead": ahead}, {"ridge": of(error), **dict.fromkeys(backtest.BASELINES, of(9.0))})
        for (store, ahead), error in errors.items()
    ]
    rows = backtest.by_group(units)
    found = {(row["store"], row["ahead"]): row["mae"] for row in rows if row["model"] == "ridge"}
    pooled = {("all", "all"): 3.0, ("all", "1d"): 3.5, ("all", "7d"): 2.0, ("north", "all"): 1.5}
    assert found == {**errors, **pooled, ("south", "all"): 6.0}
    assert [row["mae"] for row in backtest.along(rows, "ahead", "ridge")] == [3.5, 2.0]
    assert [row["store"] for row in backtest.along(rows, "store", "naive")] == ["north", "south"]
    with pytest.raises(AgiError, match="a label is called what all of them are called together") as caught:
        backtest.by_group([({"store": "all"}, units[0][1])])
    assert caught.value.code == "AGI-DATA-153"


# what an app keeps and publishes


class Sales(Outcome):  # type: ignore[valid-type, misc]
    """An outcome with a field of the app's own."""

    stores: Distinct[str] = frozenset()


def published(folder: Path, spoil: Any = None) -> tuple[LocalRun, pl.DataFrame, list[dict[str, Any]], Any]:
    """Two stores at two horizons: kept by units, found by publishing."""
    saved: dict[str, list[tuple[str, Path]]] = {"predictions": [], "scores": []}
    parts = []
    for store, seed in (("south", 1), ("north", 2)):
        for ahead in (10, 2):
            run = RunContext.local(folder / f"{store}-{ahead}", key=f"{store}-{ahead}")
            made = replayed(grid(autoregressive(0.3, 999, seed)), ahead, SHORT, PLAN)
            outcome = Sales.scored(made, "ridge", 1.0, stores=frozenset({store}))
            backtest.keep(run, made, outcome, "ridge", {"store": store, "ahead": f"{ahead}h"})
            for name, files in saved.items():
                files.append((run.key, run.saved[name]))
            assert run.metrics["mae"] == [outcome.mae.mean]
            parts.append(outcome)
    if spoil is not None:
        saved["predictions"][0] = ("x", folder / "spoilt.parquet")
        pl.read_parquet(run.saved["predictions"]).pipe(spoil).write_parquet(folder / "spoilt.parquet")
    run = RunContext.local(folder / "publish", node="publish", earlier=saved)
    table, units = backtest.kept(run, Sales, "ridge", {"store": (), "ahead": ["2h", "10h"]})
    rows = backtest.by_group(units)
    summary = Sales.merge_all(parts)
    found = backtest.check(run, table, summary, rows, model="ridge", each="ahead", level=0.8, unit="pieces")
    assert found == backtest.compared(summary.by_model("ridge"))["ridge"]
    return run, table, rows, summary


def test_what_units_keep_is_found_in_the_order_that_is_asked_for(tmp_path: Path) -> None:
    run, table, rows, summary = published(tmp_path)
    order = table.select("store", "ahead").unique(maintain_order=True).rows()
    assert order == [("north", "2h"), ("north", "10h"), ("south", "2h"), ("south", "10h")]
    assert [row["ahead"] for row in backtest.along(rows, "ahead", "ridge")] == ["2h", "10h"]
    test = table.filter(split="test", model="ridge")
    assert summary.mae.count == test.height == rows[0]["cases"]
    sizes = [abs(pred - true) for pred, true in test.select("y_pred", "y_true").iter_rows()]
    assert summary.mae.mean == pytest.approx(math.fsum(sizes) / len(sizes), rel=1e-12)
    assert summary.time_start == f"{test['time'].min():%Y-%m-%dT%H:%M:%SZ}"
    assert summary.stores == {"north", "south"}
    verdicts = {verdict["name"]: verdict["passed"] for verdict in run.validations}
    names = (
        "forecasts add up",
        "metrics add up",
        "skill at every ahead",
        "coverage",
        "coverage at every ahead",
    )
    assert verdicts == dict.fromkeys(names, True)
    assert "pieces; the best baseline is climatology" in run.validations[2]["message"]


def test_a_table_that_says_something_else_than_the_scores_is_noticed(tmp_path: Path) -> None:
    better, *_ = published(tmp_path, lambda table: table.with_columns(y_pred="y_true"))
    assert not {v["name"]: v["passed"] for v in better.validations}["metrics add up"]


def test_nothing_scored_has_no_verdict_on_skill(tmp_path: Path) -> None:
    run = RunContext.local(tmp_path)
    empty = pl.DataFrame(
        schema={"y_true": pl.Float64, "y_pred": pl.Float64, "split": pl.String, "model": pl.String}
    )
    found = backtest.check(run, empty, Sales(), [], model="ridge", each="ahead", level=0.8, unit="")
    assert (found["cases"], [v["name"] for v in run.validations]) == (0, ["forecasts add up"])
    missing = RunContext.local(tmp_path)
    backtest.check(missing, empty, Sales(due_count=3), [], model="ridge", each="ahead", level=0.8, unit="")
    assert not missing.validations[0]["passed"], "three were due, and none is in the table"
