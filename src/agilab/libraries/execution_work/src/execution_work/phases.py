"""A unit of work in its phases, each of them timed."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from time import perf_counter, process_time

import numpy as np

from agi_node import RunContext

from .blocks import Block, ExecutionArgs
from .engine import Compiled, Engine, Kernel
from .jobs import generate
from .result import Result

_first = iter((True,))  # whether this is the first unit of its process


@contextmanager
def phase(run: RunContext, name: str) -> Iterator[None]:
    """Record how many seconds a part of a unit takes, as the metric `phase_<name>_s`."""
    began = perf_counter()
    yield
    run.log_metric(f"phase_{name}_s", perf_counter() - began)


def worked(
    block: Block, args: ExecutionArgs, run: RunContext, engine: Engine, kernels: Mapping[str, Kernel]
) -> Result:
    """One block: generated, read by the engine, computed by the kernel that `args` name.

    What did compute is a parameter and, for `result.judged`, kept as `kernel`.
    """
    if next(_first, False):
        run.log_metric("phase_start_s", process_time())  # interpreter and imports, once in each process
    kernel = kernels[args.kernel]
    used = kernel.used if isinstance(kernel, Compiled) else args.kernel
    run.log_param("kernel_used", used)
    run.save_json("kernel", {"kernel_used": used})
    with phase(run, "generate"):
        jobs = generate(block.number, block.rows, args.groups, args.load, args.seed)
    if args.through == "parquet":
        path = run.folder / "jobs.parquet"
        with phase(run, "write"):
            engine.write(jobs, path)
        with phase(run, "read"):
            frame = engine.read(path)
    else:
        with phase(run, "read"):
            frame = engine.of(jobs)
    with phase(run, "compute_score"):
        scores = kernel.score(frame, args.groups)
    with phase(run, "compute_queue"):
        waits = kernel.queue(frame, args.groups)
    with phase(run, "merge"):
        totals = np.hstack([scores, waits])
        result = Result.of(run.key, totals)
    run.save_table("totals", engine.table(totals))
    return result
