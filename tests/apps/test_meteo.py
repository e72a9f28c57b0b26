"""The meteo app's numbers: against a plain script, against closed forms, and against a future that must not matter."""

from __future__ import annotations

import importlib
import json
import math
import re
import subprocess
import sys
import tomllib
import xml.etree.ElementTree as ET
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars import col
from tests.apps.sources import import_from

from agi_node import LocalRun, RunContext
from agi_node.canonical import canonical
from agi_node.files import use_roots
from agi_node.reduce import merge_reduce_documents, reduce_document, verify_reduce_document
from agilab.contracts.app_settings import AppSettings

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("meteo")]  # the sample is worked once, by one process
ROOT = Path(__file__).parents[2]
APP = ROOT / "src/agilab/apps/meteo_forecast_project"
SHIPPED = APP / "data/nyc_2013.parquet"
ORIGINAL = ROOT.parent / "shared/data/weather_nyc/weather_2013.csv"
SCRIPT = ROOT / "benchmarks/meteo_plain.py"
MODELS = ("ridge", "naive", "seasonal_naive", "climatology")

import_from(APP)
meteo = importlib.import_module("meteo")


def reference(file: Path, *options: str) -> dict[str, Any]:
    """What the plain script, in a process of its own, says about a file."""
    command = [sys.executable, str(SCRIPT), str(file), *options]
    answer: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)[
        "payload"
    ]
    return answer


class Whole:
    """A run of the app's plain functions over observations, one after the other."""

    def __init__(self, root: Path, scratch: Path, **args: Any) -> None:
        self.args = meteo.MeteoArgs(**args)
        self.runs: dict[str, LocalRun] = {}
        self.partials: dict[str, Any] = {}
        with use_roots({"app": root}):
            self.items = list(meteo.stations_and_targets(self.args))
            for item in self.items:
                run = RunContext.local(scratch / item.key, key=item.key)
                self.partials[item.key] = meteo.forecast(meteo.Case(**item.payload), self.args, run)
                self.runs[item.key] = run
        self.summary = meteo.ForecastSummary.merge_all(self.partials.values())

    def saved(self, name: str) -> list[tuple[str, Path]]:
        return [(key, self.runs[key].saved[name]) for key in sorted(self.runs)]

    def forecasts(self) -> pl.DataFrame:
        return pl.concat([pl.read_parquet(path) for _, path in self.saved("predictions")])

    def publish(self, scratch: Path, **instead: Any) -> LocalRun:
        """The run of publish, given these forecasts and arguments or others in their place."""
        earlier = {"predictions": instead.get("tables", self.saved("predictions"))}
        earlier["scores"] = self.saved("scores")
        run = RunContext.local(scratch, node="publish", earlier=earlier)
        meteo.verdict(self.summary, instead.get("args", self.args), run)
        return run


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    return Whole(APP, tmp_path_factory.mktemp("shipped"))


@pytest.fixture(scope="module")
def published(shipped: Whole, tmp_path_factory: pytest.TempPathFactory) -> LocalRun:
    return shipped.publish(tmp_path_factory.mktemp("published"))


@pytest.fixture(scope="module")
def rows(published: LocalRun) -> dict[tuple[str, str, str], dict[str, Any]]:
    """The metrics by station, target and model."""
    document = json.loads(published.saved["forecast_metrics"].read_text())
    return {(row["station"], row["target"], row["model"]): row for row in document["metrics"]}


def assert_same_metrics(ours: dict[str, Any], theirs: dict[str, Any], where: str) -> None:
    """Counts equal, the rest to 1e-5: a forecast half-way between two thousandths rounds either way."""
    for name, value in theirs.items():
        if isinstance(value, int):
            assert ours[name] == value, (where, name)
        else:
            assert ours[name] == pytest.approx(value, rel=1e-5, abs=1e-5), (where, name)


def hours(values: list[float | None], start: datetime = datetime(2020, 1, 1)) -> pl.DataFrame:
    """Observations of one station, an hour apart."""
    times = [start + timedelta(hours=k) for k in range(len(values))]
    return pl.DataFrame(
        {"station": "X", "time": times, "temperature_c": values},
        schema_overrides={"temperature_c": pl.Float64},
    )


def replayed(table: pl.DataFrame, folder: Path, target: str, **args: Any) -> Whole:
    folder.mkdir(parents=True, exist_ok=True)
    table.write_parquet(folder / "x.parquet")
    return Whole(folder, folder / "runs", observations="x.parquet", targets=target, **args)


# against the plain script


def test_every_metric_of_every_unit_and_of_all_is_what_the_plain_script_computes(
    shipped: Whole, rows: dict[Any, Any]
) -> None:
    theirs = reference(SHIPPED)
    assert len(theirs["units"]) == len(shipped.items) == 24
    for unit, models in theirs["units"].items():
        station, target = unit.split("-")
        for model, metrics in models.items():
            assert_same_metrics(rows[station, target, model], metrics, f"{unit} {model}")
    for model, metrics in theirs["pooled"].items():
        assert_same_metrics(rows["all", "all", model], metrics, model)
        assert_same_metrics(shipped.summary.by_model("ridge")[model].metrics(), metrics, model)
    assert shipped.summary.due_count == theirs["due"] > theirs["pooled"]["ridge"]["cases"]


def test_other_arguments_give_what_the_plain_script_computes(tmp_path: Path) -> None:
    args = {
        "stations": "LGA",
        "targets": "5h,2d",
        "train_days": 90,
        "refit_days": 9,  # of which no number is 30, nor the rest of the year
        "calibration_days": 30,
        "origin_every_h": 4,
        "level": 0.8,
        "penalty": 2.5,
        "max_rate_c_per_h": 3.0,
        "mape_least_c": 4.0,
    }
    ours = Whole(APP, tmp_path, **args)
    options = [word for name, value in args.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    theirs = reference(SHIPPED, *options)
    for unit, models in theirs["units"].items():
        for model, metrics in models.items():
            assert_same_metrics(
                ours.partials[unit].by_model("ridge")[model].metrics(), metrics, f"{unit} {model}"
            )
    assert ours.runs["LGA-5h"].metrics["rejected"][0] > 10, "the step test takes part"


def test_the_original_file_in_fahrenheit_gives_the_bytes_of_the_shipped_one(
    shipped: Whole, tmp_path: Path
) -> None:
    if not ORIGINAL.is_file():
        pytest.skip("the original table lies beside the repository, and is not there")
    original = Whole(ORIGINAL.parent, tmp_path, observations=ORIGINAL.name, targets="6h,1d")
    assert len(original.partials) == 6
    for key, partial in original.partials.items():
        assert canonical(partial.to_state()) == canonical(shipped.partials[key].to_state()), key


# the future does not matter, and the past does


AT_A_FIT = datetime(2013, 1, 1, 6) + timedelta(days=120 + 5 * 28)


@pytest.mark.parametrize(
    ("target", "hours_back", "now"),
    [
        ("6h", 6, AT_A_FIT),
        ("24h", 24, AT_A_FIT),
        ("24h", 24, AT_A_FIT - timedelta(hours=7)),
        # a day is named by its beginning, and its mean is known after its last hour
        ("2d", 48 - 23, datetime(2013, 1, 2, 23) + timedelta(days=120 + 5 * 28)),
    ],
)
def test_no_reading_changes_a_forecast_that_was_made_before_it(
    target: str, hours_back: int, now: datetime, tmp_path: Path
) -> None:
    table = pl.read_parquet(SHIPPED).filter(station="JFK")
    later = pl.when(col("time") > now).then(25 - col("temperature_c") / 2).otherwise("temperature_c")
    changed = table.with_columns(later.round(1).alias("temperature_c"))
    origin = col("time") - timedelta(hours=hours_back)
    was, was_not = (
        replayed(t, tmp_path / name, target).forecasts().sort("model", "time", maintain_order=True)
        for name, t in (("was", table), ("was_not", changed))
    )
    seen = ["time", "model", "split", "y_pred", "lower", "upper"]
    before = was.filter(origin <= now).select(seen)
    assert before.equals(was_not.filter(origin <= now).select(seen))
    assert {"calibration", "test"} == set(before["split"]), "there is something to compare"
    assert now - before["time"].max() + timedelta(hours=hours_back) < timedelta(hours=6), (
        "to the last of them"
    )
    after = was.filter(origin > now).select(seen)
    assert not after.equals(was_not.filter(origin > now).select(seen)), "the change can be seen"


def test_the_last_reading_before_a_forecast_does_change_it(tmp_path: Path) -> None:
    now = datetime(2013, 9, 17, 6)
    table = pl.read_parquet(SHIPPED).filter(station="JFK")
    warmer = col("temperature_c") + pl.when(time=now).then(2.0).otherwise(0.0)
    made = [
        replayed(t, tmp_path / name, "1h").forecasts().filter(time=now + timedelta(hours=1))
        for name, t in (("was", table), ("warmer", table.with_columns(warmer)))
    ]
    gain = dict(zip(made[0]["model"], made[1]["y_pred"] - made[0]["y_pred"], strict=True))
    assert gain["naive"] == pytest.approx(2.0)
    assert gain["ridge"] > 1
    assert gain["seasonal_naive"] == 0


# closed forms


def test_on_a_daily_sine_the_naive_error_is_its_closed_form_and_the_seasonal_one_is_zero(
    tmp_path: Path,
) -> None:
    wave = [10 * math.sin(2 * math.pi * (t % 24) / 24) for t in range(240 * 24)]
    whole = replayed(hours(wave), tmp_path, "12h", origin_every_h=1)
    scores = whole.summary.by_model("ridge")
    # half a day on, the wave is upside down: |20 sin|, whose mean over 24 hours is 20/12 cot(7.5°)
    cases = len(wave) - 12 - (120 + 56) * 24
    assert scores["naive"].mae.count == cases
    last_half_day = math.fsum(abs(20 * math.sin(2 * math.pi * k / 24)) for k in range(12, 24)) / 12
    mean = 20 / 12 / math.tan(math.radians(7.5))
    assert last_half_day == pytest.approx(mean, rel=1e-12)
    assert scores["naive"].mae.mean == pytest.approx(mean, abs=1e-3)
    assert scores["seasonal_naive"].mae.mean == pytest.approx(0, abs=1e-3)
    assert scores["climatology"].mae.mean == pytest.approx(0, abs=1e-3)
    assert scores["ridge"].mae.mean < 0.02
    # the 19.3 of 22 hours in 24 are too many for nine in ten, the 17.3 of 18 too few: it lies between the two
    low, high = (40 * math.cos(math.radians(degrees)) for degrees in (30, 15))
    assert low < scores["naive"].width.mean < high
    assert scores["naive"].metrics()["coverage"] == pytest.approx(0.9, abs=0.91 / (0.01 * cases))


def test_on_a_steady_rise_every_naive_forecast_lags_by_the_rise(tmp_path: Path) -> None:
    rise = [0.01 * t for t in range(200 * 24)]
    scores = replayed(hours(rise), tmp_path, "30h").summary.by_model("ridge")
    assert scores["naive"].bias.mean == pytest.approx(-0.30, abs=1e-3)
    assert scores["seasonal_naive"].bias.mean == pytest.approx(
        -0.48, abs=1e-3
    )  # the day before yesterday's hour
    # 28 days back from two days before: 48 h and 13.5 days more on average
    assert scores["climatology"].bias.mean == pytest.approx(-0.01 * (48 + 13.5 * 24), abs=1e-3)
    # in MASE, 1 is what a day does: 0.24
    assert scores["naive"].mase.mean == pytest.approx(0.30 / 0.24, abs=1e-2)


def test_where_nothing_changes_nothing_is_divided_by_zero(tmp_path: Path) -> None:
    whole = replayed(hours([0.0] * 185 * 24), tmp_path, "6h")
    metrics = whole.summary.by_model("ridge")["ridge"].metrics()
    assert (metrics["mae"], metrics["mape"], metrics["smape"], metrics["mase"]) == (0.0, None, 0.0, None)
    assert metrics["mape_left_out"] == metrics["cases"] > 0
    verdicts = {v["name"]: v["passed"] for v in whole.publish(tmp_path / "publish").validations}
    assert verdicts == {
        "forecasts add up": True,
        "metrics add up": True,
        "coverage": True,
        "coverage at every target": True,
    }  # no skill to speak of


def test_a_gap_takes_truths_and_then_pasts_and_every_loss_is_counted(tmp_path: Path) -> None:
    table = pl.read_parquet(SHIPPED).filter(station="LGA")
    gap = col("time").is_between(datetime(2013, 10, 1, 1), datetime(2013, 10, 4))  # 72 hours
    full = replayed(table, tmp_path / "full", "3h", origin_every_h=3).partials["LGA-3h"]
    less = replayed(table.filter(~gap), tmp_path / "gap", "3h", origin_every_h=3).partials["LGA-3h"]
    assert less.due_count == full.due_count == full.mae.count + full.without_truth
    assert less.due_count == less.mae.count + less.without_truth + less.without_past
    # origins at 03 and 06 still have a past (00 of that day), without a truth; 09 to 24 of the last day have none.
    # The last at 4 October 00 is without a past, with a truth; lags and means then miss the gap for a while
    assert less.without_past >= 23
    assert less.mae.count < full.mae.count - 24


def test_a_reading_that_a_later_one_of_its_hour_supersedes_changes_nothing(tmp_path: Path) -> None:
    table = pl.read_parquet(SHIPPED).filter(station="LGA")
    earlier = table.with_columns(col("time") - timedelta(minutes=25), temperature_c=pl.lit(59.9))
    was, was_not = (
        replayed(t, tmp_path / name, "1d").partials["LGA-1d"]
        for name, t in (("was", table), ("was_not", pl.concat([table, earlier])))
    )
    assert canonical(was.to_state()) == canonical(was_not.to_state())


def test_after_a_gap_of_months_no_model_forecasts_until_there_is_enough_to_calibrate(tmp_path: Path) -> None:
    table = pl.read_parquet(SHIPPED).filter(station="LGA")
    gap = col("time").is_between(datetime(2013, 7, 1), datetime(2013, 9, 20))
    whole = replayed(table.filter(~gap), tmp_path, "1d")
    found = whole.summary
    assert found.due_count == 186 == found.mae.count + found.without_truth + found.without_past
    made = whole.forecasts().filter(split="test")
    assert made.filter(model="ridge").height == made.filter(model="naive").height == found.mae.count > 0
    # a mean of 28 days takes 14 of them: the first error is that of 4 October, and an interval takes nine
    silent = made.filter(col("time").is_between(datetime(2013, 7, 3), datetime(2013, 10, 12))).height
    assert (silent, made["time"].max()) == (0, datetime(2013, 12, 30))


def test_a_station_that_fell_silent_for_the_whole_training_has_nothing_to_fit_and_says_so(
    tmp_path: Path,
) -> None:
    table = pl.read_parquet(SHIPPED).filter(station="LGA")
    late = table.filter((col("time") == col("time").min()) | (col("time") > datetime(2013, 8, 1)))
    found = replayed(late, tmp_path, "6h").summary
    assert 0 < found.mae.count < found.due_count
    assert found.due_count == found.mae.count + found.without_truth + found.without_past


# pooled


def test_pooled_metrics_are_those_of_all_forecasts_put_together(shipped: Whole) -> None:
    test = shipped.forecasts().filter(split="test")
    for model in MODELS:
        pairs = list(test.filter(model=model).select("y_true", "y_pred", "lower", "upper").iter_rows())
        errors = [p - y for y, p, _, _ in pairs]
        found = shipped.summary.by_model("ridge")[model].metrics()
        assert found["cases"] == len(pairs)
        assert found["mae"] == pytest.approx(math.fsum(map(abs, errors)) / len(pairs), rel=1e-12)
        assert found["rmse"] == pytest.approx(
            math.sqrt(math.fsum(e * e for e in errors) / len(pairs)), rel=1e-12
        )
        assert found["bias"] == pytest.approx(math.fsum(errors) / len(pairs), rel=1e-9)
        near = [100 * abs(p / y - 1) for y, p, _, _ in pairs if abs(y) >= 1]
        assert found["mape"] == pytest.approx(math.fsum(near) / len(near), rel=1e-9)
        assert found["mape_left_out"] == len(pairs) - len(near)
        assert found["coverage"] == sum(low <= y <= high for y, _, low, high in pairs) / len(pairs)


def test_an_average_of_the_units_averages_would_be_something_else(shipped: Whole) -> None:
    means = [partial.mae.mean for partial in shipped.partials.values()]
    assert abs(math.fsum(means) / len(means) - shipped.summary.mae.mean) > 0.1


@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_any_order_and_any_grouping_of_units_gives_the_same_bytes(shipped: Whole, data: Any) -> None:
    parts = data.draw(st.permutations(list(shipped.partials.values())))
    while len(parts) > 1:
        at = data.draw(st.integers(0, len(parts) - 2))
        parts[at : at + 2] = [parts[at].merge(parts[at + 1])]
    assert canonical(parts[0].to_state()) == canonical(shipped.summary.to_state())
    assert canonical(parts[0].to_payload()) == canonical(shipped.summary.to_payload())


def test_the_empty_summary_changes_nothing(shipped: Whole) -> None:
    empty = meteo.ForecastSummary.identity()
    assert empty.merge(shipped.summary) == shipped.summary.merge(empty) == shipped.summary
    again = meteo.ForecastSummary.from_state(json.loads(canonical(shipped.summary.to_state())))
    assert again == shipped.summary


def test_two_workers_documents_merge_into_the_whole_without_the_app(shipped: Whole) -> None:
    states = [(key, partial.to_state()) for key, partial in shipped.partials.items()]
    whole = reduce_document("meteo", meteo.ForecastSummary, states)
    verify_reduce_document(whole, states)
    halves = [reduce_document("meteo", meteo.ForecastSummary, part) for part in (states[::2], states[1::2])]
    assert merge_reduce_documents(halves)["payload"] == whole["payload"]
    assert whole["payload"]["mae"]["count"] == whole["payload"]["naive"]["mae"]["count"] > 12_000


# what is published


def verdicts(run: LocalRun) -> dict[str, bool]:
    return {verdict["name"]: verdict["passed"] for verdict in run.validations}


def test_the_shipped_year_passes_every_check(published: LocalRun) -> None:
    names = (
        "forecasts add up",
        "metrics add up",
        "skill at every target",
        "coverage",
        "coverage at every target",
    )
    assert verdicts(published) == dict.fromkeys(names, True)


def test_a_lost_table_and_a_bettered_forecast_do_not_add_up(shipped: Whole, tmp_path: Path) -> None:
    tables = shipped.saved("predictions")
    lost = verdicts(shipped.publish(tmp_path / "lost", tables=tables[1:]))
    assert (lost["forecasts add up"], lost["metrics add up"]) == (False, False)
    key, path = tables[0]
    pl.read_parquet(path).with_columns(y_pred="y_true").write_parquet(tmp_path / "better.parquet")
    better = shipped.publish(tmp_path / "run", tables=[(key, tmp_path / "better.parquet"), *tables[1:]])
    assert (verdicts(better)["forecasts add up"], verdicts(better)["metrics add up"]) == (True, False)


def test_a_regression_that_is_held_at_persistence_has_no_skill(tmp_path: Path) -> None:
    whole = Whole(APP, tmp_path / "runs", stations="JFK", targets="12h", penalty=1e12)
    run = whole.publish(tmp_path / "publish")
    assert not verdicts(run)["skill at every target"]
    assert run.validations[2]["value"] < -0.2


def test_intervals_of_another_level_than_asked_are_noticed(shipped: Whole, tmp_path: Path) -> None:
    run = shipped.publish(tmp_path, args=meteo.MeteoArgs(level=0.8))
    assert not verdicts(run)["coverage"]


def test_the_table_of_all_forecasts_has_the_columns_promised_and_nothing_missing(
    shipped: Whole, published: LocalRun
) -> None:
    table = pl.read_parquet(published.saved["forecast_predictions"])
    promised = ["station", "target", "time", "y_true", "y_pred", "lower", "upper", "split", "model"]
    assert table.columns == promised
    assert table.height == shipped.forecasts().height
    assert table.filter(split="test").null_count().sum_horizontal().item() == 0
    calibration = table.filter(split="calibration")
    assert calibration["lower"].null_count() == calibration["upper"].null_count() == calibration.height > 0
    assert set(table["model"]) == set(MODELS)
    assert table["target"].unique(maintain_order=True).to_list() == [
        "1h",
        "3h",
        "6h",
        "12h",
        "24h",
        "1d",
        "2d",
        "3d",
    ]
    assert set(table.filter(target="1h")["time"].dt.hour()) == {1, 7, 13, 19}
    assert set(table.filter(target="2d")["time"].dt.hour()) == {0}
    assert not table.filter((col("y_pred") < col("lower")) | (col("y_pred") > col("upper"))).height
    first = datetime(2013, 1, 1, 6) + timedelta(days=120)
    assert table.filter(target="24h")["time"].min() == first + timedelta(days=1)
    assert f"{table.filter(split='test')['time'].max():%Y-%m-%dT%H:%M:%SZ}" == shipped.summary.time_end


def test_truths_are_the_readings(published: LocalRun) -> None:
    table = pl.read_parquet(published.saved["forecast_predictions"])
    readings = pl.read_parquet(SHIPPED)
    hourly = table.filter(target="12h", model="ridge").join(readings, on=["station", "time"], how="left")
    assert hourly.height > 2_500
    assert hourly["y_true"].equals(hourly["temperature_c"].alias("y_true"))
    right = ~((col("station") == "JFK") & (col("time") == datetime(2013, 5, 9, 2)))  # see the data card
    by_day = (
        readings.filter(right)
        .group_by("station", time=col("time").dt.truncate("1d"))
        .agg(col("temperature_c").mean())
    )
    days = table.filter(target="1d", model="ridge").join(by_day, on=["station", "time"], how="left")
    assert (days["y_true"] - days["temperature_c"]).abs().max() < 1e-6


def test_a_unit_logs_what_it_read_and_how_well_it_did(shipped: Whole) -> None:
    metrics = shipped.runs["JFK-24h"].metrics
    assert (metrics["readings"], metrics["rejected"]) == ([8706.0], [1.0])  # the one that the data card names
    assert metrics["mae"] == [shipped.partials["JFK-24h"].mae.mean]
    assert set(metrics) > {"rmse", "mape", "smape", "mase", "skill", "coverage"}


# what lies beside the code


def points(svg: str) -> list[list[float]]:
    """The coordinates of every line and area of a picture."""
    shapes = [e for e in ET.fromstring(svg).iter() if e.get("points")]
    return [[float(number) for number in re.split("[ ,]", shape.get("points", ""))] for shape in shapes]


def test_the_picture_of_the_readme_is_the_one_that_the_app_makes(published: LocalRun) -> None:
    ours, kept = published.saved["forecast"].read_text(), (APP / "forecast.svg").read_text()
    assert re.findall(">([^<]+)</text>", ours) == re.findall(">([^<]+)</text>", kept)
    for line, same in zip(points(ours), points(kept), strict=True):
        assert line == pytest.approx(same, abs=0.15)  # px; another processor may round otherwise
    assert (APP / "forecast.svg").stat().st_size < 120_000


def test_the_picture_draws_the_errors_where_they_are(published: LocalRun, rows: dict[Any, Any]) -> None:
    lines = points(published.saved["forecast"].read_text())
    assert len(lines) == 3 + 2 * len(MODELS)  # interval, forecast, truth; each model over hours and over days
    hourly = lines[3][1::2]
    maes = [rows["all", target, "ridge"]["mae"] for target in ("1h", "3h", "6h", "12h", "24h")]
    slopes = [(hourly[k] - hourly[0]) / (maes[k] - maes[0]) for k in range(1, 5)]
    assert slopes == pytest.approx([slopes[0]] * 4, rel=0.01)
    assert slopes[0] < 0, "up is more"


def test_the_table_of_the_readme_says_what_comes_out(rows: dict[Any, Any]) -> None:
    text = (APP / "README.md").read_text(encoding="utf-8")
    cells = {
        line.split("|")[1].strip(): [cell.strip() for cell in line.split("|")[2:-1]]
        for line in text.splitlines()
        if line.startswith("|")
    }
    targets = cells["2013, all stations"]
    found = [rows["all", target, "ridge"] for target in targets]
    assert cells["MAE (°C)"] == [f"{row['mae']:.2f}" for row in found]
    assert cells["skill (%)"] == [f"{100 * row['skill']:.0f}" for row in found]
    assert cells["coverage (%, 90 wanted)"] == [f"{100 * row['coverage']:.0f}" for row in found]
    assert f"{100 * rows['all', 'all', 'ridge']['coverage']:.1f} %" in text


def test_the_saved_settings_are_valid_and_say_what_the_defaults_are() -> None:
    saved = tomllib.loads((APP / "app_settings.toml").read_text(encoding="utf-8"))
    assert meteo.MeteoArgs(**AppSettings.model_validate(saved).args) == meteo.MeteoArgs()
    assert set(saved["args"]) == set(meteo.MeteoArgs.model_fields)


def test_the_lock_names_public_registries_only_and_no_package_of_ours() -> None:
    text = (APP / "uv.lock").read_text(encoding="utf-8")
    names = {package["name"] for package in tomllib.loads(text)["package"]}
    assert {"polars", "pydantic", "scikit-learn", "meteo-forecast-project"} <= names
    assert not names & {"agi-node", "agilab", "pandas"}
    assert set(re.findall(r"https?://([^/\"]+)", text)) == {"pypi.org", "files.pythonhosted.org"}


def test_the_data_card_says_what_the_file_holds() -> None:
    card = (APP / "data/README.md").read_text(encoding="utf-8")
    table = pl.read_parquet(SHIPPED)
    assert f"{table.height:,} rows, {SHIPPED.stat().st_size / 1000:.0f} kB" in card
    for (station,), own in table.group_by("station"):
        span = int((own["time"].max() - own["time"].min()).total_seconds()) // 3600 + 1
        told = [
            f"`{station}`",
            f"{own.height:,}",
            f"{span - own.height}",
            f"{own['temperature_c'].null_count()}",
        ]
        told += [f"{own['temperature_c'].min()}", f"{own['temperature_c'].max()}"]
        assert f"| {' | '.join(told)} |" in card
