"""A hundred thousand units, ten thousand ready at once: caps hold, memory stays small, and all of it is durable."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from agilab.store.store import Store
from agilab.store.workspace import Workspace
from tests.engine.traps.conftest import ROOT

NODES, EACH = 10, 10_000
CAP, SLOTS, RUN_CAP = 16, 24, 40

OWNER = f"""
import json, resource, sys
from pathlib import Path
from agilab.engine.coordinator import Coordinator
from agilab.engine.graph import Graph, Node, Policy
from agilab.engine.inline import InlineExecutor
from agilab.engine.tasks import FunctionTasks
from agilab.store.store import Store
from agilab.store.workspace import Workspace
from tests.engine.conftest import begin

def policy(number):
    return Policy(max_parallel={CAP} if number % 2 else None, pool=None if number % 2 else "disk")

nodes = [Node("list", "list")]
for number in range({NODES}):
    before = (f"n{{number - 1}}",) if number else ()
    nodes.append(Node(f"n{{number}}", "n", before, foreach="list", policy=policy(number)))
# Whole nodes wait for one another, so that ten thousand units become ready at one instant.
nodes = [nodes[0]] + [
    Node(n.name, "n", (f"gate{{k}}",) if k else (), foreach="list", policy=n.policy) for k, n in enumerate(nodes[1:])
] + [Node(f"gate{{k}}", "gate", (f"n{{k - 1}}",)) for k in range(1, {NODES})]
graph = Graph(tuple(nodes), max_parallel={RUN_CAP}, pools={{"disk": {SLOTS}}}, max_units=200_000)

def gate(**needs):
    return None

functions = {{"list": lambda: list(range({EACH})), "n": lambda item, **needs: None, "gate": gate}}
with Store(Workspace(Path(sys.argv[1]))) as store:
    begin(store, "r1", graph)
    tasks = FunctionTasks(store, "r1", graph, max_units={EACH})
    run = Coordinator(store, "r1", graph, tasks, InlineExecutor(functions))
    final = run.execute()
status = Path("/proc/self/status")
if status.exists():
    # `ru_maxrss` begins with the size of the process that started this one.
    peak = next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM")) * 1024
else:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps([final, peak]))
"""


@pytest.mark.slow
def test_a_hundred_thousand_units_with_ten_thousand_ready_at_once_keep_every_cap(tmp_path: Path) -> None:
    command = [sys.executable, "-c", OWNER, str(tmp_path / "home")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr
    final, peak = json.loads(done.stdout)
    assert final == "succeeded"
    assert peak < 500 << 20, f"{peak >> 20} MiB"
    with Store(Workspace(tmp_path / "home")) as store:
        states = dict(
            store.db.execute("SELECT state, count(*) FROM unit WHERE node LIKE 'n%' GROUP BY state")
        )
        assert states == {"succeeded": NODES * EACH}
        running: dict[str, int] = {}
        whole = disk = ready = most_ready = 0
        for kind, unit, body in store.db.execute(
            "SELECT kind, unit_id, body FROM event WHERE run_id='r1'"
            " AND kind IN ('node_expanded', 'attempt_started', 'attempt_succeeded') ORDER BY run_seq"
        ):
            if kind == "node_expanded":
                expanded = json.loads(body)
                assert expanded["ready"]
                ready += expanded["count"]
                most_ready = max(most_ready, ready)
                continue
            step = 1 if kind == "attempt_started" else -1
            ready -= kind == "attempt_started"
            node = unit.partition("[")[0]
            running[node] = running.get(node, 0) + step
            whole += step
            if node.startswith("n"):
                odd = int(node[1:]) % 2
                disk += 0 if odd else step
                assert not odd or running[node] <= CAP
            assert whole <= RUN_CAP
            assert disk <= SLOTS
        assert (whole, ready) == (0, 0)
        assert most_ready > EACH - RUN_CAP
