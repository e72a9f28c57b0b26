"""What is asked for, and the blocks that it is dealt out in."""

from collections.abc import Iterator
from typing import Literal

from pydantic import BaseModel, Field

from agi_node import AgiError, Args, WorkItem


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


def dealt(args: ExecutionArgs) -> Iterator[WorkItem]:
    """Blocks of equal size, the first ones a job longer where that does not come out even."""
    if args.rows < args.blocks:
        found, allowed = f"rows {args.rows}, blocks {args.blocks}", "at least a row for each block"
        raise AgiError("AGI-ARGS-201", "there are blocks without a job", found=found, allowed=allowed)
    least, longer = divmod(args.rows, args.blocks)
    for number in range(args.blocks):
        block = Block(number=number, rows=least + (number < longer))
        yield WorkItem(key=f"block-{number:04}", payload=block.model_dump(), cost=block.rows)
