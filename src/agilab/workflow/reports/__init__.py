"""Reports about notebooks and labs, for `agilab report`: what `agilab.evidence.report` lists by name."""

from __future__ import annotations

from typing import Any

from agilab.contracts.report import Check, How


def judged(
    about: str, name: str, problem: str, good: str, evidence: dict[str, Any], how: How = "static"
) -> Check:
    """What was found: failed with the problem where there is one, else passed with what is good."""
    state: Any = "failed" if problem else "passed"
    return Check(about=about, name=name, state=state, how=how, evidence=evidence, message=problem or good)


def unknown(about: str, name: str, why: str) -> Check:
    """What could not be looked at."""
    return Check(about=about, name=name, state="unknown", how="static", message=why)


def counted(number: int, word: str) -> str:
    """A number with its noun.

    >>> counted(1, "stage"), counted(2000, "stage")
    ('1 stage', '2,000 stages')
    """
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def listed(numbers: list[int]) -> str:
    """The first of some numbers.

    >>> listed([1, 2, 3])
    '1, 2, 3'
    """
    return ", ".join(map(str, numbers[:8])) + (" …" if len(numbers) > 8 else "")
