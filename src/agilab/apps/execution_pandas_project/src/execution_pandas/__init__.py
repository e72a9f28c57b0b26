"""Where does the time go, and what makes it less? One piece of work, in pandas, in NumPy and in C.

What the work is, its arguments, its result and its checks are in the library `execution_work`, the same for every
engine. Here are the engine (`frames`), the loops in C (`_kernel.pyx`), and what a run does with them.
"""

from collections.abc import Iterator
from typing import Any

from execution_work import arrays
from execution_work.blocks import Block, ExecutionArgs, dealt
from execution_work.engine import Compiled, Kernel
from execution_work.jobs import Totals, waiting_time_range
from execution_work.phases import phase, worked
from execution_work.result import Result, added, judged, means
from plain_charts import Area, Chart, Dots, sheet

from agi_node import App, RunContext, WorkItem

from . import frames

try:
    from . import _kernel
except ImportError:  # there was no C compiler
    _kernel = None  # type: ignore[assignment]

KERNELS: dict[str, Kernel] = {"dataframe": frames, "numpy": arrays, "compiled": Compiled(_kernel)}

app = App("execution_pandas", args=ExecutionArgs, partial=Result)


@app.plan
def blocks(args: ExecutionArgs) -> Iterator[WorkItem]:
    """Blocks of equal size."""
    return dealt(args)


@app.work
def work(block: Block, args: ExecutionArgs, run: RunContext) -> Result:
    """One block: generated, read by the engine, computed by the kernel."""
    return worked(block, args, run, frames, KERNELS)


@app.publish
def published(summary: Result, args: ExecutionArgs, run: RunContext) -> dict[str, Any]:
    """The groups as a table and a picture, if the blocks' tables add up to the summary and obey queueing theory."""
    with phase(run, "merge"):
        blocks = [(key, frames.totals(path)) for key, path in run.artifacts("totals")]
        totals = added(blocks)
    run.save_table("groups", frames.groups(totals))
    run.save_figure("groups_figure", picture(totals, summary, args.load))
    return judged(run, summary, blocks, args.load)


def picture(totals: Totals, summary: Result, load: float) -> str:
    """Each group that has jobs: mean waiting time beside what theory says of all together, and mean score."""
    waits, scores = means(totals)
    ends = waits[0][0] - 0.5, waits[-1][0] + 0.5
    low, high = waiting_time_range(load, summary.row_count, summary.block_count)
    theory = Area([(end, low / 1e3, high / 1e3) for end in ends], 0, "what theory says of all together")
    ticks = [(group, f"{group}") for group, _ in waits[:: len(waits) // 24 + 1]]
    upper = Chart("mean wait, ms", [theory, Dots(waits)], ticks, x=ends)
    lower = Chart("mean score", [Dots(scores)], ticks, x=ends, x_label="group")
    return sheet(f"{summary.row_count:,} jobs in {len(waits)} groups", [upper], [lower], heights=[190, 210])
