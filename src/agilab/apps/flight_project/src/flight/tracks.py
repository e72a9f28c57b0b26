"""One aircraft's track: what its file must hold, and the trajectory that it makes."""

from datetime import datetime

import polars as pl
from checked_tables import Codes, Column, Table
from polars import col
from trajectories import leaps, segments, trips

from agi_node import FileRef

KNOT_MPS = 1852 / 3600  # an international nautical mile of 1,852 m in an hour
FOOT_M = 0.3048
FPM_MPS = FOOT_M / 60
STAMP_S = 1.0  # state vectors carry whole seconds, whenever in that second the position was true
ALTITUDE_STEP_FT = 25.0  # of the altitude code: either end of a climb may be half a step off
SOUND_MPS = 340.3  # the speed of sound at sea level: ICAO standard atmosphere, Doc 7488
CLIMB_FPM = 12_000.0  # 200 ft/s, from which the derivative filter of the package `traffic` drops altitudes
POSITION = ["timestamp", "latitude", "longitude"]
TRACK = Table(
    [
        Column("timestamp", "datetime", "", datetime(1900, 1, 1), datetime(2200, 1, 1), gaps=True),
        Column("icao24", "text", gaps=True),
        Column("latitude", "number", "degrees", -90, 90, gaps=True),
        Column("longitude", "number", "degrees", -180, 360, gaps=True),
        Column("altitude", "number", "ft", -2_000, 130_000, gaps=True),  # the codes: -1,200 to 126,700 ft
        Column("groundspeed", "number", "kt", 0, 4_100, gaps=True),  # … to 4,084 kt, supersonic
        Column("vertical_rate", "number", "ft/min", -33_000, 33_000, gaps=True),  # … to ± 32,640 ft/min
    ],
    Codes("AGI-DATA", empty=101, foreign=102, cut=103, damaged=104, column=105, kind=106, limits=108),
    try_="mend or move the file; with --keep-going the others still count",
)
"""What a track must hold. Beyond its limits a column has another unit or meaning, or the file is damaged."""


def read_positions(file: FileRef) -> pl.DataFrame:
    """The rows of the one aircraft in `file`, as `TRACK` has them.

    Raises:
        AgiError: AGI-DATA-101 the file is empty, 102 no parquet, 103 cut short, 104 damaged inside, 105 lacks
            a column, 106 has one of another type, 107 is not of one aircraft, 108 has a value out of range, 109 has
            no row with both a time and a place.
    """
    table = TRACK.read(file)
    if table.drop_nulls(POSITION).is_empty():
        known = ", ".join(f"{name} in {table[name].count():,}" for name in POSITION)
        found = f"{len(table):,} rows: {known}" if len(table) else "0 rows"
        raise TRACK.refusal(file, 109, "has no position", found, "a row with all of " + ", ".join(POSITION))
    if table["icao24"].n_unique() > 1 or table["icao24"].null_count():
        aircraft = table.drop_nulls(POSITION)["icao24"].unique().sort()
        if len(aircraft) > 1 or aircraft.null_count():
            found = f"icao24 {', '.join(map(str, aircraft.head(5)))}"
            raise TRACK.refusal(file, 107, "is not the track of one aircraft", found, "one icao24")
    return table


def trajectory(
    positions: pl.DataFrame,
    *,
    max_gap_s: float,
    flight_gap_s: float,
    max_speed_mps: float = SOUND_MPS,
    max_climb_fpm: float = CLIMB_FPM,
) -> pl.DataFrame:
    """Every position that has a time and a place, with its flight, its flags, and the segment that ends there."""
    known = positions.lazy().select(
        "icao24",
        "latitude",
        "longitude",
        time="timestamp",
        altitude_ft="altitude",
        vertical_rate_fpm="vertical_rate",
        groundspeed_mps=col("groundspeed") * KNOT_MPS,
    )
    limits = {"max_gap_s": max_gap_s, "trip_gap_s": flight_gap_s, "max_speed_mps": max_speed_mps}
    table = segments(known, **limits, stamp_s=STAMP_S, track="icao24", trip="flight")
    climbs = leaps(table, "altitude_ft", per_s=max_climb_fpm / 60, step=ALTITUDE_STEP_FT, trip="flight")
    return table.with_columns(climbs.alias("impossible_climb"))


def flights(table: pl.DataFrame) -> pl.DataFrame:
    """One row for each flight of one or more trajectories: when, how long, how far, how high; flagged rows apart."""
    altitude = pl.when(~col("impossible_climb")).then("altitude_ft").max()
    climb, descent = col("vertical_rate_fpm").max(), col("vertical_rate_fpm").min()
    return trips(
        table,
        track="icao24",
        trip="flight",
        max_altitude_ft=altitude,
        max_altitude_m=altitude * FOOT_M,
        max_vertical_rate_fpm=climb,
        max_vertical_rate_mps=climb * FPM_MPS,
        min_vertical_rate_fpm=descent,
        min_vertical_rate_mps=descent * FPM_MPS,
    )


def drawn(table: pl.DataFrame) -> str | None:
    """The map of all trajectories, coloured by altitude."""
    from trajectories.maps import Bands, trajectory_map  # here: no process that only works pays for it

    names = ("below 5,000 ft", "5,000 to 10,000", "10,000 to 20,000", "20,000 to 30,000", "30,000 and above")
    edges = (5_000, 10_000, 20_000, 30_000)
    bands = Bands("altitude_ft", edges, names, "altitude", astray="impossible_climb")
    return trajectory_map(table, bands, tracks="aircraft", trips="flights", track="icao24", trip="flight")
