"""What the meteo app reads, by hand; what it does with it is the library `backtest`, see `test_backtest.py`."""

from __future__ import annotations

import importlib
from datetime import datetime
from pathlib import Path

import polars as pl
from tests.apps.sources import import_from

from agi_node import FileRef
from agi_node.files import use_roots

APP = Path(__file__).parents[2] / "src/agilab/apps/meteo_forecast_project"

import_from(APP)
observations = importlib.import_module("meteo.observations")


def read(folder: Path, text: str, *stations: str, name: str = "data.csv") -> pl.DataFrame:
    (folder / name).write_text(text)
    with use_roots({"app": folder}):
        file = FileRef("app", name, (folder / name).stat().st_size)
        table: pl.DataFrame = observations.read_observations([file], stations)
        return table


def test_fahrenheit_and_the_names_of_nycflights_are_understood(tmp_path: Path) -> None:
    rows = ["JFK,32,2013-01-01T06:00:00Z", "JFK,39.02,2013-01-01T07:00:00Z"]
    table = read(tmp_path, "\n".join(["origin,temp,time_hour", *rows]))
    assert table.rows() == [("JFK", datetime(2013, 1, 1, 6), 0.0), ("JFK", datetime(2013, 1, 1, 7), 3.9)]


def test_times_of_other_zones_are_brought_to_utc(tmp_path: Path) -> None:
    text = "station,time,temperature_c\nX,2020-03-01T12:00:00+02:00,1\n"
    assert read(tmp_path, text)["time"].to_list() == [datetime(2020, 3, 1, 10)]


def test_rows_without_a_temperature_say_nothing_and_other_stations_are_not_asked(tmp_path: Path) -> None:
    rows = ["X,2020-03-01T01:00:00,NA", "X,2020-03-01T02:00:00,", "X,2020-03-01T03:00:00,4"]
    silent = ["Y,2020-03-01T03:00:00,NaN"]
    text = "\n".join(["station,time,temperature_c", *rows, *silent])
    assert read(tmp_path, text, "X").height == 1


def test_stations_come_in_the_order_of_their_names_and_readings_in_that_of_their_times(
    tmp_path: Path,
) -> None:
    rows = ["Y,2020-03-01T02:00:00,1", "X,2020-03-01T03:00:00,2", "Y,2020-03-01T01:00:00,3"]
    table = read(tmp_path, "\n".join(["station,time,temperature_c", *rows]))
    assert table.select("station", "temperature_c").rows() == [("X", 2.0), ("Y", 3.0), ("Y", 1.0)]
