"""What the units of an app keep of their back-tests, how publishing finds it again, and whether it adds up."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
from polars import col

from agi_node import RunContext
from agi_node.canonical import untag

from .outcome import Outcome
from .scores import Unit, along, compared


def keep(
    run: RunContext, made: pl.DataFrame, outcome: Outcome, model: str, labels: Mapping[str, str]
) -> None:
    """Save a unit's forecasts as the table `predictions`, its scores as `scores`, and log its metrics."""
    own = [pl.lit(value).alias(name) for name, value in labels.items()]
    run.save_table("predictions", made.drop_nulls(["y_true", "y_pred"]).select(*own, pl.all()))
    run.save_json("scores", {**labels, "state": outcome.to_state()})
    run.log_metrics(_numbers(compared(outcome.by_model(model))[model]))


def kept(
    run: RunContext, outcome: type[Outcome], model: str, orders: Mapping[str, Sequence[str]]
) -> tuple[pl.DataFrame, list[Unit]]:
    """What all units kept: their forecasts as one table, and their scores.

    Both in the order of the labels in `orders`: of their values, or alphabetical where none are given.
    """
    tables = [pl.read_parquet(path, glob=False) for _, path in run.artifacts("predictions")]
    table = pl.concat(tables)
    keys = [col(name).cast(pl.Enum(order)) if order else col(name) for name, order in orders.items()]
    units: list[Unit] = []
    for _, path in run.artifacts("scores"):
        saved = untag(json.loads(path.read_text(encoding="utf-8")))
        scores = outcome.from_state(saved["state"]).by_model(model)
        units.append(({name: saved[name] for name in orders}, scores))
    units.sort(
        key=lambda unit: [
            (order.index(unit[0][name]) if order else 0, unit[0][name]) for name, order in orders.items()
        ]
    )
    return table.sort(*keys, "time", maintain_order=True), units


def check(
    run: RunContext,
    table: pl.DataFrame,
    outcome: Outcome,
    groups: Sequence[dict[str, Any]],
    *,
    model: str,
    each: str,
    level: float,
    unit: str,
    slack: float = 0.03,
) -> dict[str, Any]:
    """Verdicts: do table and outcome say the same, has the model skill, do the intervals hold what they promise?

    `table` of `kept`, `groups` of `by_group`, where each value of the label `each` must show skill and cover; `unit` is
    the series' own. Errors of a series follow one another, so that its intervals miss in runs: beyond chance (two
    standard errors) `slack` is taken for that, more is not. Covering more than promised is no fault where an interval
    has no width left to lose. Logs the model's metrics, and gives them.
    """
    pooled = compared(outcome.by_model(model))
    test = table.filter(col("model").is_in(list(pooled)), split="test")
    rows, scored = len(test), outcome.due_count - outcome.without_past - outcome.without_truth
    wanted = scored * len(pooled)
    run.validate("forecasts add up", rows == wanted, value=rows, limit=wanted)
    if not rows:
        return pooled[model]
    error = col("y_pred") - col("y_true")
    again = test.group_by("model").agg(mae=error.abs().mean(), rmse=(error**2).mean().sqrt()).to_dicts()
    apart = max(abs(row[name] - pooled[row["model"]][name]) for row in again for name in ("mae", "rmse"))
    run.validate("metrics add up", apart <= 1e-9, value=apart, limit=1e-9)

    worst = min(
        (row for row in along(groups, each, model) if row["skill"] is not None),
        key=lambda row: row["skill"],
        default=None,
    )
    if worst:
        best = worst["best_baseline"]
        message = f"least at {worst[each]}: MAE {worst['mae']:.2f} {unit}; the best baseline is {best}"
        run.validate(
            f"skill at every {each}", worst["skill"] > 0, value=worst["skill"], limit=0, message=message
        )
    found = pooled[model]
    least = min((row for row in along(groups, each, model) if row["cases"]), key=lambda row: row["coverage"])
    for name, row, where in (
        ("coverage", found, ""),
        (f"coverage at every {each}", least, f" at {least[each]}"),
    ):
        off = abs(row["coverage"] - level) if row["width"] else max(0.0, level - row["coverage"])
        limit = slack + 2 * (level * (1 - level) / row["cases"]) ** 0.5
        message = f"{row['coverage']:.1%} of the truths{where} lie in their intervals, {level:.0%} should"
        run.validate(name, off <= limit, value=off, limit=limit, message=message)
    run.log_metrics(_numbers(found))
    return found


def _numbers(metrics: Mapping[str, Any]) -> dict[str, float]:
    return {name: value for name, value in metrics.items() if isinstance(value, int | float)}
