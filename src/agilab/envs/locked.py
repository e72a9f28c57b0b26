"""The app's lock: which packages it pins, read once for each pair of `pyproject.toml` and `uv.lock`."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from agi_node.canonical import digest, sha256_bytes
from agi_node.errors import ENVIRONMENT, USAGE, AgiError
from agilab.envs.exported import export, refuse_unshareable
from agilab.envs.interpreter import Interpreter
from agilab.envs.libraries import (
    Library,
    LockedLibrary,
    locked_libraries,
    project_digest,
    read_library,
    refuse_unfit,
    stale,
)
from agilab.envs.memory import recall, remember

if TYPE_CHECKING:
    from agilab.envs.uv import Uv

SCHEMA = "agilab.locked.v2"


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
class LocalLibrary:
    """A local library that the environment's packages were locked for.

    Attributes:
        name: Normalised name.
        path: Its folder, absolute or relative to the app's.
        project_digest: Digest of its own `pyproject.toml` when the lock was found fresh.
    """

    name: str
    path: str
    project_digest: str


@dataclass(frozen=True)
class Locked:
    """What a lock that was found fresh says.

    Attributes:
        name: The project's name, for messages.
        requires_python: Its `requires-python`, "" if it has none.
        export_digest: SHA-256 of the requirements that `uv export` prints, without local libraries: where those lie is
            no property of an environment.
        libraries: The local libraries, in the order of their names.
    """

    name: str
    requires_python: str
    export_digest: str
    libraries: tuple[LocalLibrary, ...] = ()

    @property
    def not_installed(self) -> tuple[str, ...]:
        """Options of `uv sync` that leave out what is imported from snapshots: the app and its libraries."""
        return (
            "--no-install-project",
            *(part for one in self.libraries for part in ("--no-install-package", one.name)),
        )


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
        raise _without_lock(folder, problem) from problem
    return AppSources(folder, sha256_bytes(project), sha256_bytes(lock))


def _without_lock(folder: Path, problem: OSError) -> AgiError:
    found, allowed, try_ = f"{problem.strerror}: {folder / 'uv.lock'}", None, f"uv lock --project {folder}"
    if above := _workspace_above(folder):
        found = f"it is a member of the workspace {above}, and locked there with all its other members"
        allowed = "an app with a lock of its own; libraries may come by path"
        place = folder.relative_to(above).as_posix()
        try_ = f'exclude = ["{place}"] below [tool.uv.workspace] in {above}/pyproject.toml, then {try_}'
    return AgiError(
        "AGI-ENV-003",
        f"the app {folder.name} has no uv.lock, so nobody knows which packages it runs with",
        found=found,
        allowed=allowed,
        try_=try_,
        whose="author",
        exit_code=ENVIRONMENT,
    )


def _workspace_above(folder: Path) -> Path | None:
    """The root of the uv workspace that a folder is a member of: `uv lock` then writes the lock there."""
    import tomllib

    for above in folder.parents:
        try:
            project = tomllib.loads((above / "pyproject.toml").read_text("utf-8"))
            workspace = project["tool"]["uv"]["workspace"]
            excluded, members = workspace.get("exclude", ()), workspace.get("members", ())
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue
        place = folder.relative_to(above)
        return above if any(map(place.match, members)) and not any(map(place.match, excluded)) else None
    return None


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


def recall_locked(home: Path, sources: AppSources, *, frozen: bool = False) -> Locked | None:
    """What is remembered of this pair of files; None if they are new here, or a library changed what it needs.

    With `frozen` the libraries are not looked for: the files are those of a snapshot, which has its own.
    """
    known = recall(_place(home, sources), SCHEMA)
    try:
        if known is None:
            return None
        libraries = tuple(LocalLibrary(**one) for one in known["libraries"])
        found = Locked(
            str(known["name"]), str(known["requires_python"]), str(known["export_digest"]), libraries
        )
    except (KeyError, TypeError):
        return None
    same = frozen or all(project_digest(sources.folder / one.path) == one.project_digest for one in libraries)
    return found if same else None


def examine(
    uv: Uv,
    sources: AppSources,
    interpreter: Interpreter,
    home: Path,
    *,
    offline: bool,
    frozen: bool = False,
) -> Locked:
    """Check that the lock is fresh and can be shared, and remember what it says.

    With `frozen` its freshness is taken for granted: it was checked before the snapshot was taken that it lies in.

    Raises AGI-ENV-004 for a stale lock, AGI-ENV-006 for one that a shared environment cannot hold, AGI-ENV-012 for a
    local library that cannot be taken in, and what `Uv.run` raises.
    """
    name, requires_python = read_project(sources)
    known = locked_libraries((sources.folder / "uv.lock").read_text("utf-8", errors="replace"), name)
    if not frozen:
        refuse_unfit(name, sources.folder, known)
        check_fresh(uv, sources, interpreter, name=name, offline=offline)
    exported = export(uv, sources.folder, interpreter, name=name)
    libraries = _needed(known, exported.local)
    refuse_unshareable(exported, libraries, name, sources.folder)
    locked = Locked(
        name,
        requires_python,
        sha256_bytes(exported.requirements.encode()),
        tuple(
            LocalLibrary(one.name, one.path, project_digest(sources.folder / one.path)) for one in libraries
        ),
    )
    # Before it is remembered: what cannot be taken in is refused each time.
    if not frozen:
        read_libraries(sources, locked)
    remember(_place(home, sources), {"schema": SCHEMA, **asdict(locked)})
    return locked


def read_libraries(sources: AppSources, locked: Locked) -> tuple[Library, ...]:
    """The libraries as they lie on disk now. Raises AGI-ENV-012 for one that cannot be taken in."""
    return tuple(read_library(locked.name, (sources.folder / one.path).resolve()) for one in locked.libraries)


def check_fresh(uv: Uv, sources: AppSources, interpreter: Interpreter, *, name: str, offline: bool) -> None:
    """Raise AGI-ENV-004 unless `uv.lock` is what `uv lock` would leave as it is."""
    from agilab.envs.uv import failure

    flags = ["--offline"] if offline else []
    outcome = uv.call("lock", "--check", "--python", interpreter.path, *flags, cwd=sources.folder)
    if outcome.code == 0:
        return
    said = outcome.last_words()
    lock = (sources.folder / "uv.lock").read_text("utf-8", errors="replace")
    changed = stale(sources.folder, locked_libraries(lock, name))
    # A fresh lock is confirmed without the network, so a resolution that was tried at all means a stale one.
    if (
        changed
        or "needs to be updated" in outcome.err
        or "No solution found" in outcome.err
        or "parse" in said
    ):
        raise AgiError(
            "AGI-ENV-004",
            f"uv.lock of {name} does not match its {'libraries' if changed else 'pyproject.toml'}",
            found=changed or said,
            try_=f"uv lock --project {sources.folder}",
            whose="author",
            exit_code=ENVIRONMENT,
        )
    again = f"uv lock --check --project {sources.folder}"
    raise failure(outcome, doing=f"check the lock of {name}", try_=again)


def _needed(known: tuple[LockedLibrary, ...], local: tuple[str, ...]) -> tuple[LockedLibrary, ...]:
    """Those libraries of a lock that an export names; a lock also has those of extras and other groups."""
    places = {os.path.normpath(place) for place in local}
    return tuple(
        sorted((one for one in known if os.path.normpath(one.path) in places), key=lambda one: one.name)
    )


def _place(home: Path, sources: AppSources) -> Path:
    return home / "cache" / "locks" / f"{sources.pair}.json"
