"""What a unit costs beyond what it does: functions that do nothing, in graphs of a thousand and of two hundred."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

from agilab.contracts.identifiers import new_run_id
from agilab.engine.coordinator import Coordinator
from agilab.engine.executor import Executor
from agilab.engine.graph import Graph, Node
from agilab.engine.inline import InlineExecutor
from agilab.engine.local import LocalExecutor
from agilab.engine.reuse import Memory
from agilab.engine.tasks import FunctionTasks
from agilab.envs.worker_process import WorkerSpec
from agilab.projects.machine import cores
from agilab.store.store import Store
from agilab.store.workspace import Workspace
from benchmarks import plain
from benchmarks.bench import BENCHMARKS, PYTHON, Bench, Missing
from benchmarks.case import Case, Limit, Measured
from benchmarks.equality import assert_same
from benchmarks.samples import Side, alternate

if TYPE_CHECKING:
    from agilab.engine.dask import DaskExecutor

WIDTH = 1000
LENGTH = 200
ROUNDS = 7
FUNCTIONS = {f"plain:{name}": getattr(plain, name) for name in ("numbers", "square", "start", "link")}


@dataclass(frozen=True)
class Shape:
    """A graph, how many of its units are counted, and the node whose values are its result."""

    graph: Graph
    units: int
    last: str


def fan_out(turn: int = 0, function: str = "square", width: int = WIDTH) -> Shape:
    """A list and one unit for each of its items. `turn` is in the names, so that no executor knows them."""
    items, each = f"items{turn}", f"each{turn}"
    nodes = (
        Node(items, "plain:numbers", args={"count": width}),
        Node(each, f"plain:{function}", (items,), foreach=items),
    )
    return Shape(Graph(nodes), width, each)


def chain(turn: int = 0, length: int = LENGTH) -> Shape:
    """Units that each need the one before."""
    names = [f"link{turn}_{position}" for position in range(length)]
    nodes = [Node(names[0], "plain:start")]
    nodes += [Node(name, "plain:link", (before,)) for before, name in pairwise(names)]
    return Shape(Graph(tuple(nodes)), length, names[-1])


def run_graph(
    store: Store,
    graph: Graph,
    executor: Executor,
    *,
    max_units: int = 10_000,
    codes: Mapping[str, str] | None = None,
    memory: Memory | None = None,
) -> str:
    """Execute a graph of plain functions as a run of its own; returns its id. Raises where it does not succeed."""
    run_id = new_run_id("bench")
    log = store.log(run_id)
    log.append("run_created", app="bench", args={})
    store.objects.put(graph.to_bytes())
    nodes = [{"name": node.name, "target": node.target} for node in graph.nodes]
    log.append("plan_recorded", plan_digest=graph.digest, nodes=nodes)
    log.flush()
    tasks = FunctionTasks(store, run_id, graph, max_units=max_units)
    state = Coordinator(store, run_id, graph, tasks, executor, codes=codes, memory=memory).execute()
    if state != "succeeded":
        kinds = ("attempt_failed", "node_finished")
        errors = [e.data["error"] for e in store.events(run_id, kinds=kinds) if "error" in e.data]
        raise RuntimeError(f"the graph {state}: {errors[:1]}")
    return run_id


def values(store: Store, run_id: str, node: str) -> list[Any]:
    """What the units of a node returned, in the order of the list that they came from."""
    return [store.value(body) for _, body in sorted(store.results(run_id, node), key=_position)]


def _position(row: tuple[Any, Any]) -> int:
    position: int = row[0].position
    return position


@contextmanager
def warm_workers(bench: Bench) -> Iterator[LocalExecutor]:
    """Workers of this environment, one a core, that have imported everything and done a unit each."""
    source = bench.new_folder("source")
    shutil.copyfile(BENCHMARKS / "plain.py", source / "plain.py")
    spec = WorkerSpec(PYTHON, source, None)
    executor = LocalExecutor({"": spec}, workers=cores(), logs=bench.new_folder("logs"))
    try:
        executor.start()
        with Store(Workspace(bench.new_folder("home"))) as store:
            run_graph(store, fan_out(-1, "rest", 4 * cores()).graph, executor)
        yield executor
    finally:
        executor.close()


@contextmanager
def warm_pool() -> Iterator[ProcessPoolExecutor]:
    """As many processes of a pool, all of them up."""
    with ProcessPoolExecutor(cores(), mp_context=get_context("spawn")) as pool:
        list(pool.map(plain.rest, range(4 * cores())))
        yield pool


def _loop_fan_out() -> list[int]:
    return [plain.square(number) for number in plain.numbers(WIDTH)]


def _loop_chain() -> list[int]:
    value = plain.start()
    for _ in range(LENGTH - 1):
        value = plain.link(before=value)
    return [value]


def _pool_fan_out(pool: ProcessPoolExecutor) -> list[int]:
    return list(pool.map(plain.square, plain.numbers(WIDTH), chunksize=1))


def _pool_chain(pool: ProcessPoolExecutor) -> list[int]:
    value = pool.submit(plain.start).result()
    for _ in range(LENGTH - 1):
        value = pool.submit(plain.link, before=value).result()
    return [value]


_LOOPS: Mapping[Callable[..., Shape], Callable[[], list[int]]] = {fan_out: _loop_fan_out, chain: _loop_chain}
_POOLS: Mapping[Callable[..., Shape], Callable[[ProcessPoolExecutor], list[int]]] = {
    fan_out: _pool_fan_out,
    chain: _pool_chain,
}


@contextmanager
def warm_dask(bench: Bench) -> Iterator[DaskExecutor]:
    """A Dask cluster on this machine, one worker a core, whose app workers have done a unit each."""
    try:
        from agilab.engine.dask import DaskExecutor
    except ImportError as problem:
        raise Missing(f"the extra `dask`: {problem}") from problem
    source = bench.new_folder("source")
    shutil.copyfile(BENCHMARKS / "plain.py", source / "plain.py")
    executor = DaskExecutor(
        {"": WorkerSpec(PYTHON, source, None)}, workers=cores(), logs=bench.new_folder("logs")
    )
    try:
        executor.start()
        with Store(Workspace(bench.new_folder("home"))) as store:
            run_graph(store, fan_out(-1, "rest", 4 * cores()).graph, executor)
        yield executor
    finally:
        executor.close()


@contextmanager
def raw_dask() -> Iterator[Any]:
    """A client of a Dask cluster of the same size, for functions alone."""
    from distributed import Client, LocalCluster

    with (
        LocalCluster(
            n_workers=cores(), threads_per_worker=1, dashboard_address=None, host="127.0.0.1"
        ) as cluster,
        Client(cluster) as client,
    ):
        client.gather(client.map(plain.rest, range(4 * cores()), pure=False))
        yield client


def _dask_fan_out(client: Any) -> list[int]:
    found: list[int] = client.gather(client.map(plain.square, plain.numbers(WIDTH), pure=False))
    return found


def _dask_chain(client: Any) -> list[int]:
    value = client.submit(plain.start, pure=False)
    for _ in range(LENGTH - 1):
        value = client.submit(plain.link, before=value, pure=False)
    return [value.result()]


def measure_dask(bench: Bench, rounds: int, *, shape: Callable[..., Shape]) -> Measured:
    """Seconds a unit on Dask: our engine with all it writes down, and Dask alone."""
    turns = iter(range(1_000_000))
    expected = _LOOPS[shape]()
    executor = bench.keep("dask", partial(warm_dask, bench))
    client = bench.keep("raw dask", raw_dask)
    raw = {fan_out: _dask_fan_out, chain: _dask_chain}[shape]

    def ours() -> float:
        asked = shape(next(turns))
        with Store(Workspace(bench.new_folder("home"))) as store:
            started = time.perf_counter()
            run_id = run_graph(store, asked.graph, executor)
            seconds = time.perf_counter() - started
            assert_same(values(store, run_id, asked.last), expected)
        return seconds / asked.units

    def reference() -> float:
        started = time.perf_counter()
        found = raw(client)
        seconds = time.perf_counter() - started
        assert_same(found, expected)
        return seconds / shape().units

    taken = alternate({"ours": ours, "raw dask": reference}, rounds)
    return Measured(taken["ours"], taken["raw dask"])


def measure(bench: Bench, rounds: int, *, shape: Callable[..., Shape], inline: bool) -> Measured:
    """Seconds a unit: our engine with all it writes down, a plain loop, and a pool of processes.

    Every round is a run of its own in a new home, whose files a home in use would have: making them is not timed.
    """
    turns = iter(range(1_000_000))
    expected = _LOOPS[shape]()
    executor: Executor = (
        InlineExecutor(FUNCTIONS) if inline else bench.keep("workers", partial(warm_workers, bench))
    )
    pool = bench.keep("pool", warm_pool)

    def ours() -> float:
        asked = shape(next(turns))
        with Store(Workspace(bench.new_folder("home"))) as store:
            started = time.perf_counter()
            run_id = run_graph(store, asked.graph, executor)
            seconds = time.perf_counter() - started
            assert_same(values(store, run_id, asked.last), expected)
        return seconds / asked.units

    def timed(what: Callable[[], list[int]]) -> float:
        started = time.perf_counter()
        found = what()
        seconds = time.perf_counter() - started
        assert_same(found, expected)
        return seconds / shape().units

    sides: dict[str, Side] = {
        "ours": ours,
        "plain loop": partial(timed, _LOOPS[shape]),
        "process pool": partial(timed, partial(_POOLS[shape], pool)),
    }
    taken = alternate(sides, rounds)
    reference, other = ("plain loop", "process pool") if inline else ("process pool", "plain loop")
    return Measured(taken["ours"], taken[reference], {other: taken[other]})


_INLINE = Case(
    "unit-inline-fanout",
    "unit",
    f"a unit of {WIDTH:,} in a fan-out, inline",
    "the same in a plain loop",
    "ms",
    Limit(plus=0.0002),
    ROUNDS,
    partial(measure, shape=fan_out, inline=True),
)
_WORKER = replace(
    _INLINE,
    name="unit-worker-fanout",
    ours=f"a unit of {WIDTH:,} in a fan-out, in warm workers",
    reference="the same in a process pool",
    limit=Limit(plus=0.001),
    measure=partial(measure, shape=fan_out, inline=False),
)
CASES = (
    _INLINE,
    replace(
        _INLINE,
        name="unit-inline-chain",
        ours=f"a unit of {LENGTH} in a chain, inline",
        measure=partial(measure, shape=chain, inline=True),
    ),
    _WORKER,
    replace(
        _WORKER,
        name="unit-worker-chain",
        ours=f"a unit of {LENGTH} in a chain, in warm workers",
        measure=partial(measure, shape=chain, inline=False),
    ),
    replace(
        _WORKER,
        name="unit-dask-fanout",
        ours=f"a unit of {WIDTH:,} in a fan-out, on Dask",
        reference="the same with Dask alone",
        limit=Limit(times=1.5),
        rounds=5,
        measure=partial(measure_dask, shape=fan_out),
    ),
    replace(
        _WORKER,
        name="unit-dask-chain",
        ours=f"a unit of {LENGTH} in a chain, on Dask",
        reference="the same with Dask alone",
        limit=Limit(times=1.5),
        rounds=5,
        measure=partial(measure_dask, shape=chain),
    ),
)
