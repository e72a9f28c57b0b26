"""From positions to segments and trips, and which of them nothing could have moved along.

A receiver repeats the last position until it hears a new one, and clocks stamp in steps, mostly of a second. So speed
is measured from the moment at which the position left behind was *first* stamped, and what is impossible is what one
step of the clock more does not explain. (dump1090 accepts the positions of aircraft in the same way.) The time
between two stamps is wrong by up to one step, so over a single one a speed may be any multiple of what was flown: how
fast something moved is told over `WINDOW` of them.
"""

import polars as pl
from polars import col

EARTH_RADIUS_M = 6_371_008.8  # mean radius (2a + b) / 3 of GRS 80, IUGG
WINDOW = 20
"""Steps of the clock that a sustained speed lasts, or more: a stamp's error is less than a twentieth of them."""


def segments(
    positions: pl.DataFrame | pl.LazyFrame,
    *,
    max_gap_s: float,
    trip_gap_s: float,
    max_speed_mps: float,
    stamp_s: float = 1.0,
    track: str = "track",
    trip: str = "trip",
) -> pl.DataFrame:
    """Every position with the trip that it belongs to, and the segment that ends there.

    A segment joins two neighbours of a track that are no more than `max_gap_s` apart. It is `counted`, unless the
    distance between them is an `impossible_speed`. A row whose place is that of the row before is no new position and
    has no speed.

    Args:
        positions: `time`, `latitude` and `longitude` (degrees), a column `track`, and any others, which are carried
            along; in any order. Rows without time or place are dropped, and all of one track and time but the first.
        max_gap_s: Neighbours with more time between them make no segment.
        trip_gap_s: A longer silence ends a trip.
        max_speed_mps: Faster is impossible.
        stamp_s: The step of the clock that stamped the positions.
        track: The column that says whose position it is.
        trip: What to call the column that says on which trip: track-1, track-2, …

    Returns:
        By track and time: `trip`, the columns of `positions`, then `dt_s` (since the row before), `distance_m` (great
        circle), `since_s` (since the position before was first stamped), `speed_mps`, `counted`, `impossible_speed`,
        and `sustained_mps`: at a new position, the mean speed on the way to it over the segments that end within the
        last `WINDOW` steps of the clock; None where, without a break, they do not last as long.

    Raises:
        ValueError: a segment could reach from one trip into the next.
    """
    if max_gap_s > trip_gap_s:
        raise ValueError(f"max_gap_s ({max_gap_s:g} s) is more than trip_gap_s ({trip_gap_s:g} s)")
    phi, lam = col("latitude").radians(), col("longitude").radians()
    half_chord = (phi.diff() / 2).sin() ** 2 + phi.cos() * phi.shift().cos() * (lam.diff() / 2).sin() ** 2
    # rounding may lift it above 1 between antipodes, where the arc sine ends
    distance = 2 * EARTH_RADIUS_M * half_chord.clip(upper_bound=1).sqrt().arcsin()
    first_stamp = pl.when("_moved").then("time").forward_fill()
    earlier_trips = pl.when("_first").then(col("_trip") - 1).forward_fill()
    too_far = col("_near") & (col("distance_m") > max_speed_mps * (col("since_s") + stamp_s))
    table = (
        positions.lazy()
        .drop_nulls(["time", "latitude", "longitude"])
        .sort(track, "time", maintain_order=True)
        .with_columns(_first=(col(track) != col(track).shift()).fill_null(True))
        .filter(col("_first") | (col("time") != col("time").shift()))
        .with_columns(
            _moved=col("_first") | (col("latitude").diff() != 0) | (col("longitude").diff() != 0),
            dt_s=pl.when(~col("_first")).then(_seconds(col("time").diff())),
            distance_m=pl.when(~col("_first")).then(distance),
        )
        .with_columns(
            _near=col("dt_s").is_between(0, max_gap_s, closed="right").fill_null(False),
            _trip=(col("dt_s") > trip_gap_s).fill_null(True).cum_sum(),
            since_s=pl.when(~col("_first")).then(_seconds(col("time") - first_stamp.shift())),
        )
        .select(
            pl.format("{}-{}", track, col("_trip") - earlier_trips).alias(trip),
            pl.exclude("_first", "_moved", "_near", "_trip"),
            speed_mps=pl.when("_moved").then(col("distance_m") / col("since_s")),
            counted=col("_near") & ~too_far,
            impossible_speed=too_far,
        )
        .with_columns(sustained_mps=_sustained(stamp_s))
    )
    # Streaming takes twice as long over a single track, and cuts columns up, on which the last bits of sums depend.
    return table.collect(engine="in-memory").rechunk()


def leaps(
    table: pl.DataFrame,
    value: str,
    *,
    per_s: float,
    step: float = 0.0,
    stamp_s: float = 1.0,
    trip: str = "trip",
) -> pl.Series:
    """Which values of a column (a height, a depth, a temperature) lie where none can get to in the time.

    A leap is a change that `per_s` does not explain with one step of the clock more and one `step` of the value's code.
    Each leap up or down puts what follows on another level, and right is the level on which a trip has the most values
    (of several, the lowest): so a wrong value that lasts is found as well as one that comes once.

    Args:
        table: What `segments` gives; null values are unknown, and passed over.
        value: The column to look at.
        per_s: The most that it changes in a second.
        step: The smallest step that the value is recorded in.
        stamp_s: The step of the clock.
        trip: The column with the trip; each begins at any value.
    """
    astray = pl.repeat(False, len(table), dtype=pl.Boolean, eager=True)
    widest = table.select(col(value).drop_nulls().diff().abs().max()).item()
    if not isinstance(widest, int | float) or widest <= per_s * stamp_s + step:
        return astray  # mostly: no change is too much for a single step of the clock
    known = table.lazy().select("time", value, trip=trip).with_row_index("row").drop_nulls(value)
    change = pl.when(col("trip") == col("trip").shift()).then(col(value).diff())
    reach = per_s * (_seconds(col("time").diff()) + stamp_s) + step
    jump = pl.when(change.abs() > reach).then(change.sign()).otherwise(0)
    levels = known.select("row", "trip", level=jump.cum_sum())
    counts = levels.group_by("trip", "level").agg(rows=pl.len())
    best = counts.sort("rows", "level", descending=[True, False]).unique(
        "trip", keep="first", maintain_order=True
    )
    wrong = levels.join(best.select("trip", right="level"), on="trip").filter(col("level") != col("right"))
    return astray.scatter(wrong.collect(engine="in-memory")["row"], True)


def _sustained(stamp_s: float) -> pl.Expr:
    """The mean speed over what led to each new position without a break, and ended within the window."""
    size_us = round(WINDOW * stamp_s * 1e6)
    reached = col("counted") & col("speed_mps").is_not_null()
    unbroken = (~col("counted")).cum_sum()
    # whole microseconds, so that a sum of tenths of a second is not a little less than the window
    moved_us = pl.when(reached).then((col("since_s") * 1e6).round().cast(pl.Int64)).otherwise(0)
    moved_m = pl.when(reached).then("distance_m").otherwise(0.0)
    metres, us = (what.rolling_sum_by("time", f"{size_us}us").over(unbroken) for what in (moved_m, moved_us))
    return pl.when(reached & (us >= size_us)).then(metres / us * 1e6)


def _seconds(span: pl.Expr) -> pl.Expr:
    return span.dt.total_microseconds() / 1e6
