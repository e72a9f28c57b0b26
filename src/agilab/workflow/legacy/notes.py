"""What is said of a file of version 1 that was read: its stages, and what became of its lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from agilab.contracts.lab_stages import LabStages


@dataclass(frozen=True)
class Note:
    """What became of one line of a v1 file.

    Attributes:
        kind: `renamed` where only a key is called otherwise now; `changed` where a value is another one; `kept` where
            it was carried along as it was; `attention` where a person has to look.
        stage: The stage that it is about, if any.
    """

    line: int
    kind: Literal["renamed", "changed", "kept", "attention"]
    what: str
    stage: str | None = None


@dataclass(frozen=True)
class Converted:
    """A v1 file as v2.

    Attributes:
        places: For each stage its module, and its position there.
    """

    lab: LabStages
    notes: tuple[Note, ...]
    places: tuple[tuple[str, int], ...]
