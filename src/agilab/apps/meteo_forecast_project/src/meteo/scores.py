"""How good forecasts are: sums that merge exactly, and the metrics that follow from them."""

from collections.abc import Sequence
from typing import Annotated, Any

import polars as pl
from polars import col

from agi_node import Moments, Partial, Sum
from agi_node.partial import Root

from .forecast import BASELINES, MODELS


class Scores(Partial):
    """Errors of one model's forecasts; the mean of each field is the metric of that name.

    °C, and % for `mape` and `smape`. `mape` leaves out truths near zero and counts them; Makridakis (1993) for
    `smape`, Hyndman & Koehler (2006) for `mase`.
    """

    bias: Moments = Moments()
    mae: Moments = Moments()
    mse: Moments = Moments()
    rmse: Annotated[float | None, Root("mse")] = None
    mape: Moments = Moments()
    mape_left_out: Sum[int] = 0
    smape: Moments = Moments()
    mase: Moments = Moments()
    covered: Sum[int] = 0
    width: Moments = Moments()

    @classmethod
    def of(cls, forecasts: pl.DataFrame, scale: float | None, least: float) -> "Scores":
        """The scores of `y_true, y_pred, lower, upper` (°C), none of them null.

        `scale` is the error that counts as 1 in `mase`, None if there is none; `least` the smallest |truth| in `mape`.
        """
        error = col("y_pred") - col("y_true")
        size, sizes = error.abs(), col("y_true").abs() + col("y_pred").abs()
        table = forecasts.select(
            error=error,
            size=size,
            square=error**2,
            share=pl.when(col("y_true").abs() >= least).then(100 * size / col("y_true").abs()),
            symmetric=pl.when(sizes > 0).then(200 * size / sizes).otherwise(0.0),
            inside=col("y_true").is_between("lower", "upper"),
            width=col("upper") - col("lower"),
        )
        shares = table["share"].drop_nulls()
        return cls(
            bias=Moments.of(table["error"]),
            mae=Moments.of(table["size"]),
            mse=Moments.of(table["square"]),
            mape=Moments.of(shares),
            mape_left_out=len(table) - len(shares),
            smape=Moments.of(table["symmetric"]),
            mase=Moments.of(table["size"] / scale) if scale else Moments(),
            covered=int(table["inside"].sum()),
            width=Moments.of(table["width"]),
        )

    def fields(self) -> dict[str, Any]:
        """The fields by name, for a partial that has them and more."""
        return {
            field["name"]: getattr(self, field["name"])
            for field in Scores.describe()
            if field["rule"] != "root"
        }

    def metrics(self) -> dict[str, Any]:
        """The numbers that people read; None where there is nothing to take a mean of."""
        cases = self.mae.count
        return {
            "cases": cases,
            "mae": self.mae.mean,
            "rmse": self.rmse,
            "bias": self.bias.mean,
            "mape": self.mape.mean,
            "mape_left_out": self.mape_left_out,
            "smape": self.smape.mean,
            "mase": self.mase.mean,
            "coverage": self.covered / cases if cases else None,
            "width": self.width.mean,
        }


def compared(scores: dict[str, Scores]) -> dict[str, dict[str, Any]]:
    """The metrics of each model, with its skill: 1 - MAE / MAE of the best baseline, which is named."""
    found = {model: scores[model].metrics() for model in MODELS}
    errors = {model: found[model]["mae"] for model in BASELINES}
    best = None if None in errors.values() else min(BASELINES, key=lambda model: errors[model])
    least = errors[best] if best else None
    for row in found.values():
        row |= {"skill": 1 - row["mae"] / least if least else None, "best_baseline": best}
    return found


def by_group(units: Sequence[tuple[str, str, dict[str, Scores]]]) -> list[dict[str, Any]]:
    """The metrics of every model over everything, each target, each station, and each unit, from their sums.

    A unit is `(station, target, scores)`; what a row takes together is called `all`.
    """
    groups: dict[tuple[str, str], list[dict[str, Scores]]] = {}
    for station, target, scores in units:
        for key in (("all", "all"), ("all", target), (station, "all"), (station, target)):
            groups.setdefault(key, []).append(scores)
    rows = []
    for (station, target), parts in groups.items():
        merged = {model: Scores.merge_all(part[model] for part in parts) for model in MODELS}
        for model, metrics in compared(merged).items():
            rows.append({"station": station, "target": target, "model": model, **metrics})
    return rows
