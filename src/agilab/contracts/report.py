"""What `agilab report NAME` answers: a subject, how each thing about it was established, and the verdict.

A report is computed when it is asked for, from what runs left behind or by doing the thing there and then. What could
not be established is said so: it has not passed.
"""

from collections import Counter
from typing import Literal, Self

from pydantic import Field, model_validator

from agilab.contracts.base import Document
from agilab.contracts.record import Record
from agilab.contracts.scalars import Plain, RunIdText, Text, Timestamp, refusal

How = Literal["executed", "derived", "static"]
"""Established by doing it now, by computing from what a run left, or by reading alone."""
Verdict = Literal["passed", "failed", "incomplete"]


class Check(Record):
    """One thing that was looked at."""

    about: Text
    """What of the subject it is about, such as the name of an app."""
    name: Text
    state: Literal["passed", "failed", "unknown"]
    """Unknown: there was nothing to look at, and the message says why."""
    how: How
    run_id: RunIdText | None = None
    """The run that it was derived from, or whose results it was executed on."""
    evidence: dict[str, Plain] = Field(
        default_factory=dict, description="What was measured or found, and the limit it was held to."
    )
    message: str = ""

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.state != "unknown" and not self.evidence:
            raise refusal("was judged without evidence", allowed="what was measured or found")
        if self.state == "unknown" and not self.message:
            raise refusal("is unknown for no reason", allowed="a message that says why")
        if self.how == "derived" and self.run_id is None:
            raise refusal("is derived from no run", allowed="run_id of the run, with how derived")
        return self


class Report(Document):
    """The answer."""

    schema_id: Literal["agilab.report.v1"] = Field("agilab.report.v1", alias="schema")
    kind: Literal["report"] = "report"
    name: Text
    """As in `agilab report NAME`."""
    subject: Text
    """What it is about, in words."""
    made_at: Timestamp
    made_by: Text
    """Which AGILab computed it."""
    checks: tuple[Check, ...]
    details: dict[str, Plain]
    """What was found beside the verdict; its form is the report's own."""
    verdict: Verdict
    """`passed` where everything did; `failed` where something did not; otherwise `incomplete`."""

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.verdict != (right := verdict_of(self.checks)):
            raise refusal("does not follow from the checks", allowed=f"verdict {right}", found=self.verdict)
        return self


def verdict_of(checks: tuple[Check, ...]) -> Verdict:
    """What the checks add up to. Nothing looked at is nothing passed."""
    states = Counter(check.state for check in checks)
    if states["failed"]:
        return "failed"
    return "passed" if states["passed"] and not states["unknown"] else "incomplete"
