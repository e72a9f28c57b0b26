"""The environment of an app, made where it is missing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from agilab.envs.environment import Environment, OnStep, read_environment, wanted_environment
from agilab.envs.memory import unwritable
from agilab.envs.uses import note_use


def ensure(
    app_folder: Path | str,
    workspace_home: Path | str,
    *,
    offline: bool = False,
    rebuild: bool = False,
    frozen: bool = False,
    on_step: OnStep | None = None,
) -> Environment:
    """The environment of an app; made if it is not there, and recorded as used by this app.

    A second call starts no process. Any number of processes may call this at once: one makes the
    environment, the others wait for it. One whose making was interrupted is never returned.

    Args:
        app_folder: The app: a folder with `pyproject.toml` and `uv.lock`. Nothing is written into it.
        workspace_home: The workspace; `envs/` and `cache/` lie in it.
        offline: Use no network: what uv has not cached is an error.
        rebuild: Make it anew even if it is there; refused while processes run from it.
        frozen: Take the lock as it is: the folder is a snapshot, taken after its lock was checked, and the local
            libraries are in it.
        on_step: Told what begins now.

    Raises:
        AgiError: AGI-ENV-001 to -012, see the room's table.
    """
    home = Path(workspace_home).absolute()
    say = on_step or (lambda _text: None)
    try:
        wanted = wanted_environment(Path(app_folder), home, offline=offline, frozen=frozen, say=say)
        folder = home / "envs" / wanted.inputs.fingerprint
        environment = None if rebuild else read_environment(folder)
        if environment is None:
            # What makes environments starts processes and takes OS locks: no import for the warm path to pay.
            from agilab.envs.build import make

            environment = make(wanted, home, offline=offline, rebuild=rebuild, say=say)
        note_use(environment.path, wanted.sources)
    except OSError as problem:
        raise unwritable(home, problem) from problem
    return replace(environment, lock_digest=wanted.sources.lock_digest)
