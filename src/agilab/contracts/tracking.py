"""The tracking payload: what a run tells the tracking store, in one file that waits for delivery.

It never leaves the machine that wrote it (a spool, not evidence), so artifacts are named by absolute path.
"""

from typing import Literal, Self

from pydantic import Field, model_validator

from agilab.contracts.base import Document
from agilab.contracts.record import Record
from agilab.contracts.scalars import (
    Column,
    Count,
    Digest,
    Integers,
    IntegersOrNull,
    NodeName,
    Plain,
    RunIdText,
    Text,
    UnitIdText,
    refusal,
)

TrackingStatus = Literal["RUNNING", "FINISHED", "FAILED", "KILLED"]
"""MLflow's words."""


class MetricColumns(Record):
    """Points of metrics as a table: row `i` is one point."""

    name: tuple[Text, ...] = ()
    value: Column = ()
    step: IntegersOrNull = ()
    at_ms: Integers = ()
    """Milliseconds since 1970, UTC."""

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        lengths = {name: len(getattr(self, name)) for name in ("name", "value", "step", "at_ms")}
        if len(set(lengths.values())) > 1:
            raise refusal(
                "has columns of different length", allowed="columns of one length", found=str(lengths)
            )
        return self

    def __len__(self) -> int:
        return len(self.name)


class TrackedTable(Record):
    """A table of a node: one row for each unit, mostly."""

    columns: tuple[Text, ...]
    data: tuple[tuple[Plain, ...], ...]

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        width = len(self.columns)
        for position, row in enumerate(self.data):
            if len(row) != width:
                raise refusal(
                    "has a row of another width",
                    allowed=f"{width} values",
                    found=f"row {position}: {len(row)} values",
                )
        return self


class TrackedNode(Record):
    """A node, which becomes one nested run."""

    node: NodeName
    status: TrackingStatus
    started_at_ms: Count | None
    ended_at_ms: Count | None
    params: dict[str, str] = Field(default_factory=dict)
    tags: dict[str, str] = Field(default_factory=dict)
    metrics: MetricColumns = MetricColumns()
    table: TrackedTable | None = None


class TrackedArtifact(Record):
    """A file of this machine to be kept with the run."""

    path: Text
    """Absolute."""
    name: Text


class TrackedModel(Record):
    """A model for the registry: a version of the registered model of that name."""

    name: Text
    path: Text
    """Absolute; a file of this machine."""
    file: Text
    """What the file is called there."""
    digest: Digest
    unit: UnitIdText
    description: str = ""
    tags: dict[str, str] = Field(default_factory=dict)


class TrackingPayload(Document):
    """One run for the tracking store: the parent run, and a nested one for each node."""

    schema_id: Literal["agilab.tracking.v1"] = Field("agilab.tracking.v1", alias="schema")
    run_id: RunIdText
    app: Text
    experiment: Text
    started_at_ms: Count
    ended_at_ms: Count | None
    status: TrackingStatus
    params: dict[str, str]
    tags: dict[str, str]
    metrics: MetricColumns
    nodes: tuple[TrackedNode, ...]
    artifacts: tuple[TrackedArtifact, ...]
    models: tuple[TrackedModel, ...] = ()
