"""The back-test of the meteo app as one plain script in one process: reference for speed, oracle for numbers.

It knows nothing of AGILab, writes no tables and checks no input: what a person would write who wants these numbers
once, with pandas for lags and means, the normal equations for the regression, and loops for the rest.

    python benchmarks/meteo_plain.py FILE [--targets 1h,24h,1d] [--stations JFK] [--train-days 120] …
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

MODELS = ("ridge", "naive", "seasonal_naive", "climatology")
DEFAULTS: dict[str, Any] = {
    "stations": "",
    "targets": "1h,3h,6h,12h,24h,1d,2d,3d",
    "train_days": 120,
    "refit_days": 28,
    "calibration_days": 56,
    "origin_every_h": 6,
    "level": 0.9,
    "penalty": 30.0,
    "max_rate_c_per_h": 12.0,
    "mape_least_c": 1.0,
}


def read(file: Path) -> pd.DataFrame:
    """`station, time, celsius` of a file in either of the two forms, readings alone."""
    table = pd.read_csv(file) if file.suffix == ".csv" else pd.read_parquet(file)
    if "temp" in table:
        celsius = (table["temp"] - 32) * 5 / 9
        table = pd.DataFrame(
            {"station": table["origin"], "time": table["time_hour"], "celsius": celsius.round(4)}
        )
    else:
        table = table.rename(columns={"temperature_c": "celsius"})
    table["time"] = pd.to_datetime(table["time"], utc=True)
    return table.dropna()


def clean(readings: pd.Series, rate: float) -> pd.Series:
    """On a grid of hours, without what jumped from the reading before."""
    good = {}
    last_time, last = None, 0.0
    for at, value in readings.items():
        if last_time is None or abs(value - last) <= rate * ((at - last_time) / pd.Timedelta("1h")):
            good[at] = value
            last_time, last = at, value
    return pd.Series(good).reindex(pd.date_range(readings.index[0], readings.index[-1], freq="h"))


def days_of(hours: pd.Series) -> pd.Series:
    """Means of whole days with 18 readings or more."""
    by_day = hours.groupby(hours.index.floor("D"))
    mean = by_day.mean().round(6).where(by_day.count() >= 18)
    return mean[by_day.size() == 24]


def columns(y: pd.Series, daily: bool, ahead: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The regression's inputs and the baselines, a row for each moment at which one could forecast."""
    filled = y.ffill(limit=1 if daily else 6)
    cycle = 1 if daily else 24
    back = (math.ceil(ahead / cycle) * cycle) - ahead
    week = 7 if daily else 24
    x = [filled]
    x += [filled.shift(k) - filled for k in (() if daily else (1, 2, 3, 6, 12, 23))]
    x += [filled.shift(back + k * cycle) - filled for k in range(3)]
    x += [filled.rolling(k, min_periods=k // 2).mean() - filled for k in ((7, 28) if daily else (24, 168))]
    at = y.index + pd.Timedelta(hours=ahead * (24 if daily else 1))
    since = np.array([moment.timestamp() for moment in at]) / 86400
    turns = [since * k for k in (() if daily else (1, 2, 3))] + [since / 365.2425]
    x += [wave(2 * np.pi * turn) for wave in (np.sin, np.cos) for turn in turns]
    past = [y.shift(back + k * cycle).to_numpy() for k in range(28)]
    known = np.sum(~np.isnan(past), axis=0)
    with np.errstate(invalid="ignore"):
        climatology = np.nansum(past, axis=0) / known
    season = (math.ceil(ahead / week) * week) - ahead
    return np.column_stack(x), {
        "naive": filled.to_numpy(),
        "seasonal_naive": filled.shift(season).to_numpy(),
        "climatology": climatology,
    }


def fitted(x: np.ndarray, y: np.ndarray, penalty: float) -> tuple[np.ndarray, float]:
    """Weights and intercept of a ridge regression by its normal equations."""
    middle, level = x.mean(axis=0), y.mean()
    centred = x - middle
    weights = np.linalg.solve(centred.T @ centred + penalty * np.eye(x.shape[1]), centred.T @ (y - level))
    return weights, float(level - middle @ weights)


Row = tuple[str, pd.Timestamp, float, float, float, float]
"""Model, time of the target, truth, forecast, lower and upper bound."""


def backtest(y: pd.Series, daily: bool, ahead: int, o: dict[str, Any]) -> tuple[list[Row], int]:
    """The forecasts after calibration that have a truth, and how many were due."""
    x, baselines = columns(y, daily, ahead)
    per_day, truth = (1 if daily else 24), y.to_numpy()
    able = np.isfinite(np.column_stack([x, *baselines.values()])).all(axis=1)
    start = o["train_days"] * per_day
    errors: dict[str, list[tuple[int, float]]] = {model: [] for model in MODELS}
    level = dict.fromkeys(MODELS, o["level"])
    open_intervals: dict[str, list[tuple[int, float]]] = {model: [] for model in MODELS}
    made_at: dict[str, dict[int, float]] = {model: {} for model in MODELS}
    rows: list[Row] = []
    due = 0
    for cut in range(start, len(y), o["refit_days"] * per_day):
        seen = [t for t in range(cut - ahead + 1) if able[t] and not math.isnan(truth[t + ahead])]
        change = truth[np.array(seen) + ahead] - baselines["naive"][seen]
        weights, intercept = fitted(x[seen], change, o["penalty"])
        testing = cut >= start + o["calibration_days"] * per_day
        for t in range(cut, min(cut + o["refit_days"] * per_day, len(y) - ahead)):
            if y.index[t].hour % o["origin_every_h"]:
                continue
            due += testing
            half = {}
            for model in MODELS if testing and able[t] else ():
                while open_intervals[model] and open_intervals[model][0][0] + ahead <= t:
                    before, width = open_intervals[model].pop(0)
                    missed = abs(made_at[model][before] - truth[before + ahead]) > width + 1e-9
                    level[model] += 0.01 * (missed - (1 - o["level"]))
                oldest = t - o["calibration_days"] * per_day
                recent = sorted(e for s, e in errors[model] if oldest < s + ahead <= t)
                rank = math.ceil(round((len(recent) + 1) * level[model], 9))
                least = recent[min(max(rank, 1), len(recent)) - 1]
                half[model] = math.ceil(round(least * 1000, 6)) / 1000
            if not able[t] or math.isnan(truth[t + ahead]):
                continue
            made = {"ridge": baselines["naive"][t] + x[t] @ weights + intercept}
            made |= {model: values[t] for model, values in baselines.items()}
            for model, value in made.items():
                value = float(np.round(value, 3))
                errors[model].append((t, abs(value - truth[t + ahead])))
                made_at[model][t] = value
                if testing:
                    low, high = (float(np.round(value + side * half[model], 3)) for side in (-1, 1))
                    open_intervals[model].append((t, half[model]))
                    moment = y.index[t] + ahead * (y.index[1] - y.index[0])
                    rows.append((model, moment, float(truth[t + ahead]), value, low, high))
    return rows, due


def metrics(rows: list[tuple[Row, float]], least: float) -> dict[str, Any]:
    """The metrics of one model's forecasts, each with the error that counts as 1 in its MASE."""
    pairs = [(truth, made) for (_, _, truth, made, _, _), _ in rows]
    shares = [100 * abs(p - y) / abs(y) for y, p in pairs if abs(y) >= least]
    n = len(rows)
    return {
        "cases": n,
        "mae": math.fsum(abs(p - y) for y, p in pairs) / n,
        "rmse": math.sqrt(math.fsum((p - y) ** 2 for y, p in pairs) / n),
        "bias": math.fsum(p - y for y, p in pairs) / n,
        "mape": math.fsum(shares) / len(shares) if shares else None,
        "mape_left_out": n - len(shares),
        "smape": math.fsum(200 * abs(p - y) / (abs(p) + abs(y)) if p or y else 0.0 for y, p in pairs) / n,
        "mase": math.fsum(abs(row[3] - row[2]) / scale for row, scale in rows) / n,
        "coverage": sum(low <= truth <= high for (_, _, truth, _, low, high), _ in rows) / n,
        "width": math.fsum(high - low for (*_, low, high), _ in rows) / n,
    }


def forecast(file: Path, **options: Any) -> dict[str, Any]:
    """`due`, the metrics of each model over everything (`pooled`) and for each station and target (`units`)."""
    o = DEFAULTS | options
    table = read(file)
    everything: dict[str, list[tuple[Row, float]]] = {model: [] for model in MODELS}
    units: dict[str, Any] = {}
    due = 0
    for station in o["stations"].split(",") if o["stations"] else sorted(table["station"].unique()):
        readings = table[table["station"] == station].set_index("time")["celsius"].sort_index()
        hours = clean(readings, o["max_rate_c_per_h"])
        for target in o["targets"].split(","):
            daily = target.endswith("d")
            y = days_of(hours) if daily else hours
            cycle = 1 if daily else 24
            scale = float(y.head(o["train_days"] * cycle).diff(cycle).abs().mean())
            rows, count = backtest(y, daily, int(target[:-1]), o)
            due += count
            units[f"{station}-{target}"] = {}
            for model in MODELS:
                own = [(row, scale) for row in rows if row[0] == model]
                units[f"{station}-{target}"][model] = metrics(own, o["mape_least_c"])
                everything[model] += own
    pooled = {model: metrics(rows, o["mape_least_c"]) for model, rows in everything.items()}
    return {"due": due, "pooled": pooled, "units": units}


def main() -> None:
    """Print the numbers as JSON, and the seconds they took beside them."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("file", type=Path, help="observations as CSV or parquet")
    for name, default in DEFAULTS.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(default), default=default)
    options = vars(parser.parse_args())
    started = time.perf_counter()
    answer = forecast(options.pop("file"), **options)
    print(json.dumps({"payload": answer, "seconds": time.perf_counter() - started}))


if __name__ == "__main__":
    main()
