"""The functions as they are, against the csv module and fractions."""

import csv
from collections import defaultdict
from fractions import Fraction
from pathlib import Path

import pandas_app as weather
import pytest

from agi_node import AgiError, LocalRun, RunContext
from agi_node.files import use_roots

APP = Path(__file__).parents[1]
STATIONS = ["EWR", "JFK", "LGA"]


def temperatures(station: str) -> list[tuple[str, Fraction]]:
    """(day, °C) of every hour with a temperature, exactly."""
    with (APP / f"data/{station}.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["temp_f"] != "NA"]
    return [(row["time"][:10], (Fraction(row["temp_f"]) - 32) / Fraction("1.8")) for row in rows]


def whole(root: Path, folder: Path, **given: object) -> tuple[weather.Weather, list[LocalRun]]:
    """A run of the plain functions, one file after the other."""
    with use_roots({"app": root}):
        args = weather.WeatherArgs.model_validate(given)
        runs, done = [], []
        for item in weather.stations(args):
            runs.append(RunContext.local(folder / item.key, key=item.key))
            done.append(weather.summarise(item.payload, args, runs[-1]))
    return weather.Weather.merge_all(done), runs


def test_the_summary_is_what_plain_python_computes(tmp_path: Path) -> None:
    summary, runs = whole(APP, tmp_path)
    every = [value for station in STATIONS for _, value in temperatures(station)]
    assert summary.stations == set(STATIONS)
    assert summary.temperature_c.count == len(every) == summary.hours - summary.missing
    assert summary.temperature_c.mean == pytest.approx(float(sum(every) / len(every)), rel=1e-12)
    days = defaultdict(list)
    for station in STATIONS:
        for day, value in temperatures(station):
            days[station, day].append(value)
    counted = {key: values for key, values in days.items() if len(values) >= 18}
    assert summary.days == len(counted)
    assert summary.coldest is not None
    assert summary.coldest[0] == pytest.approx(float(min(map(min, counted.values()))), rel=1e-12)

    earlier = {"days": [(run.key, run.saved["days"]) for run in runs]}
    last = RunContext.local(tmp_path / "publish", node="publish", earlier=earlier)
    weather.together(summary, last)
    assert [(one["name"], one["passed"]) for one in last.validations] == [
        ("days add up", True),
        ("temperatures are known", True),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "time,temp_f\n2013-01-01T06:00:00Z,39\n",
        "time,temp_f,wind_mph,precip_in\n2013-01-01T06:00:00Z,warm,1,0\n",
        "time,temp_f,wind_mph,precip_in\nnoon,39,1,0\n",
        "time,temp_f,wind_mph,precip_in\n2013-01-01T06:00:00Z,NA,1,0\n",
        "time,temp_f,wind_mph,precip_in\n2013-01-01T06:00:00Z,390,1,0\n",
        "time,temp_f,wind_mph,precip_in\n",
    ],
)
def test_a_table_that_is_none_is_refused_by_name(tmp_path: Path, text: str) -> None:
    (tmp_path / "bad.csv").write_text(text)
    with pytest.raises(AgiError, match=r"app:bad.csv is no table of hourly weather"):
        whole(tmp_path, tmp_path / "run", tables="bad.csv")
