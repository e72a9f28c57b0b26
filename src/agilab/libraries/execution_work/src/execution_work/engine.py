"""What an app brings: its engine, and the kernels that compute; here is the one that was compiled."""

from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import numpy as np

from . import arrays
from .jobs import Column, Totals

COLUMNS = ("jobs", "weight", "score_millionths", "wait_us", "longest_wait_us")
"""What is totalled for each group; scores are weighted."""


class Kernel(Protocol):
    """What computes a block. `arrays` says what the two functions promise."""

    def score(self, frame: Any, groups: int, /) -> Totals: ...
    def queue(self, frame: Any, groups: int, /) -> Totals: ...


class Engine(Kernel, Protocol):
    """A dataframe library: how its frames come from jobs and files, and what they compute themselves."""

    def of(self, jobs: dict[str, Column], /) -> Any:
        """Jobs in memory as a frame."""

    def write(self, jobs: dict[str, Column], path: Path, /) -> None:
        """Jobs as a parquet file."""

    def read(self, path: Path, /) -> Any:
        """The frame in a parquet file."""

    def table(self, totals: Totals, /) -> Any:
        """A block's totals, a row for each group: `group` and `COLUMNS`."""

    def totals(self, path: Path, /) -> Totals:
        """The inverse of `table`, from its file."""


class Compiled:
    """The kernel `compiled`: the loops of an app's `_kernel.pyx`, or NumPy with equal results where it was not built.

    Attributes:
        used: What computes, `compiled` or `numpy`.
    """

    def __init__(self, built: ModuleType | None) -> None:
        self._built = built
        self.used = "numpy" if built is None else "compiled"

    def score(self, frame: Any, groups: int) -> Totals:
        """As `arrays.score`, in one pass."""
        if self._built is None:
            return arrays.score(frame, groups)
        totals = np.zeros((groups, 3), dtype=np.int64)
        self._built.score(*(frame[name].to_numpy() for name in ("group", "weight", "x", "y")), totals)
        return totals

    def queue(self, frame: Any, groups: int) -> Totals:
        """As `arrays.queue`, in one pass that keeps nothing but the last waiting time."""
        if self._built is None:
            return arrays.queue(frame, groups)
        totals = np.zeros((groups, 2), dtype=np.int64)
        self._built.queue(*(frame[name].to_numpy() for name in ("group", "gap_us", "service_us")), totals)
        return totals
