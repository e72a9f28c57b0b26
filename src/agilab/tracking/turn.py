"""One deliverer of a home writes at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

Tell = Callable[[str], None]
"""Hears what the deliverer does now."""


@contextmanager
def turn(home: Path, tell: Tell) -> Iterator[None]:
    """Hold the home's delivery lock; waits for whoever has it.

    Looking for a run and making it are two requests: two deliverers of one run in between would make two. The
    operating system lifts the lock of a killed process.
    """
    from filelock import FileLock, Timeout

    folder = home / "mlflow"
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / "deliverer.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        tell("waiting for another delivery")
        lock.acquire(poll_interval=0.02)
    try:
        yield
    finally:
        lock.release()
