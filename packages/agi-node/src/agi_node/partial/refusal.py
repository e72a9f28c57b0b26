"""The errors of this room, area PART: one code per kind of mistake, and whose mistake it is."""

from __future__ import annotations

from typing import Any

from agi_node.errors import FAILED, AgiError

DECLARATION = "AGI-PART-001"
"""A partial's class says something that cannot merge (the author's to mend)."""
UNKNOWN_FIELD = "AGI-PART-002"
"""A partial was given a field that it does not declare."""
UNFIT_VALUE = "AGI-PART-003"
"""A value is not of its field's type."""
MISSING_VALUE = "AGI-PART-004"
"""NaN or null where a statistic needs a number."""
DIFFERENT = "AGI-PART-005"
"""Two things were merged that are not of one kind."""
FOREIGN_STATE = "AGI-PART-006"
"""Plain data that is not the state of this partial."""
BROKEN_DOCUMENT = "AGI-PART-007"
"""A reduce document that cannot be read."""
MISMATCH = "AGI-PART-008"
"""A reduce document that does not follow from its partials."""
OWN_MERGE = "AGI-PART-009"
"""An author's own merge, asked for where only the declared rules are known."""
COUNTED_TWICE = "AGI-PART-010"
"""One partial would enter a result twice."""


def shown(value: Any) -> str:
    """A value as its owner would recognise it, with its type, in at most 80 characters of it."""
    return f"{value!r:.80} ({type(value).__name__})"


def declaration(what: str, *, found: str, allowed: str) -> AgiError:
    """A mistake in a partial's class: the author's."""
    return AgiError(DECLARATION, what, found=found, allowed=allowed, whose="author", exit_code=FAILED)


def unfit(found: Any, allowed: str) -> AgiError:
    """A value that its field does not take; the field's name is put before it by whoever knows it."""
    return AgiError(
        UNFIT_VALUE,
        "the value does not fit",
        found=shown(found),
        allowed=allowed,
        whose="author",
        exit_code=FAILED,
    )


def foreign(what: str, *, found: Any, allowed: str) -> AgiError:
    """Plain data that claims to be a state and is none."""
    return AgiError(
        FOREIGN_STATE, what, found=shown(found), allowed=allowed, whose="agilab", exit_code=FAILED
    )


def different(what: str, *, found: str, allowed: str) -> AgiError:
    """Two values that may not be merged with each other."""
    return AgiError(DIFFERENT, what, found=found, allowed=allowed, whose="author", exit_code=FAILED)


def within(where: str, error: AgiError, code: str | None = None) -> AgiError:
    """The same error, said about the field or document in which it arose."""
    return AgiError(
        code or error.code,
        f"{where}: {error.what}",
        found=error.found,
        allowed=error.allowed,
        try_=error.try_,
        whose=error.whose,
        exit_code=error.exit_code,
    )
