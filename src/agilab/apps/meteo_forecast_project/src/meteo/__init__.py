"""Temperature forecasts for weather stations, back-tested as they would have been made, beside simple baselines.

A work item is one station and one target, such as `24h`. It replays the record: fit to what was known, forecast, fit
anew. Its forecasts are a table, its errors are sums, and the sums of all items merge into exact metrics.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

from backtest import Outcome, at_steps, by_group, cases, check, keep, kept, mase_scale, means, on_grid, replay
from polars import col

from agi_node import App, Distinct, FileRef, RunContext, WorkItem
from agi_node.partial import Size

from .arguments import DAY, HOUR, MeteoArgs, parsed
from .observations import SUFFIXES, read_observations, refusal
from .picture import picture

FURTHEST_DAYS = 14  # beyond that a station's own past says nothing about the weather
LEAST_HOURS = 18  # of a day's 24: with fewer there is no daily mean


class ForecastSummary(Outcome):
    """What every unit returns; each field says how two of them merge. All of it is about the split `test`."""

    stations: Distinct[str] = frozenset()
    station_count: Annotated[int, Size("stations")] = 0
    targets: Distinct[str] = frozenset()


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
        what = f"no table among the observations {args.observations}"
        raise refusal(141, what, ", ".join(file.name for file in given[:8]), " or ".join(SUFFIXES))
    readings = read_observations(files, args.stations.split(",") if args.stations else ())
    for (station,), table in readings.group_by("station", maintain_order=True):
        days = (table["time"][-1] - table["time"][0]).days
        for target in args.targets.split(","):
            _, per_day, horizon = parsed(target)
            ahead = -(-horizon // per_day)
            if ahead > FURTHEST_DAYS:
                raise refusal(149, f"the target {target} is too far ahead", target, f"{FURTHEST_DAYS} days")
            needed = args.plan(per_day).test // per_day + ahead + 2
            if days < needed:
                rule = f"train_days, calibration_days in whole refit_days, {target}, 2 to test"
                what = f"station {station} was observed too shortly"
                raise refusal(150, what, f"{days} days", f"{needed} or more: {rule}")
            payload = {"station": station, "target": target, "files": files}
            yield WorkItem(f"{station}-{target}", payload, cost=days * (2 if per_day > 1 else 1))


@app.work
def forecast(case: Case, args: MeteoArgs, run: RunContext) -> ForecastSummary:
    """One station and target: its forecasts as a table, its scores as a partial."""
    from sklearn.linear_model import Ridge  # a second or more, which only those who fit should pay

    readings = at_steps(read_observations(case.files, [case.station]), HOUR)
    hours = on_grid(readings, "temperature_c", HOUR, args.max_rate_c_per_h)
    look, per_day, horizon = parsed(case.target)
    grid = hours if per_day > 1 else means(hours, "temperature_c", DAY, LEAST_HOURS)
    plan, table = args.plan(per_day), cases(grid, "temperature_c", horizon, look)
    due = col("origin").dt.hour() % args.origin_every_h == 0
    made = replay(table, horizon, plan, {"ridge": Ridge(args.penalty)}, due)
    scale = mase_scale(grid["temperature_c"].head(plan.train), look.cycle)
    about = {"stations": frozenset({case.station}), "targets": frozenset({case.target})}
    summary = ForecastSummary.scored(made, "ridge", scale, args.mape_least_c, **about)
    keep(run, made, summary, "ridge", {"station": case.station, "target": case.target})
    run.log_metrics({"readings": len(readings), "rejected": len(readings) - hours["temperature_c"].count()})
    return summary


@app.publish
def verdict(summary: ForecastSummary, args: MeteoArgs, run: RunContext) -> dict[str, Any]:
    """All forecasts as one table, all metrics as one document, a picture; and do they hold what they promise?"""
    labels = {"station": (), "target": args.targets.split(",")}
    table, units = kept(run, ForecastSummary, "ridge", labels)
    groups = by_group(units)
    run.save_table("forecast_predictions", table)
    run.save_json("forecast_metrics", {"level": args.level, "metrics": groups})
    found = check(run, table, summary, groups, model="ridge", each="target", level=args.level, unit="°C")
    if found["cases"]:
        run.save_figure("forecast", picture(table.filter(split="test"), groups, args.level))
    return found
