"""The labs that this workspace has run: where each lies, so that a run can be gone on with from anywhere."""

from __future__ import annotations

import json
from pathlib import Path

from agi_node.errors import AgiError
from agilab.contracts.atomic import write_atomically
from agilab.contracts.subject import kind_of
from agilab.store.workspace import Workspace


def remember_lab(name: str, path: Path, workspace: Workspace) -> None:
    """Keep where the document of a lab lies. The newest of those that share a folder's name counts."""
    known = known_labs(workspace)
    if known.get(name) != path.resolve():
        known[name] = path.resolve()
        plain = {lab: str(at) for lab, at in known.items()}
        text = json.dumps(plain, indent=2, sort_keys=True) + "\n"
        write_atomically(workspace.ensure().home / "labs.json", text.encode("utf-8"))


def lab_of(app: str, workspace: Workspace) -> Path:
    """The document of the lab whose runs stand under `app`. Raises AGI-STAGE-036 where it is not there any more."""
    _, name = kind_of(app)
    path = known_labs(workspace).get(name)
    if path is not None and path.is_file():
        return path
    raise AgiError(
        "AGI-STAGE-036",
        f"the lab {name} is not where it was",
        found=str(path) if path else "this workspace never ran it",
        allowed="its folder at the same place",
        try_="agilab workflow run FOLDER",
    )


def known_labs(workspace: Workspace) -> dict[str, Path]:
    """Where each lab lay when it was last run, by name; none where nobody remembers."""
    try:
        found = json.loads((workspace.home / "labs.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(name): Path(str(path)) for name, path in found.items()} if isinstance(found, dict) else {}
