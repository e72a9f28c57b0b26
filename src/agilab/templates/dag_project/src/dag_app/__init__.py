"""Sun and daylight through the year: functions that need each other, for many latitudes.

The functions of `functions.py` name what they need; `order` puts each after its needs. A latitude is a work item, so
that latitudes run side by side and the functions of one, in order, in one place.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from math import radians
from typing import Any

from pydantic import Field

from agi_node import AgiError, App, Args, Max, Min, Moments, Partial, RunContext, Sum, WorkItem

from . import functions

GIVEN = ("day", "latitude")
FUNCTIONS = (
    functions.inverse_distance,
    functions.declination,
    functions.sunset_angle,
    functions.daylight_hours,
    functions.radiation,
)


class DagArgs(Args):
    """For which latitudes and days."""

    latitudes: tuple[float, ...] = Field(
        (-60.0, -30.0, 0.0, 30.0, 45.0, 60.0, 78.0), min_length=1, description="Degrees, north positive."
    )
    every: int = Field(1, ge=1, le=73, description="Look at each so many days of a year.")


class Year(Partial):
    """What every latitude returns; each field says how two of them merge."""

    days: Sum[int] = 0
    daylight_hours: Moments = Moments()
    radiation: Moments = Moments()  # MJ m⁻² day⁻¹
    shortest_day: Min[tuple[float, float, int]] = None  # (hours, latitude, day of the year)
    longest_day: Max[tuple[float, float, int]] = None


app = App("dag_app", args=DagArgs, partial=Year)


@app.plan
def latitudes(args: DagArgs) -> Iterator[WorkItem]:
    """One item for each latitude; what cannot be computed in any order is refused before anything runs."""
    order(FUNCTIONS, GIVEN)
    for latitude in args.latitudes:
        if not -90 < latitude < 90:
            raise AgiError(
                "AGI-ARGS-002",
                "latitudes has one that is no place between the poles",
                found=str(latitude),
                allowed="more than -90 and less than 90 degrees",
            )
        yield WorkItem(key=f"{latitude:+.3f}", payload=latitude)


@app.work
def year(latitude: float, args: DagArgs, run: RunContext) -> Year:
    """All functions for each day of a year at one latitude."""
    days = range(1, 366, args.every)
    ordered = order(FUNCTIONS, GIVEN)
    table = [evaluate(ordered, {"day": day, "latitude": radians(latitude)}) for day in days]
    run.save_json("year", {name: [row[name] for row in table] for name in table[0]})
    run.log_metric("days", len(table))
    hours = [(row["daylight_hours"], latitude, row["day"]) for row in table]
    return Year(
        days=len(table),
        daylight_hours=Moments.of([row["daylight_hours"] for row in table]),
        radiation=Moments.of([row["radiation"] for row in table]),
        shortest_day=min(hours),
        longest_day=max(hours),
    )


@app.publish
def graph(year: Year, args: DagArgs, run: RunContext) -> dict[str, Any]:
    """Which function needs which, in the order in which they ran; and is every day there?"""
    edges = {f.__name__: list(inspect.signature(f).parameters) for f in order(FUNCTIONS, GIVEN)}
    run.save_json("functions", {"given": list(GIVEN), "needs": edges})
    days = len(args.latitudes) * len(range(1, 366, args.every))
    run.validate("every day is there", year.days == days, value=year.days, limit=days)
    mean = year.daylight_hours.mean
    run.validate(
        "half of all hours are light", abs((mean or 0) - 12) <= 0.75, value=mean, limit=[11.25, 12.75]
    )
    return {"functions": list(edges)}


def order(functions: tuple[Callable[..., Any], ...], given: tuple[str, ...]) -> list[Callable[..., Any]]:
    """The functions, each after those that its parameters name; the same order every time.

    Raises DAG-101 for a name that nobody gives, or functions that need each other in a circle.
    """
    by_name = {function.__name__: function for function in functions}
    needs = {name: list(inspect.signature(by_name[name]).parameters) for name in by_name}
    for name, wanted in needs.items():
        for one in wanted:
            if one not in by_name and one not in given:
                raise refusal(f"{name} needs {one}, which nobody gives", one, ", ".join([*given, *by_name]))
    try:
        ordered = list(TopologicalSorter(needs).static_order())
    except CycleError as error:
        raise refusal(
            "functions need each other in a circle", " → ".join(error.args[1]), "no circle"
        ) from None
    return [by_name[name] for name in ordered if name in by_name]


def evaluate(ordered: list[Callable[..., Any]], given: Mapping[str, Any]) -> dict[str, Any]:
    """Every function's value by its name, the given ones too; each is computed once."""
    values = dict(given)
    for function in ordered:
        values[function.__name__] = function(**{n: values[n] for n in inspect.signature(function).parameters})
    return values


def refusal(what: str, found: str, allowed: str) -> AgiError:
    """The error for functions that have no order."""
    return AgiError("DAG-101", what, found=found, allowed=allowed, whose="author", exit_code=1)
