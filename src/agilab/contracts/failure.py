"""An error as documents keep it: what a person was told, and whose it is to mend."""

from typing import Any, Literal

from pydantic import Field

from agilab.contracts.errors import AgiError
from agilab.contracts.record import Record
from agilab.contracts.scalars import Text


class Failure(Record):
    """An `AgiError`, or what user code raised, as plain data (`agi_node.errors.AgiError.to_plain`)."""

    code: Text
    """The stable identifier, such as AGI-DATA-001."""
    what: Text
    """One sentence: what happened, to which thing."""
    found: str | None = None
    allowed: str | None = None
    try_: str | None = Field(None, alias="try", description="The next command or edit.")
    whose: Literal["user", "author", "environment", "agilab"]
    """Who can mend it."""

    @classmethod
    def of(cls, error: AgiError | dict[str, Any]) -> "Failure":
        """The record of an error, also as a worker sends it (other keys are left out)."""
        plain = error.to_plain() if isinstance(error, AgiError) else error
        known = ("code", "what", "found", "allowed", "try", "whose")
        return cls.model_validate({key: plain[key] for key in known if key in plain})
