"""What a person should know about a line of code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Finding:
    """Something about a line of code that a person should know."""

    code: str
    weight: Literal["error", "risk"]
    line: int
    what: str
    mend: str

    def to_plain(self) -> dict[str, Any]:
        return {
            "code": self.code,
            "weight": self.weight,
            "line": self.line,
            "what": self.what,
            "mend": self.mend,
        }
