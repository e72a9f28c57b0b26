"""The kernel `dataframe`, and all else that knows the engine: pandas."""

from pathlib import Path

import numpy as np
import pandas as pd
from execution_work.engine import COLUMNS
from execution_work.jobs import Column, Totals


def of(jobs: dict[str, Column]) -> pd.DataFrame:
    """Jobs in memory as a frame."""
    return pd.DataFrame(jobs, copy=False)


def write(jobs: dict[str, Column], path: Path) -> None:
    """Jobs as a parquet file; random numbers gain nothing from compression, and no dictionary where all are new."""
    pd.DataFrame(jobs, copy=False).to_parquet(path, compression=None, use_dictionary=["group", "weight"])


def read(path: Path) -> pd.DataFrame:
    """The frame in a parquet file."""
    return pd.read_parquet(path)


def score(frame: pd.DataFrame, groups: int) -> Totals:
    """As `arrays.score`, in the engine's expressions."""
    mixed = 0.6 * _squash(frame["x"]) + 0.4 * _squash(frame["y"])
    weighted = frame["weight"] * (mixed * 1e6).astype("int64")
    by_group = frame.assign(score=weighted).groupby("group")
    return _by_group(
        by_group.agg(jobs=("group", "size"), weight=("weight", "sum"), score=("score", "sum")), groups
    )


def queue(frame: pd.DataFrame, groups: int) -> Totals:
    """As `arrays.queue`, in the engine's expressions."""
    path = (frame["service_us"].shift(1, fill_value=0) - frame["gap_us"]).cumsum()
    waits = (path - path.cummin()).groupby(frame["group"])
    return _by_group(waits.agg(["sum", "max"]), groups)


def table(totals: Totals) -> pd.DataFrame:
    """A block's totals, a row for each group."""
    frame = pd.DataFrame(totals, columns=COLUMNS)
    frame.insert(0, "group", np.arange(len(totals)))
    return frame


def totals(path: Path) -> Totals:
    """The inverse of `table`, from its file."""
    found: Totals = pd.read_parquet(path, columns=list(COLUMNS)).to_numpy()
    return found


def groups(totals: Totals) -> pd.DataFrame:
    """The table that people read: means by group, null where a group has no jobs."""
    frame = table(totals)
    held = frame[frame["jobs"] > 0]
    means = {
        "mean_score": held["score_millionths"] / held["weight"] / 1e6,
        "mean_wait_us": held["wait_us"] / held["jobs"],
        "longest_wait_us": held["longest_wait_us"].astype("Int64"),
    }
    return frame[["group", "jobs"]].assign(**means)


def _squash(values: pd.Series) -> pd.Series:
    return values / np.sqrt(1 + values * values)


def _by_group(found: pd.DataFrame, groups: int) -> Totals:
    """Rows by the number of their group; zeros for a group without jobs."""
    filled = np.zeros((groups, found.shape[1]), dtype=np.int64)
    filled[found.index] = found
    return filled
