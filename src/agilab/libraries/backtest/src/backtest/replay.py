"""A rolling-origin back-test: at each moment a forecast from what was known, with an interval."""

import math
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import polars as pl
from pydantic import BaseModel, Field, PositiveInt

from agi_node import AgiError

from .cases import BASELINES


class Regressor(Protocol):
    """What can be fitted anew to rows of numbers, such as any regressor of scikit-learn."""

    def fit(self, x: Any, y: Any, /) -> Any:
        """Forget what was fitted before; `x` is of shape (cases, features), `y` of shape (cases,)."""

    def predict(self, x: Any, /) -> Any:
        """Numbers of shape (cases,)."""


class Plan(BaseModel, frozen=True, extra="forbid"):
    """When is fitted, calibrated and tested, in steps of the grid.

    Attributes:
        train: The first fit sees so many steps, a later one more.
        refit: Steps from one fit to the next.
        calibration: Intervals rest on the errors of so many steps.
        level: The share of truths that intervals should hold.
        pace: By how much of each miss the level that is aimed at follows (Gibbs & Candès 2021); 0: never.
        decimals: To which forecasts and bounds are rounded, so that no bit of a processor's own is in them.
    """

    train: PositiveInt
    refit: PositiveInt
    calibration: PositiveInt
    level: float = Field(0.9, gt=0, lt=1)
    pace: float = Field(0.01, ge=0, lt=1)
    decimals: int = 3

    @property
    def test(self) -> int:
        """The step with which the test begins: training, then calibration in whole `refit`."""
        return self.train + -(-self.calibration // self.refit) * self.refit

    @property
    def needed(self) -> int:
        """So many errors an interval of this level takes: with fewer, it would be infinite."""
        return math.ceil(self.level / (1 - self.level) - 1e-9)


def replay(
    table: pl.DataFrame,
    horizon: int,
    plan: Plan,
    models: Mapping[str, Regressor],
    due: pl.Expr | bool = True,
) -> pl.DataFrame:
    """Every forecast that was due in a rolling-origin back-test (Tashman 2000), one row for each model.

    `table` is of `cases` with this horizon; `due` says of its rows at which origins one forecasts. At each cut the
    models are fitted to the change since the last value of all cases whose truth was known by then, and serve until
    the next. An interval is the forecast ± a conformal quantile of the model's own absolute errors over the last
    `plan.calibration` steps known at its origin (see `half_widths`); forecasts before there are so many (the split
    `calibration`) have none.

    Gives `time, y_true, y_pred, lower, upper, split, model`, the models first, then the baselines; null is what is
    missing: a truth in a gap, or a forecast, of all models at once, after a gap that left too little to fit, to look at
    or to calibrate.

    Raises:
        AgiError: AGI-DATA-151 there are never enough errors for an interval of this level.
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # paid by those who fit, alone

    names, count = [*models, *BASELINES], len(models)
    x = table.select(pl.selectors.starts_with("x_")).to_numpy()
    truth, last = table["y_true"].to_numpy(), table["naive"].to_numpy()
    made = table.select(*(pl.lit(math.nan).alias(name) for name in models), *BASELINES).to_numpy(
        writable=True
    )
    able = np.isfinite(x).all(axis=1) & np.isfinite(made[:, count:]).all(axis=1)

    at = np.arange(len(table))
    wanted = table.select(due=(due & pl.col("origin").is_not_null()).fill_null(False))["due"]
    asked = wanted.to_numpy() & (at >= plan.train) & (at + horizon < len(table))
    # one thread sums in one order, so that the bytes do not tell how many there were
    with threadpool_limits(1):
        for cut in range(plan.train, len(table), plan.refit):
            known = able & np.isfinite(truth) & (at + horizon <= cut)
            block = asked & able & (at >= cut) & (at < cut + plan.refit)
            if not known.any() or not block.any():
                continue
            for column, model in enumerate(models.values()):
                model.fit(x[known], (truth - last)[known])
                made[block, column] = last[block] + model.predict(x[block])
            made[block] = made[block].round(plan.decimals)
    usable = able & np.isfinite(truth) & np.isfinite(made[:, :count]).all(axis=1)
    origins = at[asked & able & (at >= plan.test)]
    width, most = half_widths(made, truth, at[usable], origins, horizon, plan)
    if most < plan.needed:
        what = f"too few forecasts to calibrate intervals of level {plan.level:g}"
        found, allowed, try_ = (
            f"{most} at most",
            f"{plan.needed} or more",
            "a longer calibration, or a lower level",
        )
        raise AgiError("AGI-DATA-151", what, found=found, allowed=allowed, try_=try_, exit_code=1)
    lost = ~np.isfinite(made).all(axis=1) | ((at >= plan.test) & ~np.isfinite(width).all(axis=1))
    made[lost] = math.nan  # all models forecast, or none: they are compared on the same cases

    split = pl.Series(np.where(at >= plan.test, "test", "calibration"))
    kept = pl.Series(np.tile(asked, len(names)))
    return _rows(table.with_columns(split=split), names, made, width, plan.decimals).filter(kept)


def half_widths(
    made: np.ndarray, truth: np.ndarray, rows: np.ndarray, origins: np.ndarray, horizon: int, plan: Plan
) -> tuple[np.ndarray, int]:
    """The half width of each interval at `origins`, a column for each model, and the most errors that one rests on.

    `made` has a column for each model; `rows` are those with forecasts and a truth, in order. An interval takes the
    `conformal` quantile of the errors known at its origin. Each model aims at a level of its own: it begins as
    `plan.level` and rises with every truth outside its interval, falls with every one inside, as soon as that truth is
    known (adaptive conformal inference, Gibbs & Candès 2021). So intervals follow errors that change with the season,
    which exchangeable ones would not. NaN where there are too few errors.
    """
    width = np.full_like(made, math.nan)
    errors = np.abs(made[rows] - truth[rows, None])
    begins = np.searchsorted(rows, origins - horizon - plan.calibration, side="right")
    ends = np.searchsorted(rows, origins - horizon, side="right")
    level, told, most = np.full(made.shape[1], plan.level), 0, 0
    for origin, begin, end in zip(origins.tolist(), begins.tolist(), ends.tolist(), strict=True):
        had = width[rows[told:end]]
        missed = (errors[told:end] > had + 1e-9).sum(axis=0)  # a comparison with NaN is false
        level += plan.pace * (missed - (1 - plan.level) * np.isfinite(had).sum(axis=0))
        told, most = end, max(most, end - begin)
        if end - begin >= plan.needed:
            width[origin] = conformal(errors[begin:end], level, plan.decimals)
    return width, most


def conformal(errors: np.ndarray, level: np.ndarray | float, decimals: int) -> np.ndarray:
    """For each column of absolute errors the least that ⌈(n + 1) · level⌉ of its n do not exceed, rounded up.

    `level` is one number or one for each column; the least or the greatest error where it asks for less or more than
    there are. Of exchangeable errors, the next one is no greater with that probability (Lei et al. 2018).
    """
    ordered, scale = np.sort(errors, axis=0), 10**decimals
    rank = np.ceil((len(errors) + 1) * np.broadcast_to(level, ordered.shape[1]) - 1e-9).astype(int)
    found = np.take_along_axis(ordered, rank.clip(1, len(errors))[None] - 1, axis=0)[0]
    return np.asarray(np.ceil(found * scale - 1e-6) / scale)


def _rows(
    table: pl.DataFrame, names: list[str], made: np.ndarray, width: np.ndarray, decimals: int
) -> pl.DataFrame:
    """Forecasts and half widths, a column for each model, as rows: one model after the other."""
    numbers = {"y_pred": made, "lower": made - width, "upper": made + width}
    parts = []
    for at, name in enumerate(names):
        own = [pl.Series(key, values[:, at].round(decimals)) for key, values in numbers.items()]
        parts.append(table.select("time", "y_true", *own, "split", model=pl.lit(name)))
    return pl.concat(parts).with_columns(pl.selectors.float().fill_nan(None))
