"""What is known of an app without starting anything: is its environment there, what did it say of itself."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from shlex import quote
from typing import Any

from agi_node.canonical import digest, sha256_file
from agi_node.errors import ENVIRONMENT, AgiError
from agilab.envs.environment import Environment, read_environment, wanted_environment
from agilab.envs.locked import read_libraries, read_sources, recall_locked
from agilab.projects.description import remembered_for
from agilab.projects.discover import AppProject
from agilab.store.snapshot import source_of
from agilab.store.workspace import Workspace


@dataclass(frozen=True)
class InstalledApp:
    """An app with what the workspace has of it.

    Attributes:
        environment: The one that a run would use now; None where it has to be made first.
        description: What its worker said of this source in this environment; None where it was never asked.
    """

    app: AppProject
    environment: Environment | None
    description: Mapping[str, Any] | None

    @property
    def state(self) -> str:
        """`ready`, `not installed`, `changed` (installed, and edited since), or `no uv.lock`."""
        if self.description is not None:
            return "ready"
        if self.environment is not None:
            return "changed" if self.app.reference else "ready"
        return "not installed" if self.app.locked else "no uv.lock"


def look_at(app: AppProject, workspace: Workspace) -> InstalledApp:
    """What the workspace has of an app: a few milliseconds, no process, nothing written."""
    environment = _environment(app, workspace)
    if environment is None or app.reference is None:
        return InstalledApp(app, environment, None)
    try:
        source = imported_digest(app, workspace, environment)
    except AgiError:
        return InstalledApp(app, environment, None)
    return InstalledApp(
        app, environment, remembered_for(workspace, app.reference, source, environment.fingerprint)
    )


def described(app: AppProject, workspace: Workspace) -> InstalledApp:
    """The same for an app that must be installed. Raises AGI-APP-106, naming the command, where it is not."""
    found = look_at(app, workspace)
    if found.description is None:
        changed = found.state == "changed"
        raise AgiError(
            "AGI-APP-106",
            f"{app.name} has {'changed since it was installed' if changed else 'not been installed here yet'}",
            found="its arguments are known once its environment is there",
            try_=f"agilab app install {shown_name(app)}",
            exit_code=ENVIRONMENT,
        )
    return found


def imported_digest(app: AppProject, workspace: Workspace, environment: Environment) -> str:
    """The digest of what a run's workers would import now: of a snapshot, or of its build (see `prepare`).

    Raises what reading a local library and taking a snapshot raise.
    """
    sources = read_sources(app.folder)
    locked = recall_locked(workspace.home, sources)
    libraries = read_libraries(sources, locked) if locked else ()
    paths = source_of(app.folder, libraries, compiled=app.compiled)
    found = digest({name: sha256_file(path) for name, path in paths.items()})
    if app.compiled:
        from agilab.projects.builds import find

        built = find(workspace, found, environment.fingerprint)
        return built.identity if built else found
    return found


def saved_arguments(app: AppProject) -> Mapping[str, Any]:
    """Arguments that the app's `app_settings.toml` holds; what cannot be read is left to the run to complain of."""
    try:
        saved = tomllib.loads(app.settings.read_text(encoding="utf-8")).get("args", {})
    except (OSError, ValueError):
        return {}
    return saved if isinstance(saved, dict) else {}


def _environment(app: AppProject, workspace: Workspace) -> Environment | None:
    try:
        # A lock that nobody has looked at would be examined with uv, which is for `install` to do.
        if not app.locked or recall_locked(workspace.home, read_sources(app.folder)) is None:
            return None
        wanted = wanted_environment(app.folder, workspace.home)
    except (AgiError, OSError):
        return None
    return read_environment(workspace.envs / wanted.inputs.fingerprint)


def shown_name(app: AppProject) -> str:
    """An app as a command takes it: a built-in one by its name, one's own by its folder."""
    return app.name.removesuffix("_project") if app.built_in else quote(str(app.folder))
