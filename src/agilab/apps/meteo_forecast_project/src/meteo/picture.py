"""Two charts: two weeks of forecasts with their interval, and how the error grows with the horizon."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import polars as pl
from backtest import BASELINES, along
from plain_charts import Area, Chart, Line, sheet
from polars import col

from .arguments import DAY

DAYS = 14
NAMES = {"ridge": "ridge regression", **{model: model.replace("_", " ") for model in BASELINES}}


def picture(test: pl.DataFrame, groups: Sequence[dict[str, Any]], level: float) -> str:
    """SVG of both charts: `test` are forecasts of the split `test`, `groups` the rows of `by_group`."""
    return sheet(
        "Temperature forecasts, back-tested", [_weeks(test, level), _horizons(groups)], heights=[300]
    )


def _weeks(test: pl.DataFrame, level: float) -> Chart:
    """The last two weeks of one station and target: a day ahead, if that was forecast."""
    station = test["station"][0]
    targets = test.filter(station=station)["target"].unique(maintain_order=True)
    target = "24h" if "24h" in targets else targets[0]
    shown = test.filter(station=station, target=target, model="ridge").sort("time")
    last: datetime = shown["time"][-1]
    start = last.replace(hour=0) - (DAYS - 1) * DAY
    shown = shown.filter(col("time") >= start).with_columns(day=(col("time") - start) / DAY)
    marks = (
        Area(shown.select("day", "lower", "upper").rows(), 0, f"{level:.0%} interval"),
        Line(shown.select("day", "y_pred").rows(), 0, NAMES["ridge"]),
        Line(shown.select("day", "y_true").rows(), None, "observed", dots=True),
    )
    days = [(at, f"{start + at * DAY:%-d %b}") for at in range(1, DAYS, 3)]
    return Chart(f"{station}, {target} ahead (°C, UTC)", marks, days, x=(0, DAYS), share=1.6)


def _horizons(groups: Sequence[dict[str, Any]]) -> Chart:
    """The error of each model over all stations; hours and days are different things, so no line joins them."""
    marks, most, targets = [], 0.0, list[str]()
    for colour, (model, name) in enumerate(NAMES.items()):
        rows = [row for row in along(groups, "target", model) if row["cases"]]
        targets, most = [row["target"] for row in rows], max(most, *(row["mae"] for row in rows))
        for unit in "hd":
            points = [(at, row["mae"]) for at, row in enumerate(rows) if row["target"][-1] == unit]
            marks.append(Line(points, colour, name, dots=True))
    room, ticks = (0.0, most * 1.05 or 1.0), list(enumerate(targets))
    return Chart("MAE by target, all stations (°C)", marks, ticks, x=(-0.5, len(targets) - 0.5), y=room)
