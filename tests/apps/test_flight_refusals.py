"""What the flight app refuses to read: every error names the file, what was found and what was allowed."""

from __future__ import annotations

import importlib
import random
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet
import pytest
from tests.apps.sources import import_from

from agi_node import AgiError, FileRef, RunContext
from agi_node.files import use_roots

APP = Path(__file__).parents[2] / "src/agilab/apps/flight_project"
GOOD = APP / "data/4bce03.parquet"

import_from(APP)
flight = importlib.import_module("flight")


@pytest.fixture
def bad(tmp_path: Path) -> Iterator[Path]:
    """Where a bad file may be put: `app:data/bad.parquet`."""
    (tmp_path / "data").mkdir()
    with use_roots({"app": tmp_path}):
        yield tmp_path / "data/bad.parquet"


def refusal(path: Path) -> AgiError:
    """The error that a unit on this file ends with; it has saved and logged nothing by then."""
    file = FileRef("app", f"data/{path.name}", path.stat().st_size)
    run = RunContext.local(path.parent / "unit")
    with pytest.raises(AgiError) as caught:
        flight.summarise(file, flight.FlightArgs(), run)
    assert not run.saved
    assert not run.metrics
    assert caught.value.what.startswith("app:data/bad.parquet ")
    assert caught.value.exit_code == 1
    assert str(path.parent) not in caught.value.render(), "no absolute path"
    return caught.value


def altered(path: Path, *columns: Any, drop: str | None = None) -> AgiError:
    table = pl.read_parquet(GOOD).with_columns(*columns)
    (table.drop(drop) if drop else table).write_parquet(path)
    return refusal(path)


def test_an_empty_file(bad: Path) -> None:
    bad.touch()
    error = refusal(bad)
    assert (error.code, error.found) == ("AGI-DATA-101", "0 bytes")


@pytest.mark.parametrize(
    ("content", "found"),
    [(b"timestamp,icao24\n1,2\n", "b'time'"), (b"\x1f\x8b", r"b'\x1f\x8b'"), (b"<!DOCTYPE html>", "b'<!DO'")],
)
def test_a_file_that_is_no_parquet(bad: Path, content: bytes, found: str) -> None:
    bad.write_bytes(content)
    error = refusal(bad)
    assert (error.code, error.found) == ("AGI-DATA-102", f"{found} at the start")
    assert "is no parquet file" in error.what


@pytest.mark.parametrize("kept", [4, 7, 12, 5000, -1, -4, -8])
def test_a_parquet_file_that_was_cut_short(bad: Path, kept: int) -> None:
    whole = GOOD.read_bytes()
    bad.write_bytes(whole[:kept])
    error = refusal(bad)
    if kept == 4:  # a file of four bytes is its own end
        assert error.code == "AGI-DATA-104"
    else:
        assert (error.code, error.allowed) == ("AGI-DATA-103", "b'PAR1' at the end")
        assert error.found == f"{len(whole[:kept]):,} bytes"


@pytest.mark.parametrize("seed", range(25))  # 19: a timestamp in the year -144108
def test_a_parquet_file_that_is_damaged_inside_is_read_or_refused_by_name(bad: Path, seed: int) -> None:
    chance = random.Random(seed)
    damaged = bytearray(GOOD.read_bytes())
    start = chance.randrange(4, len(damaged) - 40)
    damaged[start : start + 32] = chance.randbytes(32)
    bad.write_bytes(damaged)
    try:
        flight.summarise(
            FileRef("app", "data/bad.parquet", len(damaged)),
            flight.FlightArgs(),
            RunContext.local(bad.parent / "unit"),
        )
    except AgiError as error:
        assert "app:data/bad.parquet" in error.what  # noqa: PT017


def test_a_damaged_footer(bad: Path) -> None:
    damaged = bytearray(GOOD.read_bytes())
    damaged[-200:-8] = bytes(192)
    bad.write_bytes(damaged)
    error = refusal(bad)
    assert error.code == "AGI-DATA-104"
    assert error.found


COLUMNS = ["timestamp", "icao24", "latitude", "longitude", "altitude", "groundspeed", "vertical_rate"]


@pytest.mark.parametrize("name", COLUMNS)
def test_a_missing_column_is_told_beside_those_that_are_there(bad: Path, name: str) -> None:
    error = altered(bad, pl.col(name).alias("lat"), drop=name)
    assert (error.code, error.what) == ("AGI-DATA-105", f"app:data/bad.parquet has no column {name}")
    assert error.found is not None
    assert error.found.endswith(", lat")
    assert error.allowed == ", ".join(COLUMNS)


@pytest.mark.parametrize(
    ("column", "found", "allowed"),
    [
        (pl.col("timestamp").dt.epoch(), "Int64", "datetime"),
        (pl.lit(date(2021, 10, 7)).alias("timestamp"), "Date", "datetime"),
        (pl.col("latitude").cast(pl.String), "String", "number"),
        (pl.lit(4).alias("icao24"), "Int32", "text"),
        (pl.lit(True).alias("altitude"), "Boolean", "number"),
    ],
)
def test_a_column_of_another_type(bad: Path, column: pl.Expr, found: str, allowed: str) -> None:
    error = altered(bad, column)
    assert (error.code, error.found, error.allowed) == ("AGI-DATA-106", found, allowed)
    assert f"has a column {column.meta.output_name()} of another type" in error.what


@pytest.mark.parametrize(
    ("other", "found"), [("abc123", "icao24 4bce03, abc123"), (None, "icao24 None, 4bce03")]
)
def test_a_file_that_is_not_of_one_aircraft(bad: Path, other: str | None, found: str) -> None:
    high = pl.when(pl.col("altitude") > 9000)
    error = altered(bad, high.then(pl.lit(other, pl.String)).otherwise("icao24").alias("icao24"))
    assert (error.code, error.found, error.allowed) == ("AGI-DATA-107", found, "one icao24")


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("latitude", 90.5, "-90 to 90 degrees"),
        ("latitude", float("inf"), "-90 to 90 degrees"),
        ("longitude", -181.0, "-180 to 360 degrees"),
    ],
)
def test_a_position_off_the_earth(bad: Path, name: str, value: float, allowed: str) -> None:
    assert_out_of_range(bad, name, value, allowed)


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("altitude", float("inf"), "-2,000 to 130,000 ft"),
        ("altitude", -2000.5, "-2,000 to 130,000 ft"),
        ("groundspeed", -1.0, "0 to 4,100 kt"),
        ("vertical_rate", 40_000.0, "-33,000 to 33,000 ft/min"),
    ],
)
def test_a_number_that_no_transponder_can_say(bad: Path, name: str, value: float, allowed: str) -> None:
    assert_out_of_range(bad, name, value, allowed)


def assert_out_of_range(bad: Path, name: str, value: float, allowed: str) -> None:
    high = pyarrow.parquet.read_table(GOOD).column("altitude").to_pylist()
    row = next(row for row, altitude in enumerate(high, 1) if altitude is not None and altitude > 9000)
    error = altered(bad, pl.when(pl.col("altitude") > 9000).then(value).otherwise(name).alias(name))
    assert (error.code, error.found, error.allowed) == ("AGI-DATA-108", str(value), allowed)
    article = "an" if name == "altitude" else "a"
    assert error.what == f"app:data/bad.parquet has {article} {name} out of range, row {row:,}"


@pytest.mark.parametrize(
    ("shift", "year"), [("-2000y", "21-10-07"), ("-200000y", "-197979"), ("300y", "2321")]
)
def test_a_time_when_no_aircraft_flew(bad: Path, shift: str, year: str) -> None:
    error = altered(bad, pl.col("timestamp").dt.offset_by(shift))
    assert (error.code, error.allowed) == ("AGI-DATA-108", "1900-01-01 00:00:00 to 2200-01-01 00:00:00")
    assert error.found is not None
    assert year in error.found


def test_a_column_in_which_nothing_was_recorded_is_no_wrong_type(bad: Path) -> None:
    empty = pl.lit(None).alias("groundspeed")
    pl.read_parquet(GOOD).with_columns(empty).write_parquet(bad)
    file = FileRef("app", "data/bad.parquet", bad.stat().st_size)
    summary = flight.summarise(file, flight.FlightArgs(), RunContext.local(bad.parent / "unit"))
    assert summary.row_count == 633


def test_altitudes_that_are_nan_everywhere_are_unknown_and_the_track_still_counts(bad: Path) -> None:
    nan = pl.lit(float("nan")).alias("altitude")
    pl.read_parquet(GOOD).with_columns(nan).write_parquet(bad)
    file = FileRef("app", "data/bad.parquet", bad.stat().st_size)
    summary = flight.summarise(file, flight.FlightArgs(), RunContext.local(bad.parent / "unit"))
    assert (summary.row_count, summary.altitude_ft.count, summary.impossible_climbs) == (633, 0, 0)


def test_a_track_without_rows_says_nothing_about_an_aircraft(bad: Path) -> None:
    pl.read_parquet(GOOD).clear().write_parquet(bad)
    error = refusal(bad)
    assert (error.code, error.what) == ("AGI-DATA-109", "app:data/bad.parquet has no position")
    assert (error.found, error.allowed) == ("0 rows", "a row with all of timestamp, latitude, longitude")
    assert "--keep-going" in str(error.try_)


@pytest.mark.parametrize("nothing", [None, float("nan")])
@pytest.mark.parametrize("name", ["timestamp", "latitude", "longitude"])
def test_a_track_without_a_time_or_a_place_is_told_which_is_missing(
    bad: Path, name: str, nothing: float | None
) -> None:
    dtype = pl.Datetime("ns", "UTC") if name == "timestamp" else pl.Float64
    error = altered(bad, pl.lit(None if name == "timestamp" else nothing, dtype).alias(name))
    rows = pyarrow.parquet.read_table(GOOD).to_pylist()
    held = {one: sum(row[one] is not None for row in rows) for one in ("timestamp", "latitude", "longitude")}
    held[name] = 0
    assert error.code == "AGI-DATA-109"
    told = ", ".join(f"{one} in {count:,}" for one, count in held.items())
    assert error.found == f"{len(rows):,} rows: {told}"


def test_times_and_places_that_never_meet_in_a_row_make_no_position(bad: Path) -> None:
    odd = pl.int_range(pl.len()) % 2 == 1
    places = [pl.when(odd).then(name).alias(name) for name in ("latitude", "longitude")]
    error = altered(bad, pl.when(~odd).then("timestamp").alias("timestamp"), *places)
    assert error.code == "AGI-DATA-109"
    assert " in 0" not in str(error.found)


def test_one_position_is_enough_to_be_read_and_too_few_to_count(bad: Path) -> None:
    first = pl.int_range(pl.len()) == 0
    pl.read_parquet(GOOD).with_columns(pl.when(first).then("latitude").alias("latitude")).write_parquet(bad)
    file = FileRef("app", "data/bad.parquet", bad.stat().st_size)
    summary = flight.summarise(file, flight.FlightArgs(), RunContext.local(bad.parent / "unit"))
    assert summary == flight.FlightSummary(source_file_count=1)


def test_a_file_whose_name_looks_like_a_pattern_is_just_a_file(bad: Path) -> None:
    odd = bad.with_name("a[1]*.parquet")
    odd.write_bytes(GOOD.read_bytes())
    file = FileRef("app", f"data/{odd.name}", odd.stat().st_size)
    summary = flight.summarise(file, flight.FlightArgs(), RunContext.local(bad.parent / "unit"))
    assert summary.aircraft == {"4bce03"}
