"""The picture of a back-test: two weeks of forecasts with their interval, and how the error grows with the horizon."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from xml.sax.saxutils import escape

import polars as pl
from polars import col

DAYS = 14
NAMES = {
    "ridge": ("ridge regression", "#0072b2"),
    "naive": ("naive", "#d55e00"),
    "seasonal_naive": ("seasonal naive", "#009e73"),
    "climatology": ("climatology", "#7f7f7f"),
}  # colours that colour-blind readers tell apart: Okabe & Ito (2008)
INK, FAINT = "#222222", "#dddddd"

Point = tuple[float, float]


@dataclass(frozen=True)
class Panel:
    """A rectangle of the picture (px) and the range of numbers that it shows."""

    left: float
    right: float
    top: float
    bottom: float
    x: Point
    y: Point

    def at(self, x: float, y: float) -> Point:
        """The place of a pair of numbers."""
        across, up = (x - self.x[0]) / (self.x[1] - self.x[0]), (y - self.y[0]) / (self.y[1] - self.y[0])
        return self.left + across * (self.right - self.left), self.bottom - up * (self.bottom - self.top)

    def path(self, points: Sequence[Point]) -> str:
        """The points as what the `points` of an SVG shape takes."""
        return " ".join(f"{x:.1f},{y:.1f}" for x, y in (self.at(*point) for point in points))

    def line(self, points: Sequence[Point], colour: str) -> str:
        """A line through the points."""
        return f'<polyline points="{self.path(points)}" fill="none" stroke="{colour}" stroke-width="1.8"/>'

    def dots(self, points: Sequence[Point], colour: str) -> str:
        """A dot at each point."""
        places = (self.at(*point) for point in points)
        return "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.4" fill="{colour}"/>' for x, y in places)

    def grid(self, step: float) -> str:
        """Horizontal lines at multiples of a step, with their numbers."""
        marks = range(round(-(-self.y[0] // step)), round(self.y[1] // step) + 1)
        return "".join(self._mark(step * k) for k in marks)

    def _mark(self, value: float) -> str:
        _, y = self.at(0, value)
        line = f'<line x1="{self.left}" x2="{self.right}" y1="{y:.1f}" y2="{y:.1f}" stroke="{FAINT}"/>'
        return line + text(self.left - 6, y + 4, f"{value:g}".replace("-", "\u2212"), "end")


def text(x: float, y: float, words: str, anchor: str = "start", colour: str = INK, size: int = 12) -> str:
    """Words at a place."""
    style = f'text-anchor="{anchor}" fill="{colour}" font-size="{size}"'
    return f'<text x="{x:.1f}" y="{y:.1f}" {style}>{escape(words)}</text>'


def picture(test: pl.DataFrame, groups: Sequence[dict[str, Any]], level: float) -> str:
    """SVG of both panels: `test` are forecasts of the split `test`, `groups` the rows of `by_group`."""
    parts = [*_weeks(test, level), *_horizons(groups)]
    head = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1000 360" font-family="sans-serif">'
    return "\n".join([head, '<rect width="1000" height="360" fill="white"/>', *parts, "</svg>\n"])


def _weeks(test: pl.DataFrame, level: float) -> list[str]:
    """The last two weeks of one station and target: a day ahead, if that was forecast."""
    station = test["station"][0]
    targets = test.filter(station=station)["target"].unique(maintain_order=True)
    target = "24h" if "24h" in targets else targets[0]
    shown = test.filter(station=station, target=target, model="ridge").sort("time")
    last: datetime = shown["time"][-1]
    start = last.replace(hour=0) - timedelta(days=DAYS - 1)
    shown = shown.filter(col("time") >= start)
    days = [(time - start) / timedelta(days=1) for time in shown["time"]]
    truth, made, lower, upper = (
        list(zip(days, shown[name], strict=True)) for name in ("y_true", "y_pred", "lower", "upper")
    )
    heights = [y for _, y in (*truth, *lower, *upper)]
    panel = Panel(50, 580, 50, 320, (0, DAYS), (min(heights) - 1, max(heights) + 1))
    colour = NAMES["ridge"][1]
    ticks = range(1, DAYS, 3)
    return [
        text(50, 24, f"{station}, {target} ahead (°C, UTC)", size=14),
        text(390, 24, "observed", "end", size=14),
        text(580, 24, f"forecast, {level:.0%} interval", "end", colour, size=14),
        panel.grid(5),
        f'<polygon points="{panel.path(upper + lower[::-1])}" fill="{colour}" fill-opacity="0.18"/>',
        panel.line(made, colour),
        panel.line(truth, INK),
        panel.dots(truth, INK),
        *(text(panel.at(at, 0)[0], 340, f"{start + timedelta(at):%-d %b}", "middle") for at in ticks),
    ]


def _horizons(groups: Sequence[dict[str, Any]]) -> list[str]:
    """The error of each model over all stations; hours and days are different things, so no line joins them."""
    rows = [row for row in groups if row["station"] == "all" != row["target"] and row["cases"]]
    targets = list(dict.fromkeys(row["target"] for row in rows))
    panel = Panel(
        660, 880, 50, 320, (0, len(targets) - 0.5), (0, max(row["mae"] for row in rows) * 1.05 or 1)
    )
    out = [text(630, 24, "mean absolute error by target, all stations (°C)", size=14), panel.grid(1)]
    out += [text(panel.at(at, 0)[0], 340, target, "middle") for at, target in enumerate(targets)]
    ends = []
    for model, (name, colour) in NAMES.items():
        errors = {row["target"]: row["mae"] for row in rows if row["model"] == model}
        points = [(float(at), errors[target], target[-1]) for at, target in enumerate(targets)]
        for unit in "hd":
            joined = [(x, y) for x, y, of in points if of == unit]
            out += [panel.line(joined, colour), panel.dots(joined, colour)]
        ends.append((panel.at(*points[-1][:2])[1] + 4, name, colour))
    lowest = 0.0
    for y, name, colour in sorted(ends):
        lowest = max(y, lowest + 14)  # names do not lie upon each other
        out.append(text(886, lowest, name, colour=colour))
    return out
