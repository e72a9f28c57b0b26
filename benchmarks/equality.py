"""The two sides of a case must say the same, or nothing was compared."""

from __future__ import annotations

import math
from typing import Any

RELATIVE = 1e-12


class Unequal(Exception):
    """Ours and the reference differ; the text says where."""


def assert_same(ours: Any, reference: Any, place: str = "result") -> None:
    """Texts and counts equal, floats to 1e-12 relative. Raises Unequal naming the first place that differs.

    >>> assert_same({"mean": 1.0 + 1e-15, "count": 2}, {"mean": 1.0, "count": 2})
    >>> assert_same({"count": 2}, {"count": 3})
    Traceback (most recent call last):
    benchmarks.equality.Unequal: result.count: ours is 2, the reference 3
    """
    if isinstance(reference, dict) and isinstance(ours, dict):
        if ours.keys() != reference.keys():
            raise Unequal(f"{place}: ours has {sorted(ours)}, the reference {sorted(reference)}")
        for name, value in reference.items():
            assert_same(ours[name], value, f"{place}.{name}")
    elif isinstance(reference, list) and isinstance(ours, list):
        if len(ours) != len(reference):
            raise Unequal(f"{place}: ours has {len(ours):,} items, the reference {len(reference):,}")
        for index, (mine, theirs) in enumerate(zip(ours, reference, strict=True)):
            assert_same(mine, theirs, f"{place}[{index}]")
    elif isinstance(reference, float) and isinstance(ours, int | float) and not isinstance(ours, bool):
        if not math.isclose(ours, reference, rel_tol=RELATIVE):
            raise Unequal(f"{place}: ours is {ours!r}, the reference {reference!r}")
    elif type(ours) is not type(reference) or ours != reference:
        raise Unequal(f"{place}: ours is {ours!r}, the reference {reference!r}")
