"""Rows of numbers as parts of an outline: short ones number by number, long ones so that one changed number is told.

A part is `[path, dtype, shape, text]`. A long array has three: its first numbers; sums of all (`SUMS`); and of floats
digests of what its blocks of numbers are to some digits (`BLOCKS`), of others a digest of them all.
"""

from __future__ import annotations

import hashlib
import sys
from typing import Any

WHOLE, ROWS = 400, 60
"""Numbers of an array that are told one by one at most; of longer ones there are the first ones."""
SUMS = ("how many", "sum", "sum by place", "sum of sizes", "sum of sizes by place", "least", "greatest")
"""What is told of a long array: by place, each number counts by how far on it stands, the last one by 1."""
BLOCKS = 16
"""Blocks of a long array, of which there are digests."""
FINE, COARSE = 22, 14
"""Steps of a digest for each doubling of a number, as powers of 2: numbers of one step differ by 2e-7, 4e-5 of them."""
SMALL = 64
"""What rounding may leave of numbers, in ulps of the greatest of their array."""
Part = list[str]


def parts_of(array: Any, path: str, room: int) -> list[Part]:
    """The parts of an array of bools, integers, floats or complex numbers; `room` is for how many numbers there is."""
    numpy = sys.modules["numpy"]
    shape = "x".join(map(str, array.shape))
    if array.size <= min(WHOLE, room):
        return [[path, str(array.dtype), shape, _listed(array)]]
    flat = array.ravel()
    first = [path, str(array.dtype), f"{min(ROWS, array.size)}", _listed(flat[:ROWS])]
    sums = [path, f"sums of {array.dtype}", shape, _sums(flat, numpy)]
    if array.dtype.kind in "biu":
        return [first, sums, [path, f"all {array.size:,}: #{_short(numpy.ascontiguousarray(flat))}"]]
    return [first, sums, [path, f"blocks of {array.dtype}", shape, _blocks(flat, numpy)]]


def block_of(number: int, size: int) -> tuple[int, int]:
    """Where a block of an array of some size begins and ends."""
    return number * size // BLOCKS, (number + 1) * size // BLOCKS


def _listed(array: Any) -> str:
    return " ".join(map(repr, array.ravel().tolist()))


def _sums(flat: Any, numpy: Any) -> str:
    """`SUMS` of the finite numbers of an array, in their order (of complex ones, of their magnitudes)."""
    good = flat[numpy.isfinite(flat)] if flat.dtype.kind in "fc" else flat
    good = (abs(good) if flat.dtype.kind == "c" else good).astype(float)
    place, size = numpy.arange(1, good.size + 1) / max(good.size, 1), abs(good)
    ends = (float(good.min()), float(good.max())) if good.size else (0.0, 0.0)
    sums = (float(one.sum()) for one in (good, good * place, size, size * place))
    return " ".join(map(repr, (float(good.size), *sums, *ends)))


def _blocks(flat: Any, numpy: Any) -> str:
    """Of each block six digests: fine, coarse, and fine without what is small beside the greatest; each of two kinds.

    A digest takes the steps in which numbers stand, on a scale of their logarithms. Where a number that rounding has
    moved goes over the edge of a step, it does not do so in the digest of the other kind, whose edges lie between.
    """
    numbers = flat.view(flat.real.dtype) if flat.dtype.kind == "c" else flat
    numbers = numbers.astype(numpy.float64)
    sizes = abs(numbers)
    finite = numpy.isfinite(numbers)
    greatest = float(sizes[finite].max(initial=0.0))
    ulp = float(numpy.finfo(flat.dtype).eps) * greatest
    kinds = [
        _steps(numpy.where(sizes > floor * ulp, numbers, 0.0) if floor else numbers, 1 << power, edge, numpy)
        for power, edge, floor in (
            (FINE, 0.0, 0),
            (FINE, 0.5, 0),
            (COARSE, 0.0, 0),
            (COARSE, 0.5, 0),
            (FINE, 0.0, SMALL),
            (FINE, 0.5, SMALL // 3),
        )
    ]
    ends = [block_of(number, numbers.size) for number in range(BLOCKS)]
    return " ".join(",".join(_short(steps[begin:end]) for steps in kinds) for begin, end in ends)


def _steps(numbers: Any, steps: int, edge: float, numpy: Any) -> Any:
    """The number of the step in which each stands: whole numbers, with the sign in the lowest bit; four odd ones."""
    good = numpy.isfinite(numbers) & (numbers != 0)
    places = numpy.floor(numpy.log2(abs(numpy.where(good, numbers, 1.0))) * steps + edge).astype(numpy.int64)
    signed = 2 * places + (numbers < 0)
    odd = numpy.select([numpy.isnan(numbers), numbers == 0, numbers > 0], [1, 2, 3], 4)
    return numpy.where(good, signed, (1 << 62) + odd)


def _short(array: Any) -> str:
    return hashlib.sha256(array.tobytes()).hexdigest()[:8]
