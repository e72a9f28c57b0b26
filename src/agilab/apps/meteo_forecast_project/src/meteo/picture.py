"""The picture of a back-test: two weeks of forecasts with their interval, and how the error grows with the horizon."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import polars as pl
from plain_charts import Area, Chart, Line, sheet
from polars import col

DAYS = 14
NAMES = {
    "ridge": "ridge regression",
    "naive": "naive",
    "seasonal_naive": "seasonal naive",
    "climatology": "climatology",
}


def picture(test: pl.DataFrame, groups: Sequence[dict[str, Any]], level: float) -> str:
    """SVG of both charts: `test` are forecasts of the split `test`, `groups` the rows of `by_group`."""
    title = "Temperature forecasts, back-tested"
    return sheet(title, [_weeks(test, level), _horizons(groups)], heights=[300])


def _weeks(test: pl.DataFrame, level: float) -> Chart:
    """The last two weeks of one station and target: a day ahead, if that was forecast."""
    station = test["station"][0]
    targets = test.filter(station=station)["target"].unique(maintain_order=True)
    target = "24h" if "24h" in targets else targets[0]
    shown = test.filter(station=station, target=target, model="ridge").sort("time")
    last: datetime = shown["time"][-1]
    start = last.replace(hour=0) - timedelta(days=DAYS - 1)
    shown = shown.filter(col("time") >= start).with_columns(day=(col("time") - start) / timedelta(days=1))
    marks = (
        Area(shown.select("day", "lower", "upper").rows(), 0, f"{level:.0%} interval"),
        Line(shown.select("day", "y_pred").rows(), 0, NAMES["ridge"]),
        Line(shown.select("day", "y_true").rows(), None, "observed", dots=True),
    )
    days = [(at, f"{start + timedelta(at):%-d %b}") for at in range(1, DAYS, 3)]
    return Chart(f"{station}, {target} ahead (°C, UTC)", marks, days, x=(0, DAYS), share=1.6)


def _horizons(groups: Sequence[dict[str, Any]]) -> Chart:
    """The error of each model over all stations; hours and days are different things, so no line joins them."""
    rows = [row for row in groups if row["station"] == "all" != row["target"] and row["cases"]]
    targets = list(dict.fromkeys(row["target"] for row in rows))
    marks = []
    for colour, (model, name) in enumerate(NAMES.items()):
        errors = {row["target"]: row["mae"] for row in rows if row["model"] == model}
        for unit in "hd":
            points = [(at, errors[target]) for at, target in enumerate(targets) if target[-1] == unit]
            marks.append(Line(points, colour, name, dots=True))
    most = max(row["mae"] for row in rows) * 1.05 or 1.0
    title = "mean absolute error by target, all stations (°C)"
    return Chart(title, marks, list(enumerate(targets)), x=(-0.5, len(targets) - 0.5), y=(0.0, most))
