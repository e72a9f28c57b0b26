"""What the codes of errors mean, from the table in which they stand: that of this package."""

from __future__ import annotations

import re

import agilab.workflow

_ROW = re.compile(r"^\| (AGI-[A-Z]+)-([^|]+?) \| (.+?) \|$", re.MULTILINE)


def meanings() -> dict[str, str]:
    """For each code of the table its meaning; several that stand in one row share what is not parted by semicolons.

    >>> meanings()["AGI-STAGE-103"]
    'an item that is no part of a path'
    """
    found: dict[str, str] = {}
    for room, said, meaning in _ROW.findall(agilab.workflow.__doc__ or ""):
        codes = [f"{room}-{number:03}" for number in _numbers(said)]
        parts = meaning.split("; ")
        for place, code in enumerate(codes):
            found[code] = parts[place] if len(parts) == len(codes) else meaning
    return found


def _numbers(said: str) -> list[int]:
    """The numbers of `036 to -038`, of `033, -043`."""
    numbers: list[int] = []
    for part in said.replace("-", "").split(", "):
        first, _, last = part.partition(" to ")
        numbers += range(int(first), int(last or first) + 1)
    return numbers
