"""What was found in a lab that somebody should know: a stable code, a place, what stands there, and a mend."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
"""error: it cannot run like this; warning: look before it runs; note: good to know."""


@dataclass(frozen=True)
class Location:
    """A place in a file of the lab; line and column count from 1."""

    file: str
    line: int
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True)
class Finding:
    """One thing found.

    Attributes:
        code: `AGI-STAGE-010`: stable; `rules.RULES` says what it means.
        stage: The stage that it is about; None where it is about the whole.
        what: One sentence.
        found: What stands there; never a secret.
        mend: What to do.
    """

    code: str
    severity: Severity
    location: Location
    stage: str | None
    what: str
    found: str = ""
    mend: str = ""

    def to_plain(self) -> dict[str, Any]:
        """The finding as JSON."""
        return {
            "code": self.code,
            "severity": self.severity,
            "stage": self.stage,
            "location": {
                "file": self.location.file,
                "line": self.location.line,
                "column": self.location.column,
            },
            "what": self.what,
            "found": self.found,
            "mend": self.mend,
        }


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Each finding once, file by file, line by line."""
    return tuple(sorted(dict.fromkeys(findings), key=_place))


def _place(finding: Finding) -> tuple[bool, str, int, int, str, str]:
    at = finding.location
    return not at.file.endswith(".toml"), at.file, at.line, at.column, finding.code, finding.what
