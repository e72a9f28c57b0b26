"""What was found in a notebook that somebody should know: a stable code, a place, one sentence, and a mend.

`rules.RULES` says what each code means. NB-0xx: the file; NB-1xx: the language of its cells; NB-2xx: imports;
NB-3xx: files it reads and writes; NB-4xx: how it was run; NB-5xx: risks; NB-6xx belong to the data flow.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

Severity = Literal["error", "warning", "note"]

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
"""Gravest first. error: mend it before anything else; warning: look before you run it; note: good to know."""


@dataclass(frozen=True)
class Finding:
    """One thing found.

    Attributes:
        code: "NB-103": stable, documented, never used again for something else.
        severity: See `SEVERITIES`.
        what: One sentence about this place; never a secret, never a machine's path that the notebook does not hold.
        mend: What to do about it, "" where there is nothing to do.
        cell: Index of the cell, from 0; None where the file as a whole is meant.
        line: Line in that cell (in the file where `cell` is None), from 1; None where no single line is meant.
    """

    code: str
    severity: Severity
    what: str
    mend: str = ""
    cell: int | None = None
    line: int | None = None

    def to_plain(self, notebook: str) -> dict[str, Any]:
        """The finding as JSON; `notebook` is the name of the file it is about."""
        return {
            "code": self.code,
            "severity": self.severity,
            "location": {"notebook": notebook, "cell": self.cell, "line": self.line},
            "what": self.what,
            "mend": self.mend,
        }


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Each finding once, in the order of the notebook: the file first, then cell by cell, line by line."""
    return tuple(sorted(dict.fromkeys(findings), key=_place))


def _place(finding: Finding) -> tuple[int, int, str, str]:
    cell = -1 if finding.cell is None else finding.cell
    return cell, finding.line or 0, finding.code, finding.what
