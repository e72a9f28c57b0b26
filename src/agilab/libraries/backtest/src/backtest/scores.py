"""How good forecasts are: sums that merge exactly, and the metrics that follow from them."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import Annotated, Any

import polars as pl
from polars import col

from agi_node import AgiError, Moments, Partial, Sum
from agi_node.partial import Root

from .cases import BASELINES

ALL = "all"
"""What a row of `by_group` takes together."""

Unit = tuple[Mapping[str, str], Mapping[str, "Scores"]]
"""Labels, such as `{"store": "north", "horizon": "7d"}`, and the scores by model."""


class Scores(Partial):
    """Errors of one model's forecasts; the mean of each field is the metric of that name.

    In the series' unit, and % for `mape` and `smape`. `mape` leaves out truths near zero and counts them; Makridakis
    (1993) for `smape`, Hyndman & Koehler (2006) for `mase`.
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
        """The scores of `y_true, y_pred, lower, upper`, none of them null.

        `scale` is the error that counts as 1 in `mase`, None if there is none; `least` the smallest |truth| in `mape`,
        which leaves out 0 anyway.
        """
        error = col("y_pred") - col("y_true")
        size, sizes = error.abs(), col("y_true").abs() + col("y_pred").abs()
        table = forecasts.select(
            error=error,
            size=size,
            square=error**2,
            share=pl.when(col("y_true").abs() >= least, col("y_true") != 0).then(
                100 * size / col("y_true").abs()
            ),
            symmetric=pl.when(sizes > 0).then(200 * size / sizes).otherwise(0.0),
            inside=col("y_true").is_between("lower", "upper"),
            width=col("upper") - col("lower"),
        )
        shares = table["share"].drop_nulls()
        return Scores(
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
        fields = (field["name"] for field in Scores.describe() if field["rule"] != "root")
        return {name: getattr(self, name) for name in fields}

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


def compared(scores: Mapping[str, Scores]) -> dict[str, dict[str, Any]]:
    """The metrics of each model, with its skill: 1 - MAE / MAE of the best baseline, which is named.

    No skill where no baseline has scores, or where the best of them makes no error.
    """
    found = {model: own.metrics() for model, own in scores.items()}
    errors = {model: found[model]["mae"] for model in BASELINES}
    best = None if None in errors.values() else min(BASELINES, key=lambda model: errors[model])
    least = errors[best] if best else None
    for row in found.values():
        skill = 1 - row["mae"] / least if least and row["mae"] is not None else None
        row |= {"skill": skill, "best_baseline": best}
    return found


def by_group(units: Sequence[Unit]) -> list[dict[str, Any]]:
    """The metrics of every model over everything, each value of each label, and each unit, from their sums.

    A row has the labels, `ALL` for what it takes together, then `model` and its metrics. Raises AGI-DATA-153 where a
    label's own value is `ALL`.
    """
    groups: dict[tuple[str, ...], list[Mapping[str, Scores]]] = {}
    for labels, scores in units:
        if ALL in labels.values():
            what = f"a label is called what all of them are called together, {dict(labels)}"
            raise AgiError("AGI-DATA-153", what, found=ALL, allowed="another name", exit_code=1)
        for key in product(*((ALL, value) for value in labels.values())):
            groups.setdefault(key, []).append(scores)
    rows = []
    for key, parts in groups.items():
        merged = {model: Scores.merge_all(part[model] for part in parts) for model in parts[0]}
        for model, metrics in compared(merged).items():
            rows.append({**dict(zip(units[0][0], key, strict=True)), "model": model, **metrics})
    return rows


def along(rows: Iterable[dict[str, Any]], label: str, model: str) -> list[dict[str, Any]]:
    """Those rows of `by_group` that tell a model's metrics for each value of one label, over all others together."""
    found = []
    for row in rows:
        labels = list(row)[: list(row).index("model")]
        if row["model"] == model and [name for name in labels if row[name] != ALL] == [label]:
            found.append(row)
    return found
