"""What came of trying a stage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LOG_LINES = 200


@dataclass(frozen=True)
class Trial:
    """What came of a trial.

    Attributes:
        unit: The unit that was tried: of a mapped stage one of many.
        log: What the code printed, its last lines.
        values: What each output value is, in words.
        shown: The text of the last expression.
        files: The files that outputs name, relative to `folder`, where they were asked for.
        error: What went wrong, as an error's plain form.
    """

    unit: str
    status: str
    seconds: float
    log: str
    values: Mapping[str, str]
    shown: str | None
    files: Sequence[str]
    error: Mapping[str, Any] | None

    @property
    def passed(self) -> bool:
        return self.status in ("succeeded", "skipped")

    def to_plain(self) -> dict[str, Any]:
        """The outcome as JSON."""
        return {
            "status": self.status,
            "unit": self.unit,
            "seconds": self.seconds,
            "log": self.log,
            "values": dict(self.values),
            "shown": self.shown,
            "files": list(self.files),
            "error": dict(self.error) if self.error else None,
        }


def last_lines(logs: Iterable[Path]) -> str:
    """The end of what was printed, of one log after the other."""
    lines = [line for log in logs if log.exists() for line in log.read_text("utf-8", "replace").splitlines()]
    return "\n".join(lines[-LOG_LINES:])
