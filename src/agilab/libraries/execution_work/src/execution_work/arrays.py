"""The kernel `numpy`: a column at a time, and the recursion by its closed form."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .jobs import Totals

SLICE = 1 << 14
"""Jobs that are worked at a time: what one operation leaves is still in the cache for the next."""


def score(frame: Any, groups: int) -> Totals:
    """By group: jobs, their weight, their weighted scores in millionths; whole numbers of shape (groups, 3).

    A job's score is 0.6 s(x) + 0.4 s(y) with s(v) = v / sqrt(1 + v^2), cut off after six digits. All of its
    operations round correctly (IEEE 754), so every engine gets the same bits.
    """
    group, weight, x, y = (frame[name].to_numpy() for name in ("group", "weight", "x", "y"))
    totals = np.zeros((groups, 3), dtype=np.int64)
    for part in _slices(len(group)):
        at, weights = group[part], weight[part]
        mixed = 0.6 * _squash(x[part]) + 0.4 * _squash(y[part])
        totals[:, 0] += np.bincount(at, minlength=groups)
        np.add.at(totals[:, 1], at, weights)
        np.add.at(totals[:, 2], at, weights * (mixed * 1e6).astype(np.int64))
    return totals


def queue(frame: Any, groups: int) -> Totals:
    """By group: all waiting times together and the longest, in microseconds; of shape (groups, 2).

    Lindley (1952): w[n] = max(0, w[n-1] + service[n-1] - gap[n]), w[0] = 0. With p the running sum of those steps
    from the last wait on, that is p[n] - min(0, p[1], ..., p[n]): exact in whole numbers, at the price of passes.
    """
    group, gap, service = (frame[name].to_numpy() for name in ("group", "gap_us", "service_us"))
    steps = -gap
    steps[1:] += service[:-1]
    totals, last = np.zeros((groups, 2), dtype=np.int64), 0
    for part in _slices(len(group)):
        path = last + np.cumsum(steps[part])
        waits = path - np.minimum(np.minimum.accumulate(path), 0)
        last = waits[-1]
        np.add.at(totals[:, 0], group[part], waits)
        np.maximum.at(totals[:, 1], group[part], waits)
    return totals


def _squash(values: NDArray[np.float64]) -> NDArray[np.float64]:
    squashed: NDArray[np.float64] = values / np.sqrt(1 + values * values)
    return squashed


def _slices(rows: int) -> Iterator[slice]:
    return (slice(at, at + SLICE) for at in range(0, rows, SLICE))
