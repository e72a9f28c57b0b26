"""The work of the execution apps as one plain script in one process: reference for speed, oracle for numbers.

What a person would write who wants these numbers once, in the engine that is asked for: make each block's jobs, write
them as parquet, read them back, group, add up. From the apps it takes two definitions alone: what a job is, and over
what a block's checksum goes.

    python benchmarks/execution_plain.py pandas|polars [--rows 4000000] [--blocks 16] [--groups 16] …
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

SERVICE_US = 1_000
Columns = dict[str, Any]


def jobs(block: int, rows: int, groups: int, load: float, seed: int) -> Columns:
    """A block's jobs in order of arrival, from its number."""
    rng = np.random.default_rng([seed, block])
    return {
        "group": rng.integers(groups, size=rows),
        "weight": rng.integers(1, 10, size=rows),
        "x": rng.standard_normal(rows),
        "y": rng.standard_normal(rows),
        "gap_us": np.rint(rng.standard_exponential(rows) * (SERVICE_US / load)).astype(np.int64),
        "service_us": np.rint(rng.standard_exponential(rows) * SERVICE_US).astype(np.int64),
    }


def with_pandas(columns: Columns, path: Path, groups: int) -> Any:
    """By group: jobs, weight, weighted score, wait, longest wait."""
    import pandas as pd

    pd.DataFrame(columns).to_parquet(path, compression=None, index=False)
    frame = pd.read_parquet(path)
    x, y = (frame[name] / np.sqrt(1 + frame[name] ** 2) for name in ("x", "y"))
    frame["score"] = frame["weight"] * ((0.6 * x + 0.4 * y) * 1e6).astype("int64")
    path_us = (frame["service_us"].shift(1, fill_value=0) - frame["gap_us"]).cumsum()
    frame["wait"] = path_us - path_us.cummin()
    grouped = frame.groupby("group")
    told = grouped.agg(
        jobs=("weight", "size"),
        weight=("weight", "sum"),
        score=("score", "sum"),
        wait=("wait", "sum"),
        longest=("wait", "max"),
    )
    return told.reindex(range(groups), fill_value=0).to_numpy()


def with_polars(columns: Columns, path: Path, groups: int) -> Any:
    """By group: jobs, weight, weighted score, wait, longest wait."""
    import polars as pl
    from polars import col

    pl.DataFrame(columns).write_parquet(path, compression="uncompressed")
    x, y = (col(name) / (1 + col(name) * col(name)).sqrt() for name in ("x", "y"))
    path_us = (col("service_us").shift(1, fill_value=0) - col("gap_us")).cum_sum()
    told = (
        pl.read_parquet(path)
        .with_columns(
            score=col("weight") * ((0.6 * x + 0.4 * y) * 1e6).cast(pl.Int64), wait=path_us - path_us.cum_min()
        )
        .group_by("group")
        .agg(
            jobs=pl.len().cast(pl.Int64),
            weight=col("weight").sum(),
            score=col("score").sum(),
            wait=col("wait").sum(),
            longest=col("wait").max(),
        )
    )
    every = pl.DataFrame({"group": np.arange(groups)}).join(told, on="group", how="left").sort("group")
    return every.drop("group").fill_null(0).to_numpy()


ENGINES: dict[str, Callable[[Columns, Path, int], Any]] = {"pandas": with_pandas, "polars": with_polars}


def work(engine: str, rows: int, blocks: int, groups: int, load: float, seed: int) -> dict[str, Any]:
    """The payload of all blocks together; the first ones are a job longer where the rows do not come out even."""
    tables, checksum = [], 0
    with tempfile.TemporaryDirectory() as folder:
        for block in range(blocks):
            count = rows // blocks + (block < rows % blocks)
            table = ENGINES[engine](
                jobs(block, count, groups, load, seed), Path(folder) / "jobs.parquet", groups
            )
            told = f"block-{block:04}".encode() + np.ascontiguousarray(table).astype("<i8").tobytes()
            checksum += int.from_bytes(hashlib.sha256(told).digest()[:4])
            tables.append(table)
    sums, longest = sum(tables), max(table[:, 4].max() for table in tables)
    seen = [int(group) for group in np.flatnonzero(sums[:, 0])]
    return {
        "benchmark": ["score-and-queue"],
        "block_count": blocks,
        "row_count": int(sums[:, 0].sum()),
        "groups": seen,
        "group_count": len(seen),
        "weight": int(sums[:, 1].sum()),
        "weighted_score_millionths": int(sums[:, 2].sum()),
        "wait_us": int(sums[:, 3].sum()),
        "longest_wait_us": int(longest),
        "checksum": checksum,
    }


def main() -> None:
    """Print the payload as JSON, and the seconds it took beside it."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("engine", choices=sorted(ENGINES))
    parser.add_argument("--rows", type=int, default=4_000_000)
    parser.add_argument("--blocks", type=int, default=16)
    parser.add_argument("--groups", type=int, default=16)
    parser.add_argument("--load", type=float, default=0.8, help="part of the time that the server is busy")
    parser.add_argument("--seed", type=int, default=1)
    options = vars(parser.parse_args())
    started = time.perf_counter()
    payload = work(**options)
    print(json.dumps({"payload": payload, "seconds": time.perf_counter() - started}))


if __name__ == "__main__":
    main()
