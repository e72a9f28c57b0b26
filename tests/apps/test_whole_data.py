"""All the data that lies beside the repository, through the apps that are for it, against plain loops over it."""

from __future__ import annotations

import csv
import json
import math
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
from benchmarks.meteo_plain import MODELS, forecast
from tests.apps.flight_tracks import PlainTrack, plain_moments

from agilab.contracts.run_result import RunResult
from agilab.projects.request import RunRequest
from agilab.projects.run import run_app
from agilab.store.workspace import Workspace

pytestmark = [pytest.mark.journey, pytest.mark.slow, pytest.mark.xdist_group("every_app")]
SHARED = Path(__file__).parents[3] / "shared/data"
TRACKS = SHARED / "adsb_paris"
WEATHER = SHARED / "weather_nyc/weather_2013.csv"
HOURS = ("1h", "3h", "6h", "12h", "24h")


def run(workspace: Workspace, app: str, **args: Any) -> RunResult:
    result = run_app(RunRequest(app, args=args, track=False), workspace)
    assert result.status == "succeeded", result.error
    return result


def payload_of(result: RunResult) -> dict[str, Any]:
    document = json.loads(Path(result.reduce or "").read_bytes())
    payload: dict[str, Any] = document["payload"]
    return payload


def manifest_of(result: RunResult) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads(Path(result.manifest or "").read_bytes())
    failed = [check["name"] for check in manifest["verdict"]["validations"] if not check["passed"]]
    assert not failed
    return manifest


@pytest.mark.skipif(not TRACKS.is_dir(), reason="the 213 tracks lie beside the repository, and are not there")
def test_all_213_tracks_come_to_what_a_loop_over_every_position_says(workspace: Workspace) -> None:
    result = run(workspace, "flight_project", tracks=str(TRACKS))
    ours, manifest = payload_of(result), manifest_of(result)
    files = sorted(TRACKS.glob("*.parquet"))
    tables = [pyarrow.parquet.read_table(path).to_pylist() for path in files]
    tracks = [PlainTrack(table) for table in tables]
    assert {
        "source_file_count": 213,
        "row_count": sum(map(len, tables)),
        "aircraft": sorted({row["icao24"] for table in tables for row in table}),
        "flight_count": sum(len(track.flights) for track in tracks),
        "segment_count": sum(len(track.distances) for track in tracks),
        "impossible_speeds": sum(track.impossible_speeds for track in tracks),
        "impossible_climbs": sum(track.stray for track in tracks),
    }.items() <= ours.items()
    assert ours["row_count"] == 284_505, "as its data card says"
    metres = math.fsum(metre for track in tracks for metre in track.distances)
    assert ours["distance_m"] == pytest.approx(metres, rel=1e-12)
    speeds = [speed for track in tracks for speed in track.speeds]
    flown = [metres for track in tracks for _, _, metres in track.flights]
    assert ours["speed_mps"] == pytest.approx(plain_moments(speeds), rel=1e-12)
    assert ours["flight_distance_m"] == pytest.approx(plain_moments(flown), rel=1e-12)
    assert ours["longest_flights"][0]["value"] == round(max(flown))

    assert {file["path"] for file in manifest["inputs"]} == {path.name for path in files}
    kept = [file["path"] for file in manifest["artifacts"] if file["name"] == "trajectories"]
    folder = Path(result.manifest or "").parent
    assert sum(pyarrow.parquet.read_metadata(folder / path).num_rows for path in kept) == ours["row_count"]


def read_celsius() -> dict[tuple[str, datetime], float]:
    """Readings by station and time (UTC), as the `csv` module reads them."""
    with WEATHER.open(newline="", encoding="utf-8") as file:
        return {
            (row["origin"], datetime.strptime(row["time_hour"], "%Y-%m-%dT%H:%M:%SZ")): (
                float(row["temp"]) - 32
            )
            * 5
            / 9
            for row in csv.DictReader(file)
            if row["temp"] != "NA"
        }


@pytest.mark.skipif(
    not WEATHER.is_file(), reason="the whole table lies beside the repository, and is not there"
)
def test_the_whole_year_at_all_stations_and_targets_comes_to_what_plain_scripts_say(
    workspace: Workspace,
) -> None:
    result = run(workspace, "meteo_forecast_project", observations=str(WEATHER))
    ours, manifest = payload_of(result), manifest_of(result)
    assert ours["stations"] == ["EWR", "JFK", "LGA"]
    assert len(ours["targets"]) == 8
    assert [file["path"] for file in manifest["inputs"]] == [WEATHER.name]

    theirs = forecast(WEATHER)
    assert ours["due_count"] == theirs["due"] > 0
    for model in MODELS:
        scores, plain = (ours if model == "ridge" else ours[model]), theirs["pooled"][model]
        assert scores["mae"]["count"] == plain["cases"]
        assert scores["mae"]["mean"] == pytest.approx(plain["mae"], abs=1e-5), model
        assert math.sqrt(scores["mse"]["mean"]) == pytest.approx(plain["rmse"], abs=1e-5), model

    # And without either's reading or arithmetic: what happened, and what happened a day before, are in the file.
    celsius = read_celsius()
    assert len(celsius) == 26_114, "26,115 rows, of which one is NA"
    (path,) = [file["path"] for file in manifest["artifacts"] if file["name"] == "forecast_predictions"]
    rows = [
        row
        for row in pyarrow.parquet.read_table(Path(result.manifest or "").parent / path).to_pylist()
        if row["model"] == "seasonal_naive" and row["split"] == "test" and row["target"] in HOURS
    ]
    assert len({(row["station"], row["target"]) for row in rows}) == 15
    errors = []
    for row in rows:
        truth = celsius[row["station"], row["time"]]
        hours = (row["time"] - timedelta(hours=24 + back) for back in range(7))  # six hours bridge a gap
        day_before = next(celsius[row["station"], at] for at in hours if (row["station"], at) in celsius)
        assert (row["y_true"], row["y_pred"]) == pytest.approx((truth, day_before), abs=1e-6)
        errors.append(abs(day_before - truth))
    told = json.loads(
        (Path(result.manifest or "").parent / path).with_name("forecast_metrics.json").read_bytes()
    )
    means = {
        row["target"]: (row["mae"], row["cases"])
        for row in told["metrics"]
        if row["station"] == "all" and row["model"] == "seasonal_naive" and row["target"] in HOURS
    }
    pooled = math.fsum(mean * cases for mean, cases in means.values())
    assert sum(cases for _, cases in means.values()) == len(errors)
    assert pooled / len(errors) == pytest.approx(math.fsum(errors) / len(errors), abs=1e-6)
