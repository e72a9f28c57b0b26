"""`run_manifest.json`: what ran, in what, from what, how, to what, with what verdict, and how to replay it.

Every run leaves one, also a failed one, written at its end. It has no defaults for what it has to say: a
manifest without `artifacts` is a broken manifest, not a run that made none. Where something was never
reached (no environment could be made, the plan failed), it says null.
"""

from collections import Counter
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from agilab.contracts.base import Document
from agilab.contracts.failure import Failure
from agilab.contracts.provenance import AppSource, Environment, Workbench
from agilab.contracts.record import Record
from agilab.contracts.rooted import RootedFile, RootedPath, files_named_twice
from agilab.contracts.scalars import (
    Count,
    Digest,
    MediaType,
    NodeName,
    Number,
    Plain,
    Positive,
    PublicUri,
    RunIdText,
    Seconds,
    Text,
    Timestamp,
    UnitIdText,
    refusal,
)

UnitState = Literal[
    "pending",
    "ready",
    "running",
    "up_for_retry",
    "cancelling",
    "succeeded",
    "reused",
    "skipped",
    "failed",
    "upstream_failed",
    "cancelled",
]
"""Every state of ENGINE.md's transition table; a killed run's manifest may hold those that are not final."""

RunStatus = Literal["succeeded", "failed", "cancelled", "interrupted"]


class Span(Record):
    """When something took place, and for how long by a clock that never steps back."""

    started: Timestamp | None
    """Null for what never started."""
    finished: Timestamp | None
    """Null for what never finished."""
    duration_seconds: Seconds | None
    """By the monotonic clock; null where no process lived through all of it."""


class NodeRecord(Record):
    """What became of one node."""

    node: NodeName
    target: Text | None
    """The function that ran, `module:function` of the source snapshot; null for a node that needs none."""
    state: Text | None = None
    """How the node itself ended, which says it of one that never had a unit."""
    units: dict[UnitState, Count]
    """How many units ended in which state; states without a unit are left out."""
    attempts: Count
    timing: Span
    """From when its units were known to when the last had ended: what they waited for workers is part of it."""
    worked_seconds: Seconds | None = None
    """For how long at least one of its units was being worked at, by what workers measured; null where none was."""


class WorkerRecord(Record):
    """A worker process and its share."""

    worker: Text
    host: Text
    units: Count
    """Units that it carried out to the end."""


class LogHead(Record):
    """Where the run's log stood: compare with the log to see that history was not rewritten."""

    head: Digest
    """The last link of the hash chain. Later notes extend the chain; this link stays in it."""
    events: Positive


class Execution(Record):
    """How the run went."""

    executor: Literal["inline", "local", "dask"]
    workers: tuple[WorkerRecord, ...]
    nodes: tuple[NodeRecord, ...]
    timing: Span
    log: LogHead

    def units(self) -> dict[UnitState, int]:
        """How many units of the whole run ended in which state."""
        total: Counter[UnitState] = Counter()
        for node in self.nodes:
            total.update(node.units)
        return dict(total)

    @property
    def attempts(self) -> int:
        """How many attempts the whole run took."""
        return sum(node.attempts for node in self.nodes)


class Artifact(RootedFile):
    """A file that a unit saved."""

    node: NodeName
    key: str
    """The key of the unit; empty for a node that is not mapped."""
    name: Text
    """The name under which the unit saved it."""
    media_type: MediaType
    written_as: Text | None = None
    """The path under which a stage wrote it, where its name had to be another one."""


class RegisteredModel(Record):
    """An artifact that the run registered as a model."""

    name: Text
    artifact: Text
    """Its path in the list of artifacts."""
    digest: Digest
    version: str | None
    """In the registry of the tracking store; null where it was not there yet when this was written."""
    description: str = ""
    tags: dict[str, str] = Field(default_factory=dict)


class MetricSummary(Record):
    """A metric over the run: the points themselves are in the tracking store."""

    count: Positive
    last: Number
    min: Number
    max: Number


class ReduceRef(RootedFile):
    """A reduce artefact of the run."""

    name: Text
    """Of the partial."""
    worker: str | None
    """The worker whose units it merges; null for the whole run."""
    partial_count: Count


class TrackingRecord(Record):
    """Where the run is remembered, and whether it has arrived there."""

    backend: Literal["mlflow", "none"]
    uri: PublicUri | None
    tag: Literal["agilab.run_id"] = "agilab.run_id"
    """Under this tag the tracking store has the run's id: the way back from there to here."""
    mlflow_run_id: str | None
    """Of the parent run."""
    state: Literal["delivered", "deferred", "off"]
    """Deferred: it is in our log, and `agilab track sync RUN` delivers it."""
    message: str = ""

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.state == "delivered" and not self.mlflow_run_id:
            raise refusal(
                "says delivered and names no MLflow run", allowed="the MLflow run id with the state delivered"
            )
        if (self.backend == "none") != (self.state == "off"):
            raise refusal(
                "names a backend that does not go with its state", allowed="backend none with state off"
            )
        return self


class LeftOut(Record):
    """Something that does not count in the result, and why."""

    unit: UnitIdText | None
    """Null for an input that never became a unit; the name of a node that could not be expanded into units."""
    input: RootedPath | None
    """The input at fault, where there is one."""
    error: Failure


class Reused(Record):
    """Results of an earlier run that this one used again."""

    run_id: RunIdText
    """The run that did the work."""
    units: tuple[UnitIdText, ...]
    older_code: tuple[UnitIdText, ...]
    """Those of them whose code had changed since: kept because other units were asked for."""
    older_environment: tuple[UnitIdText, ...] = ()
    """Those whose environment had changed since."""
    older_arguments: tuple[UnitIdText, ...] = ()
    """Those that would have had other arguments, params or items: kept because others were asked for alone."""
    older_inputs: tuple[UnitIdText, ...] = ()
    """Those whose input files, or results that they take, had changed since."""


class Validation(Record):
    """A check with its evidence."""

    name: Text
    passed: bool
    how: Literal["executed", "derived", "static"]
    """Established by doing it in this run, by computing from what a run left, or by reading alone."""
    evidence: dict[str, Plain] = Field(
        min_length=1, description="What was measured, and the limit it was held to."
    )
    message: str = ""


class Verdict(Record):
    """How the run is judged."""

    status: RunStatus
    error: Failure | None = None
    """Why the run did not succeed, in one error."""
    validations: tuple[Validation, ...]

    @property
    def passed(self) -> bool:
        """Whether the run succeeded and every validation passed: exit code 0."""
        return self.status == "succeeded" and all(validation.passed for validation in self.validations)


class Replay(Record):
    """How to run it again, and what that takes."""

    command: Text
    """For a shell, in a workspace that has the run."""
    needs: tuple[Text, ...] = ()
    """What must be there, such as roots that hold the inputs."""


class RunManifest(Document):
    """The evidence of one run."""

    schema_id: Literal["agilab.run_manifest.v2"] = Field("agilab.run_manifest.v2", alias="schema")
    kind: Literal["run"] = "run"
    run_id: RunIdText
    parent_run_id: RunIdText | None
    """The run that this one is a rerun of."""
    written_at: Timestamp
    written_by: Literal["coordinator", "resume", "cancel", "reaper"]
    """Who wrote it: the run's own coordinator, or whoever owned the run after that was killed."""
    app: AppSource
    args: dict[str, Plain]
    """The arguments as they were validated, defaults included."""
    plan_digest: Digest | None
    environment: Environment | None
    """Null for a run of plain functions, and where no environment could be made."""
    workbench: Workbench
    inputs: tuple[RootedFile, ...]
    execution: Execution
    artifacts: tuple[Artifact, ...]
    models: tuple[RegisteredModel, ...] = ()
    metrics: dict[str, MetricSummary]
    reduce: tuple[ReduceRef, ...]
    tracking: TrackingRecord
    logs: tuple[RootedFile, ...]
    """What units printed, one file for each worker; a unit's own part is in the log of the run."""
    reused: tuple[Reused, ...] = ()
    """What was not done again, by the run that did it."""
    left_out: tuple[LeftOut, ...]
    verdict: Verdict
    replay: Replay

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        for complaint in _contradictions(self):
            raise refusal(complaint[0], allowed=complaint[1], found=complaint[2])
        return self


def _contradictions(manifest: RunManifest) -> list[tuple[str, str, str]]:
    """What the manifest says that cannot all be true: phrase, what would be, what is."""
    found: list[tuple[str, str, str]] = []
    execution, verdict = manifest.execution, manifest.verdict
    if verdict.status == "succeeded":
        units: dict[Any, int] = execution.units()
        unfinished = {
            state: count
            for state, count in units.items()
            if count
            and state not in ("succeeded", "reused", "skipped", "failed", "upstream_failed", "cancelled")
        }
        if manifest.plan_digest is None:
            found.append(
                ("succeeded without a plan", "the plan_digest of a run that succeeded", "plan_digest null")
            )
        if execution.executor != "inline" and manifest.environment is None:
            found.append(
                ("succeeded without an environment", "the environment the workers ran in", "environment null")
            )
        if execution.timing.started is None or execution.timing.finished is None:
            found.append(
                ("succeeded without an end", "started and finished of a run that succeeded", "timing null")
            )
        if unfinished:
            found.append(("succeeded with units that did not end", "only units that ended", str(unfinished)))
        failed = units.get("failed", 0)
        if failed and not manifest.left_out:
            found.append(
                ("hides what it left out", "an entry in left_out for what failed", f"{failed} failed units")
            )
        if verdict.error is not None:
            found.append(("succeeded with an error", "verdict.error null", verdict.error.code))
    for file in files_named_twice(manifest.artifacts):
        found.append(("lists an artifact twice", "every file once", file))
    files = {(file.path, file.digest) for file in manifest.artifacts}
    for model in manifest.models:
        if (model.artifact, model.digest) not in files:
            found.append(
                ("registers a model that is no artifact of it", "path and digest of one", model.artifact)
            )
    return found
