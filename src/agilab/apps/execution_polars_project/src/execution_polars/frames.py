"""The kernel `dataframe`, and all else that knows the engine: Polars."""

from pathlib import Path

import numpy as np
import polars as pl
from execution_work.engine import COLUMNS
from execution_work.jobs import Column, Totals
from polars import col


def of(jobs: dict[str, Column]) -> pl.DataFrame:
    """Jobs in memory as a frame."""
    return pl.DataFrame(jobs)


def write(jobs: dict[str, Column], path: Path) -> None:
    """Jobs as a parquet file; random numbers gain nothing from compression."""
    pl.DataFrame(jobs).write_parquet(path, compression="uncompressed")


def read(path: Path) -> pl.DataFrame:
    """The frame in a parquet file, in one piece."""
    return pl.read_parquet(path, glob=False).rechunk()


def score(frame: pl.DataFrame, groups: int) -> Totals:
    """As `arrays.score`, in the engine's expressions."""
    mixed = 0.6 * _squash(col("x")) + 0.4 * _squash(col("y"))
    weighted = col("weight") * (mixed * 1e6).cast(pl.Int64)
    found = frame.group_by("group").agg(
        pl.len().cast(pl.Int64), col("weight").sum(), weighted.sum().alias("s")
    )
    return _by_group(found, groups)


def queue(frame: pl.DataFrame, groups: int) -> Totals:
    """As `arrays.queue`, in the engine's expressions."""
    step = col("service_us").shift(1, fill_value=0) - col("gap_us")
    waits = frame.select("group", path=step.cum_sum()).select(
        "group", wait=col("path") - col("path").cum_min()
    )
    found = waits.group_by("group").agg(col("wait").sum(), col("wait").max().alias("longest"))
    return _by_group(found, groups)


def table(totals: Totals) -> pl.DataFrame:
    """A block's totals, a row for each group."""
    return pl.DataFrame(totals, schema=list(COLUMNS), orient="row").with_row_index("group")


def totals(path: Path) -> Totals:
    """The inverse of `table`, from its file."""
    return pl.read_parquet(path, columns=list(COLUMNS), glob=False).to_numpy(order="c")


def groups(totals: Totals) -> pl.DataFrame:
    """The table that people read: means by group, null where a group has no jobs."""
    any_, jobs = col("jobs") > 0, col("jobs")
    return table(totals).select(
        "group",
        "jobs",
        mean_score=pl.when(any_).then(col("score_millionths") / col("weight") / 1e6),
        mean_wait_us=pl.when(any_).then(col("wait_us") / jobs),
        longest_wait_us=pl.when(any_).then("longest_wait_us"),
    )


def _squash(values: pl.Expr) -> pl.Expr:
    return values / (1 + values * values).sqrt()


def _by_group(found: pl.DataFrame, groups: int) -> Totals:
    """Rows by the number of their group; zeros for a group without jobs."""
    filled = np.zeros((groups, found.width - 1), dtype=np.int64)
    filled[found["group"].to_numpy()] = found.drop("group").to_numpy()
    return filled
