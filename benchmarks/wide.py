"""One wide fan-out of no-op units in a process of its own: `python benchmarks/wide.py EXECUTOR WIDTH HOME`.

Prints JSON: the sum of what the units returned, the seconds of the run and of its expansion, and the most memory that
this process held.
"""

from __future__ import annotations

import json
import resource
import shutil
import sys
import time
from pathlib import Path
from typing import Any

from agilab.engine.inline import InlineExecutor
from agilab.engine.local import LocalExecutor
from agilab.envs.worker_process import WorkerSpec
from agilab.projects.machine import cores
from agilab.store.store import Store
from agilab.store.workspace import Workspace
from benchmarks import plain
from benchmarks.units import FUNCTIONS, fan_out, run_graph


def peak_megabytes() -> float:
    """The most memory that this process held; `ru_maxrss` begins with that of the process that started it."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def expansion_seconds(store: Store, run_id: str) -> float:
    """From the end of the unit that made the list to the start of the first that is mapped over it, by the log."""
    ended = started = 0
    for event in store.events(run_id, kinds=("attempt_succeeded", "attempt_started")):
        if event.kind == "attempt_succeeded" and not ended:
            ended = event.at_us
        elif event.kind == "attempt_started" and ended:
            started = event.at_us
            break
    return (started - ended) / 1e6


def main(kind: str, width: int, home: Path) -> dict[str, Any]:
    """Run the fan-out and say what it came to."""
    source = home / "source"
    source.mkdir(parents=True)
    shutil.copyfile(plain.__file__, source / "plain.py")
    spec = WorkerSpec(Path(sys.executable), source, None)
    executor: Any
    if kind == "inline":
        executor = InlineExecutor(FUNCTIONS)
    elif kind == "local":
        executor = LocalExecutor({"": spec}, workers=cores(), logs=home / "logs")
    else:
        from agilab.engine.dask import DaskExecutor

        executor = DaskExecutor({"": spec}, workers=cores(), logs=home / "logs")
    try:
        with Store(Workspace(home)) as store:
            if kind != "inline":
                executor.start()
                run_graph(store, fan_out(-1, "rest", 2 * cores()).graph, executor)
            shape = fan_out(0, "square", width)
            began = time.perf_counter()
            run_id = run_graph(store, shape.graph, executor, max_units=width)
            seconds = time.perf_counter() - began
            expansion = expansion_seconds(store, run_id)
            total = sum(store.value(body) for _, body in store.results(run_id, shape.last))
    finally:
        executor.close()
    return {"sum": total, "seconds": seconds, "megabytes": peak_megabytes(), "expansion": expansion}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))))
