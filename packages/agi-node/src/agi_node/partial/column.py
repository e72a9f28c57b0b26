"""A column of numbers, from whatever a table library hands out."""

from __future__ import annotations

import sys
from functools import cache
from typing import Any

from agi_node.errors import FAILED, AgiError
from agi_node.partial.refusal import MISSING_VALUE, unfit
from agi_node.partial.scalars import accept_double

SMALL = 64
"""Arrays up to this length are handled like Python lists: exactly, and quicker than numpy's calls."""

_ALLOWED = "one column of numbers: a list, a numpy array, a Polars, pandas or pyarrow column"


def column(values: Any) -> tuple[Any, int]:
    """The numbers of a column, and how many nulls were left out on the way.

    Gives a list of doubles (NaN still among them), or for long columns a flat numpy array of integers, floats
    or bools (`Any`, because numpy is not a dependency). The array may be the caller's own: it is only read.
    Raises AGI-PART-003 for what is no column of numbers.
    """
    nulls = 0
    if hasattr(values, "to_numpy"):
        values, nulls = _from_table(values)
    numpy = sys.modules.get("numpy")
    if numpy is None or not isinstance(values, numpy.ndarray):
        numbers, missing = _listed(values)
        return numbers, nulls + missing
    if isinstance(values, numpy.ma.MaskedArray):
        nulls += int(numpy.ma.count_masked(values))
        values = values.compressed()
    if values.dtype.kind == "O":
        numbers, missing = _listed(values.ravel().tolist())
        return numbers, nulls + missing
    if values.dtype.kind not in "biuf":
        raise unfit(values, _ALLOWED)
    if values.size <= SMALL:
        return [float(value) for value in values.ravel().tolist()], nulls
    return values.ravel(), nulls


def refuse_missing(what: str, missing: int, total: int) -> AgiError:
    """The error for NaN and nulls that nobody said to skip."""
    return AgiError(
        MISSING_VALUE,
        f"{what}: {missing:,} of {total:,} values are missing",
        found="NaN or null",
        allowed="numbers (inf included)",
        try_=f"{what}(values, …, skip_nan=True) leaves them out",
        whose="author",
        exit_code=FAILED,
    )


def _from_table(values: Any) -> tuple[Any, int]:
    """A Series or Arrow array as a numpy array without nulls; without numpy, as a list."""
    if hasattr(values, "columns"):
        raise unfit(values, _ALLOWED)
    if hasattr(values, "isna"):  # pandas: its nullable types give objects unless asked for doubles
        if getattr(values.dtype, "kind", "O") not in "biuf":
            return values.tolist(), 0
        missing = values.isna()
        nulls = int(missing.sum())
        return (values[~missing] if nulls else values).to_numpy(dtype="float64"), nulls
    count = getattr(values, "null_count", 0)
    nulls = int(count() if callable(count) else count)
    if nulls:
        values = values.drop_nulls() if hasattr(values, "drop_nulls") else values.drop_null()
    if not _numpy_is_here():  # asked first: without it Polars ends in a panic, not in an ImportError
        return (values.to_list() if hasattr(values, "to_list") else values.to_pylist()), nulls
    if hasattr(values, "to_pylist") and not hasattr(values, "chunks"):
        return values.to_numpy(zero_copy_only=False), nulls  # a pyarrow Array refuses to copy by default
    return values.to_numpy(), nulls


@cache  # to look for what is not there reads every folder of the path, each time
def _numpy_is_here() -> bool:
    try:
        import numpy  # noqa: F401
    except ImportError:
        return False
    return True


def _listed(values: Any) -> tuple[list[float], int]:
    if isinstance(values, str | bytes | dict):
        raise unfit(values, _ALLOWED)
    try:
        items = list(values)
    except TypeError:
        raise unfit(values, _ALLOWED) from None
    if set(map(type, items)) == {float}:
        return items, 0
    kept = [item for item in items if item is not None]
    return [accept_double(item) for item in kept], len(items) - len(kept)
