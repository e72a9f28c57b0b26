"""Making an app ready: its environment, a snapshot of its source, what it says of itself, its arguments."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agi_node.errors import AgiError
from agilab.contracts.app_settings import AppSettings
from agilab.contracts.base import read_document
from agilab.envs import Environment, Library, ensure, local_libraries
from agilab.envs.worker_process import WorkerSpec
from agilab.projects.arguments import merged, rooted
from agilab.projects.description import description
from agilab.projects.discover import AppProject
from agilab.projects.machine import checkout, platform_record
from agilab.projects.node_tasks import has_nodes
from agilab.projects.roots import declare_root, forget_roots, roots_of, settings_of
from agilab.store.snapshot import Snapshot, materialise, take
from agilab.store.store import Store

if TYPE_CHECKING:
    from agilab.projects.builds import Built

Say = Callable[[str], None]


@dataclass(frozen=True)
class PreparedApp:
    """An app that can be planned and run.

    Attributes:
        libraries: The local libraries whose source is in the snapshot.
        built: What its workers import instead of the plain snapshot; None for an app that is not compiled.
    """

    app: AppProject
    environment: Environment
    snapshot: Snapshot
    spec: WorkerSpec
    roots: Mapping[str, str]
    description: Mapping[str, Any]
    libraries: tuple[Library, ...] = ()
    built: Built | None = None

    @property
    def described(self) -> Sequence[Mapping[str, Any]]:
        """What the app says of each of its steps or nodes."""
        found: Sequence[Mapping[str, Any]] = self.description["nodes"]
        return found

    @property
    def has_nodes(self) -> bool:
        """Whether the app is one of nodes, functions with dependencies, not of items."""
        return has_nodes(self.described)

    @property
    def nodes(self) -> list[str]:
        return [node["name"] for node in self.described]

    @property
    def codes(self) -> dict[str, str]:
        """The digest of each node's code, what it runs and imports from the app, where that can be told."""
        codes = {node["name"]: node["code"]["digest"] for node in self.described}
        return {name: code for name, code in codes.items() if code is not None}

    @property
    def code_parts(self) -> dict[str, dict[str, str]]:
        """The parts of each node's code with their digests, by which a change is explained."""
        return {node["name"]: node["code"]["parts"] for node in self.described}

    def source_record(self) -> dict[str, Any]:
        """`AppSource` of the manifest."""
        project = tomllib.loads((self.app.folder / "pyproject.toml").read_text(encoding="utf-8")).get(
            "project", {}
        )
        return {
            "name": self.app.name,
            "version": project.get("version"),
            "source_digest": self.snapshot.digest,
            "vcs": self._checkout(),
            **({"compiled": self.built.record()} if self.built else {}),
        }

    def _checkout(self) -> dict[str, Any] | None:
        """The checkout of the app; it only stands for the source where the libraries are of the same one, and clean."""
        own = checkout(self.app.folder)
        if own is not None and not own["dirty"]:
            own["dirty"] = any(checkout(library.folder) != own for library in self.libraries)
        return own


def environment_record(environment: Environment) -> dict[str, Any]:
    """`Environment` of the manifest."""
    return {
        "fingerprint": environment.fingerprint,
        "lock_digest": environment.export_digest,
        "interpreter": {"implementation": "CPython", "version": environment.python_version},
        "platform": platform_record(),
        "agi_node": {
            "version": environment.packages.get("agi-node", "0"),
            "digest": environment.agi_node_digest,
        },
    }


def prepare(store: Store, app: AppProject, *, offline: bool, threads: int, say: Say) -> PreparedApp:
    """Make an app ready to run. What is there already is found in milliseconds.

    Raises what `envs.ensure`, `store.snapshot.take` and `builds.build` raise, AGI-APP-105 for an app that has nothing
    to run, and the app's own import errors.
    """
    if app.reference is None:
        raise AgiError(
            "AGI-APP-105",
            f"{app.name} has nothing to run",
            found="no [tool.agilab] app in its pyproject.toml",
            allowed='app = "module:object", naming its App',
            try_=f"edit {app.name}/pyproject.toml",
            whose="author",
        )
    workspace = store.workspace
    environment = ensure(app.folder, workspace.home, offline=offline, on_step=say)
    libraries = local_libraries(app.folder, workspace.home)
    snapshot = take(app.folder, store.objects, libraries, compiled=app.compiled)
    source = materialise(snapshot, store.objects, workspace.snapshots)
    built: Built | None = None
    if app.compiled:
        from agilab.projects.builds import build

        built = build(workspace, snapshot, source, environment, name=app.name, say=say)
    roots = roots_of(workspace, app.folder)
    spec = WorkerSpec(environment.python, built.source if built else source, app.reference, roots, threads)
    imported = built.identity if built else snapshot.digest
    said = description(workspace, app.reference, imported, environment.fingerprint, spec)
    return PreparedApp(app, environment, snapshot, spec, roots, said, libraries, built)


def arguments(
    prepared: PreparedApp,
    store: Store,
    given: Mapping[str, Any],
    say: Say,
    *,
    recorded: bool = False,
    declared: list[str] | None = None,
) -> dict[str, Any]:
    """The arguments of a run, merged and checked; folders outside the app become data roots.

    `say` tells that, and that a compiled app runs without its compiled modules: what a person should know of a run.
    `recorded` are arguments of an earlier run, whose paths have their roots already. New roots are added to `declared`,
    for whoever has to take them back; where the arguments are refused, none stays.
    """
    new = declared if declared is not None else []
    app = prepared.app
    if prepared.built and prepared.built.state == "fallback":
        say(f"{app.name} runs uncompiled: {prepared.built.why}")
    settings = read_document(app.settings, AppSettings) if app.settings.exists() else AppSettings()

    def declare(folder: Any) -> str:
        known = settings_of(store.workspace).roots
        name = declare_root(store.workspace, folder)
        if name not in known:
            new.append(name)
        say(f"data root {name} = {folder} (kept in settings.toml)")
        return name

    try:
        return merged(
            app.name,
            prepared.description["args_schema"],
            settings.args,
            given,
            place=None if recorded else lambda text: rooted(text, prepared.roots, app.folder, declare),
        )
    except AgiError:
        forget_roots(store, new)
        raise
