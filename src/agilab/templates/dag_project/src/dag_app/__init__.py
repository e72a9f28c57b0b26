"""Sun and daylight through the year: functions that need each other.

A parameter's name is the function that gives it, so the code is the graph: each function is a node of a run, tried
again, cached and shown by its own name, and those that need nothing of each other run side by side.

The formulas are those of FAO Irrigation and Drainage Paper 56, R. G. Allen et al. (1998), chapter 3, eq. 21 to 25
and 34. Angles in radians.
"""

from math import acos, cos, pi, radians, sin, tan
from typing import Annotated, Any

from pydantic import Field

from agi_node import App, Args, RunContext

SOLAR_CONSTANT = 0.0820  # MJ m⁻² min⁻¹

Latitude = Annotated[float, Field(gt=-90, lt=90)]
Series = list[float]  # a number for each day
Grid = list[Series]  # a series for each latitude


class DagArgs(Args):
    """For which latitudes and days."""

    latitudes: tuple[Latitude, ...] = Field(
        (-60.0, -30.0, 0.0, 30.0, 45.0, 60.0, 78.0), min_length=1, description="Degrees, north positive."
    )
    every: int = Field(1, ge=1, le=73, description="Look at each so many days of a year.")


app = App("dag_app", args=DagArgs)


@app.node
def days(args: DagArgs) -> list[int]:
    """Days of the year, 1 to 365."""
    return list(range(1, 366, args.every))


@app.node
def inverse_distance(days: list[int]) -> Series:
    """Inverse relative distance between Earth and Sun (eq. 23)."""
    return [1 + 0.033 * cos(2 * pi / 365 * day) for day in days]


@app.node
def declination(days: list[int]) -> Series:
    """Declination of the Sun (eq. 24)."""
    return [0.409 * sin(2 * pi / 365 * day - 1.39) for day in days]


@app.node(cache=True)
def sunset_angle(declination: Series, args: DagArgs) -> Grid:
    """Hour angle of the sunset (eq. 25); 0 where the Sun does not rise, π where it does not set."""
    tans = [tan(radians(latitude)) for latitude in args.latitudes]
    return [[acos(max(-1.0, min(1.0, -here * tan(sun)))) for sun in declination] for here in tans]


@app.node
def daylight_hours(sunset_angle: Grid) -> Grid:
    """Hours between sunrise and sunset (eq. 34)."""
    return [[24 / pi * angle for angle in series] for series in sunset_angle]


@app.node(retries=1, timeout_s=60)
def radiation(inverse_distance: Series, declination: Series, sunset_angle: Grid, args: DagArgs) -> Grid:
    """Radiation above the atmosphere in MJ m⁻² day⁻¹ (eq. 21)."""
    grid = []
    for latitude, angles in zip(map(radians, args.latitudes), sunset_angle, strict=True):
        series = []
        for distance, sun, angle in zip(inverse_distance, declination, angles, strict=True):
            height = angle * sin(latitude) * sin(sun)
            width = cos(latitude) * cos(sun) * sin(angle)
            series.append(24 * 60 / pi * SOLAR_CONSTANT * distance * (height + width))
        grid.append(series)
    return grid


@app.publish
def year(daylight_hours: Grid, radiation: Grid, args: DagArgs, run: RunContext) -> dict[str, Any]:
    """The last word, when all nodes are done: what is kept, what is checked, and a few numbers."""
    table = {"latitude": args.latitudes, "daylight_hours": daylight_hours, "radiation": radiation}
    run.save_json("year", table)
    hours = [hour for series in daylight_hours for hour in series]
    mean = sum(hours) / len(hours)
    run.log_metric("mean_daylight_hours", mean)
    run.validate("half of all hours are light", abs(mean - 12) <= 0.75, value=mean, limit=[11.25, 12.75])
    possible = all(0 <= hour <= 24 + 1e-9 for hour in hours)
    run.validate("no day is longer than a day", possible, value=max(hours), limit=24)
    return {"shortest_day": min(hours), "longest_day": max(hours), "mean_daylight_hours": mean}
