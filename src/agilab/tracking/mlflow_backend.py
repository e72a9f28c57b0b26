"""A payload as MLflow runs: one parent, one nested run for each node, found by tag before they are made.

Runs in the deliverer only. What makes a delivery happen once, wherever the last one was killed:

- every run carries `agilab.run_id` from the request that creates it on, a nested one `agilab.node` as well;
- MLflow's databases key a metric point by (run, name, step, time, value), so a repeated one is the same one;
- artifacts and tags are overwritten with the same content;
- a version of a registered model carries the run's id and its own digest (`registry`);
- the tag `agilab.delivery`, a digest of payload and artifacts, is written last and says that all is there;
- one deliverer of a home writes at a time (`turn`), and no request is ever repeated by the HTTP layer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from agilab.tracking.database import make_database
from agilab.tracking.lean import quick_import
from agilab.tracking.limits import (
    ENTITIES_PER_BATCH,
    PARAM_LENGTH,
    PARAMS_PER_BATCH,
    TAG_LENGTH,
    batches,
    fit_key,
    fit_values,
)
from agilab.tracking.marks import APP, DELIVERY, NODE, NOTES, RUN_ID, find, mark_of
from agilab.tracking.registry import register, version_of
from agilab.tracking.turn import Tell, turn
from agilab.tracking.uploads import put_file, put_table, with_table
from agilab.tracking.uri import is_database, sqlite_path, ui_hint

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Run

    from agilab.contracts.tracking import MetricColumns, TrackedNode, TrackingPayload


class Refused(Exception):
    """MLflow can be reached and cannot take this; the text says why and what a person can do."""


@dataclass(frozen=True)
class Delivered:
    """Where a payload is now: MLflow's ids, a way to look at it, and what did not fit as it was."""

    parent: str
    nodes: Mapping[str, str]
    experiment: str
    ui: str
    notes: tuple[str, ...] = ()
    already: bool = False
    models: tuple[Mapping[str, str], ...] = ()
    """Name, digest and version of each model that the registry has."""


@dataclass
class MlflowBackend:
    """One MLflow store, open.

    Responsible for: what is written there, and that it is there once.
    Not responsible for: whether the store can be reached, and for how long one waits.
    """

    client: MlflowClient
    uri: str
    home: Path
    tell: Tell
    _experiments: dict[str, str] = field(default_factory=dict)
    _places: dict[str, str] = field(default_factory=dict)
    """The experiment of each run that this process delivered."""

    @classmethod
    def open(cls, uri: str, home: Path, tell: Tell) -> MlflowBackend:
        """Import MLflow and connect; a missing SQLite database is made, whole or not at all."""
        tell("importing MLflow")
        with quick_import(uri):
            from mlflow import MlflowClient

            # Needed soon: now nobody waits for them, and here they are quick.
            import agilab.contracts.tracking  # noqa: F401

            if sqlite_path(uri) is not None:
                import mlflow.store.tracking.sqlalchemy_store  # noqa: F401
        tell("opening the store")
        database = sqlite_path(uri)
        if database is not None and not database.exists():
            with turn(home, tell):
                if not database.exists():
                    make_database(database)
        return cls(MlflowClient(tracking_uri=uri, registry_uri=uri), uri, home, tell)

    def experiment(self, name: str) -> str:
        """The id of the experiment, made if need be. Raises `Refused` if a person deleted it."""
        if name not in self._experiments:
            found = self.client.get_experiment_by_name(name)
            if found is None:
                from mlflow.exceptions import MlflowException

                try:
                    made = self.client.create_experiment(name, self._artifact_location(name))
                except MlflowException:
                    # Somebody else, perhaps on another machine, made it in between.
                    found = self.client.get_experiment_by_name(name)
                    if found is None:
                        raise
                else:
                    self._experiments[name] = str(made)
                    return self._experiments[name]
            if found.lifecycle_stage != "active":
                raise Refused(
                    f"experiment {name!r} was deleted in MLflow; bring it back with "
                    f"`mlflow experiments restore --experiment-id {found.experiment_id}`"
                )
            self._experiments[name] = str(found.experiment_id)
        return self._experiments[name]

    def rehearse(self, experiment: str | None) -> None:
        """Ask what a delivery asks first, while nobody waits: is the server there, and does it let us in?

        It also has the database layer compile its statements.
        """
        with turn(self.home, self.tell):
            if experiment is not None:
                places = [self.experiment(experiment)]
            else:
                places = [e.experiment_id for e in self.client.search_experiments(max_results=1)]
        find(self.client, places, "rehearsal")

    def deliver(self, file: Path) -> Delivered:
        """Bring MLflow to what the payload in `file` says. Why twice is as good as once, the module says."""
        from agilab.contracts.base import read_document
        from agilab.contracts.tracking import TrackingPayload

        payload = read_document(file, TrackingPayload)
        marker = mark_of(file, payload)
        with turn(self.home, self.tell):
            self.tell("writing")
            experiment = self.experiment(payload.experiment)
            self._places[payload.run_id] = experiment
            parent, nodes = find(self.client, [experiment], payload.run_id)
            if parent and parent.data.tags.get(DELIVERY) == marker and nodes.keys() >= _names(payload):
                notes = parent.data.tags.get(NOTES, "").splitlines()
                ids = {name: run.info.run_id for name, run in nodes.items()}
                there = ((model, version_of(self.client, payload.run_id, model)) for model in payload.models)
                models = tuple(
                    {"name": model.name, "digest": model.digest, "version": version}
                    for model, version in there
                    if version
                )
                return self._delivered(payload, parent.info.run_id, ids, notes, models, already=True)
            notes = []
            source = {"mlflow.source.name": payload.app, "mlflow.source.type": "LOCAL", APP: payload.app}
            run = self._ensure(
                parent,
                experiment,
                payload.tags.get("mlflow.runName", payload.run_id),
                payload,
                {**source, **payload.tags, RUN_ID: payload.run_id},
                notes,
            )
            ids = {}
            for node in payload.nodes:
                tags = {**node.tags, RUN_ID: payload.run_id, NODE: node.node, "mlflow.parentRunId": run}
                ids[node.node] = self._ensure(nodes.get(node.node), experiment, node.node, node, tags, notes)
            for artifact in payload.artifacts:
                self._artifact(run, Path(artifact.path), artifact.name, notes)
            models = register(
                self.client, run, payload, lambda path, name: self._artifact(run, path, name, notes), notes
            )
            last = {DELIVERY: marker}
            if notes or (parent and NOTES in parent.data.tags):
                last[NOTES] = "\n".join(notes)[:TAG_LENGTH]
            self._log(run, {}, last)
            return self._delivered(payload, run, ids, notes, models, already=False)

    def attach(
        self, run_id: str, artifacts: list[tuple[Path, str]], tags: Mapping[str, str]
    ) -> tuple[str, list[str]]:
        """Add artifacts and tags to a delivered run; returns its id and notes. Raises `Refused` if it is not there."""
        with turn(self.home, self.tell):
            self.tell("attaching")
            if run_id in self._places:
                places = [self._places[run_id]]
            else:
                places = [e.experiment_id for e in self.client.search_experiments(max_results=1000)]
            parent, _ = find(self.client, places, run_id)
            if parent is None:
                raise Refused(f"run {run_id} is not in MLflow yet")
            notes: list[str] = []
            for path, name in artifacts:
                self._artifact(parent.info.run_id, path, name, notes)
            self._log(parent.info.run_id, {}, fit_values(tags, TAG_LENGTH, "tag", notes))
            return parent.info.run_id, notes

    def _ensure(
        self,
        found: Run | None,
        experiment: str,
        name: str,
        record: TrackingPayload | TrackedNode,
        tags: dict[str, str],
        notes: list[str],
    ) -> str:
        """The id of the run for `record`, with its parameters, metrics, tags, table and state in it."""
        tags = fit_values(tags, TAG_LENGTH, "tag", notes)
        params = fit_values(record.params, PARAM_LENGTH, "param", notes)
        table = getattr(record, "table", None)
        if table is not None:
            tags["mlflow.loggedArtifacts"] = with_table(found)
        # A rename by a person stays: the name is only given when the run is made.
        tags.pop("mlflow.runName", None)
        if found is None:
            made = self.client.create_run(experiment, record.started_at_ms, tags, name)
            run: str = made.info.run_id
            tags = {}
        else:
            run = found.info.run_id
            old = found.data.params
            for key in [k for k, v in params.items() if k in old and old[k] != v]:
                notes.append(f"param {key} stays {old[key]!r:.60}: MLflow lets no parameter change")
            params = {k: v for k, v in params.items() if k not in old}
            tags = {k: v for k, v in tags.items() if found.data.tags.get(k) != v}
        if table is not None:
            put_table(self.client, run, table)
        self._log(run, params, tags, self._metrics(record.metrics, notes))
        if record.status == "RUNNING":
            self.client.update_run(run, status="RUNNING")
        else:
            self.client.set_terminated(run, record.status, record.ended_at_ms)
        return run

    def _metrics(self, points: MetricColumns, notes: list[str]) -> Iterator[Metric]:
        from mlflow.entities import Metric

        keys = {name: fit_key(name, "metric", notes) for name in dict.fromkeys(points.name)}
        rows = zip(points.name, points.value, points.at_ms, points.step, strict=True)
        return (Metric(keys[name], value, at_ms, step or 0) for name, value, at_ms, step in rows)

    def _log(
        self,
        run: str,
        params: Mapping[str, str],
        tags: Mapping[str, str],
        metrics: Iterable[Metric] = (),
    ) -> None:
        """As few requests as the limits allow: each one, and each database transaction, costs."""
        from mlflow.entities import Param, RunTag

        some_params = batches((Param(k, v) for k, v in params.items()), PARAMS_PER_BATCH)
        some_tags = batches((RunTag(k, v) for k, v in tags.items()), PARAMS_PER_BATCH)
        points = iter(metrics)
        while True:
            ps, ts = next(some_params, []), next(some_tags, [])
            ms = list(islice(points, ENTITIES_PER_BATCH - len(ps) - len(ts)))
            if not (ps or ts or ms):
                return
            self.client.log_batch(run, metrics=ms, params=ps, tags=ts)
            self.tell("writing")

    def _artifact(self, run: str, path: Path, name: str, notes: list[str]) -> None:
        if put_file(self.client, run, path, name, notes):
            self.tell("writing")

    def _delivered(
        self,
        payload: TrackingPayload,
        parent: str,
        ids: Mapping[str, str],
        notes: list[str],
        models: tuple[Mapping[str, str], ...],
        *,
        already: bool,
    ) -> Delivered:
        from mlflow.version import VERSION

        experiment = self._places[payload.run_id]
        nodes = {node.node: ids[node.node] for node in payload.nodes}
        hint = ui_hint(self.uri, experiment, parent, VERSION)
        return Delivered(parent, nodes, experiment, hint, tuple(notes), already, models)

    def _artifact_location(self, name: str) -> str | None:
        """A server decides itself; for a bare database MLflow would take `./mlruns` of the moment."""
        if not is_database(self.uri):
            return None
        database = sqlite_path(self.uri)
        root = database.parent if database is not None else self.home / "mlflow"
        return (root / "artifacts" / quote(name, safe=" ")).absolute().as_uri()


def _names(payload: TrackingPayload) -> set[str]:
    return {node.node for node in payload.nodes}
