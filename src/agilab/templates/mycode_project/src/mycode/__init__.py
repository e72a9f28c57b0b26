"""Your function over many inputs: where it is least and greatest, its mean and spread.

The inputs are cut into blocks, a block is a work item, and blocks run side by side.
"""

import math
from collections.abc import Iterator
from typing import Any, Self

from pydantic import Field, model_validator

from agi_node import AgiError, App, Args, Max, Min, Moments, Partial, RunContext, Sum, WorkItem

from .function import my_function


class MycodeArgs(Args):
    """At which inputs to look."""

    low: float = Field(-5.0, allow_inf_nan=False, description="The first input.")
    high: float = Field(5.0, allow_inf_nan=False, description="The last input.")
    points: int = Field(1001, ge=2, le=10_000_000, description="How many inputs, evenly spaced.")
    block: int = Field(100, ge=1, description="Inputs of one work item.")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"low ({self.low}) is not below high ({self.high})")
        return self


class Values(Partial):
    """What every block returns; each field says how two of them merge."""

    points: Sum[int] = 0
    value: Moments = Moments()  # count, mean, variance, least, greatest
    least: Min[tuple[float, float]] = None  # (value, input)
    greatest: Max[tuple[float, float]] = None


app = App("mycode", args=MycodeArgs, partial=Values)


@app.plan
def blocks(args: MycodeArgs) -> Iterator[WorkItem]:
    """One item for each block of inputs, named by the first of them."""
    for first in range(0, args.points, args.block):
        count = min(args.block, args.points - first)
        yield WorkItem(key=f"from-{first:08}", payload={"first": first, "count": count}, cost=count)


@app.work
def evaluate(block: dict[str, int], args: MycodeArgs, run: RunContext) -> Values:
    """The function at every input of one block. A value that is no finite number is refused with its input."""
    step = (args.high - args.low) / (args.points - 1)
    inputs = [args.low + step * at for at in range(block["first"], block["first"] + block["count"])]
    pairs = []
    for done, x in enumerate(inputs, start=1):
        y = my_function(x)
        if not math.isfinite(y):
            raise AgiError(
                "AGI-DATA-101",
                f"my_function({x!r}) is no finite number",
                found=repr(y),
                whose="author",
                exit_code=1,
            )
        pairs.append((y, x))
        run.progress(done, len(inputs))
    run.log_metric("points", len(pairs))
    run.save_json("values", {"input": inputs, "value": [y for y, _ in pairs]})
    return Values(
        points=len(pairs), value=Moments.of([y for y, _ in pairs]), least=min(pairs), greatest=max(pairs)
    )


@app.publish
def result(values: Values, args: MycodeArgs, run: RunContext) -> dict[str, Any]:
    """Where the function is least and greatest, as one small document."""
    assert values.least is not None
    assert values.greatest is not None
    run.validate("every input counts", values.points == args.points, value=values.points, limit=args.points)
    found = {
        "least": dict(zip(("value", "input"), values.least, strict=True)),
        "greatest": dict(zip(("value", "input"), values.greatest, strict=True)),
        "mean": values.value.mean,
    }
    run.save_json("result", found)
    return found
