"""The flight app as a person runs it, beside one Polars script with the same sums."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from agilab.projects.discover import BUILT_IN
from benchmarks.bench import ROOT, Bench, Missing, reduced
from benchmarks.case import Case, Limit, Measured
from benchmarks.equality import assert_same
from benchmarks.samples import alternate

SHIPPED = BUILT_IN / "flight_project" / "data"
ALL_TRACKS = ROOT.parent / "shared" / "data" / "adsb_paris"
SCRIPT = "flight_polars.py"


def _measure(bench: Bench, rounds: int, folder: Path, words: tuple[str | Path, ...]) -> Measured:
    payloads: dict[str, dict[str, Any]] = {}

    def ours() -> float:
        seconds, result = bench.agilab(*words)
        payloads["ours"] = reduced(result)
        return seconds

    def script() -> float:
        seconds, payloads["reference"] = bench.script(SCRIPT, folder)
        assert_same(payloads["ours"], payloads["reference"])
        return seconds

    # The warm-up makes the app's environment, and MLflow's database where the run is tracked.
    taken = alternate({"ours": ours, "reference": script}, rounds)
    return Measured(taken["ours"], taken["reference"])


def first_proof(bench: Bench, rounds: int) -> Measured:
    """`agilab first-proof` on a machine that has done it before; MLflow tracking is on."""
    return _measure(bench, rounds, SHIPPED, ("first-proof",))


def all_tracks(bench: Bench, rounds: int, *, options: tuple[str, ...] = ()) -> Measured:
    """`agilab run flight` on every file. Raises Missing where they are not there."""
    if not ALL_TRACKS.is_dir():
        raise Missing("needs the 213 tracks in ../shared/data/adsb_paris")
    return _measure(bench, rounds, ALL_TRACKS, ("run", "flight", "--tracks", ALL_TRACKS, *options))


_LIMIT = Limit(times=1.3, plus=1.0)
CASES = (
    Case(
        "first-proof",
        "flight",
        "agilab first-proof, warm, tracked in MLflow",
        "one Polars script on the same files",
        "s",
        Limit(plus=3.0),
        5,
        first_proof,
    ),
    Case(
        "flight-213",
        "flight",
        "agilab run flight, 213 files, tracked in MLflow",
        "one Polars script on the same files",
        "s",
        _LIMIT,
        5,
        all_tracks,
    ),
    Case(
        "flight-213-untracked",
        "flight",
        "agilab run flight --no-track, 213 files",
        "one Polars script on the same files",
        "s",
        _LIMIT,
        5,
        partial(all_tracks, options=("--no-track",)),
    ),
)
