"""Partials reduced through the whole command, with evidence, beside numpy in a loop and in a pool of processes."""

from __future__ import annotations

from functools import partial
from typing import Any

from agilab.projects.machine import cores
from benchmarks.bench import BENCHMARKS, Bench, reduced
from benchmarks.case import Case, Limit, Measured
from benchmarks.equality import assert_same
from benchmarks.samples import Side, alternate

APP = BENCHMARKS / "apps" / "reducer_project"
SCRIPT = "reduce_numpy.py"


def measure(
    bench: Bench, rounds: int, *, partials: int, rows: int, options: tuple[str, ...] = ()
) -> Measured:
    """Whole commands: `agilab run` on so many partials of so many rows, a pool, a loop, and our start-up.

    Start-up is our own command with one partial of one row: what is there before the size of the work matters.
    """
    size = ("--partials", str(partials), "--rows", str(rows))
    command = ("run", APP, "--workers", str(cores()))
    expected: dict[str, Any] = {}

    def ours() -> float:
        seconds, result = bench.agilab(*command, *size, *options)
        if not expected:
            expected.update(reduced(result))
        assert_same(reduced(result), expected)
        return seconds

    def numpy(*pool: str) -> float:
        seconds, payload = bench.script(SCRIPT, *size, *pool)
        assert_same(expected, payload)
        return seconds

    def start_up() -> float:
        return bench.agilab(*command, "--partials", "1", "--rows", "1", *options)[0]

    sides: dict[str, Side] = {
        "ours": ours,
        "reference": partial(numpy, "--pool", str(cores())),
        "start-up": start_up,
        "plain loop": numpy,
    }
    taken = alternate(sides, rounds)
    return Measured(
        taken["ours"], taken["reference"], {"plain loop": taken["plain loop"]}, start_up=taken["start-up"]
    )


def _case(name: str, size: str, rounds: int, partials: int, rows: int, *options: str) -> Case:
    return Case(
        name,
        "reduce",
        f"agilab run {' '.join(options) or '(tracked in MLflow)'}, {size}",
        "numpy in a pool of processes, command to end",
        "s",
        Limit(times=1.3, start_up=True),
        rounds,
        partial(measure, partials=partials, rows=rows, options=options),
    )


_SMALL, _LARGE = "8 partials, 80,000 rows", "64 partials, 64 million rows"
CASES = (
    _case("reduce-8", _SMALL, 5, 8, 10_000),
    _case("reduce-8-untracked", _SMALL, 5, 8, 10_000, "--no-track"),
    _case("reduce-64", _LARGE, 3, 64, 1_000_000),
    _case("reduce-64-untracked", _LARGE, 3, 64, 1_000_000, "--no-track"),
)
