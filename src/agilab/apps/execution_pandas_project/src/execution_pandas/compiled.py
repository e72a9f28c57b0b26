"""The kernel `compiled`: `_kernel.pyx`, or NumPy with equal results where it could not be built."""

from typing import Any

import numpy as np

from . import arrays
from .jobs import Totals

try:
    from . import _kernel

    USED = "compiled"
except ImportError:
    USED = "numpy"


def score(frame: Any, groups: int) -> Totals:
    """As `arrays.score`, in one pass."""
    if USED != "compiled":
        return arrays.score(frame, groups)
    totals = np.zeros((groups, 3), dtype=np.int64)
    _kernel.score(*(frame[name].to_numpy() for name in ("group", "weight", "x", "y")), totals)
    return totals


def queue(frame: Any, groups: int) -> Totals:
    """As `arrays.queue`, in one pass that keeps nothing but the last waiting time."""
    if USED != "compiled":
        return arrays.queue(frame, groups)
    totals = np.zeros((groups, 2), dtype=np.int64)
    _kernel.queue(*(frame[name].to_numpy() for name in ("group", "gap_us", "service_us")), totals)
    return totals
