"""What a verification started, and the folder it does that in, when its process is ended from outside."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from filelock import FileLock, Timeout

ENDS_S = 5.0
"""Seconds that a kernel's process has, once nobody listens to it any more."""
_LOCK = "owner.lock"
_YOUNG_S = 60.0
"""Seconds in which a folder is left alone: its owner may be about to lock it."""
_SIGNALS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


@contextmanager
def before_the_end(last: Callable[[], object]) -> Iterator[None]:
    """Have `last` called before SIGTERM or SIGHUP ends this process, which it then does as it would have.

    Nothing is raised, so that no code goes on which believes that it failed. Of several that are open the inner one is
    called first. Signals that are ignored stay so (`nohup`), and only the main thread hears any.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in _SIGNALS}

    def ended(number: int, frame: FrameType | None) -> None:
        last()
        earlier = before[signal.Signals(number)]
        if callable(earlier):
            earlier(number, frame)
        else:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)

    heard = [number for number in _SIGNALS if before[number] is not signal.SIG_IGN]
    for number in heard:
        signal.signal(number, ended)
    try:
        yield
    finally:
        for number in heard:
            signal.signal(number, before[number])


@contextmanager
def ending(process: subprocess.Popen[str]) -> Iterator[None]:
    """End a process that ends with its standard input, however this block does."""

    def end() -> None:
        if process.stdin is not None:
            with suppress(OSError):
                process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            process.wait(ENDS_S)
        process.kill()

    with before_the_end(end):
        try:
            yield
        except BaseException:
            end()
            raise


@contextmanager
def scratch_folder(prefix: str) -> Iterator[Path]:
    """A folder for a while, which goes also when this process is ended by a signal.

    What a killed process left behind under that prefix, the next one removes: it holds no lock on it any more.
    """
    _remove_left_behind(prefix)
    with tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True) as name:
        folder = Path(name)
        with FileLock(folder / _LOCK), before_the_end(lambda: _remove(folder)):
            yield folder


def _remove_left_behind(prefix: str) -> None:
    for lock in Path(tempfile.gettempdir()).glob(f"{prefix}*/{_LOCK}"):
        with suppress(OSError, Timeout):
            if time.time() - lock.stat().st_mtime > _YOUNG_S:
                with FileLock(lock, timeout=0):
                    _remove(lock.parent)


def _remove(folder: Path) -> None:
    for closed in folder.glob(
        "*/room-*/work/work"
    ):  # the kernel's own, of an overlay: nobody may look into it
        with suppress(OSError):
            closed.chmod(0o700)
    shutil.rmtree(folder, ignore_errors=True)
