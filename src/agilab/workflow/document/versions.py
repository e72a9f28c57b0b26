"""Other versions of a lab's document: another file, a revision of git, the copy that a run kept."""

from __future__ import annotations

import io
import json
import shlex
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agi_node.canonical import untag
from agi_node.errors import AgiError
from agilab.contracts.syntax import decoded
from agilab.store.workspace import Workspace
from agilab.workflow.document.locate import FILE, LabFile, parse_lab, read_lab_file
from agilab.workflow.document.own_runs import own_runs

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
            try_=f"git -C {shlex.quote(str(path.parent))} log --oneline -- {shlex.quote(path.name)}",
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
            ids = (run.run_id for run in own_runs(store, path, read_lab_file(path).lab))
            return next(
                (kept for one in ids if (kept := workspace.home / "runs" / one / FILE).is_file()), None
            )
    except AgiError:
        return None


@contextmanager
def code_beside(what: str, path: Path, workspace: Workspace) -> Iterator[Path]:
    """A folder with the Python files that lay beside the document in that version, under their relative paths.

    That of a file is its own; of a run it has the source that the run began with, of a revision what git has of it.
    What is no longer kept is not in it.
    """
    given = Path(what).expanduser()
    if given.is_dir() and (given / FILE).is_file():
        given = given / FILE
    if given.is_file():
        yield given.resolve().parent
        return
    with tempfile.TemporaryDirectory(prefix="agilab-diff-") as made:
        folder = Path(made)
        kept = _of_run(what, path, workspace)
        if kept is not None:
            _from_run(kept.parent.name, path, workspace, folder)
        else:
            _from_git(what, path, folder)
        yield folder


def _from_run(run_id: str, lab: Path, workspace: Workspace, folder: Path) -> None:
    """The modules from the snapshot that the run began with, the files of stages from its plan."""
    from agilab.store.store import Store

    with Store(workspace, readonly=True) as store:
        created = store.created(run_id)
        digests = (str(created.get("source_digest", "")), store.run(run_id).plan_digest or "")
        source, plan = (
            json.loads(store.objects.read(one)) if one in store.objects else {} for one in digests
        )
        foreign = _of_libraries(lab, workspace)
        files = {
            name: store.objects.read(digest)
            for name, digest in source.items()
            if name.endswith(".py") and name not in foreign and digest in store.objects
        }
    for node in plan.get("nodes", ()):
        args = untag(untag(node.get("args", {})))  # tagged as what a node is given, and with the whole plan
        if args.get("file") and isinstance(args.get("code"), str):
            files[args["file"]] = args["code"].encode()
    for name, content in files.items():
        target = (folder / name).resolve()
        if target.is_relative_to(folder.resolve()):
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)


def _of_libraries(lab: Path, workspace: Workspace) -> set[str]:
    """Names in a snapshot of what comes from the project's local libraries: it is not the lab's own."""
    from agilab.envs import local_libraries
    from agilab.store.snapshot import source_of

    folder = lab.resolve().parent
    try:
        found = source_of(folder, local_libraries(folder, workspace.home))
    except (AgiError, OSError):
        return set()
    return {name for name, path in found.items() if not path.resolve().is_relative_to(folder)}


def _from_git(name: str, path: Path, folder: Path) -> None:
    command = ["git", "-C", str(path.parent), "archive", "--format=tar", "--end-of-options", name, "*.py"]
    try:
        done = subprocess.run(
            command, capture_output=True, timeout=_PATIENCE_S, check=False, stdin=subprocess.DEVNULL
        )
        if done.returncode == 0:  # else there is no Python file, or no such revision
            with tarfile.open(fileobj=io.BytesIO(done.stdout)) as packed:
                packed.extractall(folder, filter="data")
    except (OSError, subprocess.TimeoutExpired, tarfile.TarError):
        return
