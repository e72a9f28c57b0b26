"""One row for each trip."""

import polars as pl
from polars import col

WINDOW = 20
"""Steps of the clock that a trip's greatest speed must last.

The time between two stamps is wrong by less than one step, so a speed over so many by less than a twentieth. Over a
single step it may be any multiple of what was flown.
"""


def trips(
    table: pl.DataFrame, *, stamp_s: float = 1.0, track: str = "track", trip: str = "trip", **more: pl.Expr
) -> pl.DataFrame:
    """When each trip was, how long and how far it went, and how many rows each `impossible_…` flags.

    Args:
        table: What `segments` gives, of one or more tracks, perhaps with further columns and flags.
        stamp_s, track, trip: As for `segments`.
        more: What else to tell of a trip: aggregations over its rows.

    Returns:
        `trip`, `track`, `start`, `end`, `duration_s`, `positions`, `distance_m` and `max_speed_mps` of what is counted,
        `more`, and the number of flags, such as `impossible_speeds`. `max_speed_mps` is the greatest mean speed over
        segments that end within `WINDOW` steps of the clock and last as long; None for a trip that is shorter.
    """
    window_s = WINDOW * stamp_s
    size = f"{window_s * 1e6:.0f}us"
    moved_m, moved_s = (col(n).rolling_sum_by("time", size).over(trip) for n in ("_moved_m", "_moved_s"))
    flags = col("^impossible_.*$").sum().name.suffix("s")
    return (
        table.with_columns(pl.when("counted").then("distance_m"))
        .with_columns(
            _moved_m=pl.when(col("speed_mps").is_not_null()).then("distance_m"),
            _moved_s=pl.when(col("speed_mps").is_not_null() & col("counted")).then("since_s"),
        )
        .with_columns(_sustained_mps=pl.when(moved_s >= window_s).then(moved_m / moved_s))
        .group_by(trip, maintain_order=True)
        .agg(
            col(track).first(),
            col("time").first().alias("start"),
            col("time").last().alias("end"),
            ((col("time").last() - col("time").first()).dt.total_microseconds() / 1e6).alias("duration_s"),
            pl.len().alias("positions"),
            col("distance_m").sum(),
            col("_sustained_mps").max().alias("max_speed_mps"),
            *(what.alias(name) for name, what in more.items()),
            flags,
        )
    )
