"""Ending what an earlier owner of a run left behind."""

from __future__ import annotations

from agilab.store.locks import boot_id
from agilab.store.store import Store


def reap(store: Store, run_id: str) -> list[int]:
    """End worker processes that an earlier owner of this run left behind; returns their pids.

    A process is only ended where boot, pid and start time are those of the lease: pids are used again.
    """
    import psutil

    ended = []
    for lease in store.leases(run_id):
        if lease.boot != boot_id() or not lease.pid:
            continue  # of another boot, or of another machine
        try:
            process = psutil.Process(lease.pid)
            if abs(process.create_time() - lease.pid_started) < 0.05:
                for child in [*process.children(recursive=True), process]:
                    child.kill()
                ended.append(lease.pid)
        except psutil.NoSuchProcess:
            continue
    return ended
