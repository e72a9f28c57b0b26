"""Carrying a run of an app out: what was asked, its first events, who works, its end."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from agilab.contracts.base import write_document
from agilab.contracts.identifiers import new_run_id
from agilab.contracts.run_result import RunResult
from agilab.engine.coordinator import Coordinator
from agilab.engine.expansion import MAX_UNITS_PER_RUN
from agilab.engine.graph import Graph
from agilab.engine.reuse import Memory
from agilab.envs import Environment, hold
from agilab.envs.worker_process import WorkerSpec
from agilab.projects.assignment import pins
from agilab.projects.crew import check_executor, crew_of
from agilab.projects.distribution import kept
from agilab.projects.distribution_checks import check_items
from agilab.projects.finish import finish
from agilab.projects.first_events import Beginning
from agilab.projects.first_events import record as first_events
from agilab.projects.inputs import FileDigests
from agilab.projects.request import Faces
from agilab.projects.tasks import tasks_of
from agilab.store.locks import RunLock
from agilab.store.store import Store
from agilab.tracking import Delivery, patience

if TYPE_CHECKING:
    pass


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
            created = store.created(run_id)
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
