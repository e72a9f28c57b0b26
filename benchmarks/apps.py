"""Built-in apps as a person runs them, with one worker and with two, beside one plain script in one process."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from agilab.projects.discover import BUILT_IN
from benchmarks.bench import Bench, Missing, reduced
from benchmarks.case import Case, Limit, Measured
from benchmarks.equality import Unequal, assert_same
from benchmarks.flight import ALL_TRACKS
from benchmarks.samples import Samples, alternate
from benchmarks.table import ONE_WORKER, UNITS_ALONE

Check = Callable[[dict[str, Any], dict[str, Any]], None]
PACKETS = (
    "replications",
    *(f"packets_{what}" for what in ("generated", "delivered", "dropped", "in_flight")),
)


def _forecasts(ours: dict[str, Any], plain: dict[str, Any]) -> None:
    """Counts are equal, errors to 1e-5: a forecast half-way between two thousandths may round either way."""
    assert_same(ours["due_count"], plain["due"])
    for name in ("mae", "mse"):
        found, expected = ours[name]["mean"], plain["pooled"]["ridge"]["rmse" if name == "mse" else name]
        if abs(found ** (0.5 if name == "mse" else 1.0) - expected) > 1e-5:
            raise Unequal(f"{name}: {found} is not {expected}")


def _packets(ours: dict[str, Any], plain: dict[str, Any]) -> None:
    """Every count is equal, of all replications and of each part (a policy, a plan) that the script tells."""
    parts = [name for name, value in plain.items() if isinstance(value, dict) and "replications" in value]
    for found, expected in [(ours, plain), *((ours[part], plain[part]) for part in parts)]:
        assert_same({name: found[name] for name in PACKETS}, {name: expected[name] for name in PACKETS})


def measure(
    bench: Bench,
    rounds: int,
    *,
    app: str,
    ours: tuple[str | Path, ...],
    script: tuple[str | Path, ...],
    check: Check,
) -> Measured:
    """`agilab run` untracked with one worker and with two, and the script, in turn; all have one result.

    The units alone are timed as well, by the run's own log: from the first one's beginning to the last one's end.
    """
    runs: list[dict[str, Any]] = []
    alone: dict[int, list[float]] = {1: [], 2: []}
    items = 0

    def run(workers: int) -> float:
        nonlocal items
        seconds, result = bench.agilab("run", app, *ours, "--no-track", "--workers", str(workers))
        runs.append(reduced(result))
        assert_same(runs[-1], runs[0])
        nodes = json.loads(Path(result["manifest"]).read_text(encoding="utf-8"))["execution"]["nodes"]
        (work,) = [node for node in nodes if node["node"] == "work"]
        alone[workers].append(work["timing"]["duration_seconds"])
        items = work["units"]["succeeded"]
        return seconds

    def plain() -> float:
        seconds, payload = bench.script(str(script[0]), *script[1:])
        check(runs[0], payload)
        return seconds

    taken = alternate({"ours": partial(run, 2), "reference": plain, ONE_WORKER: partial(run, 1)}, rounds)
    also = {ONE_WORKER: taken[ONE_WORKER]}
    also |= {UNITS_ALONE[workers]: Samples(tuple(alone[workers][-rounds:])) for workers in (1, 2)}
    return Measured(taken["ours"], taken["reference"], also, items=items)


def all_tracks(bench: Bench, rounds: int) -> Measured:
    """The flight app on every file. Raises Missing where they are not there."""
    if not ALL_TRACKS.is_dir():
        raise Missing("needs the 213 tracks in ../shared/data/adsb_paris")
    script = ("flight_polars.py", ALL_TRACKS)
    return measure(
        bench, rounds, app="flight_project", ours=("--tracks", ALL_TRACKS), script=script, check=assert_same
    )


def _case(
    name: str, app: str, items: str, take: Callable[[Bench, int], Measured] | None = None, **how: Any
) -> Case:
    return Case(
        name,
        "apps",
        f"agilab run {app.removesuffix('_project')} --workers 2, untracked, {items}",
        "one plain script with the same numbers, which records and checks nothing",
        "s",
        Limit(times=1.3, plus=1.0),
        5,
        take or partial(measure, app=app, ours=(), **how),
    )


METEO, QUEUE, RELAY = (
    BUILT_IN / "meteo_forecast_project/data/nyc_2013.parquet",
    BUILT_IN / "uav_queue_project/data",
    BUILT_IN / "uav_relay_queue_project/data/queue_metrics.json",
)
CASES = (
    _case("app-flight", "flight_project", "213 files", all_tracks),
    _case(
        "app-meteo",
        "meteo_forecast_project",
        "3 stations, 8 targets",
        script=("meteo_plain.py", METEO),
        check=_forecasts,
    ),
    _case(
        "app-uav-queue",
        "uav_queue_project",
        "30 replications",
        script=("uav_plain.py", QUEUE),
        check=_packets,
    ),
    _case(
        "app-uav-relay",
        "uav_relay_queue_project",
        "50 replications",
        script=("uav_relay_plain.py", RELAY),
        check=_packets,
    ),
    *(
        _case(
            f"app-execution-{engine}",
            f"execution_{engine}_project",
            "16 blocks of 250,000 rows",
            script=("execution_plain.py", engine),
            check=assert_same,
        )
        for engine in ("pandas", "polars")
    ),
)
