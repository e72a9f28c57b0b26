"""What MLflow has of a run, and what happens when it cannot be reached."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow import MlflowClient
from tests.projects.conftest import RunIt, manifest_of, reduced

from agilab.store.store import Store
from agilab.store.workspace import Workspace

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("flight")]


def client(workspace: Workspace) -> MlflowClient:
    return MlflowClient(f"sqlite:///{workspace.mlflow / 'mlflow.db'}")


def test_mlflow_has_one_parent_one_run_per_node_and_the_evidence(
    run_it: RunIt, workspace: Workspace, tmp_path: Path
) -> None:
    result = run_it(track=True)
    mlflow = client(workspace)
    experiment = mlflow.get_experiment_by_name("flight_project")
    assert experiment is not None
    runs = mlflow.search_runs([experiment.experiment_id], f"tags.`agilab.run_id` = '{result.run_id}'")
    parent = next(run for run in runs if "mlflow.parentRunId" not in run.data.tags)
    children = [run for run in runs if run.data.tags.get("mlflow.parentRunId") == parent.info.run_id]
    assert sorted(run.data.tags["agilab.node"] for run in children) == ["plan", "publish", "reduce", "work"]
    assert len(runs) == 5, "one per node, never one per unit"
    assert parent.info.status == "FINISHED"
    assert parent.data.params["max_gap_s"] == "300.0"
    assert parent.data.metrics["distance_m"] == reduced(result)["payload"]["distance_m"]
    assert parent.data.tags["agilab.verdict"] == "passed"
    artifacts = {file.path for file in mlflow.list_artifacts(parent.info.run_id)}
    assert {"run_manifest.json", "reduce_summary.json"} <= artifacts
    kept = Path(mlflow.download_artifacts(parent.info.run_id, "run_manifest.json", str(tmp_path)))
    assert kept.read_bytes() == Path(result.manifest or "").read_bytes()
    work = next(run for run in children if run.data.tags["agilab.node"] == "work")
    (table,) = [file.path for file in mlflow.list_artifacts(work.info.run_id) if file.path.endswith(".json")]
    rows = json.loads(Path(mlflow.download_artifacts(work.info.run_id, table, str(tmp_path))).read_text())
    assert len(rows["data"]) == 24
    assert {"key", "seconds", "rows"} <= set(rows["columns"])
    tracking = manifest_of(result)["tracking"]
    assert (tracking["state"], tracking["mlflow_run_id"]) == ("delivered", parent.info.run_id)


@pytest.fixture
def black_hole() -> Iterator[int]:
    """A port that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_an_mlflow_that_never_answers_costs_seconds_and_no_run(
    run_it: RunIt, monkeypatch: pytest.MonkeyPatch, black_hole: int
) -> None:
    began = time.monotonic()
    run_it()
    usual = time.monotonic() - began
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{black_hole}")
    began = time.monotonic()
    result = _tracked(run_it, monkeypatch, f"http://127.0.0.1:{black_hole}")
    assert time.monotonic() - began < usual + 9
    assert result.status == "succeeded"
    tracking = manifest_of(result)["tracking"]
    assert tracking["state"] == "deferred"
    assert tracking["message"]


def _tracked(run_it: RunIt, monkeypatch: pytest.MonkeyPatch, uri: str):  # type: ignore[no-untyped-def]
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    return run_it(track=True)


def test_a_password_in_the_address_is_in_nothing_that_a_run_writes(
    run_it: RunIt, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = _tracked(run_it, monkeypatch, "http://ana:pl4nted-s3cret@127.0.0.1:9")
    assert result.status == "succeeded"
    assert manifest_of(result)["tracking"]["state"] == "deferred"
    with Store(workspace) as store:
        store.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for path in workspace.home.rglob("*"):
        if path.is_file() and "envs" not in path.parts:
            assert b"pl4nted-s3cret" not in path.read_bytes(), path


def test_what_could_not_be_delivered_is_delivered_later_once(
    run_it: RunIt, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    from agilab.projects.sync import sync_run

    result = _tracked(run_it, monkeypatch, "http://127.0.0.1:9")
    assert manifest_of(result)["tracking"]["state"] == "deferred"
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    for _ in range(2):
        with Store(workspace) as store:
            sync_run(store, result.run_id or "")
    mlflow = client(workspace)
    experiment = mlflow.get_experiment_by_name("flight_project")
    assert experiment is not None
    runs = mlflow.search_runs([experiment.experiment_id], f"tags.`agilab.run_id` = '{result.run_id}'")
    assert len(runs) == 5
    parent = next(run for run in runs if "mlflow.parentRunId" not in run.data.tags)
    assert "run_manifest.json" in {file.path for file in mlflow.list_artifacts(parent.info.run_id)}
    assert len(mlflow.get_metric_history(parent.info.run_id, "distance_m")) == 1
