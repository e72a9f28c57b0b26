"""Payloads to deliver, and stores looked at from outside."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Run, ViewType

from agilab.contracts.base import read_document
from agilab.contracts.identifiers import new_run_id
from agilab.contracts.tracking import TrackingPayload
from agilab.tracking import Delivery, Outcome

BEGAN = 1_790_000_000_000
Columns = dict[str, list[Any]]


def columns(*points: tuple[str, float | str, int | None]) -> Columns:
    """Points as the payload has them, a millisecond apart."""
    return {
        "name": [name for name, _, _ in points],
        "value": [value for _, value, _ in points],
        "step": [step for _, _, step in points],
        "at_ms": [BEGAN + i for i in range(len(points))],
    }


def node(name: str, **changes: Any) -> dict[str, Any]:
    plain = {
        "node": name,
        "status": "FINISHED",
        "started_at_ms": BEGAN + 1,
        "ended_at_ms": BEGAN + 50,
        "params": {"target": f"flight:app#{name}"},
        "tags": {"agilab.state": "succeeded"},
        "metrics": columns(),
        "table": None,
    }
    return plain | changes


@dataclass(frozen=True)
class Spool:
    """Payload files of one test, each checked against its contract before it is used."""

    folder: Path

    def write(self, **changes: Any) -> Path:
        plain = {
            "schema": "agilab.tracking.v1",
            "run_id": new_run_id("flight"),
            "app": "flight",
            "experiment": "flight",
            "started_at_ms": BEGAN,
            "ended_at_ms": BEGAN + 100,
            "status": "FINISHED",
            "params": {"min_points": "2"},
            "tags": {"agilab.source_digest": "ab" * 32},
            "metrics": columns(("rows", 3.0, None)),
            "nodes": [node("plan"), node("work"), node("reduce")],
            "artifacts": [],
        } | changes
        file = self.folder / f"{plain['run_id']}-{len(list(self.folder.iterdir()))}.json"
        file.write_text(json.dumps(plain), encoding="utf-8")
        read_document(file, TrackingPayload)
        return file

    def run_id(self, file: Path) -> str:
        return str(json.loads(file.read_text(encoding="utf-8"))["run_id"])

    def artifact(self, name: str, text: str = "{}") -> Path:
        file = self.folder / "files" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file


@dataclass(frozen=True)
class Place:
    """A store, the home that delivers to it, and a client that looks at it from outside."""

    home: Path
    uri: str

    @property
    def client(self) -> MlflowClient:
        return MlflowClient(self.uri, self.uri)

    def deliver(self, *files: Path, timeout_s: float = 60) -> Outcome:
        with Delivery.start(self.uri, self.home) as delivery:
            for file in files:
                delivery.deliver(file)
            return delivery.wait(timeout_s)

    def runs(self, run_id: str, view: int = ViewType.ACTIVE_ONLY) -> list[Run]:
        """Every run, parent and nested, that carries the id."""
        places = [e.experiment_id for e in self.client.search_experiments(view_type=ViewType.ALL)]
        return list(self.client.search_runs(places, f"tags.`agilab.run_id` = '{run_id}'", view))

    def tree(self, run_id: str) -> tuple[Run, dict[str, Run]]:
        """The one parent and its nested runs by node; fails where there is more than one of any."""
        runs = self.runs(run_id)
        parents = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
        assert len(parents) == 1
        children = [run for run in runs if run not in parents]
        nodes = {run.data.tags["agilab.node"]: run for run in children}
        assert len(nodes) == len(children)
        assert {run.data.tags["mlflow.parentRunId"] for run in children} <= {parents[0].info.run_id}
        return parents[0], nodes

    def text(self, run_id: str, name: str) -> str:
        """What an artifact of an MLflow run holds."""
        return Path(self.client.download_artifacts(run_id, name)).read_text(encoding="utf-8")

    def artifacts(self, run_id: str, path: str | None = None) -> set[str]:
        return {file.path for file in self.client.list_artifacts(run_id, path)}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(true: Callable[[], bool], seconds: float) -> None:
    """Wait for something to become true; fails where it does not."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.02)
