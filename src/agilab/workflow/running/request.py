"""What a person asked of a run of a lab."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agilab.contracts.lab_stages import LabStages
from agilab.engine.selection import Selection


@dataclass(frozen=True)
class LabRequest:
    """What a person asked for.

    Attributes:
        path: The `lab_stages.toml`.
        params: Replacements of `lab.params`.
        workers: Processes at work; None takes the settings' number, or one for each core.
        cache: Whether every stage may use results of earlier runs, not only those that say so.
        selection: What of an earlier run is run again; None runs everything.
        parent: That run; None is the lab's last one.
        executor: `local`, `dask`, or `dask:ADDRESS`.
        write_back: Whether each stage's `last_run` is written into the document.
        expect: The digest of the preview that was shown, or its beginning.
        document: What is run in place of what the file says, as a notebook has it.
        also: Values of stages whose fingerprints are wanted, to compare them with a notebook's.
        environ: Variables that workers on this machine begin with, so that a notebook beside them can have the same.
    """

    path: Path
    params: Mapping[str, Any] = field(default_factory=dict)
    workers: int | None = None
    keep_going: bool = False
    offline: bool = False
    track: bool = True
    cache: bool = False
    selection: Selection | None = None
    parent: str | None = None
    executor: str = "local"
    write_back: bool = True
    expect: str | None = None
    document: LabStages | None = None
    also: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=dict)
