"""From positions to segments and flights, and which of them no aircraft could have flown.

A receiver repeats the last position until it hears a new one, and stamps whole seconds. So speed is measured from
the moment at which the position left behind was *first* stamped, and what is impossible is what one second more does
not explain. (dump1090 accepts positions in the same way: as far as the time passed and one second allow.)
"""

import polars as pl
from polars import col

from .tracks import KNOT_MPS

EARTH_RADIUS_M = 6_371_008.8  # mean radius (2a + b) / 3 of GRS 80, IUGG
FOOT_M = 0.3048
FPM_MPS = FOOT_M / 60
STAMP_S = 1.0  # state vectors carry whole seconds, whenever in that second the position was true
ALTITUDE_STEP_FT = 25.0  # of the altitude code: either end of a climb may be half a step off
SOUND_MPS = 340.3  # the speed of sound at sea level: ICAO standard atmosphere, Doc 7488
CLIMB_FPM = 12_000.0  # 200 ft/s, from which the derivative filter of the package `traffic` drops altitudes


def trajectory(
    positions: pl.DataFrame,
    *,
    max_gap_s: float,
    flight_gap_s: float,
    max_speed_mps: float = SOUND_MPS,
    max_climb_fpm: float = CLIMB_FPM,
) -> pl.DataFrame:
    """Every position with its flight, its flags, and the segment that ends there.

    A segment is two neighbours no more than `max_gap_s` apart; it is `counted` unless the distance between them is
    an `impossible_speed`. A row whose place is that of the row before is no new position and has no speed.
    """
    phi, lam = col("latitude").radians(), col("longitude").radians()
    half_chord = (phi.diff() / 2).sin() ** 2 + phi.cos() * phi.shift().cos() * (lam.diff() / 2).sin() ** 2
    table = positions.select(
        "icao24",
        "latitude",
        "longitude",
        time="timestamp",
        altitude_ft="altitude",
        vertical_rate_fpm="vertical_rate",
        groundspeed_mps=col("groundspeed") * KNOT_MPS,
        dt_s=_seconds(col("timestamp").diff()),
        # rounding may lift it above 1 between antipodes, where the arc sine ends
        distance_m=2 * EARTH_RADIUS_M * half_chord.clip(upper_bound=1).sqrt().arcsin(),
        moved=(col("latitude").diff() != 0).fill_null(True) | (col("longitude").diff() != 0),
    ).with_columns(
        near=col("dt_s").is_between(0, max_gap_s, closed="right").fill_null(False),
        since_s=_seconds(col("time") - pl.when("moved").then("time").forward_fill().shift()),
        flight=(col("dt_s") > flight_gap_s).fill_null(True).cum_sum(),
    )
    too_far = col("near") & (col("distance_m") > max_speed_mps * (col("since_s") + STAMP_S))
    return table.select(
        pl.format("{}-{}", "icao24", "flight").alias("flight"),
        pl.exclude("flight", "moved", "near"),
        speed_mps=pl.when("moved").then(col("distance_m") / col("since_s")),
        counted=col("near") & ~too_far,
        impossible_speed=too_far,
        impossible_climb=_astray(table, max_climb_fpm),
    )


def _astray(table: pl.DataFrame, max_climb_fpm: float) -> pl.Series:
    """Which altitudes were reached by an impossible climb or descent, until one the other way takes it back.

    Each such jump up or down puts what follows on another level, and right is the level on which a flight has the
    most altitudes (of several, the lowest): so a wrong altitude that lasts is found as well as one of a second.
    """
    astray = pl.repeat(False, len(table), dtype=pl.Boolean, eager=True)
    step = table["altitude_ft"].drop_nulls().diff().abs().max()
    if not isinstance(step, float) or step <= max_climb_fpm / 60 * STAMP_S + ALTITUDE_STEP_FT:
        return astray  # mostly: no step is too much for a single second
    known = table.select("flight", "time", "altitude_ft").with_row_index().drop_nulls("altitude_ft")
    climb = pl.when(col("flight").diff() == 0).then(col("altitude_ft").diff())
    reach = max_climb_fpm / 60 * (_seconds(col("time").diff()) + STAMP_S) + ALTITUDE_STEP_FT
    jump = pl.when(climb.abs() > reach).then(climb.sign()).otherwise(0.0)
    levels = known.select("index", "flight", level=jump.cum_sum())
    counts = levels.group_by("flight", "level").agg(rows=pl.len())
    right = counts.sort("rows", "level", descending=[True, False]).unique(
        "flight", keep="first", maintain_order=True
    )
    wrong = levels.join(right.select("flight", right="level"), on="flight").filter(
        col("level") != col("right")
    )
    return astray.scatter(wrong["index"], True)


def flights(table: pl.DataFrame) -> pl.DataFrame:
    """One row for each flight of one or more trajectories: when, how long, how far, how high; flagged rows apart."""
    altitude, climb, descent = (
        col("altitude_ft").max(),
        col("vertical_rate_fpm").max(),
        col("vertical_rate_fpm").min(),
    )
    counted = table.with_columns(
        pl.when("counted").then(col("distance_m", "speed_mps")),
        pl.when(~col("impossible_climb")).then("altitude_ft"),
    )
    return counted.group_by("flight", maintain_order=True).agg(
        icao24=col("icao24").first(),
        start=col("time").first(),
        end=col("time").last(),
        duration_s=_seconds(col("time").last() - col("time").first()),
        positions=pl.len(),
        distance_m=col("distance_m").sum(),
        max_speed_mps=col("speed_mps").max(),
        max_altitude_ft=altitude,
        max_altitude_m=altitude * FOOT_M,
        max_vertical_rate_fpm=climb,
        max_vertical_rate_mps=climb * FPM_MPS,
        min_vertical_rate_fpm=descent,
        min_vertical_rate_mps=descent * FPM_MPS,
        impossible_speeds=col("impossible_speed").sum(),
        impossible_climbs=col("impossible_climb").sum(),
    )


def _seconds(span: pl.Expr) -> pl.Expr:
    return span.dt.total_microseconds() / 1e6
