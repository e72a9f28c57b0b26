"""The end of a run: readable results, tracking, validations, manifest. Whoever owns the run does it, from the log."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from agi_node.canonical import untag
from agilab.contracts.run_manifest import RunManifest
from agilab.contracts.run_result import RunResult
from agilab.contracts.settings import Settings
from agilab.contracts.subject import kind_of
from agilab.evidence.checks import validate
from agilab.evidence.ending import MANIFEST, verdict_word, write_manifest
from agilab.evidence.results import ReduceFile, show_artifacts, write_reduce_files
from agilab.projects.answer import answer_of
from agilab.store.store import Store
from agilab.store.workspace import Workspace
from agilab.tracking import Delivery, Outcome, resolve_uri
from agilab.tracking.payload import build_payload


def tracking_uri(workspace: Workspace, settings: Settings) -> str | None:
    """Where runs of this workspace are remembered, or None where tracking is off."""
    if not settings.tracking.enabled:
        return None
    return resolve_uri(workspace.home, os.environ, settings.tracking.uri)


def finish(
    store: Store,
    run_id: str,
    *,
    delivery: Delivery | None,
    patience_s: float,
    seconds: Callable[[], float],
    written_by: str = "coordinator",
) -> RunResult:
    """Write what a finished run leaves behind and say how it went.

    Waits `patience_s` for the tracking store and leaves what is not delivered by then to `agilab track sync`.
    """
    created = store.created(run_id)
    reduce_files = write_reduce_files(store, run_id)
    show_artifacts(store, run_id)
    if delivery:
        delivery.deliver(write_payload(store, run_id, reduce_files))
    validations = validate(store, run_id, keep_going=created["keep_going"])
    if delivery:
        record_outcome(store, run_id, delivery.wait(patience_s), created["tracking_uri"])
    manifest = write_manifest(
        store, run_id, validations=validations, reduce_files=reduce_files, written_by=written_by
    )
    path = store.workspace.run_folder(run_id) / MANIFEST
    if delivery and manifest.tracking.state == "delivered":
        delivery.attach(run_id, [(path, path.name)], {"agilab.verdict": verdict_word(manifest)})
        delivery.wait(patience_s)
    answer = untag(answer_of(store, store.run(run_id)))
    return result_of(manifest, path, reduce_files, seconds(), answer, own_notes(store, run_id))


def write_payload(store: Store, run_id: str, reduce_files: list[ReduceFile]) -> Path:
    """The tracking payload as a file that waits in the run's folder until it is delivered."""
    artifacts = {file.path.name: file.path for file in reduce_files if file.worker is None}
    path = store.workspace.run_folder(run_id) / "tracking.json"
    payload = build_payload(store, run_id, artifacts)
    path.write_text(json.dumps(payload, ensure_ascii=False, allow_nan=False), encoding="utf-8")
    return path


def record_outcome(store: Store, run_id: str, outcome: Outcome, uri: str) -> None:
    """Write into the log what became of a delivery."""
    log = store.log(run_id)
    body: dict[str, Any] = {
        "backend": "mlflow",
        "state": "delivered" if outcome.delivered else "deferred",
        "uri": uri,
    }
    if outcome.delivered:
        body |= {"mlflow_run_id": outcome.parent_run_id, "message": ""}
        if outcome.models:
            body["models"] = [dict(model) for model in outcome.models]
    else:
        body |= {"message": outcome.reason}
    log.append("tracking_recorded", **body)
    log.flush()


def own_notes(store: Store, run_id: str) -> list[str]:
    """What AGILab itself wrote down of a run that a person should know, see `agilab.workflow.running.told`."""
    events = store.events(run_id, kinds=("note_added",))
    return [str(event.data["text"]) for event in events if event.data.get("by") == "agilab"]


def result_of(
    manifest: RunManifest,
    path: Path,
    reduce_files: list[ReduceFile],
    seconds: float,
    answer: Any = None,
    notes: Sequence[str] = (),
) -> RunResult:
    """What `run --json` prints: the verdict, where to look, what to do next."""
    run = manifest.run_id
    passed = manifest.verdict.passed
    whole = next((str(file.path) for file in reduce_files if file.worker is None), None)
    error = manifest.verdict.error
    return RunResult.model_validate(
        {
            "status": manifest.verdict.status
            if passed or manifest.verdict.status != "succeeded"
            else "failed",
            "run_id": run,
            "manifest": str(path),
            "reduce": whole,
            "answer": answer,
            "duration_seconds": seconds,
            "next": (
                [
                    f"agilab runs show {run}",
                    f"agilab runs verify {run}",
                    show_command(manifest.app.name),
                ]
                if passed
                else _after_a_failure(manifest)
            ),
            "notes": notes,
            "error": error.model_dump(mode="json", by_alias=True) if error else None,
        }
    )


def show_command(app: str) -> str:
    """How to look at what was run: an app, or a lab, whose runs stand under `lab:NAME`.

    >>> show_command("flight_project"), show_command("lab:study")
    ('agilab app show flight_project', 'agilab workflow show study')
    """
    kind, name = kind_of(app)
    return f"agilab {'workflow' if kind == 'lab' else 'app'} show {shlex.quote(name)}"


def _after_a_failure(manifest: RunManifest) -> list[str]:
    """What a person wants to see when it went wrong: the unit at fault, then everything."""
    run = manifest.run_id
    units = [left_out.unit for left_out in manifest.left_out if left_out.unit]
    first = [f"agilab runs show {run} {shlex.quote(units[0])}"] if units else []
    if not units and manifest.verdict.status == "failed":  # nothing failed: something never began
        never = [node.node for node in manifest.execution.nodes if not node.units]
        first = [f"agilab runs explain {run} {shlex.quote(name)}" for name in never[:1]]
    if manifest.verdict.status != "succeeded":
        first.append(rest_command(run))
    return [*first, f"agilab runs show {run}", f"agilab runs verify {run}"]


def rest_command(run_id: str) -> str:
    """How to do what a run that failed or was cancelled left undone; what it did is used again."""
    return f"agilab runs rerun {run_id} --failed"
