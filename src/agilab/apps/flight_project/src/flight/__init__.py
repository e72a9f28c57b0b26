"""Aircraft trajectories: distance flown and speed over ground, one summary over every file.

One parquet file is one aircraft is one work item. Each gives its trajectory as a table and a `FlightSummary`;
the summaries merge into one, and the speeds that follow from positions are held against the reported ones.
"""

from collections.abc import Iterator
from typing import Annotated, Any

import polars as pl
from polars import col
from pydantic import Field

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
    WorkItem,
)
from agi_node.partial import Size

from .tracks import read_positions, trajectory

TIMESTAMP_STEP_S = 1.0  # state vectors carry whole seconds, whenever in that second the position was true


class FlightArgs(Args):
    """Where the tracks are and which of them count."""

    tracks: Files = Field(
        "data/*.parquet", validate_default=True, description="Glob or folder, one parquet file per aircraft."
    )
    min_points: int = Field(2, ge=2, description="Aircraft with fewer positions are left out.")
    max_gap_s: float = Field(300.0, gt=0, description="Longer segments do not count (seconds).")


class FlightSummary(Partial):
    """What every unit returns; each field says how two of them merge."""

    row_count: Sum[int] = 0
    source_file_count: Sum[int] = 0
    aircraft: Distinct[str] = frozenset()
    aircraft_count: Annotated[int, Size("aircraft")] = 0
    segment_count: Sum[int] = 0
    distance_m: Sum[float] = 0.0
    speed_mps: Moments = Moments()
    time_start: Min[str] = None
    time_end: Max[str] = None

    @classmethod
    def of(cls, table: pl.DataFrame) -> "FlightSummary":
        """The summary of one trajectory of at least one position."""
        segments = table.filter("counted")
        # always with microseconds: texts of one length sort as their times do
        start, end = (table["time"][at].isoformat(timespec="microseconds") + "Z" for at in (0, -1))
        return cls(
            row_count=len(table),
            source_file_count=1,
            aircraft=frozenset(table["icao24"].head(1)),
            segment_count=len(segments),
            distance_m=float(segments["distance_m"].sum()),
            speed_mps=Moments.of(segments["speed_mps"]),
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
    positions = read_positions(file)
    if len(positions) < args.min_points:
        return FlightSummary(source_file_count=1)
    table = trajectory(positions, args.max_gap_s)
    summary = FlightSummary.of(table)
    run.save_table("trajectories", table)
    run.log_metrics({"rows": len(table), "segments": summary.segment_count, "distance_m": summary.distance_m})
    return summary


@app.publish
def agreement(summary: FlightSummary, run: RunContext) -> dict[str, Any]:
    """Do the trajectories add up to the summary, and do their speeds agree with the reported ones?

    A segment is held against the speed reported at its end: one row has both (the mean of both ends gives the
    same median to 0.1 %). The limit is what whole seconds explain: a position stamped t was true at t + u, u
    anywhere in [0, 1), so a segment of dt seconds lasted dt + u2 - u1, and half of all |u2 - u1| exceed
    1 - sqrt(1/2). A median beyond that has another cause: metres taken for knots, say, are off by half.
    """
    paths = [path for _, path in run.artifacts("trajectories")]
    if not paths:
        return {"compared_segments": 0}
    table = pl.read_parquet(paths, columns=["counted", "dt_s", "speed_mps", "groundspeed_mps"], glob=False)
    rows, segments = len(table), int(table["counted"].sum())
    run.validate("rows add up", rows == summary.row_count, value=rows, limit=summary.row_count)
    counted = summary.segment_count
    run.validate("segments add up", segments == counted, value=segments, limit=counted)

    table = table.filter("counted").drop_nulls("groundspeed_mps")
    if table.is_empty():
        return {"compared_segments": 0}
    difference, limit, repeated = table.select(
        (col("speed_mps") - col("groundspeed_mps")).abs().median(),
        (col("groundspeed_mps") * (1 - 0.5**0.5) * TIMESTAMP_STEP_S / col("dt_s")).median().alias("limit"),
        (col("speed_mps") == 0).mean().alias("repeated"),
    ).row(0)
    message = (
        f"median absolute difference {difference:.2f} m/s over {len(table):,} segments with a reported one; "
        f"whole-second stamps explain {limit:.2f} m/s; {repeated:.0%} of these segments repeat a position"
    )
    run.validate("groundspeed agreement", difference <= limit, value=difference, limit=limit, message=message)
    run.log_metrics({"groundspeed_difference_mps": difference, "compared_segments": len(table)})
    return {"compared_segments": len(table), "groundspeed_difference_mps": difference}
