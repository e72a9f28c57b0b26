"""Timing an app in several modes, side by side: every repetition is a real run, and all must give the same result."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from agi_node.canonical import canonical
from agi_node.errors import FAILED, AgiError
from agilab.contracts.atomic import write_atomically
from agilab.contracts.base import write_document
from agilab.contracts.benchmark import Benchmark, BenchmarkCase, Spread
from agilab.contracts.identifiers import new_run_id
from agilab.contracts.provenance import AppSource, Workbench
from agilab.contracts.run_result import RunResult
from agilab.contracts.timestamps import utc_now
from agilab.engine.tasks import value_digest
from agilab.projects.benchmark_advice import advice
from agilab.projects.benchmark_cases import KERNEL, Case, cases_of
from agilab.projects.discover import find_app
from agilab.projects.machine import cores, workbench
from agilab.projects.prepare import PreparedApp, arguments, environment_record, prepare
from agilab.projects.request import Faces, RunRequest
from agilab.projects.run import run_app
from agilab.store.log import now_us
from agilab.store.metrics import metric_tables
from agilab.store.store import Store
from agilab.store.transitions import WITH_VALUE
from agilab.store.workspace import Workspace
from agilab.views.benchmark_chart import chart

WORK = "work"
JSON_FILE, PICTURE = "benchmark.json", "benchmark.svg"


@dataclass(frozen=True)
class BenchmarkRequest:
    """What a person wants to compare.

    Attributes:
        args: Arguments of the app by name, for all runs; a kernel given here is the only one.
        modes: Such as `local-2` or `dask-2:numpy`; none takes one process and one for each core, with every kernel.
        rows: Sizes; none takes three, up to the app's own.
        repeat: How often each case is timed, beside a warm-up that does not count.
        output: A folder for the files instead of one in the workspace.
    """

    app: str
    args: Mapping[str, Any] = field(default_factory=dict)
    modes: Sequence[str] = ()
    rows: Sequence[int] = ()
    repeat: int = 5
    offline: bool = False
    output: Path | None = None


@dataclass(frozen=True)
class Benchmarked:
    """A benchmark and its folder, which holds `benchmark.json` and `benchmark.svg`."""

    document: Benchmark
    folder: Path


@dataclass(frozen=True)
class Step:
    """How far a benchmark is: `done` runs of `total`, what runs now, and the seconds that the rest should take."""

    done: int
    total: int
    now: str
    left_s: float | None


@dataclass(frozen=True)
class Sample:
    """One run: the digest of its source, its seconds, those of its parts and phases, its result, what computed it."""

    run_id: str
    source: str | None
    seconds: float
    parts: Mapping[str, float]
    phases: Mapping[str, float]
    result: Any
    digest: str
    kernel_used: str | None


def benchmark_app(
    request: BenchmarkRequest,
    workspace: Workspace | None = None,
    *,
    faces: Faces = Faces(),
    on_step: Callable[[Step], None] = lambda step: None,
) -> Benchmarked:
    """Time an app in every case, round after round, and write what came out.

    A round runs each case once, beginning with another one than the round before, so that what else happens on the
    machine meets all of them. Raises what `run_app` raises, the refusals of `cases_of`, AGI-BENCH-003 for a run that
    failed, AGI-BENCH-004 for two runs of one size with different results, and AGI-BENCH-005 where the app was edited
    meanwhile; nothing is written then.
    """
    workspace = (workspace or Workspace.default()).ensure()
    load = _load_average()
    with Store(workspace) as store:
        prepared = prepare(
            store, find_app(request.app, workspace), offline=request.offline, threads=1, say=faces.say
        )
        args = arguments(prepared, store, request.args, faces.note)
        name = prepared.app.name
        cases = cases_of(
            name, prepared.description["args_schema"], args, request.args, request.modes, request.rows
        )
        for varied in {json.dumps(case.varied, sort_keys=True) for case in cases}:
            # What the app does not take is refused before anything runs.
            arguments(prepared, store, {**request.args, **json.loads(varied)}, faces.note)
    samples, digests = _rounds(request, cases, prepared.snapshot.digest, workspace, faces, on_step)
    told = tuple(_told(case, samples[case]) for case in cases)
    shared = {key: value for key, value in args.items() if not any(key in case.varied for case in cases)}
    document = Benchmark(
        made_at=utc_now(),
        app=AppSource.model_validate(prepared.source_record()),
        args=shared,
        repeat=request.repeat,
        workbench=Workbench.model_validate(workbench()),
        interpreter=environment_record(prepared.environment)["interpreter"],
        load_average=load,
        results=digests,
        cases=told,
        advice=advice(told, kernel=args.get(KERNEL), load=load, cores=cores()),
    )
    return Benchmarked(document, _write(document, request, prepared, workspace))


def _rounds(
    request: BenchmarkRequest,
    cases: Sequence[Case],
    source: str,
    workspace: Workspace,
    faces: Faces,
    on_step: Callable[[Step], None],
) -> tuple[dict[Case, list[Sample]], dict[str, str]]:
    """The samples of each case, and the digest of the result of each size."""
    samples: dict[Case, list[Sample]] = {case: [] for case in cases}
    firsts: dict[int | None, tuple[Case, Sample]] = {}
    largest = {(case.mode, case.kernel): case for case in cases}  # sizes ascend, so the last one stays
    order = [("warm-up", case) for case in largest.values()]
    for number in range(request.repeat):
        at = number % len(cases)
        order += [(f"round {number + 1}", case) for case in (*cases[at:], *cases[:at])]
    began = time.monotonic()
    for done, (stage, case) in enumerate(order):
        left = (time.monotonic() - began) / done * (len(order) - done) if done else None
        on_step(Step(done, len(order), f"{stage}: {case}", left))
        sample = _measure(request, case, workspace, faces)
        if sample.source != source:
            raise _edited(case, sample)
        first = firsts.setdefault(case.rows, (case, sample))
        if sample.digest != first[1].digest:
            raise _different(first, (case, sample))
        if stage != "warm-up":
            samples[case].append(sample)
    on_step(Step(len(order), len(order), "", 0.0))
    return samples, {"" if rows is None else str(rows): sample.digest for rows, (_, sample) in firsts.items()}


def _measure(request: BenchmarkRequest, case: Case, workspace: Workspace, faces: Faces) -> Sample:
    """One real run, not tracked: the tracking store answers in its own time."""
    asked = RunRequest(
        request.app,
        {**request.args, **case.varied},
        workers=case.workers,
        executor=case.executor,
        offline=request.offline,
        track=False,
    )
    began_us, began = now_us(), time.perf_counter()
    result = run_app(asked, workspace, Faces(note=faces.note))
    seconds = time.perf_counter() - began
    if result.status in ("cancelled", "interrupted"):
        raise KeyboardInterrupt
    if result.status != "succeeded" or result.run_id is None:
        raise _failed(case, result)
    with Store(workspace, readonly=True) as store:
        return _sample(store, result.run_id, result, began_us, seconds)


def _sample(store: Store, run_id: str, result: RunResult, began_us: int, seconds: float) -> Sample:
    units = list(store.units(run_id, node=WORK))
    starts = [unit.started_us for unit in units if unit.started_us is not None]
    ends = [unit.ended_us for unit in units if unit.ended_us is not None]
    parts: dict[str, float] = {}
    if starts and ends:
        start, work = (min(starts) - began_us) / 1e6, (max(ends) - min(starts)) / 1e6
        parts = {"start": start, "work": work, "end": seconds - start - work}
        # The log tells the time of day, which somebody may have set meanwhile.
        parts = {name: max(0.0, part) for name, part in parts.items()}
    phases: dict[str, float] = {}
    for _, table in metric_tables(store, run_id):
        for name, value in zip(table["name"], table["value"], strict=True):
            if name.startswith("phase_") and name.endswith("_s"):
                phase = name[6:-2]
                phases[phase] = phases.get(phase, 0.0) + float(value)
    bodies = [(unit, body) for unit, body in store.results(run_id, WORK) if unit.state in WITH_VALUE]
    used = {str(body.get("params", {}).get("kernel_used", "")) for _, body in bodies}
    if result.reduce:
        outcome = json.loads(Path(result.reduce).read_text(encoding="utf-8"))["payload"]
    else:
        outcome = {unit.key: value_digest(body) for unit, body in bodies}
    digest = hashlib.sha256(canonical(outcome)).hexdigest()
    kernel_used = used.pop() or None if len(used) == 1 else None
    return Sample(
        run_id, store.run(run_id).source_digest, seconds, parts, phases, outcome, digest, kernel_used
    )


def _told(case: Case, samples: Sequence[Sample]) -> BenchmarkCase:
    return BenchmarkCase(
        mode=case.mode,
        executor=case.executor,
        workers=case.workers,
        kernel=case.kernel,
        kernel_used=samples[0].kernel_used if case.kernel else None,
        rows=case.rows,
        seconds=tuple(round(sample.seconds, 6) for sample in samples),
        runs=tuple(sample.run_id for sample in samples),
        total=_spread([sample.seconds for sample in samples]),
        parts=_spreads([sample.parts for sample in samples]),
        phases=_spreads([sample.phases for sample in samples]),
    )


def _spreads(rows: Sequence[Mapping[str, float]]) -> dict[str, Spread]:
    """The spread of each name that every repetition has, in the order of the first."""
    names = [name for name in rows[0] if all(name in row for row in rows)]
    return {name: _spread([row[name] for row in rows]) for name in names}


def _spread(values: Sequence[float]) -> Spread:
    return Spread(median=round(median(values), 6), min=round(min(values), 6), max=round(max(values), 6))


def _failed(case: Case, result: RunResult) -> AgiError:
    why = result.error
    return AgiError(
        "AGI-BENCH-003",
        f"a run did not succeed, so there is nothing to compare: {case}",
        found="\n".join(filter(None, (why.what, why.found))) if why else f"a check of {result.run_id} failed",
        allowed=why.allowed if why else None,
        try_=next(iter(result.next), None),
        exit_code=FAILED,
    )


def _edited(case: Case, sample: Sample) -> AgiError:
    return AgiError(
        "AGI-BENCH-005",
        f"the app was edited while it was measured, so the runs are not of one program: {case}",
        found=f"another source in run {sample.run_id}",
        try_="the same command again, and the editor in peace",
        exit_code=FAILED,
    )


def _different(one: tuple[Case, Sample], other: tuple[Case, Sample]) -> AgiError:
    left, right = one[1].result, other[1].result
    places = [name for name in {**left, **right} if left.get(name) != right.get(name)]
    shown = f"{places[0]}: {left.get(places[0])!r:.60} and {right.get(places[0])!r:.60}" if places else ""
    return AgiError(
        "AGI-BENCH-004",
        f"two modes gave different results, so their times mean nothing: {one[0]}, and {other[0]}",
        found=f"{shown}\nruns {one[1].run_id} and {other[1].run_id}",
        allowed="one result for one size, whatever computes it and however many work",
        try_=f"agilab runs show {other[1].run_id}",
        whose="author",
        exit_code=FAILED,
    )


def _write(
    document: Benchmark, request: BenchmarkRequest, prepared: PreparedApp, workspace: Workspace
) -> Path:
    name = new_run_id(prepared.app.name.removesuffix("_project"))
    folder = request.output or workspace.home / "benchmarks" / name
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / PICTURE, chart(document).encode("utf-8"))
    write_document(folder / JSON_FILE, document)
    return folder


def _load_average() -> float | None:
    try:
        return round(os.getloadavg()[0], 2)
    except (AttributeError, OSError):
        return None
