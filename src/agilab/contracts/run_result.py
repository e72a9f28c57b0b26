"""The one JSON object that `run`, `first-proof`, `resume` and `rerun` print with `--json`.

An answer to whoever called, not a document that is kept: paths in it are those of this machine.
"""

from typing import Literal, Self

from pydantic import Field, model_validator

from agilab.contracts.base import Document
from agilab.contracts.failure import Failure
from agilab.contracts.scalars import Plain, RunIdText, Seconds, Text, refusal


class RunResult(Document):
    """How a run ended, and where to look."""

    schema_id: Literal["agilab.run_result.v1"] = Field("agilab.run_result.v1", alias="schema")
    status: Literal["succeeded", "failed", "cancelled", "interrupted", "not_executed"]
    """`not_executed` is a dry run: it has a plan, and proves nothing."""
    run_id: RunIdText | None
    manifest: Text | None
    """The path of `run_manifest.json`."""
    reduce: Text | None
    """The path of the merged `reduce_summary.json`; null where there is none."""
    answer: Plain = None
    """What the app's `publish` returned; null where it returned nothing or did not succeed, and of a lab."""
    duration_seconds: Seconds
    next: tuple[Text, ...]
    """Commands to try next."""
    notes: tuple[Text, ...] = ()
    """What was seen while it ran that may have led elsewhere than was meant; the log has it too."""
    plan: Text | None = None
    """The path of `plan.json`, of a dry run."""
    error: Failure | None = None
    """Why it did not succeed."""

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.status == "not_executed" and (self.manifest or self.reduce):
            raise refusal("has evidence of a run that was not executed", allowed="manifest and reduce null")
        if self.status == "succeeded" and not (self.run_id and self.manifest):
            raise refusal("succeeded without evidence", allowed="run_id and manifest of a run that succeeded")
        return self
