"""The one error of AGILab: a subject, what was found, what was allowed, and what to do next."""

from __future__ import annotations

from typing import Any, Literal

Whose = Literal["user", "author", "environment", "agilab"]

DONE, FAILED, USAGE, ENVIRONMENT, INTERRUPTED = 0, 1, 2, 3, 130
"""Exit codes of every command: 1 means that the thing asked about failed or a gate refused."""


class AgiError(Exception):
    """Something went wrong that a person can act on.

    Attributes:
        code: Stable identifier, `AGI-<AREA>-<nnn>`; tests and documentation refer to it.
        what: One sentence: what happened, to which thing.
        found: The offending value as the person would recognise it.
        allowed: What would have been right.
        try_: The next command or edit.
        whose: Who can mend it: the user, the app's author, the environment, or AGILab itself.
        exit_code: What the process returns when this ends it.

    >>> print(AgiError("AGI-ARGS-001", "min_points is too small", found="1", allowed="2 or more").render())
    error[AGI-ARGS-001]: min_points is too small
      found     1
      allowed   2 or more
    """

    def __init__(
        self,
        code: str,
        what: str,
        *,
        found: str | None = None,
        allowed: str | None = None,
        try_: str | None = None,
        whose: Whose = "user",
        exit_code: int = USAGE,
    ) -> None:
        super().__init__(what)
        self.code = code
        self.what = what
        self.found = found
        self.allowed = allowed
        self.try_ = try_
        self.whose: Whose = whose
        self.exit_code = exit_code

    def __str__(self) -> str:
        return self.render()

    def __reduce__(self) -> tuple[Any, ...]:
        return (AgiError.from_plain, (self.to_plain(),))

    def render(self) -> str:
        """The error as a person reads it, bounded to a dozen lines however big the failure was."""
        lines = [f"error[{self.code}]: {_bounded(self.what, 6)}"]
        for label, text in (("found", self.found), ("allowed", self.allowed), ("try", self.try_)):
            if text:
                lines.append(f"  {label:<9} {_bounded(text, 3)}".rstrip())
        return "\n".join(lines)

    def to_plain(self) -> dict[str, Any]:
        """The error as plain data, the form in which it crosses processes and stays in the log."""
        return {
            "code": self.code,
            "what": self.what,
            "found": self.found,
            "allowed": self.allowed,
            "try": self.try_,
            "whose": self.whose,
            "exit_code": self.exit_code,
        }

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> AgiError:
        """Rebuild an error from `to_plain`; keys that are missing take their defaults."""
        return cls(
            str(plain.get("code", "AGI-RUN-000")),
            str(plain.get("what", "unknown error")),
            found=plain.get("found"),
            allowed=plain.get("allowed"),
            try_=plain.get("try"),
            whose=plain.get("whose", "agilab"),
            exit_code=int(plain.get("exit_code", FAILED)),
        )


def _bounded(text: str, lines: int) -> str:
    rows = [row if len(row) <= 300 else row[:297] + "…" for row in text.splitlines()] or [""]
    if len(rows) > lines:
        rows = [*rows[: lines - 1], f"… ({len(rows) - lines + 1} more lines)"]
    return "\n            ".join(rows)
