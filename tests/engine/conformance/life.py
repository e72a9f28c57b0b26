"""A process that owns a run from where it stands to its end: `python -m tests.engine.conformance.life HOME EXECUTOR`.

It may be killed at any moment; the next one goes on.
"""

from __future__ import annotations

import sys
from pathlib import Path

from agilab.engine.coordinator import Coordinator
from agilab.engine.executor import Executor
from agilab.engine.graph import Graph
from agilab.engine.tasks import FunctionTasks
from agilab.store.locks import RunLock
from agilab.store.store import Store
from agilab.store.workspace import Workspace
from tests.engine.conformance.executors import make

RUN = "r1"


def carry_on(store: Store, executor: Executor) -> Coordinator:
    """Own the run and take it to its end, with the plan that it was recorded with."""
    with RunLock(store.workspace.run_folder(RUN)):
        graph = Graph.from_bytes(store.objects.read(store.run(RUN).plan_digest or ""))
        coordinator = Coordinator(store, RUN, graph, FunctionTasks(store, RUN, graph), executor)
        coordinator.execute()
        return coordinator


def main(home: Path, name: str, address: str | None = None) -> None:
    with Store(Workspace(home)) as store:
        executor = make(name, home / "logs", address)
        print(carry_on(store, executor).state.final, flush=True)
        executor.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
