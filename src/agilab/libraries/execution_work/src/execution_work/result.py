"""What every block returns, and what must be true of all of them together."""

import hashlib
import json
from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np

from agi_node import Distinct, Max, Partial, RunContext, Sum
from agi_node.partial import Size

from .jobs import Totals, waiting_time_range


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
        """The result of the block `key`; the columns of `totals` are `engine.COLUMNS`."""
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


def added(blocks: Sequence[tuple[str, Totals]]) -> Totals:
    """The totals of all blocks together."""
    whole = np.stack([totals for _, totals in blocks])
    return np.column_stack([whole[:, :, :4].sum(axis=0), whole[:, :, 4].max(axis=0)])


def means(totals: Totals) -> tuple[list[tuple[int, float]], list[tuple[int, float]]]:
    """Mean waiting time (ms) and mean score by group, `(group, mean)`, of the groups that have jobs."""
    held = np.flatnonzero(totals[:, 0])
    jobs, weight, score, wait = totals[held, :4].T
    by_group = (wait / jobs / 1e3, score / weight / 1e6)
    waits, scores = (list(zip(held.tolist(), values.tolist(), strict=True)) for values in by_group)
    return waits, scores


def kernels_used(run: RunContext) -> str:
    """What computed the blocks: one kernel, or several with commas between, as not every machine has a compiler."""
    kept = [json.loads(path.read_bytes()) for _, path in run.artifacts("kernel")]
    return ", ".join(sorted({str(record["kernel_used"]) for record in kept}))


def judged(
    run: RunContext, summary: Result, blocks: Sequence[tuple[str, Totals]], load: float
) -> dict[str, Any]:
    """The verdicts: the blocks' tables add up to the summary, and waiting times obey queueing theory.

    Gives what people read, saved as `execution_summary`; `kernel_used` is what did compute, also a parameter.
    """
    jobs = int(sum(totals[:, 0].sum() for _, totals in blocks))
    again = sum(checksum(key, totals) for key, totals in blocks)
    run.validate("jobs add up", jobs == summary.row_count, value=jobs, limit=summary.row_count)
    run.validate("checksum", again == summary.checksum, value=again, limit=summary.checksum)

    mean = summary.wait_us / summary.row_count
    low, high = waiting_time_range(load, summary.row_count, summary.block_count)
    message = f"mean wait {mean:,.0f} us; an M/M/1 queue at load {load:g} gives {low:,.0f} to {high:,.0f} us"
    run.validate("waiting time", low <= mean <= high, value=mean, limit=[low, high], message=message)
    run.log_param("kernel_used", used := kernels_used(run))
    answer = {
        "kernel_used": used,
        "rows": jobs,
        "mean_score": summary.weighted_score_millionths / summary.weight / 1e6,
        "mean_wait_us": mean,
        "longest_wait_us": summary.longest_wait_us,
    }
    run.save_json("execution_summary", answer | {"checksum": f"{summary.checksum:x}"})
    return answer
