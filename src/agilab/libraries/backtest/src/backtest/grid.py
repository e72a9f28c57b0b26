"""From readings as they come to a series on a regular grid, which is what can be forecast."""

from datetime import timedelta

import polars as pl
from polars import col


def at_steps(readings: pl.DataFrame, step: timedelta) -> pl.DataFrame:
    """One series' readings in the order of their `time`, each at the full step at or after it.

    So none counts before it was known. Of several in one step the latest stays (of one time, the last row).
    """
    whole = (col("time") + (step - timedelta(microseconds=1))).dt.truncate(step)
    ordered = readings.sort("time", maintain_order=True).with_columns(whole)
    return ordered.unique("time", keep="last", maintain_order=True)


def on_grid(
    readings: pl.DataFrame, value: str, step: timedelta, most_per_step: float | None = None
) -> pl.DataFrame:
    """`time` and the column `value` on a grid of steps without holes; a step without a reading is null.

    `readings` count as `at_steps` says; those that are null say nothing. A step test removes what no such series does:
    a reading that differs from the last accepted one by more than `most_per_step` allows for the steps between. It
    looks back only, so that it can run while a forecast is made.
    """
    readings = at_steps(readings.drop_nulls(value), step)
    accepted: list[float | None] = []
    last, at = None, None
    for time, number in readings.select("time", value).iter_rows():
        steps = 0.0 if at is None else (time - at) / step
        good = last is None or most_per_step is None or abs(number - last) <= most_per_step * steps
        accepted.append(number if good else None)
        if good:
            last, at = number, time
    tested = readings.select("time", pl.Series(value, accepted, pl.Float64))
    return tested.upsample("time", every=step)


def means(grid: pl.DataFrame, value: str, every: timedelta, least: int, decimals: int = 6) -> pl.DataFrame:
    """Means over longer steps (from midnight UTC, for a day) of at least so many values, on a grid; otherwise null.

    `grid` is one of `on_grid`, which may begin and end within such a step; these have no mean.
    """
    steps = grid["time"].diff().min()
    mean = pl.when(col(value).count() >= least).then(col(value).mean().round(decimals))
    longer = grid.group_by_dynamic("time", every=every).agg(mean.alias(value), steps=pl.len())
    return longer.filter(steps=every // steps if isinstance(steps, timedelta) else 0).select("time", value)
