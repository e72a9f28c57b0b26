"""Carrying a run of an app out: what was asked, its first events, who works, its end."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from agilab.contracts.base import write_document
from agilab.contracts.identifiers import new_run_id
from agilab.contracts.run_result import RunResult
from agilab.engine.coordinator import Coordinator, Observer
from agilab.engine.expansion import MAX_UNITS_PER_RUN
from agilab.engine.graph import Graph, Policy
from agilab.engine.rerun import Preview
from agilab.engine.reuse import Memory
from agilab.envs import Environment, hold
from agilab.envs.worker_process import WorkerSpec
from agilab.projects.crew import check_executor, crew_of
from agilab.projects.distribution import (
    check_items,
    kept,
    pins,
)
from agilab.projects.finish import finish
from agilab.projects.first_events import record as first_events
from agilab.projects.inputs import FileDigests
from agilab.projects.machine import cores
from agilab.projects.prepare import PreparedApp
from agilab.projects.tasks import tasks_of
from agilab.store.locks import RunLock
from agilab.store.store import Store
from agilab.tracking import Delivery, patience

if TYPE_CHECKING:
    from agilab.contracts.distribution import Distribution


@dataclass(frozen=True)
class RunRequest:
    """What a person asked for.

    Attributes:
        app: Name or path.
        args: Arguments by name, as texts or plain values.
        workers: Processes at work; None takes the settings' number, or one for each core.
        keep_going: Whether other units go on after one failed for good.
        offline: Whether the network may be used to make an environment.
        track: Whether the run is remembered in MLflow.
        placement: `static` gives each item to a worker before the run; with `dynamic` idle workers take the next one.
        distribution: A file that says which worker gets which item; static then, with its workers.
        executor: `local`, `dask` for a cluster on this machine, or `dask:ADDRESS` of a running scheduler.
        cache: Whether results of earlier runs are used again where code, arguments, inputs and environment are equal.
    """

    app: str
    args: Mapping[str, Any] = field(default_factory=dict)
    workers: int | None = None
    keep_going: bool = False
    offline: bool = False
    track: bool = True
    policy: Policy = Policy()
    placement: Literal["static", "dynamic"] = "dynamic"
    distribution: Path | None = None
    executor: str = "local"
    cache: bool = False

    @property
    def cores_shared(self) -> int | None:
        """The cores that all workers share; None for those of a running scheduler, which may be on many hosts."""
        return None if ":" in self.executor else cores()


@dataclass(frozen=True)
class Child:
    """What makes a run the rerun of another one.

    Attributes:
        shown: The preview that it follows.
    """

    shown: Preview


@dataclass(frozen=True)
class Faces:
    """How a run shows itself to whoever watches; each may be left as it is.

    Attributes:
        say: Told in a few words what begins now.
        note: Told what a person should know afterwards.
        observe: Called for every turn of the coordinator's loop.
    """

    say: Callable[[str], None] = lambda text: None
    note: Callable[[str], None] = lambda text: None
    observe: Observer | None = None


@dataclass(frozen=True)
class Beginning:
    """All that the first events of a run say: what it is, and what it will do."""

    request: RunRequest
    prepared: PreparedApp
    args: Mapping[str, Any]
    workers: int
    graph: Graph
    uri: str | None
    placed: Distribution | None = None
    child: Child | None = None


def begin(
    beginning: Beginning,
    store: Store,
    *,
    delivery: Delivery | None,
    faces: Faces,
    began: float,
    memory: Memory | None = None,
) -> RunResult:
    """Record a new run, own it, and carry it out."""
    prepared = beginning.prepared
    run_id = new_run_id(prepared.app.name.removesuffix("_project"))
    return carry_out(
        store,
        run_id,
        beginning.graph,
        prepared.spec,
        prepared.environment,
        workers=beginning.workers,
        executor=beginning.request.executor,
        codes=prepared.codes,
        memory=memory,
        delivery=delivery,
        patience_s=patience(beginning.uri) if beginning.uri else 0.0,
        faces=faces,
        began=began,
        record=lambda digests: first_events(store, run_id, beginning, digests),
    )


def carry_out(
    store: Store,
    run_id: str,
    graph: Graph,
    spec: WorkerSpec,
    environment: Environment,
    *,
    workers: int,
    delivery: Delivery | None,
    patience_s: float,
    faces: Faces,
    began: float,
    executor: str = "local",
    codes: Mapping[str, str] | None = None,
    memory: Memory | None = None,
    record: Callable[[FileDigests], None] | None = None,
    written_by: str = "coordinator",
) -> RunResult:
    """Own a run, take it to its end, and write what it leaves. What its log already holds is not done again.

    `record` writes the first events of a new run; `began` is when its caller started, by the monotonic clock.
    """
    check_executor(executor)  # before there is a folder
    folder = store.workspace.run_folder(run_id)
    with RunLock(folder), hold(environment):
        crew = crew_of(
            executor, {environment.fingerprint: spec}, workers, folder / "logs", store.objects.root
        )
        digests = FileDigests(store.workspace.cache)
        try:
            if record:
                # The workers import while the run is written down and the graph is made.
                crew.start()
                record(digests)
            placed = kept(store, run_id)
            if placed:
                write_document(folder / "distribution.json", placed)
            created = next(store.events(run_id, kinds=("run_created",))).data
            tasks = tasks_of(
                graph,
                store,
                run_id,
                spec.roots,
                digests,
                inputs=created.get("inputs", ()),
                max_units=MAX_UNITS_PER_RUN,
                check_keys=partial(check_items, placed, where="the distribution of this run")
                if placed
                else None,
            )
            Coordinator(
                store,
                run_id,
                graph,
                tasks,
                crew,
                observer=faces.observe,
                placement=pins(placed, workers),
                codes=codes,
                memory=memory,
            ).execute()
            crew.dismiss()
            return finish(
                store,
                run_id,
                delivery=delivery,
                patience_s=patience_s,
                seconds=lambda: time.monotonic() - began,
                written_by=written_by,
            )
        finally:
            crew.close()
            digests.close()
