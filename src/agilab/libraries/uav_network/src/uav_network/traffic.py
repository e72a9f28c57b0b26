"""Random traffic from substreams that do not know of one another.

Each process of a replication (the source's arrivals, one relay's background, the work that packets bring to one relay)
draws from a stream of its own, found by its name: so a policy, or an upgrade, changes no random number, and what is
compared met the same arrivals and the same work (common random numbers).
"""

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]


def stream(seed: int, replication: int, name: str) -> np.random.Generator:
    """The stream of one process: seed and replication are the entropy, the name is the spawn key.

    See numpy's `SeedSequence` (after M. E. O'Neill, "Developing a seed_seq alternative", 2015): other keys give
    independent streams.
    """
    return np.random.default_rng(np.random.SeedSequence([seed, replication], spawn_key=tuple(name.encode())))


def poisson_times(rng: np.random.Generator, rate_pps: float, until_s: float) -> Numbers:
    """The instants before `until_s` of a Poisson process: running sums of exponential gaps."""
    if rate_pps == 0:
        return np.empty(0)
    block = int(rate_pps * until_s + 6 * (rate_pps * until_s) ** 0.5) + 16
    gaps = rng.exponential(1 / rate_pps, block)
    times = np.cumsum(gaps)
    while times[-1] < until_s:
        gaps = np.concatenate([gaps, rng.exponential(1 / rate_pps, block)])
        times = np.cumsum(gaps)
    return times[times < until_s]


def works(rng: np.random.Generator, rate_pps: float, count: int) -> Numbers:
    """Exponential service times (s), one for each packet."""
    return rng.exponential(1 / rate_pps, count)
