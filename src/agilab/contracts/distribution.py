"""`distribution.json`: which worker gets which item. Planning makes it, a person edits it, a run reads it."""

from math import fsum
from typing import Literal, Self

from pydantic import Field, model_validator

from agilab.contracts.base import Document
from agilab.contracts.plan import Makespan, PlannedWorker, check_assignments
from agilab.contracts.record import Record
from agilab.contracts.scalars import Cost, Digest, Seconds, Text, Timestamp, UnitIdText


class DistributedItem(Record):
    """An item and its place."""

    unit: UnitIdText
    key: str
    cost: Cost
    """As the app says it, in a unit of its own."""
    seconds: Seconds | None = None
    """How long it should take, where earlier runs tell."""
    worker: str | None
    """Edit this; null leaves it to the first idle worker."""


class Distribution(Document):
    """Items, what they cost, and who does them."""

    schema_id: Literal["agilab.distribution.v1"] = Field("agilab.distribution.v1", alias="schema")
    app: Text
    made_at: Timestamp
    plan_digest: Digest
    """The plan whose items these are, under the default policy; a run of another plan refuses this distribution."""
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

    @property
    def in_seconds(self) -> bool:
        """Whether every item says how long it should take, so that loads are seconds and not costs."""
        return bool(self.items) and all(item.seconds is not None for item in self.items)

    def loads(self) -> dict[str, float]:
        """For each worker, the seconds (without them, the cost) of its items divided by its capacity.

        Free items count for nobody.
        """
        shares: dict[str, list[float]] = {worker.worker: [] for worker in self.workers}
        timed = self.in_seconds
        for item in self.items:
            if item.worker is not None:
                shares[item.worker].append((item.seconds or 0.0) if timed else item.cost)
        return {worker.worker: fsum(shares[worker.worker]) / worker.capacity for worker in self.workers}
