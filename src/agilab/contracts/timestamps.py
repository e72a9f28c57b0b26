"""Moments as documents spell them: UTC, ISO 8601, always with a `Z`.

One spelling only, so that two documents can be compared as text and sorted as text.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

SPELLING = (
    r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3])(:[0-5][0-9]){2}(\.[0-9]{1,6})?Z$"
)
_SPELLING = re.compile(SPELLING)


def timestamp(moment: datetime | float) -> str:
    """A moment as text, to the microsecond.

    Takes an aware `datetime` of any zone, or seconds since 1970. Raises `ValueError` for a `datetime`
    without a zone: guessing one is how timestamps start to lie.

    >>> timestamp(0.5)
    '1970-01-01T00:00:00.500000Z'
    """
    if not isinstance(moment, datetime):
        moment = datetime.fromtimestamp(moment, UTC)
    if moment.utcoffset() is None:
        raise ValueError(f"{moment.isoformat()} has no time zone")
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def utc_now() -> str:
    """This moment as documents spell it."""
    return timestamp(datetime.now(UTC))


def moment(text: str) -> datetime:
    """The aware `datetime` that a document's timestamp names.

    Raises `ValueError` where the text has another spelling, or names a day that no calendar has.

    >>> moment("2026-11-23T03:44:12Z").isoformat()
    '2026-11-23T03:44:12+00:00'
    """
    if not _SPELLING.fullmatch(text):
        raise ValueError(f"{text!r} is not a UTC timestamp such as 2026-11-23T03:44:12Z")
    return datetime.fromisoformat(text)
