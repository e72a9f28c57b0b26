"""Reports about notebooks and labs, for `agilab report`: what `agilab.evidence.report` lists by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from agilab.contracts.lab_stages import LabStages
from agilab.contracts.report import Check, How
from agilab.contracts.syntax import decoded
from agilab.notebooks.findings import Finding
from agilab.notebooks.reading import bytes_of
from agilab.workflow.document.locate import parse_lab


def judged(
    about: str, name: str, problem: str, good: str, evidence: dict[str, Any], how: How = "static"
) -> Check:
    """What was found: failed with the problem where there is one, else passed with what is good."""
    state: Any = "failed" if problem else "passed"
    return Check(about=about, name=name, state=state, how=how, evidence=evidence, message=problem or good)


def unknown(about: str, name: str, why: str) -> Check:
    """What could not be looked at."""
    return Check(about=about, name=name, state="unknown", how="static", message=why)


def lab_or_check(about: str, path: Path) -> LabStages | Check:
    """A lab's document; where there is none to be read, or the file is empty, the check that fails for it.

    Raises AGI-DOC-002 and the others as `read_document` does, for what a file with something in it holds.
    """
    data = bytes_of(path)
    problem = data.what if isinstance(data, Finding) else "the file is empty"
    if isinstance(data, Finding) or not data.strip(b"\xef\xbb\xbf\0 \t\r\n"):
        return judged(about, "read", problem, "", {"file": path.name})
    return parse_lab(decoded(bytes(data), str(path)), path).lab


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
