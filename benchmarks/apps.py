"""Built-in apps as a person runs them, with one worker and with two, beside one plain script in one process."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from agilab.projects.discover import BUILT_IN
from benchmarks.bench import Bench, reduced
from benchmarks.case import Case, Limit, Measured
from benchmarks.equality import Unequal, assert_same
from benchmarks.samples import alternate

Check = Callable[[dict[str, Any], dict[str, Any]], None]


def _forecasts(ours: dict[str, Any], plain: dict[str, Any]) -> None:
    """Counts are equal, errors to 1e-5: a forecast half-way between two thousandths may round either way."""
    assert_same(ours["due_count"], plain["due"])
    for name in ("mae", "mse"):
        found, expected = ours[name]["mean"], plain["pooled"]["ridge"]["rmse" if name == "mse" else name]
        if abs(found ** (0.5 if name == "mse" else 1.0) - expected) > 1e-5:
            raise Unequal(f"{name}: {found} is not {expected}")


def _packets(ours: dict[str, Any], plain: dict[str, Any]) -> None:
    for name in ("packets_generated", "packets_delivered", "packets_dropped", "packets_in_flight"):
        assert_same(ours[name], plain[name])


def measure(bench: Bench, rounds: int, *, app: str, script: str, data: Path, check: Check) -> Measured:
    """`agilab run` untracked with one worker and with two, and the script, in turn; all have one result."""
    payloads: dict[str, dict[str, Any]] = {}

    def ours(workers: int) -> float:
        seconds, result = bench.agilab("run", app, "--no-track", "--workers", str(workers))
        payloads["ours"] = reduced(result)
        if "first" in payloads:
            assert_same(payloads["ours"], payloads["first"])
        payloads.setdefault("first", payloads["ours"])
        return seconds

    def plain() -> float:
        seconds, payload = bench.script(script, data)
        check(payloads["ours"], payload)
        return seconds

    sides = {"ours": partial(ours, 2), "reference": plain, "one worker": partial(ours, 1)}
    taken = alternate(sides, rounds)
    return Measured(taken["ours"], taken["reference"], {"one worker": taken["one worker"]})


def _case(name: str, app: str, script: str, data: str, check: Check) -> Case:
    return Case(
        name,
        "apps",
        f"agilab run {app.removesuffix('_project')} --workers 2, untracked, on its own data",
        "one plain script with the same numbers, which writes and checks nothing",
        "s",
        Limit(times=1.3, plus=1.0),
        5,
        partial(measure, app=app, script=script, data=BUILT_IN / app / data, check=check),
    )


CASES = (
    _case("app-meteo", "meteo_forecast_project", "meteo_plain.py", "data/nyc_2013.parquet", _forecasts),
    _case("app-uav-queue", "uav_queue_project", "uav_plain.py", "data", _packets),
)
