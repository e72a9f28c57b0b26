"""A process that owns one run: begins it, or goes on where another one ended, until it is over or it is killed itself.

`python -m tests.faults.owner HOME RUN COUNT`
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from agilab.engine.coordinator import Coordinator
from agilab.engine.foreach import Nested
from agilab.engine.graph import Graph, Node, Policy
from agilab.engine.local import LocalExecutor
from agilab.engine.tasks import FunctionTasks
from agilab.envs.worker_process import WorkerSpec
from agilab.store.locks import RunLock
from agilab.store.store import Store
from agilab.store.workspace import Workspace

SOURCE = Path(__file__).parent / "source"
WORKERS = 2


def graph_of(count: int, folder: Path) -> Graph:
    """Five nodes below a list of `count` items. Processes may be lost as often as it pleases whoever kills them."""
    policy = Policy(max_retries=3, max_losses=10_000, delay_s=0.005, max_delay_s=0.02)
    return Graph(
        (
            Node("plan", "chores:plan", args={"count": count}, policy=policy),
            Node("flaky", "chores:flaky", foreach="plan", args={"folder": str(folder)}, policy=policy),
            Node("parts", "chores:parts", foreach="flaky", policy=policy),
            Node("piece", "chores:piece", foreach=Nested("parts"), policy=policy),
            Node("folded", "chores:folded", ("piece",), foreach="plan", policy=policy),
            Node("total", "chores:total", ("folded", "piece"), policy=policy),
        )
    )


def begin(store: Store, run_id: str, graph: Graph) -> None:
    """Record the run and its plan, in one transaction."""
    log = store.log(run_id)
    store.objects.put(graph.to_bytes())
    log.append("run_created", app="chores", args={})
    nodes = [{"name": node.name, "target": node.target} for node in graph.nodes]
    log.append("plan_recorded", plan_digest=graph.digest, nodes=nodes)
    log.flush()


def live(home: Path, run_id: str, count: int) -> str:
    """Own the run to its end; returns its state."""
    with Store(Workspace(home)) as store:
        folder = store.workspace.run_folder(run_id)
        with RunLock(folder):
            graph = graph_of(count, folder)
            if not store.db.execute("SELECT 1 FROM run WHERE run_id=?", (run_id,)).fetchone():
                begin(store, run_id, graph)
            spec = WorkerSpec(Path(sys.executable), SOURCE, None)
            executor = LocalExecutor({"": spec}, workers=WORKERS, logs=folder / "logs")
            try:
                executor.start()
                tasks = FunctionTasks(store, run_id, graph)
                state = Coordinator(store, run_id, graph, tasks, executor).execute()
            finally:
                executor.close()
            # As for an app's run: nobody needs what was staged once the run is over.
            shutil.rmtree(folder / "staging", ignore_errors=True)
        return state


if __name__ == "__main__":
    print(live(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])), flush=True)
