"""Where does the time go, and what makes it less? One piece of work, in pandas, in NumPy and in C.

A block is a server's day: jobs arrive, each of a group, with a weight and two features. Two things are computed. The
*score* is a formula of each job alone, summed by group: any engine does it a column at a time. The *queue* is a
recursion, in which a job's waiting time follows from that of the job before. Every number is whole or exact, so all
kernels, engines and numbers of workers give the same bytes; only the phases' times differ, which are metrics.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter, process_time
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, Field

from agi_node import AgiError, App, Args, Distinct, Max, Partial, RunContext, Sum, WorkItem
from agi_node.partial import Size

from . import arrays, compiled, frames
from .jobs import Totals, generate, waiting_time_range
from .picture import draw

KERNELS = {"dataframe": frames, "numpy": arrays, "compiled": compiled}
_first = iter((True,))  # whether this is the first unit of its process


class ExecutionArgs(Args):
    """How much is worked, and how."""

    rows: int = Field(4_000_000, ge=1, le=100_000_000, description="Jobs in all blocks together.")
    blocks: int = Field(16, ge=1, le=10_000, description="Blocks that can be worked in parallel.")
    groups: int = Field(16, ge=1, le=1_000, description="Groups that jobs belong to.")
    load: float = Field(0.8, ge=0.01, le=0.95, description="Part of the time that the server is busy.")
    kernel: Literal["dataframe", "numpy", "compiled"] = Field("dataframe", description="What computes.")
    through: Literal["parquet", "memory"] = Field("parquet", description="Where the engine reads jobs from.")
    seed: int = Field(1, ge=0, lt=10**9, description="Another seed gives other jobs.")


class Block(BaseModel):
    """A work item: the block's number, which seeds it, and how many jobs it has."""

    number: int = Field(ge=0)
    rows: int = Field(ge=1)


class Result(Partial):
    """What every block returns: sums of whole numbers, and a checksum of all that it computed."""

    benchmark: Distinct[str] = frozenset()
    block_count: Sum[int] = 0
    row_count: Sum[int] = 0
    groups: Distinct[int] = frozenset()
    group_count: Annotated[int, Size("groups")] = 0
    weight: Sum[int] = 0
    weighted_score_millionths: Sum[int] = 0
    wait_us: Sum[int] = 0
    longest_wait_us: Max[int] = None
    checksum: Sum[int] = 0

    @classmethod
    def of(cls, key: str, totals: Totals) -> "Result":
        """The result of the block `key`; the columns of `totals` are `frames.COLUMNS`."""
        jobs, weight, score, wait, longest = totals.T
        return cls(
            benchmark=frozenset({"score-and-queue"}),
            block_count=1,
            row_count=int(jobs.sum()),
            groups=frozenset(np.flatnonzero(jobs)),
            weight=int(weight.sum()),
            weighted_score_millionths=int(score.sum()),
            wait_us=int(wait.sum()),
            longest_wait_us=int(longest.max()),
            checksum=checksum(key, totals),
        )


def checksum(key: str, totals: Totals) -> int:
    """32 bits of SHA-256 over a block's key and totals; the blocks' checksums add up in any order."""
    told = key.encode() + totals.astype("<i8").tobytes()
    return int.from_bytes(hashlib.sha256(told).digest()[:4])


@contextmanager
def phase(run: RunContext, name: str) -> Iterator[None]:
    """Record how many seconds a part of a unit takes, as the metric `phase_<name>_s`."""
    began = perf_counter()
    yield
    run.log_metric(f"phase_{name}_s", perf_counter() - began)


app = App("execution_pandas", args=ExecutionArgs, partial=Result)


@app.plan
def blocks(args: ExecutionArgs) -> Iterator[WorkItem]:
    """Blocks of equal size, the first ones a job longer where that does not come out even."""
    if args.rows < args.blocks:
        found, allowed = f"rows {args.rows}, blocks {args.blocks}", "at least a row for each block"
        raise AgiError("AGI-ARGS-201", "there are blocks without a job", found=found, allowed=allowed)
    least, longer = divmod(args.rows, args.blocks)
    for number in range(args.blocks):
        block = Block(number=number, rows=least + (number < longer))
        yield WorkItem(key=f"block-{number:04}", payload=block.model_dump(), cost=block.rows)


@app.work
def work(block: Block, args: ExecutionArgs, run: RunContext) -> Result:
    """One block: generated, read by the engine, computed by the kernel."""
    if next(_first, False):
        run.log_metric("phase_start_s", process_time())  # interpreter and imports, once in each process
    kernel = KERNELS[args.kernel]
    run.log_param("kernel_used", compiled.USED if kernel is compiled else args.kernel)
    with phase(run, "generate"):
        jobs = generate(block.number, block.rows, args.groups, args.load, args.seed)
    if args.through == "parquet":
        path = run.folder / "jobs.parquet"
        with phase(run, "write"):
            frames.write(jobs, path)
        with phase(run, "read"):
            frame = frames.read(path)
    else:
        with phase(run, "read"):
            frame = frames.of(jobs)
    with phase(run, "compute_score"):
        scores = kernel.score(frame, args.groups)
    with phase(run, "compute_queue"):
        waits = kernel.queue(frame, args.groups)
    with phase(run, "merge"):
        totals = np.hstack([scores, waits])
        result = Result.of(run.key, totals)
    run.save_table("totals", frames.table(totals))
    return result


@app.publish
def published(summary: Result, args: ExecutionArgs, run: RunContext) -> dict[str, Any]:
    """The groups as a table and a picture, if the blocks' tables add up to the summary and obey queueing theory."""
    with phase(run, "merge"):
        tables = [(key, frames.totals(path)) for key, path in run.artifacts("totals")]
        whole = np.stack([totals for _, totals in tables])
        groups = np.column_stack([whole[:, :, :4].sum(axis=0), whole[:, :, 4].max(axis=0)])
    jobs, again = int(groups[:, 0].sum()), sum(checksum(key, totals) for key, totals in tables)
    run.validate("jobs add up", jobs == summary.row_count, value=jobs, limit=summary.row_count)
    run.validate("checksum", again == summary.checksum, value=again, limit=summary.checksum)

    mean = summary.wait_us / summary.row_count
    low, high = waiting_time_range(args.load, summary.row_count, summary.block_count)
    message = (
        f"mean wait {mean:,.0f} us; an M/M/1 queue at load {args.load:g} gives {low:,.0f} to {high:,.0f} us"
    )
    run.validate("waiting time", low <= mean <= high, value=mean, limit=[low, high], message=message)

    run.save_table("groups", frames.groups(groups))
    run.save_figure("groups_figure", draw(groups, (low, high)))
    score = summary.weighted_score_millionths / summary.weight / 1e6
    answer = {
        "rows": jobs,
        "mean_score": score,
        "mean_wait_us": mean,
        "longest_wait_us": summary.longest_wait_us,
    }
    run.save_json("execution_summary", answer | {"checksum": f"{summary.checksum:x}"})
    return answer
