"""Who may make, use and remove an environment at the same time.

One lock for each fingerprint is held while its folder is made, exchanged or removed. Users of an environment
hold a lock file of their own each, because the portable OS lock has no shared mode. The OS releases both
when a process dies, however it dies.
"""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

from agi_node.errors import ENVIRONMENT, AgiError
from agilab.envs.environment import Environment

PATIENCE = 1800.0
"""Seconds to wait for another process that makes the same environment, perhaps over a slow network."""


@contextlib.contextmanager
def changing(
    home: Path,
    fingerprint: str,
    *,
    room: str = "envs",
    patience: float = PATIENCE,
    on_wait: Callable[[], None] | None = None,
) -> Iterator[None]:
    """Hold the right to make or remove one environment; raises AGI-ENV-010 after `patience` seconds.

    With `room="builds"` it is the right to one build of a compiled app, by the name of its folder.
    """
    import filelock

    folder = home / room / ".locks"
    folder.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(folder / f"{fingerprint}.lock")
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        if on_wait is not None:
            on_wait()
        try:
            lock.acquire(timeout=patience)
        except filelock.Timeout:
            raise AgiError(
                "AGI-ENV-010",
                f"another process has been changing {home / room / fingerprint[:12]}… for too long",
                found=f"no end after {patience:.0f} s",
                try_="look for an agilab or uv process that hangs, then the same command again",
                whose="environment",
                exit_code=ENVIRONMENT,
            ) from None
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def hold(environment: Environment) -> Iterator[None]:
    """Keep an environment from being removed or exchanged while this is open.

    For as long as processes run from it. Raises AGI-ENV-010 if it was removed since `ensure` returned it.
    """
    import filelock

    envs, fingerprint = environment.path.parent, environment.fingerprint
    own = envs / ".holds" / fingerprint / f"{os.getpid()}-{uuid.uuid4().hex}.lock"
    with changing(envs.parent, fingerprint):
        if not environment.python.exists():
            raise AgiError(
                "AGI-ENV-010",
                f"environment {fingerprint[:12]} was removed a moment ago",
                try_="the same command again: it is made anew",
                whose="environment",
                exit_code=ENVIRONMENT,
            )
        own.parent.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(own)
        lock.acquire(timeout=0)
    try:
        yield
    finally:
        lock.release()
        own.unlink(missing_ok=True)


def is_held(home: Path, fingerprint: str) -> bool:
    """Whether a living process holds the environment; traces of dead ones are cleared away.

    Only true for longer than this call while `changing` is held.
    """
    import filelock

    for path in (home / "envs" / ".holds" / fingerprint).glob("*.lock"):
        lock = filelock.FileLock(path)
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            return True
        lock.release()
        path.unlink(missing_ok=True)
    return False
