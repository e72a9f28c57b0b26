"""Did the level of a series change, and when? One series, one function, nothing to distribute.

The change is where two means fit best (least squares); chance is what the same search finds in shuffled series.
"""

import csv
import random
from typing import Any

from pydantic import Field

from agi_node import AgiError, App, Args, FileRef, Files, RunContext


class SimpleArgs(Args):
    """Which series, and how hard to look."""

    series: Files = Field(
        "data/nile.csv", validate_default=True, description="CSV with the columns year and value."
    )
    shuffles: int = Field(999, ge=19, le=100_000, description="Shuffled series to compare with.")
    seed: int = Field(1, ge=0, description="Seed of the shuffles.")


app = App("simple_app", args=SimpleArgs)


@app.publish
def change(args: SimpleArgs, run: RunContext) -> dict[str, Any]:
    """The year after which the level changed, both levels, and how often chance does as well."""
    found: dict[str, Any] = {}
    for file in args.series:
        years, values = read_series(file)
        at, share = best_split(values)
        chance = random.Random(args.seed)
        as_good = 0
        for done in range(args.shuffles):
            as_good += best_split(chance.sample(values, len(values)))[1] >= share
            run.progress(done + 1, args.shuffles, f"shuffling {file.name}")
        p = (1 + as_good) / (1 + args.shuffles)
        found[file.stem] = {
            "last_year_before": years[at - 1],
            "mean_before": sum(values[:at]) / at,
            "mean_after": sum(values[at:]) / (len(values) - at),
            "share_explained": share,
            "p_value": p,
        }
        run.log_metrics({"share_explained": share, "p_value": p})
        run.validate(f"{file.stem}: more than chance", p <= 0.01, value=p, limit=0.01)
    run.save_json("changes", found)
    return found


def read_series(file: FileRef) -> tuple[list[int], list[float]]:
    """Years and values, by year. Raises AGI-DATA-101 for what is no such table, naming the line."""
    rows: dict[int, float] = {}
    with file.path.open(encoding="utf-8", newline="") as text:
        for line, row in enumerate(csv.DictReader(text), start=2):
            try:
                year, value = int(row["year"]), float(row["value"])
            except (KeyError, TypeError, ValueError):
                raise refusal(f"{file}, line {line}", str(row), "a year and a value") from None
            if value - value != 0 or year in rows:
                raise refusal(f"{file}, line {line}", str(row), "a finite value, each year once")
            rows[year] = value
    if len(rows) < 4 or len(set(rows.values())) < 2:
        raise refusal(str(file), f"{len(rows)} years", "4 years or more, not all of one value")
    return sorted(rows), [rows[year] for year in sorted(rows)]


def best_split(values: list[float]) -> tuple[int, float]:
    """(k, share): values[:k] and values[k:] have the means that explain most of the variance, and how much."""
    total, count = sum(values), len(values)
    before, best, at = 0.0, -1.0, 1
    for k, value in enumerate(values[:-1], start=1):
        before += value
        between = (before - k * total / count) ** 2 * count / (k * (count - k))
        if between > best:
            best, at = between, k
    return at, best / sum((value - total / count) ** 2 for value in values)


def refusal(where: str, found: str, allowed: str) -> AgiError:
    """The error for a table that is none."""
    return AgiError(
        "AGI-DATA-101",
        f"{where} is no series",
        found=found,
        allowed=allowed,
        try_="mend the file",
        exit_code=1,
    )
