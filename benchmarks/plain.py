"""The functions of the benchmark graphs: they do nothing, so that what is measured is what surrounds them."""

from __future__ import annotations

import time


def numbers(count: int) -> list[int]:
    """The list that a fan-out maps over."""
    return list(range(count))


def square(number: int) -> int:
    """One unit of a fan-out."""
    return number * number


def start() -> int:
    """The first link of a chain."""
    return 1


def link(**before: int) -> int:
    """One link of a chain; the engine hands over the one before under its name."""
    (value,) = before.values()
    return value + 1


def rest(number: int) -> int:
    """A unit that takes a moment, so that every worker gets one."""
    time.sleep(0.05)
    return number


def log_points(count: int) -> float:
    """Log `count` points through the tracker; the seconds that this cost the caller."""
    from agi_node import tracker

    started = time.perf_counter()
    for step in range(count):
        tracker.log_metric("loss", 1 / (step + 1), step=step)
    return time.perf_counter() - started
