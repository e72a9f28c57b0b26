"""A process that owns one run of `source/mischief.py`: `python -m tests.engine.traps.life HOME RUN EXECUTOR [MOMENT]`.

MOMENT `file-without-event` kills it, as `kill -9` does, when an object is in its place and the event that names it is
not yet in the log.
"""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agi_node.errors import AgiError
from agilab.engine.coordinator import Coordinator
from agilab.engine.executor import Executor
from agilab.engine.graph import Graph
from agilab.engine.inline import InlineExecutor
from agilab.engine.local import LocalExecutor
from agilab.engine.tasks import FunctionTasks
from agilab.envs.worker_process import WorkerSpec
from agilab.store.locks import RunLock
from agilab.store.objects import ObjectStore
from agilab.store.store import Store
from agilab.store.workspace import Workspace

SOURCE = Path(__file__).parent / "source"


def functions() -> dict[str, Callable[..., Any]]:
    """The functions of the source folder, by the names of their targets."""
    spec = importlib.util.spec_from_file_location("mischief", SOURCE / "mischief.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return {f"mischief:{name}": what for name, what in vars(module).items() if callable(what)}


def executor_of(name: str, logs: Path, workers: int = 1) -> Executor:
    """`inline`, or `local` with so many workers."""
    if name == "inline":
        return InlineExecutor(functions())
    return LocalExecutor({"": WorkerSpec(Path(sys.executable), SOURCE, None)}, workers=workers, logs=logs)


def carry_on(store: Store, run_id: str, executor: Executor) -> str:
    """Own a recorded run and take it to its end; returns its state."""
    with RunLock(store.workspace.run_folder(run_id)):
        graph = Graph.from_bytes(store.objects.read(store.run(run_id).plan_digest or ""))
        tasks = FunctionTasks(store, run_id, graph, max_units=100_000)
        return Coordinator(store, run_id, graph, tasks, executor).execute()


class DeadlyObjects(ObjectStore):
    """Objects are moved into their place; before anybody can record that, the process is no more."""

    def sync(self) -> None:
        if self._unsynced:
            os.kill(os.getpid(), signal.SIGKILL)


def main(home: Path, run_id: str, name: str, moment: str = "") -> int:
    try:
        with Store(Workspace(home)) as store:
            if moment == "file-without-event":
                store.objects = DeadlyObjects(store.workspace.objects)
            executor = executor_of(name, home / "logs")
            try:
                print(carry_on(store, run_id, executor), flush=True)
            finally:
                executor.close()
    except AgiError as problem:
        print(problem, file=sys.stderr, flush=True)
        return problem.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), *sys.argv[2:]))
