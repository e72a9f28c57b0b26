"""Who owns a run: an operating-system lock, released by the kernel however its holder ends."""

from __future__ import annotations

import json
import os
import socket
import time
from pathlib import Path
from types import TracebackType

from filelock import FileLock, Timeout

from agi_node.errors import AgiError

LOOKED_AT_SECONDS = 0.3
LOCK, NOTE = "owner.lock", "owner.json"


class RunLock:
    """Ownership of one run, as a context manager.

    Raises AGI-RUN-010, naming the owner, where another process holds it.
    """

    def __init__(self, run_folder: Path) -> None:
        self._lock = FileLock(run_folder / LOCK, thread_local=False)
        self._note = run_folder / NOTE

    def __enter__(self) -> RunLock:
        try:
            self._acquire()
        except Timeout:
            owner = self._owner()
            raise AgiError(
                "AGI-RUN-010",
                f"run {self._note.parent.name} already has a coordinator",
                found=f"process {owner.get('pid', 'unknown')} on {owner.get('host', 'this machine')}",
                allowed="one coordinator per run",
                try_=f"agilab runs show {self._note.parent.name}",
                exit_code=1,
            ) from None
        text = json.dumps(
            {"pid": os.getpid(), "host": socket.gethostname(), "since_us": time.time_ns() // 1000}
        )
        self._note.write_text(text, encoding="utf-8")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._note.unlink(missing_ok=True)
        self._lock.release()

    def _acquire(self) -> None:
        while True:
            self._note.parent.mkdir(parents=True, exist_ok=True)
            try:
                # Not at once: somebody may be looking whether the run has an owner, and takes the lock for an instant.
                self._lock.acquire(timeout=LOOKED_AT_SECONDS, poll_interval=0.01)
                return
            except FileNotFoundError:
                continue  # a prune took the folder away while we waited for its lock

    def _owner(self) -> dict[str, object]:
        try:
            owner: dict[str, object] = json.loads(self._note.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return owner


def has_owner(run_folder: Path) -> bool:
    """Whether some process coordinates the run right now. A run that says running and has none was interrupted."""
    if not (run_folder / LOCK).exists():
        return False
    try:
        return _is_locked(run_folder / LOCK)
    except FileNotFoundError:
        return False  # a prune took the folder away just now


def _is_locked(path: Path) -> bool:
    if os.name == "nt":
        lock = FileLock(path, thread_local=False)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return True
        lock.release()
        return False
    import fcntl

    # A shared lock, as two who look at once must not take each other for the owner.
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def boot_id() -> str:
    """Identifies this boot of this machine: a process of another boot is gone, whatever its pid."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        import psutil

        return f"{socket.gethostname()}@{int(psutil.boot_time())}"
