"""What the engine promises beyond one unit: width, memory, an unchanged pipeline again, going on after `kill -9`."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from itertools import pairwise
from pathlib import Path

from agilab.engine.graph import Graph, Node, Policy
from agilab.engine.inline import InlineExecutor
from agilab.engine.reuse import Cache
from agilab.store.store import Store
from agilab.store.workspace import Workspace
from benchmarks import plain
from benchmarks.bench import PYTHON, ROOT, Bench, CommandFailed
from benchmarks.case import Case, Limit, Measured
from benchmarks.equality import assert_same
from benchmarks.samples import Samples, alternate
from benchmarks.units import FUNCTIONS, run_graph

WIDTH = 100_000
LENGTH = 50
STEPS = 20
STEP_S = 0.1


# -- width -------------------------------------------------------------------------------------------------


def _wide(bench: Bench, kind: str) -> dict[str, float]:
    _, text = bench.command(
        PYTHON, "-c", _IN_ROOT, str(ROOT), "benchmarks.wide", kind, str(WIDTH), bench.new_folder("wide")
    )
    found: dict[str, float] = json.loads(text)
    assert_same(found["sum"], sum(plain.square(n) for n in plain.numbers(WIDTH)))
    return found


_IN_ROOT = (
    "import runpy, sys; root, module, *rest = sys.argv[1:]; sys.path.insert(0, root); "
    "sys.argv = [module, *rest]; runpy.run_module(module, run_name='__main__')"
)


def _loop() -> float:
    began = time.perf_counter()
    sum(plain.square(number) for number in plain.numbers(WIDTH))
    return time.perf_counter() - began


def measure_width(bench: Bench, rounds: int, *, kind: str) -> Measured:
    """Seconds of a run of 100,000 units, every event durable, beside a plain loop."""
    ours = tuple(_wide(bench, kind)["seconds"] for _ in range(rounds))
    return Measured(Samples(ours), Samples(tuple(_loop() for _ in range(rounds))))


def measure_expansion(bench: Bench, rounds: int) -> Measured:
    """From a list of 100,000 items to the first unit at work, beside as many rows that SQLite inserts at once."""
    ours = tuple(_wide(bench, "inline")["expansion"] for _ in range(rounds))
    return Measured(Samples(ours), Samples(tuple(_rows(bench.new_folder("rows")) for _ in range(rounds))))


def _rows(folder: Path) -> float:
    with closing(sqlite3.connect(folder / "rows.db", isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute(
            "CREATE TABLE unit(run TEXT, unit TEXT, payload TEXT, PRIMARY KEY(run, unit)) WITHOUT ROWID"
        )
        began = time.perf_counter()
        db.execute("BEGIN")
        rows = (("run", f"each[{number}]", json.dumps(number)) for number in plain.numbers(WIDTH))
        db.executemany("INSERT INTO unit VALUES(?,?,?)", rows)
        db.execute("COMMIT")
        return time.perf_counter() - began


def measure_memory(bench: Bench, rounds: int) -> Measured:
    """The most memory of a process that ran 100,000 units inline, beside one that only imported the engine."""
    empty = "from benchmarks.wide import peak_megabytes; print(peak_megabytes())"
    bare = []
    for _ in range(rounds):
        _, text = bench.command(PYTHON, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}); {empty}")
        bare.append(float(text))
    ours = tuple(_wide(bench, "inline")["megabytes"] for _ in range(rounds))
    return Measured(Samples(ours), Samples(tuple(bare)))


# -- the same pipeline again -------------------------------------------------------------------------------


def pipeline(length: int = LENGTH) -> Graph:
    """Nodes in a row, each of which may be reused."""
    cached = Policy(cache=True)
    names = [f"link{position}" for position in range(length)]
    nodes = [Node(names[0], "plain:start", policy=cached)]
    nodes += [Node(name, "plain:link", (before,), policy=cached) for before, name in pairwise(names)]
    return Graph(tuple(nodes))


def measure_again(bench: Bench, rounds: int) -> Measured:
    """An unchanged pipeline of fifty nodes again, beside a script that finds fifty pickled results by their keys."""
    graph = pipeline()
    codes = {node.name: hashlib.sha256(node.target.encode()).hexdigest() for node in graph.nodes}
    store = bench.keep("again", lambda: Store(Workspace(bench.new_folder("home"))))
    expected = LENGTH

    def ours() -> float:
        memory = Cache(store, "bench")
        began = time.perf_counter()
        run_id = run_graph(store, graph, InlineExecutor(FUNCTIONS), codes=codes, memory=memory)
        seconds = time.perf_counter() - began
        (body,) = [body for _, body in store.results(run_id, graph.nodes[-1].name)]
        assert_same(store.value(body), expected)
        return seconds

    folder = bench.new_folder("pickles")

    def reference() -> float:
        began = time.perf_counter()
        value = 0
        for position in range(LENGTH):
            key = hashlib.sha256(pickle.dumps((plain.link.__code__.co_code, position, value))).hexdigest()
            file = folder / key
            if not file.exists():
                file.write_bytes(pickle.dumps(value + 1))
            value = pickle.loads(file.read_bytes())
        seconds = time.perf_counter() - began
        assert_same(value, expected)
        return seconds

    taken = alternate({"ours": ours, "reference": reference}, rounds)
    last = store.runs(limit=1)[0]
    executed = sum(1 for _ in store.events(last.run_id, kinds=("attempt_started",)))
    assert_same(executed, 0)
    return Measured(taken["ours"], taken["reference"])


# -- going on ----------------------------------------------------------------------------------------------

_SCRIPT = """
import pickle, sys, time
from pathlib import Path
folder = Path(sys.argv[1])
for step in range({steps}):
    file = folder / f"{{step}}.pickle"
    if not file.exists():
        (folder / f"{{step}}.began").touch()
        time.sleep({seconds})
        file.write_bytes(pickle.dumps(step))
"""


def _killed_and_again(start: Callable[[], subprocess.Popen[bytes]], began: Callable[[], int]) -> float:
    """Seconds from starting again until the next step begins, after a `kill -9` in the middle."""
    process = start()
    _until(lambda: began() >= STEPS // 2)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    before = began()
    started = time.perf_counter()
    process = start()
    _until(lambda: began() > before)
    seconds = time.perf_counter() - started
    if process.wait() != 0:
        raise CommandFailed(f"what was started again ended with {process.returncode}")
    return seconds


def _until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.perf_counter() + seconds
    while not condition():
        if time.perf_counter() > deadline:
            raise CommandFailed("it did not get that far in a minute")
        time.sleep(0.002)


def measure_resume(bench: Bench, rounds: int) -> Measured:
    """From `agilab runs resume` to the next unit at work, beside a script that keeps each step in a pickle."""
    app = ROOT / "benchmarks" / "apps" / "steps_project"
    bench.agilab("app", "install", app)
    agilab = PYTHON.with_name("agilab")

    def ours() -> float:
        first = True
        run_id = ""
        known = {run.run_id for run in _runs(bench.home)}

        def start() -> subprocess.Popen[bytes]:
            nonlocal first
            words: list[str | Path] = ["run", app, "--workers", "1", "--no-track", "--count", str(STEPS)]
            if not first:
                words = ["runs", "resume", run_id]
            first = False
            quiet = subprocess.DEVNULL
            return subprocess.Popen([agilab, *words], env=bench.environment, stdout=quiet, stderr=quiet)

        def began() -> int:
            nonlocal run_id
            with Store(Workspace(bench.home), readonly=True) as store:
                if not run_id:
                    new = [run.run_id for run in store.runs(limit=5) if run.run_id not in known]
                    if not new:
                        return 0
                    run_id = new[0]
                return sum(
                    str(event.unit_id).startswith("work[")
                    for event in store.events(run_id, kinds=("attempt_started",))
                )

        return _killed_and_again(start, began)

    def reference() -> float:
        folder = bench.new_folder("steps")
        script = folder / "steps.py"
        script.write_text(_SCRIPT.format(steps=STEPS, seconds=STEP_S), encoding="utf-8")

        def start() -> subprocess.Popen[bytes]:
            return subprocess.Popen([PYTHON, script, folder], env=bench.environment)

        def began() -> int:
            # The step at which it was killed begins a second time: count what is done and one more.
            done = sum(1 for _ in folder.glob("*.pickle"))
            return sum(1 for _ in folder.glob("*.began")) + done

        return _killed_and_again(start, began)

    taken = alternate({"ours": ours, "reference": reference}, rounds, warm_ups=0)
    return Measured(taken["ours"], taken["reference"])


def _runs(home: Path) -> list[object]:
    if not Workspace(home).db.exists():
        return []
    with Store(Workspace(home), readonly=True) as store:
        return list(store.runs(limit=100))


def _width(kind: str, limit: float, words: str) -> Case:
    return Case(
        f"wide-{kind}",
        "wide",
        f"a run of {WIDTH:,} no-op units {words}, every event durable",
        "the same in a plain loop",
        "s",
        Limit(plus=limit),
        1,
        partial(measure_width, kind=kind),
    )


CASES = (
    _width("inline", 30.0, "inline"),
    _width("local", 100.0, "in warm workers"),
    _width("dask", 150.0, "on Dask"),
    Case(
        "wide-expansion",
        "wide",
        f"a list of {WIDTH:,} items becomes units, durably, until the first is at work",
        "as many rows that SQLite inserts at once",
        "s",
        Limit(plus=1.0),
        3,
        measure_expansion,
    ),
    Case(
        "wide-memory",
        "wide",
        f"memory of the process that runs {WIDTH:,} units inline",
        "of one that only imported the engine",
        "MB",
        Limit(plus=500.0),
        1,
        measure_memory,
    ),
    Case(
        "pipeline-again",
        "again",
        f"an unchanged pipeline of {LENGTH} nodes, run again",
        "a script that finds its pickled results",
        "ms",
        Limit(plus=0.05),
        7,
        measure_again,
    ),
    Case(
        "resume-killed",
        "again",
        "from `runs resume` after kill -9 to the next unit at work",
        "a script that keeps each step in a pickle",
        "s",
        Limit(plus=2.0),
        3,
        measure_resume,
    ),
)
