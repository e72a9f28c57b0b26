"""Give an app its environment: found by fingerprint in milliseconds, or made once and for all who need it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from agilab.envs.fingerprint import FingerprintInputs
from agilab.envs.interpreter import Interpreter, choose
from agilab.envs.libraries import Library
from agilab.envs.locked import (
    AppSources,
    Locked,
    examine,
    read_libraries,
    read_project,
    read_sources,
    recall_locked,
)
from agilab.envs.memory import recall
from agilab.envs.node_wheel import agi_node_digest

SCHEMA = "agilab.environment.v1"

OnStep = Callable[[str], None]
"""Told in a few words what begins now; only called when something takes time."""


@dataclass(frozen=True)
class Environment:
    """A virtual environment that is whole.

    Attributes:
        fingerprint: Names it; equal inputs, equal fingerprint.
        path: Its folder, `<home>/envs/<fingerprint>`.
        python: Its interpreter.
        lock_digest: SHA-256 of the app's `uv.lock`. Apps with different locks may share an environment.
        export_digest: SHA-256 of the packages that the lock pins, as exported.
        python_version: Full version of the interpreter.
        platform: `sysconfig.get_platform()` of the interpreter.
        agi_node_digest: Digest of the `agi_node` in it.
        created: Whether this call made it.
        packages: Version of every installed package, by name, `agi-node` among them.
    """

    fingerprint: str
    path: Path
    python: Path
    lock_digest: str
    export_digest: str
    python_version: str
    platform: str
    agi_node_digest: str
    created: bool
    packages: Mapping[str, str]


@dataclass(frozen=True)
class Wanted:
    """What an app needs, before anybody looked whether it is there."""

    sources: AppSources
    locked: Locked
    interpreter: Interpreter
    inputs: FingerprintInputs


def fingerprint_of(app_folder: Path | str, workspace_home: Path | str, *, offline: bool = False) -> str:
    """The fingerprint of the environment that `ensure` would return now, made or not."""
    home = Path(workspace_home).absolute()
    return wanted_environment(Path(app_folder), home, offline=offline).inputs.fingerprint


def local_libraries(app_folder: Path | str, workspace_home: Path | str) -> tuple[Library, ...]:
    """The local libraries of an app as they lie on disk now, whose source goes with the app's own.

    No process is started for a lock that was examined before. Raises what `ensure` raises for a lock and its libraries.
    """
    home = Path(workspace_home).absolute()
    sources = read_sources(Path(app_folder))
    locked = recall_locked(home, sources)
    if locked is None:
        locked = wanted_environment(sources.folder, home).locked
    return read_libraries(sources, locked)


def wanted_environment(
    app_folder: Path,
    home: Path,
    *,
    offline: bool = False,
    frozen: bool = False,
    say: OnStep = lambda _text: None,
) -> Wanted:
    """What the app needs; no process is started for a lock that was examined before."""
    sources = read_sources(app_folder)
    locked = recall_locked(home, sources, frozen=frozen)
    if locked is None:
        from agilab.envs.uv import Uv

        name, requires_python = read_project(sources)
        interpreter = choose(requires_python, home, name)
        say(f"checking the lock of {name}")
        locked = examine(Uv.found(), sources, interpreter, home, offline=offline, frozen=frozen)
    else:
        interpreter = choose(locked.requires_python, home, locked.name)
    inputs = FingerprintInputs(
        export=locked.export_digest,
        implementation=interpreter.implementation,
        python_version=interpreter.version,
        platform=interpreter.platform,
        agi_node=agi_node_digest(),
    )
    return Wanted(sources, locked, interpreter, inputs)


def read_environment(folder: Path) -> Environment | None:
    """The environment in a folder of `envs/`, or None if it is not whole: no record, or no interpreter.

    A folder gets its name only when it is complete, so the record is enough; `doctor` looks deeper.
    """
    record = recall(folder / "environment.json", SCHEMA)
    if record is None:
        return None
    try:
        inputs = FingerprintInputs.from_plain(record["inputs"])
        packages = {str(name): str(version) for name, version in record["packages"].items()}
    except (KeyError, TypeError, AttributeError):
        return None
    python = interpreter_in(folder)
    if inputs.fingerprint != folder.name or not python.exists():
        return None
    return Environment(
        fingerprint=inputs.fingerprint,
        path=folder,
        python=python,
        lock_digest="",
        export_digest=inputs.export,
        python_version=inputs.python_version,
        platform=inputs.platform,
        agi_node_digest=inputs.agi_node,
        created=False,
        packages=packages,
    )


def interpreter_in(folder: Path) -> Path:
    """Where the interpreter of a virtual environment lies on this platform."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def site_packages(folder: Path) -> Path | None:
    """Where the packages of a virtual environment lie; None if it has no such folder."""
    pattern = "Lib/site-packages" if os.name == "nt" else "lib/python*/site-packages"
    return next(iter(sorted(folder.glob(pattern))), None)


def why_not_whole(folder: Path) -> str:
    """One sentence for a folder that `read_environment` refuses; "" for one that it takes."""
    if read_environment(folder) is not None:
        return ""
    if recall(folder / "environment.json", SCHEMA) is None:
        return "environment.json is missing or unreadable"
    if not interpreter_in(folder).exists():
        return f"its interpreter is gone: {_link_target(interpreter_in(folder))}"
    return "environment.json does not belong to this folder"


def _link_target(path: Path) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return str(path)
