"""The app's lock: which packages it pins, read once for each pair of `pyproject.toml` and `uv.lock`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agi_node.canonical import digest, sha256_bytes
from agi_node.errors import ENVIRONMENT, USAGE, AgiError
from agilab.envs.interpreter import Interpreter
from agilab.envs.memory import recall, remember

if TYPE_CHECKING:
    from agilab.envs.uv import Uv

SCHEMA = "agilab.locked.v1"
EXPORT = ("export", "--frozen", "--no-emit-project", "--no-annotate", "--no-header")


@dataclass(frozen=True)
class AppSources:
    """The two files of an app that decide its packages, as they are now."""

    folder: Path
    project_digest: str
    lock_digest: str

    @property
    def pair(self) -> str:
        """One name for both contents."""
        return digest([self.project_digest, self.lock_digest])


@dataclass(frozen=True)
class Locked:
    """What a lock that was found fresh says.

    Attributes:
        name: The project's name, for messages.
        requires_python: Its `requires-python`, "" if it has none.
        export_digest: SHA-256 of the requirements that `uv export` prints.
    """

    name: str
    requires_python: str
    export_digest: str


def read_sources(app_folder: Path) -> AppSources:
    """Digest `pyproject.toml` and `uv.lock`; raises AGI-ENV-002 or -003 if one is missing."""
    folder = app_folder.absolute()
    try:
        project = (folder / "pyproject.toml").read_bytes()
    except OSError as problem:
        raise AgiError(
            "AGI-ENV-002",
            f"{folder} is not an app: it has no readable pyproject.toml",
            found="no such folder" if not folder.is_dir() else problem.strerror,
            allowed="a uv project: a folder with pyproject.toml and uv.lock",
            try_="agilab app list",
            exit_code=USAGE,
        ) from problem
    try:
        lock = (folder / "uv.lock").read_bytes()
    except OSError as problem:
        raise AgiError(
            "AGI-ENV-003",
            f"the app {folder.name} has no uv.lock, so nobody knows which packages it runs with",
            found=f"{problem.strerror}: {folder / 'uv.lock'}",
            try_=f"uv lock --project {folder}",
            whose="author",
            exit_code=ENVIRONMENT,
        ) from problem
    return AppSources(folder, sha256_bytes(project), sha256_bytes(lock))


def read_project(sources: AppSources) -> tuple[str, str]:
    """(name, requires-python) from `pyproject.toml`; raises AGI-ENV-002 if it cannot be read."""
    import tomllib

    path = sources.folder / "pyproject.toml"
    try:
        project = tomllib.loads(path.read_text("utf-8")).get("project", {})
        return str(project.get("name") or sources.folder.name), str(project.get("requires-python") or "")
    except (ValueError, AttributeError) as problem:
        raise AgiError(
            "AGI-ENV-002",
            f"{path} cannot be read",
            found=str(problem),
            allowed="TOML with a [project] table",
            whose="author",
            exit_code=ENVIRONMENT,
        ) from problem


def recall_locked(home: Path, sources: AppSources) -> Locked | None:
    """What is remembered of this pair of files; None if they are new here."""
    known = recall(_place(home, sources), SCHEMA)
    if known is None or known.keys() < {"name", "requires_python", "export_digest"}:
        return None
    return Locked(str(known["name"]), str(known["requires_python"]), str(known["export_digest"]))


def examine(uv: Uv, sources: AppSources, interpreter: Interpreter, home: Path, *, offline: bool) -> Locked:
    """Check that the lock is fresh and can be shared, and remember what it says.

    Raises AGI-ENV-004 for a stale lock, AGI-ENV-006 for one that a shared environment cannot hold, and
    what `Uv.run` raises.
    """
    name, requires_python = read_project(sources)
    check_fresh(uv, sources, interpreter, name=name, offline=offline)
    requirements = export(uv, sources, interpreter, name=name)
    refuse_unshareable(requirements, name, sources.folder)
    locked = Locked(name, requires_python, sha256_bytes(requirements.encode()))
    remember(
        _place(home, sources),
        {
            "schema": SCHEMA,
            "name": locked.name,
            "requires_python": locked.requires_python,
            "export_digest": locked.export_digest,
        },
    )
    return locked


def check_fresh(uv: Uv, sources: AppSources, interpreter: Interpreter, *, name: str, offline: bool) -> None:
    """Raise AGI-ENV-004 unless `uv.lock` is what `uv lock` would leave as it is."""
    from agilab.envs.uv import failure

    flags = ["--offline"] if offline else []
    outcome = uv.call("lock", "--check", "--python", interpreter.path, *flags, cwd=sources.folder)
    if outcome.code == 0:
        return
    said = outcome.last_words()
    # A fresh lock is confirmed without the network, so a resolution that was tried at all means a stale one.
    if "needs to be updated" in outcome.err or "No solution found" in outcome.err or "parse" in said:
        raise AgiError(
            "AGI-ENV-004",
            f"uv.lock of {name} does not match its pyproject.toml",
            found=said,
            try_=f"uv lock --project {sources.folder}",
            whose="author",
            exit_code=ENVIRONMENT,
        )
    again = f"uv lock --check --project {sources.folder}"
    raise failure(outcome, doing=f"check the lock of {name}", try_=again)


def export(uv: Uv, sources: AppSources, interpreter: Interpreter, *, name: str) -> str:
    """The lock as requirements with hashes: the text whose digest is in the fingerprint."""
    return uv.run(
        *EXPORT,
        "--python",
        interpreter.path,
        cwd=sources.folder,
        doing=f"read the lock of {name}",
        try_=f"uv lock --check --project {sources.folder}",
    )


def requirements_of(text: str) -> list[str]:
    """The entries of an export, each with its hashes on one line."""
    joined = re.sub(r"\\\n\s*", "", text)
    return [line for line in map(str.strip, joined.splitlines()) if line and not line.startswith("#")]


def _name_of(entry: str) -> str:
    """The package of an entry: its first word, or what the file name of a wheel or archive says."""
    first = re.split(r"[ =<>!~;\[@]", entry, maxsplit=1)[0]
    if "/" in first:
        first = first.rpartition("/")[2].partition("-")[0]
    return re.sub(r"[-_.]+", "-", first).lower()


def refuse_unshareable(requirements: str, name: str, folder: Path) -> None:
    """Raise AGI-ENV-006 where the lock breaks what sharing by fingerprint and `agi_node` rest on."""
    entries = requirements_of(requirements)
    names = {_name_of(entry) for entry in entries}
    unsuited: dict[str, Any] | None = None
    local = [
        entry
        for entry in entries
        if "--hash=" not in entry and (entry.startswith(("-e ", ".", "/", "file:")) or " @ file:" in entry)
    ]
    if local:
        unsuited = {
            "found": ", ".join(local),
            "allowed": "packages from an index, an URL or a Git commit, whose content the lock pins: "
            "environments are shared between apps, and a folder can change under them",
            "try_": "publish the package or put its modules into the app's own src folder, then uv lock",
        }
    elif "agi-node" in names:
        unsuited = {
            "found": "agi-node among the dependencies",
            "allowed": "none: AGILab adds its own agi_node to each environment",
            "try_": f"uv remove --project {folder} agi-node",
        }
    elif "pydantic" not in names:
        unsuited = {
            "found": "no pydantic among the dependencies",
            "allowed": "pydantic, which agi_node needs, locked by the app",
            "try_": f"uv add --project {folder} pydantic",
        }
    if unsuited:
        raise AgiError(
            "AGI-ENV-006",
            f"the lock of {name} does not fit a shared environment",
            whose="author",
            exit_code=ENVIRONMENT,
            **unsuited,
        )


def _place(home: Path, sources: AppSources) -> Path:
    return home / "cache" / "locks" / f"{sources.pair}.json"
