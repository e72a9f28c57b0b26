"""The flight app's functions run over a folder, and what tells whether their numbers are right: two other programs."""

from __future__ import annotations

import importlib
import json
import math
import statistics
import subprocess
import sys
from datetime import datetime
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from tests.apps.sources import import_from

from agi_node import LocalRun, RunContext
from agi_node.files import use_roots

ROOT = Path(__file__).parents[2]
APP = ROOT / "src/agilab/apps/flight_project"
SCRIPT = ROOT / "benchmarks/flight_polars.py"

import_from(APP)
flight = importlib.import_module("flight")


def reference(folder: Path, *options: str) -> dict[str, Any]:
    """What the Polars script, in a process of its own, says about a folder."""
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(folder), *options], capture_output=True, text=True, check=True
    )
    payload: dict[str, Any] = json.loads(done.stdout)["payload"]
    return payload


def assert_same_numbers(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    """Texts and counts equal, sums to 1e-12."""
    assert ours.keys() == theirs.keys()
    for name, value in theirs.items():
        if isinstance(value, dict):
            assert_same_numbers(ours[name], value)
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            for mine, its in zip(ours[name], value, strict=True):
                assert_same_numbers(mine, its)
        elif isinstance(value, float):
            assert ours[name] == pytest.approx(value, rel=1e-12), name
        else:
            assert ours[name] == value, name


class Whole:
    """A run of the app's plain functions over a folder, one after the other."""

    def __init__(self, root: Path, scratch: Path, tracks: str = "data/*.parquet", **args: Any) -> None:
        self.args = flight.FlightArgs(tracks=tracks, **args)
        self.runs: dict[str, LocalRun] = {}
        self.partials: dict[str, Any] = {}
        with use_roots({"app": root}):
            self.items = list(flight.tracks(self.args))
            for item in self.items:
                run = RunContext.local(scratch / item.key, key=item.key)
                self.partials[item.key] = flight.summarise(item.payload, self.args, run)
                self.runs[item.key] = run
        self.summary = flight.FlightSummary.merge_all(self.partials.values())
        self.tables = [(k, run.saved["trajectories"]) for k, run in self.runs.items() if run.saved]

    def publish(self, scratch: Path, tables: list[tuple[str, Path]] | None = None) -> LocalRun:
        """The verdicts on these trajectories, or on others in their place."""
        earlier = {"trajectories": self.tables if tables is None else tables}
        run = RunContext.local(scratch, node="publish", earlier=earlier)
        flight.publish(self.summary, self.args, run)
        return run


class PlainTrack:
    """What a loop and `math` make of the rows of one aircraft; `speeds` are those over the last 20 s."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        seen: dict[datetime, dict[str, Any]] = {}
        for row in rows:
            if row["latitude"] is not None and row["longitude"] is not None:
                seen.setdefault(row["timestamp"], row)
        track = [seen[time] for time in sorted(seen)]
        self.speeds: list[float] = []
        unbroken: list[tuple[datetime, float, float]] = []
        self.distances: list[float] = []
        self.impossible_speeds = self.stray = 0
        self.altitudes: list[float] = []
        self.rates = [row["vertical_rate"] for row in track if row["vertical_rate"] is not None]
        parts: list[list[dict[str, Any]]] = [[]]
        first_seen = track[0]["timestamp"] if track else None
        for before, row in pairwise([None, *track]):
            seconds = (row["timestamp"] - before["timestamp"]).total_seconds() if before else 0.0
            row["flown"] = 0.0
            if seconds > 600:
                parts.append([])
            parts[-1].append(row)
            if before is None:
                continue
            metres = great_circle(before, row)
            since = (row["timestamp"] - first_seen).total_seconds()
            moved = (before["latitude"], before["longitude"]) != (row["latitude"], row["longitude"])
            if moved:
                first_seen = row["timestamp"]
            impossible = seconds <= 300 and metres > 340.3 * (since + 1)
            self.impossible_speeds += impossible
            if seconds > 300 or impossible:
                unbroken = []
                continue
            row["flown"] = metres
            self.distances.append(metres)
            if moved:
                unbroken.append((row["timestamp"], metres, since))
                recent = [one for one in unbroken if (row["timestamp"] - one[0]).total_seconds() < 20]
                if (lasted := math.fsum(one[2] for one in recent)) >= 20:
                    self.speeds.append(math.fsum(one[1] for one in recent) / lasted)
                unbroken = recent
        self.flights = []
        for part in parts:
            flown = math.fsum(row["flown"] for row in part)
            self.flights.append((part[0]["timestamp"], part[-1]["timestamp"], flown))
            self._sort_out([row for row in part if row["altitude"] is not None])

    def _sort_out(self, part: list[dict[str, Any]]) -> None:
        """Altitudes by the level that jumps led to; the fullest level is right."""
        levels: dict[int, list[float]] = {}
        level = 0
        for before, row in pairwise([None, *part]):
            if before is not None:
                seconds = (row["timestamp"] - before["timestamp"]).total_seconds()
                climb = row["altitude"] - before["altitude"]
                if abs(climb) > 200 * (seconds + 1) + 25:
                    level += 1 if climb > 0 else -1
            levels.setdefault(level, []).append(row["altitude"])
        if levels:
            right = min(levels, key=lambda level: (-len(levels[level]), level))
            self.altitudes += levels[right]
            self.stray += len(part) - len(levels[right])


def great_circle(a: dict[str, Any], b: dict[str, Any]) -> float:
    p, q = math.radians(a["latitude"]), math.radians(b["latitude"])
    l, m = math.radians(a["longitude"]), math.radians(b["longitude"])  # noqa: E741
    h = math.sin((q - p) / 2) ** 2 + math.cos(p) * math.cos(q) * math.sin((m - l) / 2) ** 2
    return 2 * 6_371_008.8 * math.asin(math.sqrt(h))


def plain_moments(values: list[float]) -> dict[str, Any]:
    return {
        "count": len(values),
        "mean": statistics.fmean(values),
        "variance": exact_variance(values),
        "min": min(values),
        "max": max(values),
    }


def exact_variance(values: list[float]) -> float:
    exact = [Fraction(value) for value in values]
    mean = sum(exact) / len(exact)
    return float(sum((value - mean) ** 2 for value in exact) / len(exact))
