"""Forecasts of one series at one horizon: from lagged values by ridge regression, and from the baselines beside it.

Everything is counted in steps of a grid, an hour or a day. A row of `cases` stands for an origin: the end of a step,
when everything up to it is known and a forecast can be made for `horizon` steps later.
"""

import math
from dataclasses import dataclass

import numpy as np
import polars as pl
from polars import col

from .arguments import MeteoArgs
from .observations import refusal

BASELINES = ("naive", "seasonal_naive", "climatology")
MODELS = ("ridge", *BASELINES)
CLIMATE_DAYS = 28  # one year of data knows no climate: the mean of the last four weeks stands for it
YEAR_DAYS = 365.2425
DECIMALS = 3  # a forecast is given in thousandths of a degree, a hundredth of what is measured


@dataclass(frozen=True)
class Frequency:
    """What a step is, and how far a forecast looks back, in steps.

    Attributes:
        hours: The length of a step.
        cycle: Steps of the daily cycle.
        season: The period of the seasonal naive forecast. Days have none that is shorter than a year; a week is
            what is customary.
        fill: For how many steps the last reading stands in for missing ones.
        lags, windows: The differences and means that the regression sees, beside those of the daily cycle.
        harmonics: The waves of the daily cycle that it sees.
    """

    hours: int
    cycle: int
    season: int
    fill: int
    lags: tuple[int, ...]
    windows: tuple[int, ...]
    harmonics: tuple[int, ...]

    @property
    def per_day(self) -> int:
        """Steps in a day."""
        return 24 // self.hours


FREQUENCIES = {
    "h": Frequency(1, 24, 24, 6, lags=(1, 2, 3, 6, 12, 23), windows=(24, 168), harmonics=(1, 2, 3)),
    "d": Frequency(24, 1, 7, 1, lags=(), windows=(7, 28), harmonics=()),
}


def parsed(target: str) -> tuple[Frequency, int]:
    """A target as its frequency and its steps ahead: `24h` is 24 steps of an hour."""
    return FREQUENCIES[target[-1]], int(target[:-1])


def cases(grid: pl.DataFrame, frequency: Frequency, horizon: int) -> pl.DataFrame:
    """A row for each step of `grid` as an origin: `time` (of the target), `y_true`, the baselines, the features.

    `y_true` alone looks ahead. Features are differences from the last reading (°C), so that a regression shrinks
    towards persistence; names begin with `x_`. A missing value is the last one before it, up to `frequency.fill`
    steps old; older ones leave null.
    """
    value, last = col("temperature_c"), col("last")
    cycle = frequency.cycle
    same = -horizon % cycle  # so many steps before the origin is the latest value at the target's hour
    ahead = pl.duration(hours=frequency.hours * horizon)
    days = (col("time") + ahead).dt.epoch("s") / 86_400
    waves = {f"x_day_{k}": days * (2 * math.pi * k) for k in frequency.harmonics}
    waves["x_year"] = days * (2 * math.pi / YEAR_DAYS)
    return grid.with_columns(last=value.forward_fill(frequency.fill)).select(
        origin="time",
        time=col("time") + ahead,
        y_true=value.shift(-horizon),
        naive=last,
        seasonal_naive=last.shift(-horizon % frequency.season),
        climatology=pl.mean_horizontal(value.shift(same + k * cycle) for k in range(CLIMATE_DAYS)),
        x_last=last,
        **{f"x_lag_{k}": last.shift(k) - last for k in frequency.lags},
        **{f"x_same_{k}": last.shift(same + k * cycle) - last for k in range(3)},
        **{f"x_mean_{k}": last.rolling_mean(k, min_samples=k // 2) - last for k in frequency.windows},
        **{f"{name}_sin": wave.sin() for name, wave in waves.items()},
        **{f"{name}_cos": wave.cos() for name, wave in waves.items()},
    )


def replay(table: pl.DataFrame, frequency: Frequency, horizon: int, args: MeteoArgs) -> pl.DataFrame:
    """Every forecast that was due in a rolling-origin back-test (Tashman 2000), one row for each model.

    At each cut the regression is fitted to all cases whose truth was known by then, and serves until the next. An
    interval is the forecast ± the split-conformal quantile (Lei et al. 2018) of the model's own absolute errors over
    the last `calibration_days` known at the cut; forecasts before there are so many (the split `calibration`)
    have none. Gives `time, y_true, y_pred, lower, upper, split, model`; null is what is missing: a truth in a gap,
    or a forecast, of all models at once, after a gap that left too little to fit, to look at or to calibrate.

    Raises:
        AgiError: AGI-DATA-151 there are never enough errors for an interval of this level.
    """
    # a second or more, which only those who fit should pay: plan, reduce and publish do not
    from sklearn.linear_model import Ridge
    from threadpoolctl import threadpool_limits

    x = table.select(pl.selectors.starts_with("x_")).to_numpy()
    truth, last = table["y_true"].to_numpy(), table["naive"].to_numpy()
    made = table.select(pl.lit(math.nan).alias(MODELS[0]), *BASELINES).to_numpy(writable=True)
    able = np.isfinite(x).all(axis=1) & np.isfinite(made[:, 1:]).all(axis=1)
    made[~able] = math.nan  # all models forecast, or none: they are compared on the same cases
    width = np.full_like(made, math.nan)

    at, day = np.arange(len(table)), frequency.per_day
    first = args.train_days * day
    test = first + -(-args.calibration_days // args.refit_days) * args.refit_days * day  # a cut, too
    due = (table["origin"].dt.hour().to_numpy() % args.origin_every_h == 0) & (at >= first)
    due &= at + horizon < len(table)
    needed, most = math.ceil(args.level / (1 - args.level) - 1e-9), 0
    for cut in range(first, len(table), args.refit_days * day):
        known = able & np.isfinite(truth) & (at + horizon <= cut)
        block = due & able & (at >= cut) & (at < cut + args.refit_days * day)
        if not known.any() or not block.any():
            continue
        # one thread sums in one order, so that the bytes do not tell how many there were
        with threadpool_limits(1):
            model = Ridge(args.penalty).fit(x[known], (truth - last)[known])
            made[block, 0] = last[block] + model.predict(x[block])
        made[block] = made[block].round(DECIMALS)
        recent = known & np.isfinite(made[:, 0]) & (at + horizon > cut - args.calibration_days * day)
        if cut >= test:
            most = max(most, int(recent.sum()))
            if recent.sum() >= needed:
                width[block] = conformal(np.abs(made[recent] - truth[recent, None]), args.level)
    if most < needed:
        what, found = f"too few forecasts to calibrate intervals of level {args.level:g}", f"{most} at most"
        raise refusal(151, what, found, f"{needed} or more", "more --calibration-days, or a lower --level")
    made[~np.isfinite(made[:, 0]) | ((at >= test) & ~np.isfinite(width[:, 0]))] = math.nan

    split = np.where(at >= test, "test", "calibration")
    return _rows(table.with_columns(split=pl.Series(split)), made, width).filter(
        pl.Series(np.tile(due, len(MODELS)))
    )


def naive_error(grid: pl.DataFrame, frequency: Frequency, train_days: int) -> float | None:
    """The mean error (°C) of saying "as a day before" while training: what counts as 1 in MASE. None if it is 0."""
    values = grid["temperature_c"].head(train_days * frequency.per_day).to_numpy()
    errors = np.abs(values[frequency.cycle :] - values[: -frequency.cycle])
    known = errors[np.isfinite(errors)]
    return float(known.mean()) if known.any() else None


def conformal(errors: np.ndarray, level: float) -> np.ndarray:
    """For each column of absolute errors the least that ⌈(n + 1) · level⌉ of its n do not exceed, rounded up.

    There is one if n is at least level / (1 - level).
    """
    rank, scale = math.ceil((len(errors) + 1) * level - 1e-9), 10**DECIMALS
    return np.asarray(np.ceil(np.sort(errors, axis=0)[rank - 1] * scale - 1e-6) / scale)


def _rows(table: pl.DataFrame, made: np.ndarray, width: np.ndarray) -> pl.DataFrame:
    """Forecasts and half widths, a column for each model, as rows: one model after the other."""
    numbers = {"y_pred": made, "lower": made - width, "upper": made + width}
    parts = []
    for at, model in enumerate(MODELS):
        own = [pl.Series(name, values[:, at].round(DECIMALS)) for name, values in numbers.items()]
        parts.append(table.select("time", "y_true", *own, "split", model=pl.lit(model)))
    return pl.concat(parts).with_columns(pl.selectors.float().fill_nan(None))
