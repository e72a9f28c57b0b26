"""`distribution.json`: which worker gets which item. Planning makes it, a person edits it, a run reads it."""

from typing import Literal, Self

from pydantic import Field, model_validator

from agilab.contracts.base import Document
from agilab.contracts.plan import Makespan, PlannedWorker, check_assignments
from agilab.contracts.record import Record
from agilab.contracts.scalars import Cost, Digest, Text, Timestamp, UnitIdText


class DistributedItem(Record):
    """An item and its place."""

    unit: UnitIdText
    key: str
    cost: Cost
    worker: str | None
    """Edit this; null leaves it to the first idle worker."""


class Distribution(Document):
    """Items, what they cost, and who does them."""

    schema_id: Literal["agilab.distribution.v1"] = Field("agilab.distribution.v1", alias="schema")
    app: Text
    made_at: Timestamp
    plan_digest: Digest
    """The plan whose items these are; another plan refuses this distribution."""
    placement: Literal["static", "dynamic"]
    workers: tuple[PlannedWorker, ...]
    items: tuple[DistributedItem, ...]
    makespan: Makespan
    """As planned. After an edit, `loads` tells what the assignments now come to."""

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        check_assignments(
            [item.unit for item in self.items],
            [item.worker for item in self.items],
            [w.worker for w in self.workers],
        )
        return self

    def loads(self) -> dict[str, float]:
        """For each worker, the cost of its items divided by its capacity; free items count for nobody."""
        capacity = {worker.worker: worker.capacity for worker in self.workers}
        loads = dict.fromkeys(capacity, 0.0)
        for item in self.items:
            if item.worker is not None:
                loads[item.worker] += item.cost / capacity[item.worker]
        return loads
