"""A random walk between two walls: seeds and parameters as work items, pooled exactly, with intervals.

Replication n draws from a stream of its own, the same for every parameter (common random numbers: differences between
parameters are less noisy), so a result does not depend on how replications are cut into items.
"""

import json
from collections.abc import Iterator
from math import sqrt
from random import Random
from statistics import NormalDist
from typing import Any, Self

from pydantic import Field, model_validator

from agi_node import App, Args, Moments, Partial, RunContext, Sum, WorkItem

from .model import expected, walk


class SimulationArgs(Args):
    """Which parameters, how often, and how sure."""

    p: tuple[float, ...] = Field(
        (0.4, 0.45, 0.5, 0.55), min_length=1, description="Probabilities of a step up, each between 0 and 1."
    )
    start: int = Field(10, ge=1, description="Where a walk starts.")
    width: int = Field(20, ge=2, le=1000, description="Where the upper wall is.")
    replications: int = Field(2000, ge=2, description="Walks for each p.")
    block: int = Field(500, ge=1, description="Walks of one work item.")
    seed: int = Field(1, ge=0, description="Seed of all streams.")
    confidence: float = Field(0.95, gt=0.5, lt=1, description="Of the intervals.")

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if not all(0 < p < 1 for p in self.p) or len(set(self.p)) < len(self.p):
            raise ValueError(f"p holds {self.p}; each lies between 0 and 1, and comes once")
        if self.start >= self.width:
            raise ValueError(f"start ({self.start}) is not below width ({self.width})")
        return self


class Walks(Partial):
    """What every block returns; each field says how two of them merge."""

    walks: Sum[int] = 0
    ended_at_0: Sum[int] = 0
    steps: Moments = Moments()


app = App("simulation_app", args=SimulationArgs, partial=Walks)


@app.plan
def blocks(args: SimulationArgs) -> Iterator[WorkItem]:
    """One item for each parameter and block of replications; its cost is what theory expects of it."""
    for p in args.p:
        steps, _ = expected(p, args.start, args.width)
        for first in range(0, args.replications, args.block):
            count = min(args.block, args.replications - first)
            payload = {"p": p, "first": first, "count": count}
            yield WorkItem(key=f"p={p},from={first:07}", payload=payload, cost=count * steps)


@app.work
def simulate(block: dict[str, Any], args: SimulationArgs, run: RunContext) -> Walks:
    """One block of walks. Its moments are kept beside the partial too, by which `publish` pools each p."""
    replications = range(block["first"], block["first"] + block["count"])
    outcomes = [walk(block["p"], args.start, args.width, Random(f"{args.seed}/{n}")) for n in replications]
    steps = Moments.of([steps for steps, _ in outcomes])
    ended_at_0 = sum(ended for _, ended in outcomes)
    run.save_json("block", {"p": block["p"], "ended_at_0": ended_at_0, "steps": steps.to_state()})
    run.log_metrics({"walks": len(outcomes), "mean_steps": steps.mean or 0.0})
    return Walks(walks=len(outcomes), ended_at_0=ended_at_0, steps=steps)


@app.publish
def estimates(walks: Walks, args: SimulationArgs, run: RunContext) -> list[dict[str, Any]]:
    """Mean steps for each p with their interval, beside what theory says.

    The check allows more than the interval: 99.9 % over all parameters together (Bonferroni), so that it does not fail
    once in twenty times by chance alone.
    """
    saved = [json.loads(path.read_text(encoding="utf-8")) for _, path in run.artifacts("block")]
    rows = []
    for p in args.p:
        mine = [block for block in saved if block["p"] == p]
        steps = Moments.merge_all([Moments.from_state(block["steps"]) for block in mine])
        theory, ruin = expected(p, args.start, args.width)
        mean, error = mean_and_error(steps)
        half = NormalDist().inv_cdf(0.5 + args.confidence / 2) * error
        found = sum(block["ended_at_0"] for block in mine) / steps.count
        rows.append(
            {"p": p, "walks": steps.count, "mean_steps": mean, "low": mean - half, "high": mean + half}
        )
        rows[-1] |= {"expected_steps": theory, "ended_at_0": found, "expected_at_0": ruin}
        limit = NormalDist().inv_cdf(1 - 0.0005 / len(args.p)) * error
        run.validate(
            f"p={p}: agrees with theory", abs(mean - theory) <= limit, value=mean - theory, limit=limit
        )
    pooled = sum(row["walks"] for row in rows)
    run.validate("walks add up", pooled == walks.walks, value=pooled, limit=walks.walks)
    run.save_json("estimates", rows)
    return rows


def mean_and_error(moments: Moments) -> tuple[float, float]:
    """The mean and its standard error, from at least two values."""
    assert moments.mean is not None
    assert moments.variance is not None
    return moments.mean, sqrt(moments.variance / (moments.count - 1))
