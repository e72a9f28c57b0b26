"""One run of a flow: from its first event to its manifest, through the one engine and the one log."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agi_node import codec
from agi_node.canonical import tag
from agi_node.errors import AgiError
from agi_node.source import Code
from agilab.contracts.atomic import write_atomically
from agilab.contracts.subject import subject
from agilab.engine.coordinator import Coordinator, Observer
from agilab.engine.executor import Executor
from agilab.engine.inline import InlineExecutor
from agilab.engine.local import LocalExecutor
from agilab.engine.rerun import Preview, Rerun, memory_of, recorded
from agilab.engine.reuse import Cache, Memory
from agilab.envs.worker_process import WorkerSpec
from agilab.flow.binding import Bound
from agilab.flow.declaration import Declared
from agilab.flow.order import FlowTasks
from agilab.flow.provenance import codes_of, cores, environment_record, replay, source_tree, workbench
from agilab.store.events import body_text
from agilab.store.locks import RunLock
from agilab.store.log import RunLog
from agilab.store.store import Store

FUNCTIONS = "functions.pickle"
KNOWN = ("inline", "local", "dask")
ExecutorMaker = Callable[[Mapping[str, WorkerSpec], int, Path], Executor]
"""Makes an executor from: specs by environment (a flow has the one environment ""), workers, folder for logs."""


@dataclass(frozen=True)
class Way:
    """How a run is executed.

    Attributes:
        workers: Worker processes; None runs inline.
        executor: Another executor, or what makes one from specs, workers and a folder for logs.
    """

    workers: int | None = None
    executor: Executor | ExecutorMaker | None = None

    def __post_init__(self) -> None:
        if self.workers is not None and not (isinstance(self.workers, int) and self.workers >= 1):
            raise AgiError(
                "AGI-FLOW-010",
                "a run needs somebody to work",
                found=f"workers={self.workers!r}",
                allowed="1 or more worker processes, or None for this very process",
            )
        if self.executor is not None and not callable(self.executor):
            _refuse_unknown(self.executor)

    @property
    def sends(self) -> bool:
        """Whether functions travel to other processes; an executor that is ready made has its own ways."""
        return callable(self.executor) if self.executor is not None else self.workers is not None


def _refuse_unknown(executor: Executor) -> None:
    name = getattr(executor, "name", repr(executor)[:80])
    if name not in KNOWN:
        raise AgiError(
            "AGI-FLOW-010",
            "no manifest knows this executor",
            found=name,
            allowed=f"an executor called {', '.join(KNOWN)}, or a function that makes one",
            whose="author",
        )


def app_of(flow: str) -> str:
    """The app under which the runs of a flow stand."""
    return subject("flow", flow)


@dataclass(frozen=True)
class Purpose:
    """What is run: a flow's declared nodes, bound to arguments."""

    flow: str
    nodes: Mapping[str, Declared]
    bound: Bound

    @property
    def cached(self) -> list[str]:
        return [node.name for node in self.bound.graph.nodes if node.policy.cache]


def carry_out(
    store: Store,
    run_id: str,
    purpose: Purpose,
    way: Way,
    *,
    observer: Observer | None,
    is_new: bool,
    shown: Preview | None = None,
    written_by: str = "coordinator",
) -> None:
    """Own a run, take it to its end and write its manifest. What its log already holds is not done again.

    `shown` is the preview of a new run that is a rerun.
    """
    graph = purpose.bound.graph
    folder = store.workspace.run_folder(run_id)
    # Before anything is written: what cannot travel is no run.
    packed = codec.write_functions(purpose.bound.functions) if way.sends else None
    environment = environment_record()
    codes = codes_of(purpose.nodes)
    known = not is_new
    try:
        with RunLock(folder), _executor(purpose, way, folder, packed) as executor:
            tasks = FlowTasks(store, run_id, graph)
            parts = {name: code.parts for name, code in codes.items()}
            coordinator = Coordinator(
                store,
                run_id,
                graph,
                tasks,
                executor,
                observer=observer,
                codes=digests_of(codes),
                environment=environment["fingerprint"],
                memory=_memory(store, run_id, purpose, parts, shown),
            )
            tasks.state = coordinator.state
            if is_new:
                _record(
                    coordinator.log,
                    store,
                    purpose,
                    executor.name,
                    way.workers or 1,
                    environment,
                    parts,
                    shown,
                )
                known = True
            coordinator.execute()
            executor.dismiss()
            _finish(store, run_id, keep_going=graph.keep_going, written_by=written_by)
    except BaseException:
        if not known:  # refused or interrupted before there was a run: nothing stays of it
            shutil.rmtree(folder, ignore_errors=True)
        raise


def _finish(store: Store, run_id: str, *, keep_going: bool, written_by: str) -> None:
    """What a run leaves behind: artifacts under their names, checks, the manifest."""
    from agilab.evidence.checks import validate
    from agilab.evidence.ending import write_manifest
    from agilab.evidence.results import show_artifacts

    show_artifacts(store, run_id)
    validations = validate(store, run_id, keep_going=keep_going)
    write_manifest(store, run_id, validations=validations, written_by=written_by)


def digests_of(codes: Mapping[str, Code]) -> dict[str, str]:
    """The digest of each node's code, where it has one."""
    return {name: code.digest for name, code in codes.items() if code.digest is not None}


def _memory(
    store: Store, run_id: str, purpose: Purpose, parts: Mapping[str, Any], shown: Preview | None
) -> Memory | None:
    """What answers for units: the preview of a rerun, also when it is resumed; else the cache, where one is asked."""
    if shown is not None:
        return Rerun(store, shown)
    if rerun := memory_of(store, store.created(run_id)):
        return rerun
    return Cache(store, app_of(purpose.flow), parts) if purpose.cached else None


@contextmanager
def _executor(purpose: Purpose, way: Way, folder: Path, packed: bytes | None) -> Iterator[Executor]:
    if packed is None:
        executor: Executor = InlineExecutor(purpose.bound.functions, objects=True)
        if way.executor is not None and not callable(way.executor):
            executor = way.executor
    else:
        path = folder / FUNCTIONS
        write_atomically(path, packed)
        count = way.workers or cores()
        spec = WorkerSpec(Path(sys.executable), None, None, threads=max(1, cores() // count), functions=path)
        if callable(way.executor):
            executor = way.executor({"": spec}, count, folder / "logs")
        else:
            executor = local = LocalExecutor({"": spec}, workers=count, logs=folder / "logs")
            local.start()  # they wake while the run is written down
    try:
        _refuse_unknown(executor)
        yield executor
    finally:
        executor.close()
        (folder / FUNCTIONS).unlink(missing_ok=True)


def _record(
    log: RunLog,
    store: Store,
    purpose: Purpose,
    executor: str,
    workers: int,
    environment: Mapping[str, Any],
    parts: Mapping[str, Mapping[str, str]],
    shown: Preview | None = None,
) -> None:
    """The first two events: what this run is, and what it will do."""
    bound, graph = purpose.bound, purpose.bound.graph
    source = source_tree(store.objects, purpose.nodes)
    log.append(
        "run_created",
        app=app_of(purpose.flow),
        flow=purpose.flow,
        source={"name": app_of(purpose.flow), "version": None, "source_digest": source, "vcs": None},
        source_digest=source,
        codes_digest=store.objects.put(
            body_text({name: dict(found) for name, found in parts.items()}).encode()
        ),
        args={name: _recordable(value) for name, value in bound.args.items()},
        given=tag(dict(bound.given)),
        environment=environment["fingerprint"],
        environment_record=dict(environment),
        workbench=workbench(),
        executor=executor,
        workers=workers,
        keep_going=graph.keep_going,
        placement="dynamic",
        **(recorded(store, shown) if shown else {}),
        tracking_uri=None,
        replay=replay(purpose.flow, bound.given),
    )
    store.objects.put(graph.to_bytes())
    nodes = [{"name": node.name, "target": node.target} for node in graph.nodes]
    log.append("plan_recorded", plan_digest=graph.digest, nodes=nodes)
    log.flush(durable=True)


def _recordable(value: Any) -> Any:
    """An argument as the manifest shows it: JSON has no NaN, and the exact value is in `given`."""
    return value if tag(value) == value else repr(value)
