"""The sums of the flight app as one Polars script in one process: reference for speed, oracle for numbers.

It knows nothing of AGILab, writes no trajectories and checks no input: what a person would write who wants
these numbers once. Grouping is by file, as in the app.

    python benchmarks/flight_polars.py FOLDER [--min-points 2] [--max-gap-s 300] [--flight-gap-s 600]
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import polars as pl
from polars import col

EARTH_RADIUS_M = 6_371_008.8
"""Mean radius of the earth, (2a + b) / 3, IUGG 1980 / GRS 80."""
WINDOW_S = 20
"""Stamps are whole seconds: a speed over so many of them is wrong by less than a twentieth."""


def summarise(
    folder: Path,
    min_points: int = 2,
    max_gap_s: float = 300.0,
    flight_gap_s: float = 600.0,
    max_speed_mps: float = 340.3,
    max_climb_fpm: float = 12_000.0,
) -> dict[str, Any]:
    """The payload of the flight app for every parquet file directly in `folder`; sums in float64."""
    positions = (
        pl.scan_parquet(folder / "*.parquet", include_file_paths="file")
        .select(
            *(
                "file",
                "icao24",
                "timestamp",
                "latitude",
                "longitude",
                "altitude",
                "groundspeed",
                "vertical_rate",
            )
        )
        .drop_nulls(["timestamp", "latitude", "longitude"])
        .sort("file", "timestamp", maintain_order=True)
        .filter(col("file").ne_missing(col("file").shift()) | (col("timestamp") != col("timestamp").shift()))
        .with_columns(pl.len().over("file").alias("points"))
        .filter(col("points") >= min_points)
    )
    phi, lam = col("latitude").radians(), col("longitude").radians()
    half_chord = (phi.diff() / 2).sin() ** 2 + phi.cos() * phi.shift().cos() * (lam.diff() / 2).sin() ** 2
    same = col("file") == col("file").shift()
    repeated = same & (phi == phi.shift()) & (lam == lam.shift())
    table = (
        positions.with_columns(
            distance=2 * EARTH_RADIUS_M * half_chord.sqrt().arcsin(),
            seconds=pl.when(same).then(seconds(col("timestamp").diff())),
            repeated=repeated.fill_null(False),
        )
        .with_columns(
            first_seen=pl.when(~col("repeated")).then("timestamp").forward_fill(),
            flight=(col("seconds").is_null() | (col("seconds") > flight_gap_s)).cum_sum(),
        )
        .with_columns(since=seconds(col("timestamp") - col("first_seen").shift()))
        .with_columns(
            near=(col("seconds") > 0) & (col("seconds") <= max_gap_s),
            impossible=col("distance") > max_speed_mps * (col("since") + 1),
            level=level(max_climb_fpm),
        )
        .with_columns(counted=col("near").fill_null(False) & ~col("impossible"))
        .with_columns(pl.when(col("counted")).then("distance").alias("flown"))
        .collect()
    )
    most = (
        table.lazy()
        .drop_nulls("level")
        .group_by("flight", "level")
        .agg(rows=pl.len())
        .sort("flight", "rows", "level", descending=[False, True, False])
        .group_by("flight")
        .agg(right=col("level").first())
    )
    known = table.lazy().drop_nulls("level").join(most, on="flight")
    instant = "%Y-%m-%dT%H:%M:%S%.6fZ"
    # what led to a position within the window, without a row between that does not count
    moved = (
        table.lazy()
        .with_columns(unbroken=(~col("counted")).cum_sum())
        .filter("counted", ~col("repeated"))
        .rolling("timestamp", period=f"{WINDOW_S}s", group_by="unbroken")
        .agg(metres=col("distance").sum(), lasted=col("since").sum())
        .filter(col("lasted") >= WINDOW_S)
    )
    totals, altitudes, speeds, flights = pl.collect_all(
        [
            table.lazy().select(
                row_count=pl.len(),
                aircraft=col("icao24").unique().sort().implode(),
                segment_count=col("counted").sum(),
                impossible_speeds=(col("near") & col("impossible")).sum(),
                distance_m=col("flown").sum(),
                vertical_rate_fpm=moments(col("vertical_rate")),
                time_start=col("timestamp").min().dt.strftime(instant),
                time_end=col("timestamp").max().dt.strftime(instant),
            ),
            known.select(
                impossible_climbs=(col("level") != col("right")).sum(),
                altitude_ft=moments(col("altitude").filter(col("level") == col("right"))),
            ),
            moved.select(speed_mps=moments(col("metres") / col("lasted"))),
            table.lazy()
            .group_by("file", "flight")
            .agg(
                icao24=col("icao24").first(),
                metres=col("flown").sum(),
                lasted=seconds(col("timestamp").last() - col("timestamp").first()),
            )
            .with_columns(number=col("flight").rank("ordinal").over("file"))
            .with_columns(name=pl.format("{}-{}", "icao24", "number")),
        ]
    )
    total, altitude = totals.row(0, named=True), altitudes.row(0, named=True)
    longest = (
        flights.with_columns(col("metres").round()).sort("metres", "name", descending=[True, False]).head(5)
    )
    spans = flights.select(moments(col("metres")).alias("metres"), moments(col("lasted")).alias("lasted"))
    return {
        "row_count": total["row_count"],
        "source_file_count": len(list(folder.glob("*.parquet"))),
        "aircraft": total["aircraft"],
        "aircraft_count": len(total["aircraft"]),
        "flight_count": len(flights),
        "segment_count": total["segment_count"],
        "impossible_speeds": total["impossible_speeds"],
        "impossible_climbs": altitude["impossible_climbs"],
        "distance_m": total["distance_m"],
        "speed_mps": speeds["speed_mps"][0],
        "altitude_ft": altitude["altitude_ft"],
        "vertical_rate_fpm": total["vertical_rate_fpm"],
        "flight_distance_m": spans["metres"][0],
        "flight_duration_s": spans["lasted"][0],
        "longest_flights": [
            {"value": metres, "label": name} for metres, name in longest.select("metres", "name").rows()
        ],
        "time_start": total["time_start"],
        "time_end": total["time_end"],
    }


def level(max_climb_fpm: float) -> pl.Expr:
    """Impossible climbs less impossible descents up to each known altitude of a flight; null where it is unknown."""
    known = col("altitude").is_not_null()
    last = pl.when(known).then("altitude").forward_fill().shift().over("flight")
    when = pl.when(known).then("timestamp").forward_fill().shift().over("flight")
    climb = col("altitude") - last
    reach = max_climb_fpm / 60 * (seconds(col("timestamp") - when) + 1) + 25
    return pl.when(known).then(
        pl.when(climb.abs() > reach).then(climb.sign()).otherwise(0).cum_sum().over("flight")
    )


def moments(values: pl.Expr) -> pl.Expr:
    """Count, mean, population variance, least and greatest of what is not null."""
    return pl.struct(
        count=values.count(),
        mean=values.mean(),
        variance=values.var(ddof=0),
        min=values.min(),
        max=values.max(),
    )


def seconds(span: pl.Expr) -> pl.Expr:
    """A duration as seconds."""
    return span.dt.total_microseconds() / 1e6


def main() -> None:
    """Print the payload as JSON, and the seconds it took beside it."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("folder", type=Path, help="a folder with one parquet file per aircraft")
    parser.add_argument("--min-points", type=int, default=2, help="fewer positions: counted as a file alone")
    parser.add_argument("--max-gap-s", type=float, default=300.0, help="longer segments do not count (s)")
    parser.add_argument(
        "--flight-gap-s", type=float, default=600.0, help="a longer silence ends a flight (s)"
    )
    parser.add_argument(
        "--max-speed-mps", type=float, default=340.3, help="positions farther apart are flagged"
    )
    parser.add_argument("--max-climb-fpm", type=float, default=12_000.0, help="steeper climbs are flagged")
    options = parser.parse_args()
    started = time.perf_counter()
    payload = summarise(**vars(options))
    print(json.dumps({"payload": payload, "seconds": time.perf_counter() - started}))


if __name__ == "__main__":
    main()
