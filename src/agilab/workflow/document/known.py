"""The labs that this workspace has run: where each lies, so that a run can be gone on with from anywhere."""

from __future__ import annotations

import json
from pathlib import Path

from agilab.contracts.atomic import write_atomically
from agilab.store.workspace import Workspace

_MOST = 20
"""Places of one name that are kept; those whose folder is gone go first."""


def remember_lab(name: str, path: Path, workspace: Workspace) -> None:
    """Keep where the document of a lab lies, the newest of its name last."""
    known = _read(workspace)
    before = known.get(name, [])
    here = path.resolve()
    if before[-1:] == [here]:
        return
    others = [one for one in before if one != here]
    if len(others) >= _MOST:
        others = [one for one in others if one.is_file()][-_MOST + 1 :]
    known[name] = [*others, here]
    plain = {lab: [str(at) for at in places] for lab, places in known.items()}
    text = json.dumps(plain, indent=2, sort_keys=True) + "\n"
    write_atomically(workspace.ensure().home / "labs.json", text.encode("utf-8"))


def labs_called(name: str, workspace: Workspace) -> list[Path]:
    """Where labs of this folder's name lay when they were run, the newest last."""
    return _read(workspace).get(name, [])


def known_labs(workspace: Workspace) -> dict[str, Path]:
    """Where the newest lab of each name lay when it was run; none where nobody remembers."""
    return {name: places[-1] for name, places in _read(workspace).items()}


def _read(workspace: Workspace) -> dict[str, list[Path]]:
    try:
        found = json.loads((workspace.home / "labs.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    listed = {str(name): [one] if isinstance(one, str) else one for name, one in found.items()}
    return {
        name: [Path(str(at)) for at in places]
        for name, places in listed.items()
        if isinstance(places, list) and places
    }
