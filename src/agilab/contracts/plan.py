"""`plan.json`: what would run, where, in what order, and why. Nothing in it has happened.

It shares no judgement with a manifest: no status, no verdict, no artifacts, and it says `executed: false`
for the whole and `not_executed` for every item, so that no reader can take it for proof.
"""

from typing import Literal, Self

from pydantic import Field, model_validator

from agilab.contracts.base import Document
from agilab.contracts.provenance import AppSource
from agilab.contracts.record import Record
from agilab.contracts.scalars import (
    Cost,
    Count,
    Digest,
    False_,
    NodeName,
    Plain,
    Positive,
    Seconds,
    Text,
    Timestamp,
    UnitIdText,
    refusal,
)


class PlannedWorker(Record):
    """A worker that would take part."""

    worker: Text
    host: Text
    capacity: float = Field(
        1.0,
        gt=0,
        description="Its speed beside the others': 2 does twice as much in the same time. Below 1 for all of them"
        " where they share fewer cores than they are.",
    )


class Makespan(Record):
    """How long the whole would take, if costs are right."""

    cost: Cost
    """The largest share of one worker, in the unit of the items' costs, divided by its capacity."""
    seconds: Seconds | None = None
    """The largest share in seconds, where earlier runs tell how long items take."""
    start: Seconds = 0.0
    """What each worker needs once, before its first item, where earlier runs tell; it is in `seconds` and `bound`."""
    bound: Cost | None = None
    """What no placement can end before: in seconds where they are known, otherwise in the unit of cost."""
    basis: str = ""
    """What costs and seconds rest on, in words."""


class PlannedNode(Record):
    """A node that would run."""

    node: NodeName
    target: Text | None
    needs: tuple[NodeName, ...]
    """The nodes that it waits for."""
    units: Count | None
    """Null where only running an earlier node can tell."""


class PlannedUnit(Record):
    """A unit that would run, or whose earlier output would be used again."""

    unit: UnitIdText
    node: NodeName
    key: str
    order: Positive
    """The position in which it would be handed out."""
    state: Literal["not_executed"] = "not_executed"
    decision: Literal["run", "reuse"]
    why: Text
    """Such as `never run` or `reused from run R: code, inputs and environment equal`."""
    cost: Cost
    """As the app says it, in a unit of its own."""
    seconds: Seconds | None = None
    """How long it should take, where earlier runs tell; it is then placed by this and not by its cost."""
    worker: str | None
    """Null where the first idle worker takes it."""


class Plan(Document):
    """What a run would do."""

    schema_id: Literal["agilab.plan.v1"] = Field("agilab.plan.v1", alias="schema")
    kind: Literal["plan"] = "plan"
    executed: False_ = False
    state: Literal["not_executed"] = "not_executed"
    made_at: Timestamp
    app: AppSource
    args: dict[str, Plain]
    plan_digest: Digest
    """What a run must find equal to be the run that this plan describes."""
    fingerprint: Digest | None
    """Of the environment; null while there is none."""
    executor: Literal["inline", "local", "dask"]
    workers: tuple[PlannedWorker, ...]
    nodes: tuple[PlannedNode, ...]
    items: tuple[PlannedUnit, ...]
    makespan: Makespan

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        check_assignments(
            [item.unit for item in self.items],
            [item.worker for item in self.items],
            [w.worker for w in self.workers],
        )
        orders = [item.order for item in self.items]
        if len(set(orders)) < len(orders):
            raise refusal(
                "gives one position to two items", allowed="every order once", found=str(sorted(orders)[:20])
            )
        return self


def check_assignments(units: list[str], chosen: list[str | None], workers: list[str]) -> None:
    """Raise unless units and workers are named once and every choice is among the workers."""
    for names, word in ((units, "an item"), (workers, "a worker")):
        if len(set(names)) < len(names):
            twice = next(name for position, name in enumerate(names) if name in names[:position])
            raise refusal(f"names {word} twice", allowed=f"every {word.split()[1]} once", found=twice)
    if stray := sorted({name for name in chosen if name is not None} - set(workers)):
        raise refusal(
            "gives an item to a worker that is not there",
            allowed=", ".join(sorted(workers)) or "null",
            found=stray[0],
        )
