"""Aircraft trajectories: distance flown, speed, altitude and flights, one summary over every file.

One parquet file is one aircraft is one work item. Each gives its trajectory as a table and a `FlightSummary`;
the summaries merge into one, the trajectories are drawn as a map, and the speeds that follow from positions are held
against the reported ones.
"""

from collections.abc import Iterator
from typing import Annotated, Any

import polars as pl
import trajectories
from polars import col
from pydantic import Field, FiniteFloat, ValidationInfo, field_validator

from agi_node import (
    App,
    Args,
    Distinct,
    FileRef,
    Files,
    Max,
    Min,
    Moments,
    Partial,
    RunContext,
    Sum,
    TopK,
    WorkItem,
)
from agi_node.partial import Size

from .tracks import CLIMB_FPM, SOUND_MPS, STAMP_S, drawn, flights, read_positions, trajectory


class FlightArgs(Args):
    """Where the tracks are and which of them count."""

    tracks: Files = Field(
        "data/*.parquet", validate_default=True, description="Glob or folder, one parquet file per aircraft."
    )
    min_points: int = Field(2, ge=2, description="Aircraft with fewer positions are left out.")
    max_gap_s: FiniteFloat = Field(300.0, gt=0, description="Longer segments do not count (seconds).")
    flight_gap_s: FiniteFloat = Field(600.0, gt=0, description="A longer silence ends a flight (seconds).")
    max_speed_mps: FiniteFloat = Field(
        SOUND_MPS, gt=0, description="Positions farther apart are flagged (m/s)."
    )
    max_climb_fpm: FiniteFloat = Field(CLIMB_FPM, gt=0, description="Steeper climbs are flagged (ft/min).")

    @field_validator("flight_gap_s")
    @classmethod
    def _no_segment_between_flights(cls, value: float, info: ValidationInfo) -> float:
        if value < (longest := info.data.get("max_gap_s", 0.0)):
            raise ValueError(f"max_gap_s ({longest:g} s) or more: a segment lies within a flight")
        return value


class FlightSummary(Partial):
    """What every unit returns; each field says how two of them merge."""

    row_count: Sum[int] = 0
    source_file_count: Sum[int] = 0
    aircraft: Distinct[str] = frozenset()
    aircraft_count: Annotated[int, Size("aircraft")] = 0
    flight_count: Sum[int] = 0
    segment_count: Sum[int] = 0
    impossible_speeds: Sum[int] = 0
    impossible_climbs: Sum[int] = 0
    distance_m: Sum[float] = 0.0
    speed_mps: Moments = Moments()
    altitude_ft: Moments = Moments()
    vertical_rate_fpm: Moments = Moments()
    flight_distance_m: Moments = Moments()
    flight_duration_s: Moments = Moments()
    longest_flights: TopK = TopK(5)
    time_start: Min[str] = None
    time_end: Max[str] = None

    @classmethod
    def of(cls, table: pl.DataFrame) -> "FlightSummary":
        """The summary of one trajectory of at least one position."""
        flown = flights(table)
        altitude = table["altitude_ft"].filter(~table["impossible_climb"])
        # always with microseconds: texts of one length sort as their times do
        start, end = (table["time"][at].isoformat(timespec="microseconds") + "Z" for at in (0, -1))
        return cls(
            row_count=len(table),
            source_file_count=1,
            aircraft=frozenset(table["icao24"].head(1)),
            flight_count=len(flown),
            segment_count=int(table["counted"].sum()),
            impossible_speeds=int(table["impossible_speed"].sum()),
            impossible_climbs=int(table["impossible_climb"].sum()),
            distance_m=float(table["distance_m"].filter(table["counted"]).sum()),
            speed_mps=Moments.of(table["sustained_mps"], skip_nan=True),
            altitude_ft=Moments.of(altitude, skip_nan=True),
            vertical_rate_fpm=Moments.of(table["vertical_rate_fpm"], skip_nan=True),
            flight_distance_m=Moments.of(flown["distance_m"]),
            flight_duration_s=Moments.of(flown["duration_s"]),
            longest_flights=TopK.of(zip(flown["distance_m"].round(), flown["flight"], strict=True), k=5),
            time_start=start,
            time_end=end,
        )


app = App("flight", args=FlightArgs, partial=FlightSummary)


@app.plan
def tracks(args: FlightArgs) -> Iterator[WorkItem]:
    """One item per file; its size is its cost, so that the biggest start first."""
    for file in args.tracks.matching("*.parquet"):
        yield WorkItem(key=file.stem, payload=file, cost=file.size)


@app.work
def summarise(file: FileRef, args: FlightArgs, run: RunContext) -> FlightSummary:
    """One aircraft: its trajectory as a table, its sums as a partial."""
    table = trajectory(read_positions(file), **args.model_dump(exclude={"tracks", "min_points"}))
    if len(table) < args.min_points:
        return FlightSummary(source_file_count=1)
    summary = FlightSummary.of(table)
    run.save_table("trajectories", table)
    run.log_metrics({"rows": len(table), "segments": summary.segment_count, "distance_m": summary.distance_m})
    return summary


@app.publish
def publish(summary: FlightSummary, args: FlightArgs, run: RunContext) -> dict[str, Any]:
    """All flights as a table, the flagged rows as another, the map, the numbers, and what the checks found."""
    paths = [path for _, path in run.artifacts("trajectories")]
    if not paths:
        message = f"of {summary.source_file_count:,} files none has {args.min_points:,} positions"
        run.validate("some aircraft counts", False, value=0, limit=1, message=message)
        return {"compared_segments": 0}
    table = pl.read_parquet(paths, glob=False)
    flown = flights(table)
    run.save_table("flights", flown)
    run.save_table("outliers", table.filter(col("impossible_speed") | col("impossible_climb")))
    if picture := drawn(table):
        run.save_figure("map", picture)
    count = summary.flight_count
    run.validate("flights add up", len(flown) == count, value=len(flown), limit=count)
    fastest(flown, args.max_speed_mps, run)
    found = agreement(summary, table, run)
    run.save_json("summary", {**summary.to_payload(), **found})
    return found


def fastest(flown: pl.DataFrame, max_speed_mps: float, run: RunContext) -> None:
    """Is any flight, for as long as stamps can tell, faster than a position may be farther apart?"""
    known = flown.drop_nulls("max_speed_mps").sort("max_speed_mps")
    if not known.is_empty():
        limit = max_speed_mps * (1 + 1 / trajectories.WINDOW)  # what the stamps at both ends explain
        name, speed = known["flight"][-1], known["max_speed_mps"][-1]
        message = f"the greatest speed over {trajectories.WINDOW * STAMP_S:g} s, of flight {name}"
        run.validate("no flight is too fast", speed <= limit, value=speed, limit=limit, message=message)


def agreement(summary: FlightSummary, table: pl.DataFrame, run: RunContext) -> dict[str, Any]:
    """Do the trajectories add up to the summary, and do their speeds agree with the reported ones?"""
    rows, counted = (len(table), summary.row_count), (int(table["counted"].sum()), summary.segment_count)
    run.validate("rows add up", rows[0] == rows[1], value=rows[0], limit=rows[1])
    run.validate("segments add up", counted[0] == counted[1], value=counted[0], limit=counted[1])
    compared = trajectories.agreement(table, "groundspeed_mps", stamp_s=STAMP_S)
    if compared is None:
        return {"compared_segments": 0}
    count, difference, limit = compared
    message = (
        f"median absolute difference {difference:.2f} m/s over {count:,} segments with a reported one; "
        f"whole-second stamps explain {limit:.2f} m/s"
    )
    run.validate("groundspeed agreement", difference <= limit, value=difference, limit=limit, message=message)
    found = {"compared_segments": count, "groundspeed_difference_mps": difference}
    run.log_metrics(found)
    return found
