"""What the meteo app refuses: every error names the file, row or station, what was found and what is allowed."""

from __future__ import annotations

import importlib
import random
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet
import pytest
from tests.apps.sources import import_from

from agi_node import AgiError, FileRef, RunContext
from agi_node.files import use_roots

APP = Path(__file__).parents[2] / "src/agilab/apps/meteo_forecast_project"
SHIPPED = APP / "data/nyc_2013.parquet"

import_from(APP)
meteo = importlib.import_module("meteo")

Refused = Callable[..., AgiError]


@pytest.fixture
def refused(tmp_path: Path) -> Refused:
    """The error that a plan over `data/bad.<suffix>` ends with; nothing has run by then."""

    def plan(content: pl.DataFrame | str | bytes, suffix: str = "", **args: Any) -> AgiError:
        name = f"bad{suffix or ('.parquet' if isinstance(content, pl.DataFrame) else '.csv')}"
        path = tmp_path / "data" / name
        path.parent.mkdir(exist_ok=True)
        if isinstance(content, pl.DataFrame):
            content.write_parquet(path)
        else:
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        with use_roots({"app": tmp_path}), pytest.raises(AgiError) as caught:
            list(meteo.stations_and_targets(meteo.MeteoArgs(observations=f"data/{name}", **args)))
        assert caught.value.exit_code == 1
        assert str(tmp_path) not in caught.value.render(), "no absolute path"
        return caught.value

    return plan


def shipped(*columns: Any, rows: int | None = None) -> pl.DataFrame:
    table = pl.read_parquet(SHIPPED).with_columns(*columns)
    return table.head(rows) if rows else table


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_an_empty_file(refused: Refused, suffix: str) -> None:
    error = refused(b"", suffix)
    assert (error.code, error.what, error.found) == (
        "AGI-DATA-142",
        f"app:data/bad{suffix} is empty",
        "0 bytes",
    )


def test_a_file_that_is_neither_csv_nor_parquet(refused: Refused) -> None:
    error = refused("some notes", ".txt")
    assert (error.code, error.found, error.allowed) == ("AGI-DATA-141", "bad.txt", ".csv or .parquet")


@pytest.mark.parametrize("kept", [7, 5_000, -1, -8])
def test_a_parquet_file_that_was_cut_short(refused: Refused, kept: int) -> None:
    error = refused(SHIPPED.read_bytes()[:kept], ".parquet")
    assert (error.code, error.what) == ("AGI-DATA-143", "app:data/bad.parquet is cut short")
    assert error.allowed == "b'PAR1' at the end"


@pytest.mark.parametrize("seed", range(12))
def test_a_damaged_parquet_file_is_read_or_refused_by_name(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    damaged = bytearray(SHIPPED.read_bytes())
    start = chance.randrange(4, len(damaged) - 40)
    damaged[start : start + 32] = chance.randbytes(32)
    (tmp_path / "bad.parquet").write_bytes(damaged)
    with use_roots({"app": tmp_path}):
        try:
            list(meteo.stations_and_targets(meteo.MeteoArgs(observations="bad.parquet")))
        except AgiError as error:
            assert "bad.parquet" in error.what or "station" in error.what  # noqa: PT017


def test_a_csv_file_whose_rows_do_not_fit(refused: Refused) -> None:
    error = refused("station,time,temperature_c\nX,2020-01-01,1\nX,2020-01-02,1,2,3\n")
    assert (error.code, error.what) == ("AGI-DATA-143", "app:data/bad.csv cannot be read")


@pytest.mark.parametrize("name", ["station", "time", "temperature_c"])
def test_a_missing_column_is_told_beside_those_that_are_there(refused: Refused, name: str) -> None:
    error = refused(shipped().rename({name: "other"}))
    assert (error.code, error.what) == ("AGI-DATA-144", f"app:data/bad.parquet has no column {name}")
    assert error.found is not None
    assert "other" in error.found
    assert error.allowed == (
        "station (or origin), time (or time_hour), temperature_c (or temperature_f in °F, temp in °F)"
    )


@pytest.mark.parametrize(
    ("column", "found", "allowed"),
    [
        (pl.col("time").dt.epoch(), "Int64", "datetime"),
        (pl.lit(date(2013, 1, 1)).alias("time"), "Date", "datetime"),
        (pl.lit(True).alias("temperature_c"), "Boolean", "number"),
        (pl.lit(4).alias("station"), "Int32", "text"),
    ],
)
def test_a_column_of_another_type(refused: Refused, column: pl.Expr, found: str, allowed: str) -> None:
    error = refused(shipped(column))
    assert (error.code, error.found, error.allowed) == ("AGI-DATA-145", found, allowed)
    assert f"has a column {column.meta.output_name()} of another type" in error.what


@pytest.mark.parametrize(
    ("line", "what", "found"),
    [
        ("X,2020-01-01T02:00:00,warm", "no number as temperature_c in row 3", "'warm'"),
        ("X,yesterday,3", "no datetime as time in row 3", "'yesterday'"),
        ("X,,3", "no datetime as time in row 3", "None"),
        (",2020-01-01T02:00:00,3", "no text as station in row 3", "None"),
    ],
)
def test_a_value_that_is_none_is_told_with_its_row(
    refused: Refused, line: str, what: str, found: str
) -> None:
    good = "X,2020-01-01T00:00:00,1\nX,2020-01-01T01:00:00,NA\n"
    error = refused(f"station,time,temperature_c\n{good}{line}\n")
    assert (error.code, error.what, error.found) == ("AGI-DATA-145", f"app:data/bad.csv has {what}", found)


@pytest.mark.parametrize(
    ("column", "what", "found"),
    [
        (pl.col("temperature_c") + 273.15, "temperature_c out of range, row 1", "277.05"),
        (pl.col("temperature_c").fill_null(0) - 100, "temperature_c out of range, row 1", "-96.1"),
        (pl.lit(float("inf")).alias("temperature_c"), "temperature_c out of range, row 1", "inf"),
        (pl.col("time").dt.offset_by("-200y"), "time out of range, row 1", "1813-01-01 06:00:00"),
    ],
)
def test_a_value_out_of_range_is_told_with_its_row(
    refused: Refused, column: pl.Expr, what: str, found: str
) -> None:
    error = refused(shipped(column))
    assert (error.code, error.what) == ("AGI-DATA-146", f"app:data/bad.parquet has a {what}")
    assert error.found == found


def test_a_station_that_is_missing_is_told_beside_those_that_are_there(refused: Refused) -> None:
    error = refused(shipped(), stations="JFK,SFO,LAX")
    assert (error.code, error.what) == ("AGI-DATA-147", "app:data/bad.parquet: no station SFO, LAX")
    assert error.found == "EWR, JFK, LGA"


def test_a_table_without_rows(refused: Refused) -> None:
    error = refused("station,time,temperature_c\n")
    assert (error.code, error.what) == ("AGI-DATA-147", "app:data/bad.csv: no rows")


@pytest.mark.parametrize("nothing", [None, float("nan")])
def test_nothing_but_gaps(refused: Refused, nothing: float | None) -> None:
    error = refused(shipped(pl.lit(nothing, pl.Float64).alias("temperature_c")))
    assert error.code == "AGI-DATA-148"
    assert error.what == "app:data/bad.parquet: stations EWR, JFK, LGA have no temperature at all"


def test_one_silent_station_is_named_and_the_others_can_be_asked_for(refused: Refused) -> None:
    silent = pl.when(pl.col("station") != "JFK").then("temperature_c").alias("temperature_c")
    error = refused(shipped(silent))
    assert (error.code, error.try_) == ("AGI-DATA-148", "name the others: --stations A,B")
    assert "station JFK has no temperature" in error.what


def test_a_target_too_far_ahead(refused: Refused) -> None:
    error = refused(shipped(), targets="24h,15d")
    assert (error.code, error.found, error.allowed) == ("AGI-DATA-149", "15d", "14 days")


def test_a_record_too_short_for_the_back_test(refused: Refused) -> None:
    error = refused(shipped(rows=24 * 100), targets="6h")
    assert (error.code, error.what) == ("AGI-DATA-150", "station EWR was observed too shortly")
    assert error.found is not None
    assert error.found.startswith("100 days")
    assert error.allowed is not None
    assert error.allowed.startswith("179 or more")


@pytest.mark.slow
def test_too_few_errors_for_an_interval_of_the_level(tmp_path: Path) -> None:
    args = meteo.MeteoArgs(level=0.98, targets="1d", stations="JFK", calibration_days=40)
    run = RunContext.local(tmp_path)
    with use_roots({"app": APP}):
        (item,) = meteo.stations_and_targets(args)
        with pytest.raises(
            AgiError, match=r"too few forecasts to calibrate intervals of level 0\.98"
        ) as caught:
            meteo.forecast(meteo.Case(**item.payload), args, run)
    assert (caught.value.code, caught.value.found) == ("AGI-DATA-151", "40 at most")
    assert (caught.value.allowed, caught.value.exit_code) == ("49 or more", 1)
    assert not run.saved
    assert not run.metrics


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("targets", "24"),
        ("targets", "0h"),
        ("targets", "1h,,2h"),
        ("targets", "1h,1h"),
        ("targets", ""),
        ("stations", "JFK, LGA"),
        ("stations", "JFK,JFK"),
        ("train_days", 29),
        ("refit_days", 0),
        ("calibration_days", 13),
        ("origin_every_h", 25),
        ("level", 1.0),
        ("level", 0.4),
        ("penalty", 0),
        ("max_rate_c_per_h", -1),
        ("mape_least_c", 0),
    ],
)
def test_arguments_out_of_range_are_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=name):
        meteo.MeteoArgs(**{name: value})


def test_a_folder_means_its_tables_and_not_the_data_card() -> None:
    assert (APP / "data/README.md").is_file()
    with use_roots({"app": APP}):
        items = list(meteo.stations_and_targets(meteo.MeteoArgs(observations="data", targets="6h,2d")))
    assert [item.key for item in items] == ["EWR-6h", "EWR-2d", "JFK-6h", "JFK-2d", "LGA-6h", "LGA-2d"]
    assert [file.name for file in items[0].payload["files"]] == ["nyc_2013.parquet"]
    assert items[0].cost > items[1].cost > 0


def test_stations_may_come_from_several_files(tmp_path: Path) -> None:
    for name, suffix in (("EWR", "csv"), ("LGA", "parquet")):
        table = pl.read_parquet(SHIPPED).filter(station=name)
        table.write_csv(tmp_path / "a.csv") if suffix == "csv" else table.write_parquet(
            tmp_path / "b.parquet"
        )
    with use_roots({"app": tmp_path}):
        items = list(meteo.stations_and_targets(meteo.MeteoArgs(observations="*", targets="6h")))
    assert [item.key for item in items] == ["EWR-6h", "LGA-6h"]


def test_a_clock_that_is_wrong_by_a_century_costs_no_memory_before_it_is_refused(refused: Refused) -> None:
    late = datetime(2013, 1, 1) + timedelta(days=70_000)
    error = refused(
        shipped(pl.when(pl.col("time").is_last_distinct()).then(late).otherwise("time").alias("time"))
    )
    assert error.code == "AGI-DATA-146"


def test_two_temperatures_of_one_time_are_named_by_their_rows(refused: Refused) -> None:
    table = shipped()
    at = 5_000  # counted from 0; it is EWR's
    warmer = table.slice(at, 1).with_columns(pl.col("temperature_c") + 5)
    error = refused(pl.concat([table, warmer]))
    then, was = pyarrow.parquet.read_table(SHIPPED).slice(at, 1).to_pylist()[0], 5
    assert error.code == "AGI-DATA-151"
    assert error.what == (
        f"app:data/bad.parquet has another temperature of EWR at {then['time']}, row {len(table) + 1:,}"
    )
    assert (
        error.found == f"{then['temperature_c'] + was:g} °C; {then['temperature_c']:g} °C in row {at + 1:,}"
    )


def test_two_files_that_contradict_each_other_are_both_named(tmp_path: Path) -> None:
    text = "station,time,{}\nA,2020-01-01T00:00Z,{}\nA,2020-01-01T01:00Z,{}\n"
    for name, column, values in (
        ("a", "temperature_c", (10, "")),
        ("b", "temp", (50, 68)),
        ("c", "temp", (51, 68)),
    ):
        (tmp_path / f"{name}.csv").write_text(text.format(column, *values))
    agreeing, differing = (
        [FileRef("app", f"{name}.csv", (tmp_path / f"{name}.csv").stat().st_size) for name in names]
        for names in ("ab", "ac")
    )
    read = importlib.import_module("meteo.observations").read_observations
    with use_roots({"app": tmp_path}):
        found = read(agreeing)  # 50 °F are 10 °C
        assert found["temperature_c"].to_list() == [10.0, 10.0, 20.0]
        assert found.columns == ["station", "time", "temperature_c"]
        with pytest.raises(AgiError) as caught:
            read(differing)
    error = caught.value
    assert error.what == "app:c.csv has another temperature of A at 2020-01-01 00:00:00, row 1"
    assert error.found == "10.555556 °C; 10.0 °C in row 1 of app:a.csv"


def test_readings_that_come_twice_and_agree_are_one(tmp_path: Path) -> None:
    forecasts = []
    for name, table in (("once", shipped()), ("twice", pl.concat([shipped(), shipped()]))):
        folder = tmp_path / name
        folder.mkdir()
        table.write_parquet(folder / "w.parquet")
        with use_roots({"app": folder}):
            args = meteo.MeteoArgs(observations="w.parquet", stations="JFK", targets="1d")
            (item,) = meteo.stations_and_targets(args)
            case = meteo.Case(**item.payload)
            forecasts.append(meteo.forecast(case, args, RunContext.local(folder / "unit")).to_payload())
    assert forecasts[0] == forecasts[1]
