"""`reduce_summary.json` and `reduce_summary_worker_<id>.json`: the model of what `agi_node.reduce` writes.

How documents are made, merged and verified is `agi_node.reduce`'s, since a worker does it inside an app's
environment; this is the form that it has, for `schema show` and for whoever reads one here.
"""

from typing import Literal, Self

from pydantic import ConfigDict, Field, model_validator

from agilab.contracts.base import Document
from agilab.contracts.record import Record
from agilab.contracts.scalars import Count, Digest, Plain, TaggedKey, TaggedText, Text, refusal


class PartialRef(Record):
    """A partial that was merged: the recorded success of one unit."""

    id: TaggedKey
    """The key of the unit."""
    digest: Digest
    """Of the partial's state, as canonical JSON."""


class FieldRule(Record):
    """How one field of two partials becomes one."""

    # A kind may say more about itself: the edges of a histogram, the fields of a nested partial.
    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Plain] = Field(init=False)

    name: Text
    rule: Text
    """Such as sum, min, distinct, moments."""
    type: Text
    identity: Plain
    """The value that changes nothing."""


class ReduceDocument(Document):
    """The merge of partials, with what is needed to merge again and get the same."""

    schema_id: Literal["agilab.reduce.v2"] = Field("agilab.reduce.v2", alias="schema")
    name: TaggedText
    """What is reduced."""
    reducer: TaggedText
    """The partial's class."""
    partial_count: Count
    partials: tuple[PartialRef, ...]
    """In key order."""
    fields: tuple[FieldRule, ...]
    payload: dict[str, Plain]
    """The result as people read it."""
    state: Plain
    """The result as it merges: exact, where the payload is rounded."""
    metadata: dict[str, Plain]

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        ids = [partial.id for partial in self.partials]
        if len(ids) != self.partial_count:
            raise refusal(
                "counts other partials than it lists",
                allowed=f"partial_count {len(ids)}",
                found=f"partial_count {self.partial_count}",
            )
        if len(set(ids)) < len(ids):
            twice = next(name for position, name in enumerate(ids) if name in ids[:position])
            raise refusal("merges a partial twice", allowed="every partial once", found=twice)
        return self
