"""MLflow used as its users use it, in a process of its own that stays warm: reference for the tracker.

Reads one JSON object a line, answers with one a line. The points are those of `plain.log_points`.

    {"do": "open", "uri"}                      connect, make the schema, choose an experiment
    {"do": "log_metric", "points"}             mlflow.log_metric, one call a point
    {"do": "log_batch", "points"}              MlflowClient.log_batch, 1,000 points a call (the most it takes)
    {"do": "read", "uri", "run", "name"}       every point of a metric, by step
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

BATCH = 1000
EXPERIMENT = "benchmarks"


def open_store(uri: str) -> dict[str, Any]:
    """Everything that a later call would otherwise pay for."""
    import mlflow

    mlflow.set_tracking_uri(uri)
    mlflow.set_experiment(EXPERIMENT)
    return {}


def log_metric(points: int) -> dict[str, Any]:
    """One call a point, in an open run; `seconds` are those of the calls alone."""
    import mlflow

    with mlflow.start_run() as run:
        started = time.perf_counter()
        for step in range(points):
            mlflow.log_metric("loss", 1 / (step + 1), step=step)
        seconds = time.perf_counter() - started
    return {"seconds": seconds, "run": run.info.run_id}


def log_batch(points: int) -> dict[str, Any]:
    """As few calls as MLflow allows. `seconds` are those of the calls, `whole` begins and ends the run as well."""
    import mlflow
    from mlflow import MlflowClient
    from mlflow.entities import Metric

    client = MlflowClient()
    experiment = mlflow.get_experiment_by_name(EXPERIMENT)
    assert experiment is not None
    began = time.perf_counter()
    run = client.create_run(experiment.experiment_id).info.run_id
    started = time.perf_counter()
    for first in range(0, points, BATCH):
        at = time.time_ns() // 1_000_000
        steps = range(first, min(first + BATCH, points))
        client.log_batch(run, metrics=[Metric("loss", 1 / (step + 1), at, step) for step in steps])
    seconds = time.perf_counter() - started
    client.set_terminated(run)
    return {"seconds": seconds, "whole": time.perf_counter() - began, "run": run}


def read(uri: str, run: str, name: str) -> dict[str, Any]:
    """What MLflow gives back to whoever asks."""
    from mlflow import MlflowClient

    history = MlflowClient(tracking_uri=uri).get_metric_history(run, name)
    return {"points": sorted([point.step, point.value] for point in history)}


def main() -> None:
    """Answer requests until there are no more."""
    # Libraries print; the answers go through a descriptor of their own.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    does: dict[str, Callable[..., dict[str, Any]]] = {
        "open": open_store,
        "log_metric": log_metric,
        "log_batch": log_batch,
        "read": read,
    }
    for line in sys.stdin:
        request = json.loads(line)
        answer = does[request.pop("do")](**request)
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
