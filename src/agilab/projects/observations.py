"""What one unit of an earlier run tells of its item: what the app said it costs, and what it took."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Observation:
    """A recorded success of an earlier run: which item, what the app said of it, how long it took where."""

    run: int
    key: str
    payload: Any
    cost: float
    seconds: float
    worker: str
    cpu: float | None = None
    """Seconds of processor time, where the log has them."""
    first: bool = False
    """Whether it was the first one of its worker, which also had to load what the app uses."""
