"""Writing `run_manifest.json` from the log: by whoever owns the run at its end, never from memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from agi_node.canonical import sha256_file, untag
from agilab.contracts.provenance import AppSource, Environment, Workbench
from agilab.contracts.rooted import RootedFile, file_references
from agilab.contracts.run_manifest import (
    Artifact,
    Execution,
    LogHead,
    MetricSummary,
    NodeRecord,
    ReduceRef,
    RegisteredModel,
    Replay,
    Reused,
    RunManifest,
    Span,
    TrackingRecord,
    Validation,
    Verdict,
    WorkerRecord,
)
from agilab.contracts.timestamps import utc_now
from agilab.evidence.left_out import done_without, ended_badly, not_spread, why_not
from agilab.evidence.results import ReduceFile
from agilab.store.events import Event
from agilab.store.metrics import metric_tables
from agilab.store.models import registered_models, versions_delivered
from agilab.store.projection import expanded_items
from agilab.store.rows import UnitRow, iso
from agilab.store.store import Store
from agilab.store.transitions import SUCCEEDED, TERMINAL
from agilab.store.worked import worked_seconds


def build(
    store: Store,
    run_id: str,
    *,
    validations: Iterable[Validation],
    reduce_files: Iterable[ReduceFile],
    written_by: str = "coordinator",
) -> RunManifest:
    """The manifest of a run as its log has it now."""
    run = store.run(run_id)
    created = store.created(run_id)
    finished = _last(store, run_id, "run_finished")
    status: Any = run.state if run.state != "running" else "interrupted"
    units = list(store.units(run_id))
    events = {
        event.run_seq: event for event in store.events(run_id, kinds=("attempt_failed", "attempt_lost"))
    }
    items = dict(_items(store, run_id))
    left_out = (*not_spread(store, run_id), *ended_badly(units, events, items))
    if status == SUCCEEDED:
        left_out += tuple(done_without(store, run_id))
    nodes = tuple(_nodes(store, run_id, units))
    return RunManifest.model_validate(
        {
            "run_id": run_id,
            "parent_run_id": run.parent_run_id,
            "written_at": utc_now(),
            "written_by": written_by,
            "app": AppSource.model_validate(created["source"]),
            "args": created["args"],
            "plan_digest": run.plan_digest,
            "environment": Environment.model_validate(created["environment_record"])
            if created.get("environment_record")
            else None,
            "workbench": Workbench.model_validate(created["workbench"]),
            "inputs": tuple(_inputs([created.get("inputs", []), *items.values()])),
            "execution": Execution(
                executor=created["executor"],
                workers=tuple(_workers(units, created["workbench"]["hosts"][0]["name"])),
                nodes=nodes,
                timing=_span(run.created_us, run.finished_us, _elapsed(store, run_id, finished)),
                log=LogHead(head=run.head, events=run.event_count),
            ),
            "artifacts": tuple(_artifacts(store, run_id, created, {unit.unit_id: unit for unit in units})),
            "models": tuple(_models(store, run_id)),
            "metrics": metric_summaries(store, run_id),
            "reduce": tuple(_reduce(reduce_files)),
            "tracking": _tracking(store, run_id, created),
            "logs": tuple(_logs(store, run_id)),
            "reused": tuple(_reused(store, run_id)),
            "left_out": left_out,
            "verdict": Verdict(
                status=status,
                error=None if status == "succeeded" else why_not(store, run_id, finished, left_out),
                validations=tuple(validations),
            ),
            "replay": Replay.model_validate(created["replay"]),
        }
    )


def metric_summaries(store: Store, run_id: str) -> dict[str, MetricSummary]:
    """Count, last, least and greatest of every metric over the run; values that are no number are left out."""
    seen: dict[str, list[float]] = {}
    for _, table in metric_tables(store, run_id):
        for name, value in zip(table["name"], table["value"], strict=True):
            number = untag(value)
            if number == number:
                seen.setdefault(name, []).append(float(number))
    return {
        name: MetricSummary(count=len(values), last=values[-1], min=min(values), max=max(values))
        for name, values in sorted(seen.items())
    }


def _items(store: Store, run_id: str) -> Iterator[tuple[str, Any]]:
    """(unit id, payload) of every expanded unit."""
    for event in store.events(run_id, kinds=("node_expanded",)):
        data = event.data
        rows = expanded_items(data, store.objects.read)
        for row in rows:
            yield row["unit_id"], row["payload"]


def _inputs(payloads: Iterable[Any]) -> Iterator[RootedFile]:
    """The files that a run's arguments name where it plans nothing, and those of its items; each once."""
    seen: set[tuple[str, str]] = set()
    for payload in payloads:
        for file in file_references(untag(payload)):
            if (file["root"], file["path"]) not in seen:
                seen.add((file["root"], file["path"]))
                yield RootedFile.model_validate(dict(file))


def _reused(store: Store, run_id: str) -> Iterator[Reused]:
    units: dict[str, list[str]] = {}
    older: dict[tuple[str, str], list[str]] = {}
    for event in store.events(run_id, kinds=("unit_reused",)):
        data, unit = event.data, event.unit_id or ""
        units.setdefault(data["from_run"], []).append(unit)
        for mark in ("older_code", "older_environment", "older_arguments", "older_inputs"):
            if data.get(mark):
                older.setdefault((data["from_run"], mark), []).append(unit)
    for source, names in sorted(units.items()):
        yield Reused(
            run_id=source,
            units=tuple(sorted(names)),
            older_code=tuple(sorted(older.get((source, "older_code"), ()))),
            older_environment=tuple(sorted(older.get((source, "older_environment"), ()))),
            older_arguments=tuple(sorted(older.get((source, "older_arguments"), ()))),
            older_inputs=tuple(sorted(older.get((source, "older_inputs"), ()))),
        )


def _nodes(store: Store, run_id: str, units: list[UnitRow]) -> Iterator[NodeRecord]:
    attempts: dict[str, int] = {}
    for unit in units:
        attempts[unit.node] = attempts.get(unit.node, 0) + unit.attempts
    elapsed: dict[str, list[int]] = {}
    for event in store.events(run_id, kinds=("node_expanded", "node_finished")):
        if "elapsed_us" in event.data:
            elapsed.setdefault(event.data["node"], []).append(event.data["elapsed_us"])
    resumed = _last(store, run_id, "coordinator_took_over") is not None
    worked = worked_seconds(units)
    for node in store.nodes(run_id):
        times = elapsed.get(node.node, [])
        took = (times[1] - times[0]) / 1e6 if len(times) == 2 and not resumed else None
        yield NodeRecord(
            node=node.node,
            target=node.target,
            state=node.state,
            units=node.counts,  # type: ignore[arg-type]  # states are checked by the model
            attempts=attempts.get(node.node, 0),
            timing=_span(node.started_us, node.finished_us, took),
            worked_seconds=worked.get(node.node),
        )


def _workers(units: Iterable[UnitRow], host: str) -> Iterator[WorkerRecord]:
    counts: dict[str, int] = {}
    for unit in units:
        if unit.worker and unit.state in TERMINAL:
            counts[unit.worker] = counts.get(unit.worker, 0) + 1
    for worker, count in sorted(counts.items()):
        yield WorkerRecord(worker=worker, host=host, units=count)


def _artifacts(
    store: Store, run_id: str, created: Mapping[str, Any], units: Mapping[str, UnitRow]
) -> Iterator[Artifact]:
    other = dict(_written_as(store, run_id)) if "lab_digest" in created else {}
    for row in store.artifacts(run_id):
        yield Artifact(
            root="run",
            path=row.place,
            size=row.size,
            digest=row.digest,
            node=units[row.unit_id].node,
            key=units[row.unit_id].key,
            name=row.name,
            media_type=row.media_type,
            written_as=other.get((row.unit_id, row.name)),
        )


def _written_as(store: Store, run_id: str) -> Iterator[tuple[tuple[str, str], str]]:
    """The path of each file of a stage whose artifact has another name, by unit and artifact."""
    for event in store.events(run_id, kinds=("attempt_succeeded", "unit_reused")):
        if '"path":' in event.body:
            for artifact in event.data.get("artifacts", ()):
                path = artifact.get("meta", {}).get("path")
                if isinstance(path, str) and path.rpartition("/")[2] != artifact["name"]:
                    yield (event.unit_id or "", artifact["name"]), path


def _models(store: Store, run_id: str) -> Iterator[RegisteredModel]:
    versions = versions_delivered(store, run_id)
    for model in registered_models(store, run_id):
        row = model.artifact
        yield RegisteredModel(
            name=model.name,
            artifact=row.place,
            digest=row.digest,
            version=versions.get((model.name, row.digest)),
            description=model.description,
            tags=dict(model.tags),
        )


def _reduce(files: Iterable[ReduceFile]) -> Iterator[ReduceRef]:
    for file in files:
        yield ReduceRef(
            root="run",
            path=file.path.name,
            size=file.path.stat().st_size,
            digest=sha256_file(file.path),
            name=file.document["name"],
            worker=file.worker,
            partial_count=file.document["partial_count"],
        )


def _logs(store: Store, run_id: str) -> Iterator[RootedFile]:
    """What units printed. The workers' own logs are not evidence: they may still be written to."""
    folder = store.workspace.run_folder(run_id)
    for path in sorted((folder / "logs").glob("units_*.log")):
        yield RootedFile(
            root="run",
            path=path.relative_to(folder).as_posix(),
            size=path.stat().st_size,
            digest=sha256_file(path),
        )


def _tracking(store: Store, run_id: str, created: Mapping[str, Any]) -> TrackingRecord:
    event = _last(store, run_id, "tracking_recorded")
    if event is not None:
        data = event.data
        return TrackingRecord(
            backend="mlflow",
            uri=data["uri"],
            mlflow_run_id=data.get("mlflow_run_id"),
            state=data["state"],
            message=data.get("message", ""),
        )
    uri = created.get("tracking_uri")
    return TrackingRecord(
        backend="mlflow" if uri else "none", uri=uri, mlflow_run_id=None, state="deferred" if uri else "off"
    )


def _last(store: Store, run_id: str, kind: str) -> Event | None:
    found = None
    for event in store.events(run_id, kinds=(kind,)):
        found = event
    return found


def _elapsed(store: Store, run_id: str, finished: Event | None) -> float | None:
    if finished is None or _last(store, run_id, "coordinator_took_over") is not None:
        return None
    return float(finished.data["elapsed_us"]) / 1e6 if "elapsed_us" in finished.data else None


def _span(started_us: int | None, finished_us: int | None, seconds: float | None) -> Span:
    return Span.model_validate(
        {"started": iso(started_us), "finished": iso(finished_us), "duration_seconds": seconds}
    )
