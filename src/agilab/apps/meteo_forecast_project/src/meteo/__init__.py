"""Temperature forecasts for weather stations, back-tested as they would have been made, beside simple baselines.

A work item is one station and one target, such as `24h`. It replays the record: fit to what was known, forecast, fit
anew. Its forecasts are a table, its errors are sums, and the sums of all items merge into exact metrics.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import polars as pl
from polars import col

from agi_node import App, Distinct, FileRef, Max, Min, RunContext, Sum, WorkItem
from agi_node.canonical import untag
from agi_node.partial import Size

from .arguments import MeteoArgs
from .forecast import BASELINES, MODELS, cases, naive_error, parsed, replay
from .observations import SUFFIXES, daily, hourly, read_observations, refusal
from .picture import picture
from .scores import Scores, by_group, compared

FURTHEST_DAYS = 14  # beyond that a station's own past says nothing about the weather
COVERAGE_SLACK = 0.03  # for errors that follow one another and change with the seasons; see `verdict`


class ForecastSummary(Scores):
    """What every unit returns; each field says how two of them merge. All of it is about the split `test`.

    The scores of the regression, how many forecasts were due (all were scored but those that a gap in the record took
    away), and the scores of each baseline.
    """

    due_count: Sum[int] = 0
    without_past: Sum[int] = 0
    without_truth: Sum[int] = 0
    stations: Distinct[str] = frozenset()
    station_count: Annotated[int, Size("stations")] = 0
    targets: Distinct[str] = frozenset()
    time_start: Min[str] = None
    time_end: Max[str] = None
    naive: Scores = Scores()
    seasonal_naive: Scores = Scores()
    climatology: Scores = Scores()

    @property
    def scores(self) -> dict[str, Scores]:
        """The scores by model."""
        return {"ridge": Scores(**self.fields()), **{model: getattr(self, model) for model in BASELINES}}


@dataclass(frozen=True)
class Case:
    """A work item: a station, a target, and where the readings are."""

    station: str
    target: str
    files: list[FileRef]


app = App("meteo", args=MeteoArgs, partial=ForecastSummary)


@app.plan
def stations_and_targets(args: MeteoArgs) -> Iterator[WorkItem]:
    """One item for each station and target, all of them checked first."""
    given = list(args.observations)
    files = [file for file in given if file.suffix in SUFFIXES]
    if not files:
        found = ", ".join(file.name for file in given[:8])
        raise refusal(
            141, f"no table among the observations {args.observations}", found, " or ".join(SUFFIXES)
        )
    readings = read_observations(files, args.stations.split(",") if args.stations else ())
    items = []
    for (station,), table in readings.group_by("station", maintain_order=True):
        days = (table["time"][-1] - table["time"][0]).days
        for target in args.targets.split(","):
            frequency, horizon = parsed(target)
            ahead = -(-horizon // frequency.per_day)
            if ahead > FURTHEST_DAYS:
                raise refusal(149, f"the target {target} is too far ahead", target, f"{FURTHEST_DAYS} days")
            calibrated = -(-args.calibration_days // args.refit_days) * args.refit_days
            needed = args.train_days + calibrated + ahead + 2
            if days < needed:
                allowed = (
                    f"{needed} or more: train_days, calibration_days in whole refit_days, {target}, 2 to test"
                )
                raise refusal(150, f"station {station} was observed too shortly", f"{days} days", allowed)
            payload = {"station": station, "target": target, "files": files}
            items.append(
                WorkItem(f"{station}-{target}", payload, cost=days * (2 if frequency.hours == 1 else 1))
            )
    yield from items


@app.work
def forecast(case: Case, args: MeteoArgs, run: RunContext) -> ForecastSummary:
    """One station and target: its forecasts as a table, its scores as a partial."""
    readings = read_observations(case.files, [case.station])
    hours = hourly(readings, args.max_rate_c_per_h)
    frequency, horizon = parsed(case.target)
    grid = hours if frequency.hours == 1 else daily(hours)
    made = replay(cases(grid, frequency, horizon), frequency, horizon, args)

    scale = naive_error(grid, frequency, args.train_days)
    scored = made.drop_nulls(["y_true", "y_pred"])
    test = scored.filter(split="test")
    scores = {model: Scores.of(test.filter(model=model), scale, args.mape_least_c) for model in MODELS}
    due = made.filter(split="test", model="ridge")
    times = test["time"].dt.strftime("%Y-%m-%dT%H:%M:%SZ").to_list()
    summary = ForecastSummary(
        **scores.pop("ridge").fields(),
        **scores,  # type: ignore[arg-type]  # the names of three fields
        stations=frozenset({case.station}),
        targets=frozenset({case.target}),
        due_count=len(due),
        without_past=due["y_pred"].null_count(),
        without_truth=due.drop_nulls("y_pred")["y_true"].null_count(),
        time_start=min(times, default=None),
        time_end=max(times, default=None),
    )
    of = [pl.lit(case.station).alias("station"), pl.lit(case.target).alias("target")]
    run.save_table("predictions", scored.select(*of, pl.all()))
    run.save_json("scores", {"station": case.station, "target": case.target, "state": summary.to_state()})
    rejected = len(readings) - hours["temperature_c"].count()
    run.log_metrics(
        {"readings": len(readings), "rejected": rejected} | _numbers(compared(summary.scores)["ridge"])
    )
    return summary


@app.publish
def verdict(summary: ForecastSummary, args: MeteoArgs, run: RunContext) -> dict[str, Any]:
    """All forecasts as one table, all metrics as one document, a picture; and do they hold what they promise?

    Split-conformal intervals cover as promised if errors are exchangeable. Ours follow one another and change with
    the seasons: beyond chance (two standard errors) `COVERAGE_SLACK` is taken for that, more is not.
    """
    order = args.targets.split(",")
    units = sorted(map(_unit, run.artifacts("scores")), key=lambda unit: (unit[0], order.index(unit[1])))
    tables = [pl.read_parquet(path, glob=False) for _, path in run.artifacts("predictions")]
    table = pl.concat(tables).sort("station", col("target").cast(pl.Enum(order)), "time", maintain_order=True)
    groups = by_group(units)
    run.save_table("forecast_predictions", table)
    run.save_json("forecast_metrics", {"level": args.level, "metrics": groups})

    test, pooled = table.filter(split="test"), compared(summary.scores)
    rows, scored = len(test), summary.due_count - summary.without_past - summary.without_truth
    run.validate("forecasts add up", rows == scored * len(MODELS), value=rows, limit=scored * len(MODELS))
    if not rows:
        return pooled["ridge"]
    error = col("y_pred") - col("y_true")
    again = test.group_by("model").agg(mae=error.abs().mean(), rmse=(error**2).mean().sqrt()).to_dicts()
    apart = max(abs(row[name] - pooled[row["model"]][name]) for row in again for name in ("mae", "rmse"))
    run.validate("metrics add up", apart <= 1e-9, value=apart, limit=1e-9)

    ridge = pooled["ridge"]
    targets = [row for row in groups if row["station"] == "all" != row["target"] and row["model"] == "ridge"]
    worst = min(
        (row for row in targets if row["skill"] is not None), key=lambda row: row["skill"], default=None
    )
    if worst:
        message = "least at {target}: MAE {mae:.2f} °C; the best baseline is {best_baseline}".format(**worst)
        run.validate(
            "skill at every target", worst["skill"] > 0, value=worst["skill"], limit=0, message=message
        )
    off = abs(ridge["coverage"] - args.level)
    limit = COVERAGE_SLACK + 2 * (args.level * (1 - args.level) / ridge["cases"]) ** 0.5
    message = f"{ridge['coverage']:.1%} of the truths lie in their intervals, {args.level:.0%} should"
    run.validate("coverage", off <= limit, value=off, limit=limit, message=message)
    run.save_figure("forecast", picture(test, groups, args.level))
    run.log_metrics(_numbers(ridge))
    return ridge


def _unit(saved: tuple[str, Path]) -> tuple[str, str, dict[str, Scores]]:
    """A unit's station, target and scores."""
    kept = untag(json.loads(saved[1].read_text(encoding="utf-8")))
    return kept["station"], kept["target"], ForecastSummary.from_state(kept["state"]).scores


def _numbers(metrics: dict[str, Any]) -> dict[str, float]:
    return {name: value for name, value in metrics.items() if isinstance(value, int | float)}
