"""A model that an app registers: in the log, in the manifest, and in MLflow's registry as soon as MLflow is there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from tests.projects.conftest import manifest_of, write_app
from tests.tracking.places import free_port

from agi_node import AgiError, LocalRun, RunContext
from agi_node.canonical import sha256_bytes
from agilab.contracts.run_result import RunResult
from agilab.engine.selection import Selection
from agilab.projects.request import RunRequest
from agilab.projects.rerun import rerun_app
from agilab.projects.run import run_app
from agilab.projects.sync import sync_run
from agilab.store.store import Store
from agilab.store.workspace import Workspace
from agilab.tracking.payload import build_payload
from agilab.tracking.uri import sqlite_uri

APP = '''
"""Keep a model that is good enough."""
from agi_node import App, Args

class ModelArgs(Args):
    score: float = 0.9
    fail: bool = False

app = App("models", args=ModelArgs)

@app.node
def trained(args):
    return b"weights"

@app.node
def judged(trained, args, run):
    (run.folder / "model.bin").write_bytes(trained)
    run.log_artifact(run.folder / "model.bin")
    good = args.score >= 0.5
    run.validate("good enough", good, value=args.score, limit=0.5)
    if good:
        run.register_model("weights of it", "model.bin", description="a few bytes", tags={"score": str(args.score)})
    return good

@app.publish
def publish(judged, args):
    if args.fail:
        raise ValueError("told to")
'''


@pytest.fixture
def run(tmp_path: Path) -> LocalRun:
    return RunContext.local(tmp_path)


def test_a_registered_model_is_an_artifact_with_a_mark(run: LocalRun, tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"a")
    run.save_json("card", {"a": 1})
    run.register_model("the card", "card")
    run.register_model("the file", tmp_path / "a.bin", description="one\x1bbyte", tags={"k": "v"})
    assert run.models == {"the card": run.saved["card"], "the file": run.saved["a.bin"]}
    said = {entry["name"]: entry["meta"]["model"] for entry in run.staged}
    assert said["a.bin"] == {"name": "the file", "description": r"one\x1bbyte", "tags": {"k": "v"}}
    assert said["card"] == {"name": "the card", "description": "", "tags": {}}


@pytest.mark.parametrize(
    ("name", "artifact", "tags", "code", "found"),
    [
        ("a/b", "card", {}, "AGI-NODE-008", "'a/b'"),
        ("a:1", "card", {}, "AGI-NODE-008", "'a:1'"),
        ("", "card", {}, "AGI-NODE-008", "''"),
        ("it's", "card", {}, "AGI-NODE-008", '"it\'s"'),
        ("new", "card", {"a b": "c"}, "AGI-NODE-008", "the tag 'a b': 'c'"),
        ("new", "card", {"score": 1}, "AGI-NODE-008", "the tag 'score': 1"),
        ("taken", "card", {}, "AGI-NODE-008", "a second taken"),
        ("new", "other", {}, "AGI-NODE-008", "new and taken, which are one file"),
        ("new", "nowhere.bin", {}, "AGI-NODE-005", "nothing"),
        ("new", Path(), {}, "AGI-NODE-005", "a folder"),
    ],
)
def test_what_cannot_be_registered_is_refused_by_name(
    run: LocalRun, name: str, artifact: Any, tags: Mapping[str, str], code: str, found: str
) -> None:
    run.save_json("card", {})
    run.save_json("other", {})
    run.register_model("taken", "other")
    with pytest.raises(AgiError) as refused:
        run.register_model(name, artifact, tags=tags)
    assert (refused.value.code, refused.value.found) == (code, found)
    assert run.models == {"taken": run.saved["other"]}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_app(tmp_path_factory.mktemp("apps") / "models_project", APP, name="models")


def go(app: Path, workspace: Workspace, *, track: bool = True, **args: object) -> RunResult:
    return run_app(RunRequest(str(app), args, workers=1, track=track), workspace)


@pytest.mark.journey
@pytest.mark.slow
def test_a_model_is_registered_once_and_waits_where_mlflow_is_away(
    app: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = f"http://127.0.0.1:{free_port()}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", away)
    waiting = go(app, workspace)
    digest = sha256_bytes(b"weights")
    expected = {
        "name": "weights of it",
        "artifact": "artifacts/judged/model.bin",
        "digest": digest,
        "version": None,
        "description": "a few bytes",
        "tags": {"score": "0.9"},
    }
    assert waiting.status == "succeeded"
    assert manifest_of(waiting)["tracking"]["state"] == "deferred"
    assert manifest_of(waiting)["models"] == [expected]
    assert "not in the registry" in shown(workspace, waiting)

    uri = sqlite_uri(workspace.home / "mlflow" / "mlflow.db")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    delivered = go(app, workspace)
    assert manifest_of(delivered)["tracking"]["state"] == "delivered", manifest_of(delivered)["tracking"]
    assert manifest_of(delivered)["models"] == [expected | {"version": "1"}]
    client = MlflowClient(uri, uri)
    (version,) = client.search_model_versions("name = 'weights of it'")
    assert version.tags == {
        "agilab.run_id": delivered.run_id,
        "agilab.unit": "judged",
        "agilab.digest": digest,
        "score": "0.9",
    }
    with Store(workspace) as store:
        sync_run(store, waiting.run_id or "")
        assert sync_run(store, waiting.run_id or "").already
    versions = {str(one.version): one.tags["agilab.run_id"] for one in client.search_model_versions()}
    assert versions == {"1": delivered.run_id, "2": waiting.run_id}
    assert "weights of it  2" in " ".join(shown(workspace, waiting).split(" " * 4)).replace("   ", "  ")
    plain = json.loads(shown(workspace, waiting, "--json"))
    assert plain["models"] == [expected | {"version": "2"}]


@pytest.mark.journey
@pytest.mark.slow
def test_what_fails_its_gate_what_fails_and_what_is_used_again_registers_nothing(
    app: Path, workspace: Workspace
) -> None:
    first = go(app, workspace, track=False)
    assert offered(workspace, first) == ["weights of it"]
    bad = go(app, workspace, track=False, score=0.1)
    assert (manifest_of(bad)["models"], offered(workspace, bad)) == ([], [])
    failed = go(app, workspace, track=False, fail=True)
    assert failed.status == "failed"
    assert [model["version"] for model in manifest_of(failed)["models"]] == [None]
    assert offered(workspace, failed) == []
    again = rerun_app(first.run_id or "", Selection(from_node="publish"), workspace, track=False)
    assert (manifest_of(again)["models"], offered(workspace, again)) == ([], [])


def offered(workspace: Workspace, result: RunResult) -> list[str]:
    """The models that the tracking store would be told of."""
    with Store(workspace, readonly=True) as store:
        return [model["name"] for model in build_payload(store, result.run_id or "", {}).get("models", [])]


def shown(workspace: Workspace, result: RunResult, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "agilab", "runs", "show", str(result.run_id), *words],
        env={**os.environ, "AGILAB_HOME": str(workspace.home)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout
