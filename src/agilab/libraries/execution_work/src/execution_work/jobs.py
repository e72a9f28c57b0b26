"""The jobs of a block, made from its number; and how long queueing theory says that they wait."""

from math import sqrt

import numpy as np
from numpy.typing import NDArray

Column = NDArray[np.int64] | NDArray[np.float64]
Totals = NDArray[np.int64]
"""Whole numbers by group, of shape (groups, columns)."""

SERVICE_US = 1_000
"""The mean service time."""


def generate(block: int, rows: int, groups: int, load: float, seed: int) -> dict[str, Column]:
    """The columns of one block in order of arrival: equal arguments give equal jobs, in any process.

    `group` (0 to groups - 1), `weight` (1 to 9), features `x` and `y` (normal), `gap_us` since the job before and
    `service_us` (exponential, to the microsecond).
    """
    chance = np.random.default_rng([seed, block])
    return {
        "group": chance.integers(groups, size=rows),
        "weight": chance.integers(1, 10, size=rows),
        "x": chance.standard_normal(rows),
        "y": chance.standard_normal(rows),
        "gap_us": np.rint(chance.standard_exponential(rows) * (SERVICE_US / load)).astype(np.int64),
        "service_us": np.rint(chance.standard_exponential(rows) * SERVICE_US).astype(np.int64),
    }


def waiting_time_range(load: float, rows: int, blocks: int) -> tuple[float, float]:
    """Between which microseconds the mean wait of `rows` jobs must lie, but for one case in a million or so.

    In units of the mean service time an M/M/1 queue waits w = load / (1 - load) (Pollaczek and Khinchine). The mean
    of n successive waits scatters with variance load (2 + 5 load - 4 load^2 + load^3) / (1 - load)^4 / n (Daley
    1968); five of its roots are allowed, and of few jobs one long burst. A block begins with an empty queue, so its
    waits together fall short of n w, by load / (1 - load)^3 at most (the solution of Poisson's equation for Lindley's
    recursion, a square here, says so).
    """
    idle = 1 - load
    mean, short = load / idle, load / idle**3 * blocks / rows
    scatter = sqrt(load * (2 + 5 * load - 4 * load**2 + load**3) / rows) / idle**2
    allowed = 5 * scatter + 10 / idle**3 / rows
    return max(0.0, mean - short - allowed) * SERVICE_US, (mean + allowed) * SERVICE_US
