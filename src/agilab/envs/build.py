"""Make an environment, so that it appears whole or not at all.

It is built in `envs/.building-…` and renamed as the last step: `uv venv --relocatable` keeps it valid after
that, and a folder that bears a fingerprint is complete by construction, whenever its maker may have died.
"""

from __future__ import annotations

import os
import shutil
import uuid
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from agi_node.canonical import sha256_bytes
from agi_node.errors import ENVIRONMENT, AgiError
from agilab.envs.environment import (
    SCHEMA,
    Environment,
    OnStep,
    Wanted,
    interpreter_in,
    read_environment,
    site_packages,
)
from agilab.envs.exported import export
from agilab.envs.installed import installed_packages
from agilab.envs.locks import changing, is_held
from agilab.envs.memory import remember
from agilab.envs.node_wheel import build_node_wheel
from agilab.envs.uv import Uv
from agilab.envs.wheelhouse import install_at_hand


def make(wanted: Wanted, home: Path, *, offline: bool, rebuild: bool, say: OnStep) -> Environment:
    """Build the environment under its lock, unless another process was quicker; see `ensure`."""
    fingerprint = wanted.inputs.fingerprint
    envs = home / "envs"
    waiting = f"waiting for another process that makes the environment of {wanted.locked.name}"
    with changing(home, fingerprint, on_wait=lambda: say(waiting)):
        existing = read_environment(envs / fingerprint)
        if existing is not None and not rebuild:
            return existing
        if is_held(home, fingerprint):
            raise AgiError(
                "AGI-ENV-010",
                f"the environment of {wanted.locked.name} cannot be made anew while processes run from it",
                found=str(envs / fingerprint),
                try_="the same command when those runs have ended",
                whose="environment",
                exit_code=ENVIRONMENT,
            )
        # Nobody else may build this fingerprint now, so what lies here was left by a process that died.
        for left in envs.glob(f".building-{fingerprint}-*"):
            discard(left)
        building = envs / f".building-{fingerprint}-{uuid.uuid4().hex[:8]}"
        try:
            _fill(building, wanted, home, offline=offline, say=say)
            put_aside(envs / fingerprint)
            os.rename(building, envs / fingerprint)
        except BaseException:
            discard(building)
            raise
    made = read_environment(envs / fingerprint)
    if made is None:
        raise AgiError(
            "AGI-ENV-007",
            f"the environment of {wanted.locked.name} vanished as soon as it was made",
            found=str(envs / fingerprint),
            try_="agilab env doctor",
            whose="environment",
            exit_code=ENVIRONMENT,
        )
    return replace(made, created=True)


def _fill(building: Path, wanted: Wanted, home: Path, *, offline: bool, say: OnStep) -> None:
    uv, name, sources = Uv.found(), wanted.locked.name, wanted.sources
    flags: list[str | Path] = ["--offline"] if offline else []
    again = f"agilab app install {sources.folder}"

    say(f"creating an environment for {name} (Python {wanted.interpreter.version})")
    uv.run(
        *("venv", "--relocatable", "--no-project", "--python", wanted.interpreter.path, building),
        doing=f"create a virtual environment for {name}",
        try_="agilab env doctor",
    )
    say(f"installing the locked packages of {name}")
    # `--python` keeps a `.python-version` of the app from replacing the environment under our feet.
    if not install_at_hand(uv, interpreter_in(building), sources.folder, name, home):
        uv.run(
            *("sync", "--frozen", *wanted.locked.not_installed),
            *("--python", interpreter_in(building)),
            *flags,
            cwd=sources.folder,
            variables={"UV_PROJECT_ENVIRONMENT": str(building)},
            doing=f"install the locked packages of {name}",
            try_=f"{again} (with a network), or agilab env doctor",
        )
    say(f"adding agi_node for {name}")
    wheel = build_node_wheel(home)
    if wheel.parent.name != wanted.inputs.agi_node:
        raise _changed("agi_node", name, again)
    uv.run(
        *("pip", "install", "--no-deps", "--offline", "--no-config", "--python", interpreter_in(building)),
        wheel,
        doing=f"add agi_node to the environment of {name}",
        try_="agilab env doctor",
    )
    say(f"recording the environment of {name}")
    requirements = export(uv, sources.folder, wanted.interpreter, name=name).requirements
    if sha256_bytes(requirements.encode()) != wanted.inputs.export:
        raise _changed("uv.lock", name, again)
    (building / "requirements.txt").write_text(requirements, encoding="utf-8")
    packages = site_packages(building)
    remember(
        building / "environment.json",
        {
            "schema": SCHEMA,
            "fingerprint": wanted.inputs.fingerprint,
            "inputs": wanted.inputs.to_plain(),
            "packages": installed_packages(packages) if packages else {},
            "created_at": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        },
    )


def _changed(what: str, name: str, again: str) -> AgiError:
    return AgiError(
        "AGI-ENV-011",
        f"{what} changed while the environment of {name} was being made from it",
        try_=again,
        exit_code=ENVIRONMENT,
    )


def put_aside(folder: Path) -> None:
    """Take an environment out of sight in one step, if it is there, and then delete it."""
    aside = folder.parent / f".trash-{folder.name}-{uuid.uuid4().hex[:8]}"
    try:
        os.rename(folder, aside)
    except FileNotFoundError:
        return
    discard(aside)


def discard(folder: Path) -> None:
    """Delete a folder that nobody may use; what resists (an orphaned uv at work) is left to `prune`."""
    shutil.rmtree(folder, ignore_errors=True)
