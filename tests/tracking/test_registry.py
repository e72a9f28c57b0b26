"""Models in MLflow's own registry: a version for each, once, with the file that the run kept."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from agilab.tracking import Delivery, Outcome
from tests.tracking.places import Place, Spool, columns

DATA = "weights 1 2 3"


def model(spool: Spool, name: str = "churn", text: str = DATA, **changes: Any) -> dict[str, Any]:
    file = spool.artifact(f"{name}.bin", text)
    return {
        "name": name,
        "path": str(file),
        "file": "model.bin",
        "digest": hashlib.sha256(text.encode()).hexdigest(),
        "unit": "publish",
        "description": "who leaves",
        "tags": {"accuracy": "0.98"},
    } | changes


def versions(place: Place, name: str) -> list[Any]:
    return sorted(place.client.search_model_versions(f"name = '{name}'"), key=lambda one: int(one.version))


def downloaded(place: Place, name: str, version: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """As somebody who knows nothing of AGILab gets it, with MLflow's own words."""
    import mlflow

    folder.mkdir(exist_ok=True)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", place.uri)
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", place.uri)
    uri = f"models:/{name}/{version}"
    return Path(mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=str(folder)))


def told(outcome: Outcome) -> list[tuple[str, str]]:
    return [(one["name"], one["version"]) for one in outcome.models]


def test_a_model_becomes_a_version_that_anybody_can_download_and_there_is_no_second_one(
    local: Place, spool: Spool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = spool.write(models=[model(spool), model(spool, "other model", "x")])
    outcome = local.deliver(file)
    assert outcome.delivered, outcome.reason
    assert (told(outcome), outcome.notes) == ([("churn", "1"), ("other model", "1")], ())
    (version,) = versions(local, "churn")
    assert version.tags == {
        "agilab.run_id": spool.run_id(file),
        "agilab.unit": "publish",
        "agilab.digest": hashlib.sha256(DATA.encode()).hexdigest(),
        "accuracy": "0.98",
    }
    assert (version.run_id, version.status, version.description) == (
        outcome.parent_run_id,
        "READY",
        "who leaves",
    )
    assert local.client.get_registered_model("churn").tags == {"agilab.app": "flight"}
    (kept,) = downloaded(local, "churn", "1", tmp_path / "got", monkeypatch).iterdir()
    assert (kept.name, kept.read_text()) == ("model.bin", DATA)

    grown = spool.write(run_id=spool.run_id(file), models=[model(spool)], metrics=columns(("loss", 0.5, 0)))
    with Delivery.start(local.uri, local.home) as delivery:
        delivery.deliver(file)
        second = delivery.wait(60)
        delivery.deliver(grown)
        third = delivery.wait(60)
        assert (second.already, told(second)) == (True, told(outcome))
        assert (third.already, told(third)) == (False, [("churn", "1")])
        assert len(versions(local, "churn")) == 1

        local.client.delete_model_version("churn", "1")  # what a person took away stays away
        delivery.deliver(grown)
        last = delivery.wait(60)
    assert (last.already, last.models, versions(local, "churn")) == (True, (), [])


def test_another_run_and_another_digest_are_versions_of_the_same_model(local: Place, spool: Spool) -> None:
    first = spool.write(models=[model(spool)])
    again = spool.write(models=[model(spool, text="other weights"), model(spool, unit="train[2]")])
    assert told(local.deliver(first, again)) == [("churn", "2"), ("churn", "3")]
    assert [one.tags["agilab.run_id"] for one in versions(local, "churn")] == [
        spool.run_id(first),
        spool.run_id(again),
        spool.run_id(again),
    ]


def test_a_delivery_that_was_cut_short_between_file_and_version_is_finished_by_the_next(
    local: Place, spool: Spool
) -> None:
    """What is there then: the run, the model's name, no version; and the mark of a whole delivery is missing."""
    file = spool.write(models=[model(spool), model(spool, "gone", path="/nowhere/model.bin")])
    local.client.create_registered_model("churn")
    outcome = local.deliver(spool.write(run_id=spool.run_id(file), models=[]), file)
    assert told(outcome) == [("churn", "1")]
    assert outcome.notes == ("model 'gone' is not in the registry: its file is gone",)
    assert versions(local, "churn")[0].run_id == outcome.parent_run_id


@pytest.mark.slow
def test_a_server_takes_models_too(
    remote: Place, spool: Spool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = spool.write(models=[model(spool, "of a server")])
    outcome = remote.deliver(file, file)
    assert outcome.delivered, outcome.reason
    assert (outcome.already, told(outcome), outcome.notes) == (True, [("of a server", "1")], ())
    (kept,) = downloaded(remote, "of a server", "1", tmp_path / "got", monkeypatch).iterdir()
    assert kept.read_text() == DATA
