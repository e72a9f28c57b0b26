"""A target's code as a set of digested parts, and the difference of two in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agi_node.canonical import digest

NAMED = 3
"""How many parts one explanation names; the rest is counted."""

ORDER = "(order)"
"""How the name of a part ends that is the order in which something runs."""

_LONGEST = 80


@dataclass(frozen=True, slots=True)
class Code:
    """What a target's code is made of.

    Attributes:
        digest: SHA-256 of the canonical JSON of `parts`; None where there is something that cannot be digested, so
            that nothing may be reused.
        parts: Digest by name: `flight.summarise` (a definition), `flight (on import)` (what runs whenever the module
            is imported), `flight (order)` (the order of what runs then, and of what is bound again), `imports (order)`
            (the order of modules that change others), `data:flight/x.json` (a file that is not Python, or that a text
            names) and, where it is the whole package, `flight/tracks.py` (a whole module).
        reason: Why the parts are the whole package's, or why there is no digest; else None.
    """

    digest: str | None
    parts: Mapping[str, str]
    reason: str | None = None

    def to_plain(self) -> dict[str, Any]:
        """The code as `describe` says it."""
        return {"digest": self.digest, "parts": dict(self.parts), "whole_package": self.reason}


def code(parts: Mapping[str, str], reason: str | None = None) -> Code:
    """The code with these parts, in the order of their names."""
    ordered = {name: parts[name] for name in sorted(parts)}
    return Code(digest(ordered), ordered, reason)


def explain(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    """Which parts changed, appeared or went, in one bounded sentence.

    >>> explain({"flight.speed": "1", "flight.OLD": "2"}, {"flight.speed": "3", "flight.KNOTS": "4"})
    'code changed: flight.speed, flight.KNOTS added, flight.OLD gone'
    """
    before, after = _without_orders(before, after)
    changed = [_named(name) for name in sorted(before) if name in after and before[name] != after[name]]
    added = [f"{_named(name)} added" for name in sorted(after) if name not in before]
    gone = [f"{_named(name)} gone" for name in sorted(before) if name not in after]
    said = [*changed, *added, *gone]
    if not said:
        return "code unchanged"
    more = f" and {len(said) - NAMED} more" if len(said) > NAMED else ""
    return f"code changed: {', '.join(said[:NAMED])}{more}"


def _without_orders(
    before: Mapping[str, str], after: Mapping[str, str]
) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Without the parts that say in which order modules run, unless these alone differ."""
    rest = [
        {name: value for name, value in each.items() if not name.endswith(ORDER)} for each in (before, after)
    ]
    return (before, after) if rest[0] == rest[1] else (rest[0], rest[1])


def _named(name: str) -> str:
    return name if len(name) <= _LONGEST else f"…{name[1 - _LONGEST :]}"
