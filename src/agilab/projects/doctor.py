"""`agilab doctor`: look at everything that a run here rests on, from the interpreter to the tracking store.

| code | what is looked at |
| --- | --- |
| AGI-ENV-201 | the Python that runs AGILab |
| AGI-ENV-202 | cores and memory |
| AGI-ENV-203 | room on the disk of the home |
| AGI-STORE-201 | the workspace database: opens, and is whole |
| AGI-STORE-202 | runs that were interrupted |
| AGI-TRACK-201 | the tracking store: somebody is there |
| AGI-TRACK-202 | runs that wait to be delivered |

uv, the home's file system, uv's cache and every environment have their own findings (`envs.checkup`).
"""

from __future__ import annotations

import os
import platform
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from agi_node.errors import AgiError
from agilab.envs.checkup import Finding
from agilab.envs.checkup import doctor as look_at_environments
from agilab.store.workspace import Workspace

if TYPE_CHECKING:
    from agilab.store.store import Store

OLDEST_PYTHON = (3, 11)
LITTLE_ROOM = 5 * 10**9
NO_ROOM = 5 * 10**8
RUNS_LOOKED_AT = 200


def examine(workspace: Workspace) -> list[Finding]:
    """Look at this machine and this workspace.

    Everything is observed there and then. Repairs nothing, creates nothing that stays, and never raises for what
    it finds.
    """
    return [
        _python(),
        _machine(),
        _room(workspace.home),
        *look_at_environments(workspace.home),
        *_database(workspace),
        *_tracking(workspace),
    ]


def _python() -> Finding:
    code, version = "AGI-ENV-201", platform.python_version()
    evidence = f"{platform.python_implementation()} {version} at {sys.executable}"
    if sys.version_info[:2] < OLDEST_PYTHON:
        return Finding(code, "error", "this Python is too old", evidence, "install Python 3.11 or newer")
    return Finding(code, "ok", f"Python {version}", evidence)


def _machine() -> Finding:
    import psutil

    from agilab.projects.machine import cores

    memory = psutil.virtual_memory()
    free = memory.available / memory.total
    what = f"{cores()} cores, {memory.total / 1e9:.1f} GB of memory"
    evidence = f"{memory.available / 1e9:.1f} GB of it free, {platform.system()} {platform.machine()}"
    if free < 0.05:
        return Finding("AGI-ENV-202", "warn", "hardly any memory is free", evidence, "run with --workers 1")
    return Finding("AGI-ENV-202", "ok", what, evidence)


def _room(home: Path) -> Finding:
    code, place = "AGI-ENV-203", home
    while not place.is_dir() and place != place.parent:
        place = place.parent
    free = shutil.disk_usage(place).free
    evidence = f"{free / 1e9:.1f} GB free at {place}"
    if free < NO_ROOM:
        return Finding(code, "error", "the disk of the home is full", evidence, "agilab env prune")
    if free < LITTLE_ROOM:
        return Finding(code, "warn", "the disk of the home is almost full", evidence, "agilab env prune")
    return Finding(code, "ok", "there is room on the disk", evidence)


def _database(workspace: Workspace) -> Iterator[Finding]:
    code = "AGI-STORE-201"
    if not workspace.db.exists():
        yield Finding(code, "ok", "no run has been made here yet", str(workspace.home), "agilab first-proof")
        return
    from agilab.store.store import Store

    try:
        with Store(workspace, readonly=True) as store:
            said = store.db.execute("PRAGMA quick_check(3)").fetchall()
            count = store.db.execute("SELECT count(*) FROM run").fetchone()[0]
            waiting, interrupted = _unfinished(store)
    except AgiError as error:
        yield Finding(code, "error", error.what, error.found or error.code, error.try_ or "")
        return
    except sqlite3.DatabaseError as problem:
        yield Finding(
            code, "error", "the workspace database is damaged", str(problem), "use another AGILAB_HOME"
        )
        return
    if said != [("ok",)]:
        evidence = "; ".join(str(row[0]) for row in said)
        yield Finding(code, "error", "the workspace database is damaged", evidence, "use another AGILAB_HOME")
        return
    yield Finding(code, "ok", "the workspace database is whole", f"{count:,} runs in {workspace.db.name}")
    if interrupted:
        what = f"{len(interrupted)} of the latest runs never ended: nobody owns them"
        yield Finding(
            "AGI-STORE-202", "warn", what, ", ".join(interrupted[:3]), f"agilab runs show {interrupted[0]}"
        )
    if waiting:
        what = f"{len(waiting)} of the latest runs wait to be delivered to MLflow"
        yield Finding(
            "AGI-TRACK-202", "warn", what, ", ".join(waiting[:3]), f"agilab track sync {waiting[0]}"
        )


def _unfinished(store: Store) -> tuple[list[str], list[str]]:
    """(runs whose delivery was put off, runs that were interrupted) among the latest ones."""
    from agilab.views.history import INTERRUPTED, state_of

    waiting, interrupted = [], []
    for run in store.runs(limit=RUNS_LOOKED_AT):
        if state_of(store, run) == INTERRUPTED:
            interrupted.append(run.run_id)
        last = None
        for event in store.events(run.run_id, kinds=("tracking_recorded",)):
            last = event.data["state"]
        if last == "deferred":
            waiting.append(run.run_id)
    return waiting, interrupted


def _tracking(workspace: Workspace) -> Iterator[Finding]:
    from agilab.projects.finish import tracking_uri
    from agilab.projects.roots import settings_of
    from agilab.tracking import safe_uri
    from agilab.tracking.reach import unreachable
    from agilab.tracking.uri import sqlite_path

    code = "AGI-TRACK-201"
    try:
        uri = tracking_uri(workspace, settings_of(workspace))
    except AgiError as error:
        yield Finding(code, "error", error.what, error.found or error.code, error.try_ or "")
        return
    if uri is None:
        yield Finding(code, "ok", "tracking is off", "runs are recorded in the workspace alone")
        return
    path = sqlite_path(uri)
    if path is not None:
        yield _local_database(code, path)
        return
    why = unreachable(uri)
    if why is not None:
        again = "start the server, or unset MLFLOW_TRACKING_URI"
        yield Finding(
            code, "warn", "the tracking server does not answer; runs are delivered later", why, again
        )
        return
    yield Finding(code, "ok", "the tracking store answers", safe_uri(uri))


def _local_database(code: str, path: Path) -> Finding:
    place = path if path.exists() else path.parent
    while not place.exists() and place != place.parent:
        place = place.parent
    if not os.access(place, os.W_OK):
        return Finding(
            code, "error", "the tracking database cannot be written", str(path), "set MLFLOW_TRACKING_URI"
        )
    if not path.exists():
        return Finding(code, "ok", "the tracking database is made by the first run", str(path))
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=2)) as db:
            db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.DatabaseError as problem:
        again = f"move {path.name} away; `agilab track sync` fills a new one"
        return Finding(code, "error", "the tracking database cannot be read", f"{problem}: {path}", again)
    return Finding(code, "ok", "the tracking database can be used", str(path))
