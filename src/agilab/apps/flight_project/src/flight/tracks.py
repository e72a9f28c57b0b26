"""One aircraft's track as it was recorded: read from a parquet file, or refused by name."""

from datetime import datetime
from typing import Any

import polars as pl
from polars import col

from agi_node import AgiError, FileRef

KNOT_MPS = 1852 / 3600  # an international nautical mile of 1,852 m in an hour

NUMBERS = [
    "latitude",
    "longitude",
    "altitude",
    "groundspeed",
    "vertical_rate",
]  # degrees, degrees, ft, kt, ft/min
COLUMNS = {"timestamp": "datetime", "icao24": "text", **dict.fromkeys(NUMBERS, "number")}
"""What a track must hold, and as what; other columns are not read."""

LIMITS: dict[str, tuple[Any, Any]] = {
    "timestamp": (datetime(1900, 1, 1), datetime(2200, 1, 1)),
    "latitude": (-90, 90),
    "longitude": (-180, 360),
    "altitude": (-2_000, 130_000),  # the codes of Mode S and ADS-B reach from -1,200 to 126,700 ft
    "groundspeed": (0, 4_100),  # … to 4,084 kt, supersonic
    "vertical_rate": (-33_000, 33_000),  # … to 32,640 ft/min
}
"""What can be true, or at least recorded: beyond, a column has another unit or meaning, or the file is damaged."""


def read_positions(file: FileRef) -> pl.DataFrame:
    """The positions of the one aircraft in `file`: `COLUMNS`, in order of time (UTC, µs), every instant once.

    Rows without time, latitude or longitude (null or NaN) are dropped, and all rows of one timestamp but the
    first in the file.

    Raises:
        AgiError: AGI-DATA-101 the file is empty, 102 no parquet, 103 cut short, 104 damaged inside, 105 lacks
            a column, 106 has one of another type, 107 is not of one aircraft, 108 leaves `LIMITS`.
    """
    try:
        table = pl.read_parquet(file.path, columns=list(COLUMNS), glob=False)
    except pl.exceptions.ColumnNotFoundError as error:
        found = pl.read_parquet_schema(file.path)
        missing = ", ".join(name for name in COLUMNS if name not in found)
        raise _refusal(file, 105, f"has no column {missing}", ", ".join(found), ", ".join(COLUMNS)) from error
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise _unreadable(file, error) from error
    for name, dtype in table.schema.items():
        is_a = {"datetime": dtype == pl.Datetime, "text": dtype == pl.String, "number": dtype.is_numeric()}
        if not is_a[COLUMNS[name]] and dtype != pl.Null:  # Null: nothing was ever recorded
            raise _refusal(file, 106, f"has a column {name} of another type", str(dtype), COLUMNS[name])

    utc = col("timestamp").cast(pl.Datetime("us", "UTC")).dt.replace_time_zone(None)
    positions = (
        table.with_columns(utc, col(NUMBERS).cast(pl.Float64).fill_nan(None))
        .drop_nulls(["timestamp", "latitude", "longitude"])
        .sort("timestamp", maintain_order=True)
        .unique("timestamp", keep="first", maintain_order=True)
    )
    aircraft = positions["icao24"].unique().sort()
    if len(aircraft) > 1 or aircraft.null_count():
        names = ", ".join(map(str, aircraft.head(5)))
        raise _refusal(file, 107, "is not the track of one aircraft", f"icao24 {names}", "one icao24")
    for name, (low, high) in LIMITS.items():
        strays = positions[name].filter(~positions[name].is_between(low, high)).cast(pl.String)
        if len(strays):
            raise _refusal(file, 108, f"has {name} out of range", strays[0], f"{low} to {high}")
    return positions


def _unreadable(file: FileRef, error: BaseException) -> AgiError:
    """Why Polars could not read `file`: every parquet file begins and ends with the same four bytes."""
    data, mark = file.path.read_bytes(), b"PAR1"
    if not data:
        return _refusal(file, 101, "is empty", "0 bytes", "a parquet file")
    if data[:4] != mark:
        return _refusal(file, 102, "is no parquet file", f"{data[:4]!r} at the start", str(mark))
    if data[-4:] != mark:
        return _refusal(file, 103, "is cut short", f"{len(data):,} bytes", f"{mark!r} at the end")
    return _refusal(file, 104, "is damaged inside", str(error).partition("\n")[0], "readable parquet pages")


def _refusal(file: FileRef, number: int, what: str, found: str, allowed: str) -> AgiError:
    code, try_ = f"AGI-DATA-{number}", "mend or move the file; with --keep-going the others still count"
    return AgiError(code, f"{file} {what}", found=found, allowed=allowed, try_=try_, exit_code=1)
