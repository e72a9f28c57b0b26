"""Steps of a tenth of a second: to be killed in the middle, and to go on."""

import time

from pydantic import Field

from agi_node import App, Args, Partial, Sum, WorkItem


class StepsArgs(Args):
    """How many steps."""

    count: int = Field(20, ge=1, description="Units of 0.1 s.")


class Done(Partial):
    """How many steps were done."""

    steps: Sum[int] = 0


app = App("steps", args=StepsArgs, partial=Done)


@app.plan
def steps(args: StepsArgs):
    """One item a step."""
    for number in range(args.count):
        yield WorkItem(key=f"{number:03}", payload=number)


@app.work
def step(number: int, args: StepsArgs):
    """Take a tenth of a second."""
    time.sleep(0.1)
    return Done(steps=1)
