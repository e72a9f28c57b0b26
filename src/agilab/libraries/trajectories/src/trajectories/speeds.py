"""Do speeds that follow from positions agree with those that were reported?"""

from typing import NamedTuple

import polars as pl
from polars import col


class Agreement(NamedTuple):
    """How far two speeds lie apart.

    Attributes:
        segments: How many were compared.
        difference_mps: The median absolute difference.
        limit_mps: What the clock explains of it; more has another cause.
    """

    segments: int
    difference_mps: float
    limit_mps: float


def agreement(table: pl.DataFrame, reported: str, *, stamp_s: float = 1.0) -> Agreement | None:
    """The speeds of counted segments beside those reported where they end; None where there are none.

    One row has both speeds. What the clock explains: a position stamped t was true at t + u, u anywhere in a step of
    the clock, so a segment of s seconds lasted s + u2 - u1, and half of all |u2 - u1| exceed (1 - sqrt(1/2)) steps.
    A median beyond that time's share of the speed has another cause: metres taken for knots, say, are off by half.

    Args:
        table: What `segments` gives.
        reported: The column of reported speeds (m/s).
        stamp_s: The step of the clock that stamped the positions.
    """
    compared = table.select(col("speed_mps", reported, "since_s").filter("counted")).drop_nulls()
    if compared.is_empty():
        return None
    difference = (col("speed_mps") - col(reported)).abs().median()
    limit = (col(reported) * (1 - 0.5**0.5) * stamp_s / col("since_s")).median()
    return Agreement(len(compared), *compared.select(difference, limit.alias("limit")).row(0))
