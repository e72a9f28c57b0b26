"""A kind of finding: why it is one, how to mend it, and a lab that has it."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field

from agilab.workflow.judging.findings import Severity


@dataclass(frozen=True)
class Rule:
    """A kind of finding.

    Attributes:
        name: It in a few words.
        why: What would happen, for whoever asks why this is one.
        mend: How it is mended.
        bad: A document that has it.
        good: The same, mended.
        files: What lies beside both, by relative path.
    """

    code: str
    severity: Severity
    name: str
    why: str
    mend: str
    bad: str
    good: str
    files: Mapping[str, str] = field(default_factory=dict)


def lab(text: str) -> str:
    """A document that is written indented, between the lines of code around it."""
    return textwrap.dedent(text).lstrip("\n")
