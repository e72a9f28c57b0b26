"""Both UAV apps as a person runs them: real environments and workers, and the handoff from one to the other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.apps.uav import QUEUE, network, relay, write_scenario
from tests.cli.conftest import call

from agilab.store.workspace import Workspace

pytestmark = [pytest.mark.journey, pytest.mark.slow, pytest.mark.xdist_group("every_app")]
SHORT = ("--pdr-within", "0.5", "--max-events", "100", "--no-track", "--json")


@pytest.fixture(scope="module")
def home(workspace: Workspace) -> Path:
    return workspace.home


@pytest.fixture(scope="module")
def measured(home: Path) -> dict[str, Any]:
    """A run of the queue app on one of its scenarios."""
    words = ("run", "uav_queue", "--scenarios", str(QUEUE / "data/orbits.json"), "--replications", "2")
    answer = call(home, *words, *SHORT)
    assert answer.code == 0, answer.err
    return answer.document


def payload(run: dict[str, Any]) -> bytes:
    return json.dumps(json.loads(Path(run["reduce"]).read_text())["payload"]).encode()


def artifact(run: dict[str, Any], name: str) -> Path:
    return Path(run["reduce"]).parent / "artifacts/publish" / name


def test_no_packet_is_lost_sight_of(measured: dict[str, Any]) -> None:
    summary = json.loads(payload(measured))
    assert summary["packets_generated"] == sum(
        summary[f"packets_{end}"] for end in ("delivered", "dropped", "in_flight")
    )
    workers = sorted(Path(measured["reduce"]).parent.glob("reduce_summary_worker_*.json"))
    assert sum(json.loads(path.read_text())["partial_count"] for path in workers) == 4


def test_the_relay_app_goes_on_from_what_the_queue_app_measured(home: Path, measured: dict[str, Any]) -> None:
    metrics = artifact(measured, "queue_metrics.json")
    words = (
        "run",
        "uav_relay_queue",
        "--queue-metrics",
        str(metrics),
        "--target-loss",
        "0.005",  # which four replications can decide
        "--replications",
        "4",
        "--workers",
        "2",
    )
    answer = call(home, *words, *SHORT)
    assert answer.code == 0, answer.err
    before = {case["policy"]: case for case in json.loads(metrics.read_text())["cases"]}
    after = json.loads(artifact(answer.document, "relay_metrics.json").read_text())["cases"]
    assert {(case["policy"], case["plan"]) for case in after} >= {(policy, "as_is") for policy in before}
    for case in after:
        measured = {
            load["relay_id"]: load["offered_background_pps"] for load in before[case["policy"]]["relays"]
        }
        simulated = {one["relay_id"]: one["background_rate_pps"] for one in case["network"]["relays"]}
        assert simulated == measured
    assert "Upgrading the bottleneck" in artifact(answer.document, "upgrades.svg").read_text()
    assert pl.read_parquet(artifact(answer.document, "plan_summary.parquet")).height == len(after)
    verified = call(home, "runs", "verify", answer.document["run_id"])
    assert verified.code == 0, verified.err


def test_a_bad_scenario_is_named_and_nothing_is_published(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    write_scenario(folder, network(relay("a"), relay("b", service_rate_pps=-5.0)), "wrong.json")
    answer = call(home, "run", "uav_queue", "--scenarios", str(folder), *SHORT)
    assert answer.code == 1
    assert "wrong.json has a wrong relays[1].service_rate_pps" in answer.err
    assert "greater than 0" in answer.err
    run = answer.document["run_id"]
    assert not list((home / "runs" / run).glob("reduce_summary*.json"))
    assert not (home / "runs" / run / "artifacts/publish").exists()
