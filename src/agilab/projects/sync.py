"""`agilab track sync RUN`: deliver to MLflow what a run could not deliver at its end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from agi_node.errors import ENVIRONMENT, FAILED, AgiError
from agilab.contracts.base import read_document
from agilab.contracts.run_manifest import RunManifest
from agilab.contracts.uri import public_uri
from agilab.evidence.ending import verdict_word
from agilab.evidence.results import write_reduce_files
from agilab.projects.finish import record_outcome, tracking_uri, write_payload
from agilab.projects.roots import settings_of
from agilab.store.locks import RunLock
from agilab.store.store import Store
from agilab.tracking import Delivery, patience

STALLED_SECONDS = 20.0
"""A delivery may take its time as long as it goes on; without a sign of life for so long it is given up."""


@dataclass(frozen=True)
class Synced:
    """What became of a run in the tracking store.

    Attributes:
        already: The log says that it had been delivered before; nothing was sent.
        ui: An address to open, or a command to type, that shows the run; None where nobody knows.
        notes: What MLflow could not take as it was.
    """

    run_id: str
    uri: str
    mlflow_run_id: str
    already: bool
    ui: str | None = None
    notes: tuple[str, ...] = ()

    def to_plain(self) -> dict[str, Any]:
        """The same as JSON."""
        return {
            "status": "succeeded",
            "run_id": self.run_id,
            "uri": self.uri,
            "mlflow_run_id": self.mlflow_run_id,
            "already": self.already,
            "ui": self.ui,
            "notes": list(self.notes),
        }


def sync_run(store: Store, name: str, *, say: Callable[[str], None] = lambda text: None) -> Synced:
    """Deliver a finished run's parameters, metrics, artifacts and manifest, once, and write down that it was done.

    Where the log says that this store has the run, nothing is sent. A run that was not to be tracked is
    delivered too: somebody asks for it.

    Raises AGI-TRACK-010 for a run that has not ended, AGI-TRACK-011 where tracking is off, AGI-TRACK-012 where the
    store cannot be reached (the run stays deferred), and AGI-RUN-010 where another process owns the run.
    """
    run = store.run(name)
    workspace, run_id = store.workspace, run.run_id
    manifest_path = workspace.run_folder(run_id) / "run_manifest.json"
    if run.state == "running" or not manifest_path.is_file():
        raise AgiError(
            "AGI-TRACK-010",
            f"run {run_id} has no evidence to deliver yet",
            found=f"state {run.state}, {'a' if manifest_path.is_file() else 'no'} manifest",
            allowed="a run that has ended",
            try_=f"agilab runs show {run_id}",
            exit_code=FAILED,
        )
    uri = tracking_uri(workspace, settings_of(workspace))
    if uri is None:
        raise AgiError(
            "AGI-TRACK-011",
            "tracking is switched off",
            found="tracking is off in settings.toml or MLFLOW_TRACKING_URI",
            allowed="an MLflow address",
            try_=f"MLFLOW_TRACKING_URI=http://… agilab track sync {run_id}",
        )
    shown = public_uri(uri, {"workspace": workspace.home})
    done = _delivered(store, run_id, shown)
    if done is not None:
        return Synced(run_id, shown, done, already=True)
    with RunLock(workspace.run_folder(run_id)), Delivery.start(uri, workspace.home, run.app) as delivery:
        say("delivering to MLflow")
        manifest = read_document(manifest_path, RunManifest)
        delivery.deliver(write_payload(store, run_id, write_reduce_files(store, run_id)))
        delivery.attach(
            run_id, [(manifest_path, manifest_path.name)], {"agilab.verdict": verdict_word(manifest)}
        )
        outcome = delivery.wait(10 * patience(uri), STALLED_SECONDS + patience(uri))
        record_outcome(store, run_id, outcome, shown)
    if not outcome.delivered:
        raise AgiError(
            "AGI-TRACK-012",
            f"run {run_id} could not be delivered and stays deferred",
            found=outcome.reason,
            allowed="a tracking store that answers",
            try_="agilab doctor",
            whose="environment",
            exit_code=ENVIRONMENT,
        )
    return Synced(
        run_id,
        shown,
        outcome.parent_run_id or "",
        already=outcome.already,
        ui=outcome.ui,
        notes=outcome.notes,
    )


def _delivered(store: Store, run_id: str, uri: str) -> str | None:
    """MLflow's id of the run where the log says that this very store has it."""
    last = None
    for event in store.events(run_id, kinds=("tracking_recorded",)):
        last = event.data
    if last and last["state"] == "delivered" and last["uri"] == uri and last.get("mlflow_run_id"):
        return str(last["mlflow_run_id"])
    return None
