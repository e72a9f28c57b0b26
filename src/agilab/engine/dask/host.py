"""What runs inside a Dask worker: it keeps warm app workers as its children, and passes units and news along.

Four functions are called from afar, all with JSON in and out: `look` (may this host run the app?), `warm` (start
children ahead), `work` (the one Dask task: a batch of units for one place), and `cancel` and `release`. No object of
a user crosses Dask, and this process never imports an app.

News goes back as events of the client's own topic while a batch runs. An event is sent before the task that it
belongs to is reported finished, over the same stream, so nobody waits for a result to be fetched, and nothing is lost
where a worker ends after it has spoken.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import time
from pathlib import Path
from typing import Any

from agi_node.errors import AgiError
from agilab.engine.dask.batch import Batch
from agilab.engine.dask.seats import seat_of, session_of, spec_of

DIALECT = 1
"""Of the JSON between `dask` and this module: both sides must have the same."""


def look(order: bytes, dask_worker: Any = None) -> bytes:
    """Who this worker is, and what its host lacks of what the run needs. Runs in the Dask worker's event loop."""
    from agilab.store.locks import boot_id
    from agilab.version import __version__

    wanted = json.loads(order)
    if wanted["ours"]:
        # Ctrl-C in a terminal reaches every process there; it is the coordinator that decides what it means.
        with contextlib.suppress(ValueError):
            signal.signal(signal.SIGINT, signal.SIG_IGN)
    missing = [f"{what} {path}" for what, path, kind in wanted["paths"] if not _is_there(Path(path), kind)]
    token = Path(wanted["token_file"])
    try:
        shared = token.read_text(encoding="utf-8") == wanted["token"]
    except OSError:
        shared = False
    if not shared:
        missing.append(f"the run's folder {token.parent.parent}, on a file system that both machines share")
    return _answer(
        dialect=DIALECT,
        agilab=__version__,
        name=str(dask_worker.name),
        threads=int(dask_worker.state.nthreads),
        host=socket.gethostname(),
        boot=boot_id(),
        missing=missing,
    )


def warm(order: bytes) -> bytes:
    """Start the children of these places ahead, so that they import while the manager plans; tells their pids."""
    wanted = json.loads(order)
    found: dict[str, Any] = {}
    for name in wanted["places"]:
        seat = seat_of(wanted["session"], name, wanted["idle_s"])
        if seat.lock.acquire(blocking=False):
            try:
                child = seat.child(spec_of(wanted["spec"]), Path(wanted["logs"]))
                found[name] = [child.pid, child.pid_started]
            except AgiError:
                pass  # told again, and better, by the first unit that wants it
            finally:
                seat.lock.release()
    return _answer(children=found)


def cancel(order: bytes) -> bytes:
    """End every attempt of a session on this worker: politely, then after `grace_s` for certain."""
    wanted = json.loads(order)
    session = session_of(wanted["session"], wanted["idle_s"])
    session.kill_at = time.monotonic() + wanted["grace_s"]
    return _answer()


async def release(order: bytes) -> bytes:
    """End the session here, its children too; answers when they are gone."""
    wanted = json.loads(order)
    session = session_of(wanted["session"], wanted["idle_s"])
    session.kill_at = time.monotonic()
    await asyncio.to_thread(session.close)
    return _answer()


def work(order: bytes) -> bytes:
    """The Dask task: give a batch of units to the place's child, and tell what becomes of each."""
    from distributed import get_worker

    wanted = json.loads(order)
    if "file" in wanted:
        wanted = json.loads(Path(wanted["file"]).read_bytes())
    worker = get_worker()
    seat = seat_of(wanted["session"], wanted["place"], wanted["idle_s"])
    with seat.lock:
        Batch(wanted, seat, worker, worker.get_current_task()).run()
    return b""


def _is_there(path: Path, kind: str) -> bool:
    return path.is_dir() if kind == "folder" else os.access(path, os.X_OK)


def _answer(**data: Any) -> bytes:
    return json.dumps(data).encode()
