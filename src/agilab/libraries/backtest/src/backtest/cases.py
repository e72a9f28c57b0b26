"""Moments at which one could forecast: what each looks at, and what the baselines say.

Everything is counted in steps of a regular grid. A row of `cases` stands for an origin: the end of a step, when
everything up to it is known and a forecast can be made for `horizon` steps later.
"""

import math
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated

import numpy as np
import polars as pl
from polars import col
from pydantic import BaseModel, Field, NonNegativeInt, PositiveInt

from agi_node import AgiError

BASELINES = ("naive", "seasonal_naive", "climatology")
"""As it is now; as it was at the same place of the last season; the mean of the last cycles at the same place."""

Length = Annotated[timedelta, Field(gt=timedelta(0))]
Months = Annotated[str, Field(pattern=r"^[1-9]\d*(mo|q|y)$")]


class Look(BaseModel, frozen=True, extra="forbid"):
    """How far a forecast looks back, in steps.

    Attributes:
        step: The length of a step; `1mo`, `1q` or `1y` for those of the calendar.
        cycle: Steps of the cycle that the series goes through, such as 24 hours of a day; 1 if there is none.
        season: The period of the seasonal naive forecast, often `cycle`.
        climate: Over how many cycles climatology takes the mean.
        fill: For how many steps the last value stands in for missing ones.
        lags: A model sees the differences from the last value so many steps back, …
        same: … at the target's place in so many cycles back, …
        windows: … and of the means of so many last steps;
        waves: and sine and cosine of the target's time in each period, by name, and of so many fractions of it.
    """

    step: Length | Months
    cycle: PositiveInt = 1
    season: PositiveInt = 1
    climate: PositiveInt = 28
    fill: NonNegativeInt = 0
    lags: tuple[PositiveInt, ...] = ()
    same: NonNegativeInt = 3
    windows: tuple[PositiveInt, ...] = ()
    waves: Mapping[str, tuple[Length, PositiveInt]] = {}


def cases(grid: pl.DataFrame, value: str, horizon: int, look: Look) -> pl.DataFrame:
    """A row for each step of `grid` as an origin: `time` (of the target), `y_true`, the baselines, the features.

    `grid` has `time`, a step apart, and the column `value`, null or NaN where it is missing. `y_true` alone looks
    ahead; it and `time` are null in the last `horizon` rows. Features are differences from the last value, so that a
    regression shrinks towards persistence; names begin with `x_`. A missing value is the last one before it, up to
    `look.fill` steps old; older ones leave null.

    Raises:
        AgiError: AGI-DATA-152 the times are not a step apart, or the horizon is not ahead.
    """
    _refuse_uneven(grid["time"], look.step, horizon)
    y, last, cycle = col("y"), col("last"), look.cycle
    same = -horizon % cycle  # so many steps back is the latest value at the target's place in the cycle
    time = col("time").shift(-horizon)
    waves = {
        f"x_{name}_{k}": time.dt.epoch("us") / (period / timedelta(microseconds=1)) * (2 * math.pi * k)
        for name, (period, most) in look.waves.items()
        for k in range(1, most + 1)
    }
    series = grid.select("time", y=col(value).cast(pl.Float64).fill_nan(None))
    filled = y.forward_fill(look.fill) if look.fill else y
    return series.with_columns(last=filled).select(
        origin="time",
        time=time,
        y_true=y.shift(-horizon),
        naive=last,
        seasonal_naive=last.shift(-horizon % look.season),
        climatology=pl.mean_horizontal(y.shift(same + k * cycle) for k in range(look.climate)),
        x_last=last,
        **{f"x_lag_{k}": last.shift(k) - last for k in look.lags},
        **{f"x_same_{k}": last.shift(same + k * cycle) - last for k in range(look.same)},
        **{f"x_mean_{k}": last.rolling_mean(k, min_samples=max(k // 2, 1)) - last for k in look.windows},
        **{f"{name}_sin": wave.sin() for name, wave in waves.items()},
        **{f"{name}_cos": wave.cos() for name, wave in waves.items()},
    )


def mase_scale(training: pl.Series, period: int) -> float | None:
    """The mean error of saying "as `period` steps before", what counts as 1 in MASE (Hyndman & Koehler 2006).

    None where there are no two values so far apart; 0.0 where none differ.

    >>> mase_scale(pl.Series([1.0, 2.0, 4.0, None, 8.0]), 1)
    1.5
    """
    values = training.cast(pl.Float64).to_numpy()
    errors = np.abs(values[period:] - values[:-period])
    known = errors[np.isfinite(errors)]
    return float(known.mean()) if known.any() else None


def _refuse_uneven(times: pl.Series, step: timedelta | str, horizon: int) -> None:
    if horizon < 1:
        raise AgiError(
            "AGI-DATA-152", "the horizon is not ahead", found=f"{horizon}", allowed="1 step or more"
        )
    following = times + step if isinstance(step, timedelta) else times.dt.offset_by(step)
    odd = times.slice(1).ne_missing(following.head(-1)).arg_true()
    if len(odd):
        row = odd[0] + 1
        what = f"the times of a series are not {step} apart in row {row + 1:,}"
        found = f"{times[row - 1]}, then {times[row]}"
        raise AgiError(
            "AGI-DATA-152", what, found=found, allowed="a row for each step, null where nothing is known"
        )
