"""Other versions of a lab's document: another file, a revision of git, the copy that a run kept."""

from __future__ import annotations

import subprocess
from pathlib import Path

from agi_node.errors import AgiError
from agilab.contracts.syntax import decoded
from agilab.store.workspace import Workspace
from agilab.workflow.document.locate import FILE, LabFile, parse_lab, read_lab_file

_PATIENCE_S = 30


def version(what: str, path: Path, workspace: Workspace) -> tuple[str, LabFile]:
    """What `what` means, and its document: a file or folder, `last` or a run's id, or a revision of git.

    Raises AGI-LAB-112 where it is none of these, and what reading a document raises.
    """
    given = Path(what).expanduser()
    if given.is_dir() and (given / FILE).is_file():
        given = given / FILE
    if given.is_file():
        return str(given), read_lab_file(given)
    kept = _of_run(what, path, workspace)
    if kept is not None:
        return f"run {kept.parent.name}", parse_lab(kept.read_text(encoding="utf-8"), path, where=str(kept))
    text = revision(what, path)
    if text is None:
        raise AgiError(
            "AGI-LAB-112",
            f"there is no such version of {path}",
            found=what,
            allowed="a file, a revision of git such as HEAD~1, or a run that kept its document",
            try_=f"git -C {path.parent} log --oneline -- {path.name}",
        )
    return what, parse_lab(text, path, where=f"{what}:{path.name}")


def revision(name: str, path: Path) -> str | None:
    """The text of the document in a revision of git; None where there is no such revision, or no git."""
    command = ["git", "-C", str(path.parent), "show", "--end-of-options", f"{name}:./{path.name}"]
    try:
        done = subprocess.run(
            command, capture_output=True, timeout=_PATIENCE_S, check=False, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return decoded(done.stdout, f"{name}:{path.name}") if done.returncode == 0 else None


def _of_run(name: str, path: Path, workspace: Workspace) -> Path | None:
    """The document that a run kept; `last` is the newest run that kept one of this lab."""
    if name != "last":
        kept = workspace.home / "runs" / name / FILE
        return kept if "/" not in name and kept.is_file() else None
    from agilab.store.store import Store

    try:
        with Store(workspace, readonly=True) as store:
            runs = list(store.runs(app=f"lab:{path.resolve().parent.name}", limit=20))
    except AgiError:
        return None
    return next(
        (kept for run in runs if (kept := workspace.home / "runs" / run.run_id / FILE).is_file()), None
    )
