"""The sums of the flight app as one Polars script in one process: reference for speed, oracle for numbers.

It knows nothing of AGILab, writes no trajectories and checks no input: what a person would write who wants
these numbers once. Grouping is by file, as in the app.

    python benchmarks/flight_polars.py FOLDER [--min-points 2] [--max-gap-s 300]
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


def summarise(folder: Path, min_points: int = 2, max_gap_s: float = 300.0) -> dict[str, Any]:
    """The payload of the flight app for every parquet file directly in `folder`; sums in float64."""
    positions = (
        pl.scan_parquet(folder / "*.parquet", include_file_paths="file")
        .select("file", "icao24", "timestamp", "latitude", "longitude")
        .drop_nulls(["timestamp", "latitude", "longitude"])
        .sort("file", "timestamp", maintain_order=True)
        .filter(col("file").ne_missing(col("file").shift()) | (col("timestamp") != col("timestamp").shift()))
        .with_columns(pl.len().over("file").alias("points"))
        .filter(col("points") >= min_points)
    )
    phi, lam = col("latitude").radians(), col("longitude").radians()
    half_chord = (phi.diff() / 2).sin() ** 2 + phi.cos() * phi.shift().cos() * (lam.diff() / 2).sin() ** 2
    segments = (
        positions.with_columns(
            distance=2 * EARTH_RADIUS_M * half_chord.sqrt().arcsin(),
            seconds=col("timestamp").diff().dt.total_microseconds() / 1e6,
            same=col("file") == col("file").shift(),
        )
        .filter(col("same") & (col("seconds") > 0) & (col("seconds") <= max_gap_s))
        .with_columns(speed=col("distance") / col("seconds"))
    )
    instant = "%Y-%m-%dT%H:%M:%S%.6fZ"
    totals, moments = pl.collect_all(
        [
            positions.select(
                row_count=pl.len(),
                aircraft=col("icao24").unique().sort().implode(),
                time_start=col("timestamp").min().dt.strftime(instant),
                time_end=col("timestamp").max().dt.strftime(instant),
            ),
            segments.select(
                distance_m=col("distance").sum(),
                count=pl.len(),
                mean=col("speed").mean(),
                variance=col("speed").var(ddof=0),
                min=col("speed").min(),
                max=col("speed").max(),
            ),
        ]
    )
    total, speed = totals.row(0, named=True), moments.row(0, named=True)
    return {
        "row_count": total["row_count"],
        "source_file_count": len(list(folder.glob("*.parquet"))),
        "aircraft": total["aircraft"],
        "aircraft_count": len(total["aircraft"]),
        "segment_count": speed["count"],
        "distance_m": speed.pop("distance_m"),
        "speed_mps": speed,
        "time_start": total["time_start"],
        "time_end": total["time_end"],
    }


def main() -> None:
    """Print the payload as JSON, and the seconds it took beside it."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("folder", type=Path, help="a folder with one parquet file per aircraft")
    parser.add_argument("--min-points", type=int, default=2, help="fewer positions: counted as a file alone")
    parser.add_argument("--max-gap-s", type=float, default=300.0, help="longer segments do not count (s)")
    options = parser.parse_args()
    started = time.perf_counter()
    payload = summarise(options.folder, options.min_points, options.max_gap_s)
    print(json.dumps({"payload": payload, "seconds": time.perf_counter() - started}))


if __name__ == "__main__":
    main()
