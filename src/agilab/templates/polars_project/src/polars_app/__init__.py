"""Days and extremes of hourly weather, one file for each station.

A file is a work item: it gives a table of its days and a `Weather`; all `Weather`s merge into one.
"""

from collections.abc import Iterator
from typing import Any

import polars as pl
from polars import col
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

COLUMNS = {"time": pl.String, "temp_f": pl.Float64, "wind_mph": pl.Float64, "precip_in": pl.Float64}
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


app = App("polars_app", args=WeatherArgs, partial=Weather)


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
    known = table["temp_c"].drop_nulls()
    run.log_metrics({"hours": len(table), "days": len(days)})
    return Weather(
        hours=len(table),
        missing=len(table) - len(known),
        days=len(days),
        stations=frozenset({file.stem}),
        temperature_c=Moments.of(known),
        coldest=next(days.sort("min_c", "day").select("min_c", "station", "day").iter_rows(), None),
        hottest=next(days.sort("max_c", "day").reverse().select("max_c", "station", "day").iter_rows(), None),
    )


@app.publish
def together(weather: Weather, run: RunContext) -> dict[str, Any]:
    """All days of all stations as one table; do they say what the summary says?"""
    days = pl.concat([pl.read_parquet(path, glob=False) for _, path in run.artifacts("days")])
    run.save_table("all_days", days)
    run.validate("days add up", len(days) == weather.days, value=len(days), limit=weather.days)
    share = weather.missing / max(1, weather.hours)
    run.validate("temperatures are known", share <= 0.05, value=share, limit=0.05)
    return {"days": len(days), "missing_share": share}


def read_hours(file: FileRef) -> pl.DataFrame:
    """Every hour once: `time` (UTC), `temp_c`, `wind_mps`, `precip_mm`. Refuses what is no such table, by name."""
    try:
        table = pl.read_csv(
            file.path, columns=list(COLUMNS), schema_overrides=COLUMNS, null_values=["NA", ""], glob=False
        ).with_columns(col("time").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_zone="UTC"))
    except (pl.exceptions.PolarsError, UnicodeDecodeError) as error:
        raise refusal(file, f"{error}"[:200], f"the columns {', '.join(COLUMNS)}") from None
    hours = (
        table.drop_nulls("time")
        .unique("time", keep="first", maintain_order=True)
        .sort("time")
        .select(
            "time",
            temp_c=(col("temp_f").fill_nan(None) - 32) / 1.8,
            wind_mps=col("wind_mph") * 0.44704,
            precip_mm=col("precip_in") * 25.4,
        )
    )
    strays = hours["temp_c"].drop_nulls().filter(~hours["temp_c"].drop_nulls().is_between(*LIMITS_C))
    if len(strays) or hours["temp_c"].is_null().all():
        found = f"{strays[0]:.1f} °C" if len(strays) else "no temperature at all"
        raise refusal(file, found, f"temperatures of {LIMITS_C[0]} to {LIMITS_C[1]} °C")
    return hours


def by_day(hours: pl.DataFrame, station: str, least_hours: int) -> pl.DataFrame:
    """One row per UTC day with enough temperatures: least, mean, greatest, rain."""
    return (
        hours.group_by(day=col("time").dt.strftime("%Y-%m-%d"), maintain_order=True)
        .agg(
            hours=col("temp_c").count(),
            min_c=col("temp_c").min(),
            mean_c=col("temp_c").mean(),
            max_c=col("temp_c").max(),
            precip_mm=col("precip_mm").sum(),
        )
        .filter(col("hours") >= least_hours)
        .select(pl.lit(station).alias("station"), pl.all())
    )


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
