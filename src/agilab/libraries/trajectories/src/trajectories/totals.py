"""One row for each trip."""

import polars as pl
from polars import col


def trips(table: pl.DataFrame, *, track: str = "track", trip: str = "trip", **more: pl.Expr) -> pl.DataFrame:
    """When each trip was, how long and how far it went, and how many rows each `impossible_…` flags.

    Args:
        table: What `segments` gives, of one or more tracks, perhaps with further columns and flags.
        track, trip: As for `segments`.
        more: What else to tell of a trip: aggregations over its rows.

    Returns:
        `trip`, `track`, `start`, `end`, `duration_s`, `positions`, `distance_m` and `max_speed_mps` of what is counted,
        `more`, and the number of flags, such as `impossible_speeds`. `max_speed_mps` is the greatest sustained one;
        None for a trip that is too short for any.
    """
    flags = col("^impossible_.*$").sum().name.suffix("s")
    return (
        table.with_columns(pl.when("counted").then("distance_m"))
        .group_by(trip, maintain_order=True)
        .agg(
            col(track).first(),
            col("time").first().alias("start"),
            col("time").last().alias("end"),
            ((col("time").last() - col("time").first()).dt.total_microseconds() / 1e6).alias("duration_s"),
            pl.len().alias("positions"),
            col("distance_m").sum(),
            col("sustained_mps").max().alias("max_speed_mps"),
            *(what.alias(name) for name, what in more.items()),
            flags,
        )
    )
