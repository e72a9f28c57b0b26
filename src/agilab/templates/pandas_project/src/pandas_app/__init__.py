"""Days and extremes of hourly weather, one file for each station.

A file is a work item: it gives a table of its days and a `Weather`; all `Weather`s merge into one.
"""

from collections.abc import Iterator
from typing import Any

import pandas as pd
from pydantic import Field

from agi_node import (
    AgiError,
    App,
    Args,
    Distinct,
    FileRef,
    Files,
    Max,
    Min,
    Moments,
    Partial,
    RunContext,
    Sum,
    WorkItem,
)

COLUMNS = {"time": "string", "temp_f": "float64", "wind_mph": "float64", "precip_in": "float64"}
LIMITS_C = (-90.0, 60.0)  # colder and hotter than any air on record


class WeatherArgs(Args):
    """Where the tables are, and which days count."""

    tables: Files = Field("data/*.csv", validate_default=True, description="One CSV file for each station.")
    least_hours: int = Field(18, ge=1, le=24, description="A day with fewer temperatures is left out.")


class Weather(Partial):
    """What every file returns; each field says how two of them merge."""

    hours: Sum[int] = 0
    missing: Sum[int] = 0
    days: Sum[int] = 0
    stations: Distinct[str] = frozenset()
    temperature_c: Moments = Moments()
    coldest: Min[tuple[float, str, str]] = None  # (°C, station, day)
    hottest: Max[tuple[float, str, str]] = None


app = App("pandas_app", args=WeatherArgs, partial=Weather)


@app.plan
def stations(args: WeatherArgs) -> Iterator[WorkItem]:
    """One item per file; its size is its cost, so that the biggest start first."""
    for file in args.tables.matching("*.csv"):
        yield WorkItem(key=file.stem, payload=file, cost=file.size)


@app.work
def summarise(file: FileRef, args: WeatherArgs, run: RunContext) -> Weather:
    """One station: its days as a table, its sums as a partial."""
    table = read_hours(file)
    days = by_day(table, file.stem, args.least_hours)
    run.save_table("days", days)
    known = table["temp_c"].dropna()
    run.log_metrics({"hours": len(table), "days": len(days)})
    coldest = days.nsmallest(1, "min_c") if len(days) else days
    hottest = days.nlargest(1, "max_c") if len(days) else days
    return Weather(
        hours=len(table),
        missing=len(table) - len(known),
        days=len(days),
        stations=frozenset({file.stem}),
        temperature_c=Moments.of(known),
        coldest=next(zip(coldest["min_c"], coldest["station"], coldest["day"], strict=True), None),
        hottest=next(zip(hottest["max_c"], hottest["station"], hottest["day"], strict=True), None),
    )


@app.publish
def together(weather: Weather, run: RunContext) -> dict[str, Any]:
    """All days of all stations as one table; do they say what the summary says?"""
    days = pd.concat([pd.read_parquet(path) for _, path in run.artifacts("days")], ignore_index=True)
    run.save_table("all_days", days)
    run.validate("days add up", len(days) == weather.days, value=len(days), limit=weather.days)
    share = weather.missing / max(1, weather.hours)
    run.validate("temperatures are known", share <= 0.05, value=share, limit=0.05)
    return {"days": len(days), "missing_share": share}


def read_hours(file: FileRef) -> pd.DataFrame:
    """Every hour once: `time` (UTC), `temp_c`, `wind_mps`, `precip_mm`. Refuses what is no such table, by name."""
    try:
        table = pd.read_csv(file.path, usecols=list(COLUMNS), dtype=COLUMNS, na_values=["NA"])
        table["time"] = pd.to_datetime(table["time"], utc=True)
    except (ValueError, pd.errors.ParserError) as error:
        raise refusal(file, f"{error}"[:200], f"the columns {', '.join(COLUMNS)}") from None
    table = table.dropna(subset=["time"]).drop_duplicates("time").sort_values("time", ignore_index=True)
    hours = pd.DataFrame(
        {
            "time": table["time"],
            "temp_c": (table["temp_f"] - 32) / 1.8,
            "wind_mps": table["wind_mph"] * 0.44704,
            "precip_mm": table["precip_in"] * 25.4,
        }
    )
    strays = hours.loc[hours["temp_c"].notna() & ~hours["temp_c"].between(*LIMITS_C), "temp_c"]
    if len(strays) or hours["temp_c"].isna().all():
        found = f"{strays.iloc[0]:.1f} °C" if len(strays) else "no temperature at all"
        raise refusal(file, found, f"temperatures of {LIMITS_C[0]} to {LIMITS_C[1]} °C")
    return hours


def by_day(hours: pd.DataFrame, station: str, least_hours: int) -> pd.DataFrame:
    """One row per UTC day with enough temperatures: least, mean, greatest, rain."""
    days = hours.groupby(hours["time"].dt.strftime("%Y-%m-%d")).agg(
        hours=("temp_c", "count"),
        min_c=("temp_c", "min"),
        mean_c=("temp_c", "mean"),
        max_c=("temp_c", "max"),
        precip_mm=("precip_mm", "sum"),
    )
    days = days[days["hours"] >= least_hours].rename_axis("day").reset_index()
    days.insert(0, "station", station)
    return days


def refusal(file: FileRef, found: str, allowed: str) -> AgiError:
    """The error for a file that is no table of hours."""
    return AgiError(
        "AGI-DATA-101",
        f"{file} is no table of hourly weather",
        found=found,
        allowed=allowed,
        try_="mend or move the file",
        exit_code=1,
    )
