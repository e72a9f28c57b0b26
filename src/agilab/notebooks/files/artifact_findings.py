"""What is to be said of the files of a notebook: where they lie, and whether somebody makes them."""

from __future__ import annotations

import os.path
from collections.abc import Iterable, Sequence
from pathlib import Path

from agilab.notebooks.code.named_files import Artifact
from agilab.notebooks.findings import Finding
from agilab.notebooks.rules import found
from agilab.notebooks.secrets import redact


def out_of_sight(artifacts: Sequence[Artifact], folder: Path) -> list[Artifact]:
    """What is read, lies not in the notebook's folder, and is most likely made by a call that is not seen to make it.

    `model.view(); Image("model.png")`: a picture that is shown. `Backend("chain.h5"); h5py.File("chain.h5")`: a file
    whose name went into a call before, nobody can say to what end.
    """
    written = {one.path for one in artifacts if one.direction in ("written", "both")}
    found: list[Artifact] = []
    named: set[str] = set()
    for one in sorted(artifacts, key=lambda one: (one.cell, one.line)):
        if one.direction == "unknown" and one.kind != "removed":
            named.add(one.path)
        elif (
            one.direction == "read"
            and (one.call.startswith("IPython.display.") or one.path in named)
            and one.where == "relative"
            and not one.computed
            and one.path not in written
            and not os.path.lexists(folder / one.path)
        ):
            found.append(one)
    return found


_WHERE_CODE = {"absolute": "NB-302", "outside": "NB-303", "home": "NB-304"}
_WHERE_WORD = {
    "absolute": "is absolute",
    "outside": "leaves the notebook's folder",
    "home": "is in a home folder",
}


def artifact_findings(artifacts: Iterable[Artifact]) -> list[Finding]:
    """What is to be said of paths: computed, absolute, outside, at home, over the network."""
    findings = []
    for one in artifacts:
        shown = f"“{redact(one.path)}” ({one.call})"
        if one.where in _WHERE_CODE:
            findings.append(
                found(
                    _WHERE_CODE[one.where], f"{shown} {_WHERE_WORD[one.where]}", cell=one.cell, line=one.line
                )
            )
        if one.computed:
            findings.append(found("NB-301", f"{shown} is computed", cell=one.cell, line=one.line))
        if (
            one.where == "url"
            and one.call != "shell"  # the line has a finding of its own
            and not one.path.lower().startswith(("sqlite", "duckdb", "file:"))
            and one.direction != "unknown"
        ):
            findings.append(found("NB-501", f"{shown} is on the network", cell=one.cell, line=one.line))
    return findings
