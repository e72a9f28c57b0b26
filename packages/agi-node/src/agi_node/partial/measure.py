"""Sums and sums of squares of a long numpy array, at about the price of reading it.

A corrected two-pass algorithm (Chan, Golub and LeVeque, "Algorithms for computing the sample variance", 1983)
over chunks that stay in the cache, so that the second pass costs no memory traffic; numpy's own `var` writes
and reads a whole temporary array. What is rounded here is rounded once, in float64, and in an order that is
part of the definition; from there on totals are exact.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final

from agi_node.partial import exact

_CHUNK: Final = 32_768
"""Doubles per step: 256 KiB and as much scratch stay in a core's second-level cache. Part of the result's
definition (another length rounds differently), so it does not follow the machine."""

_TOO_BIG: Final = 2.0**480
_TOO_SMALL: Final = 2.0**-450
"""Outside, squares of deviations overflow or lose digits in float64; the column is scaled first."""

Sums = tuple[int, exact.Total, exact.Total, float, float]
"""Count, sum in units of 2^-UNIT, sum of squares in units of 2^-SQUARE_UNIT, min, max."""

Part = tuple[int, float, float, float, float, float]
"""Of one chunk: count, a centre near its mean, sums of deviations and of squared deviations from it, min, max."""


def measured(data: Any) -> tuple[Sums | None, int]:
    """The sums of a flat numpy array of numbers (None for no numbers), and how many NaN were left out."""
    import numpy

    with numpy.errstate(all="ignore"):
        parts, nans, infinities = _measure(numpy, data, 0)
        if not parts and not infinities:
            return None, nans
        low = float(min([part[4] for part in parts] + infinities)) + 0.0
        high = float(max([part[5] for part in parts] + infinities)) + 0.0
        count = sum([part[0] for part in parts])
        if infinities:
            return (count + len(infinities), sum(infinities), math.inf, low, high), nans
        shift, size = 0, max(-low, high)
        if size and not _TOO_SMALL < size < _TOO_BIG:
            shift = math.frexp(size)[1]
            parts = _measure(numpy, data, shift)[0]
    return _joined(parts, count, shift, low, high), nans


def _measure(numpy: Any, data: Any, shift: int) -> tuple[list[Part], int, list[float]]:
    """The parts of an array whose values are divided by 2^shift, the number of NaN, and the infinities.

    Only ufuncs: their order of additions is fixed, where BLAS adds in an order that follows the processor
    and the number of threads.
    """
    add, least, most = numpy.add.reduce, numpy.minimum.reduce, numpy.maximum.reduce
    scratch = numpy.empty(min(_CHUNK, data.size))
    parts: list[Part] = []
    nans, infinities = 0, []
    for values in _chunks(numpy, data, shift):
        chunk, low, high = values, least(values), most(values)
        if not high - low < math.inf:  # NaN and infinities, and spans that no double holds
            finite = numpy.isfinite(values)
            odd = values[~finite]
            nans += int(numpy.isnan(odd).sum())
            infinities += [value for value in odd.tolist() if not math.isnan(value)]
            chunk = values[finite]
            if not chunk.size:
                continue
            low, high = least(chunk), most(chunk)
        count = chunk.size
        centre = float(add(chunk)) / count
        deviations = scratch[:count]
        numpy.subtract(chunk, centre, deviations)
        rest = float(add(deviations))
        numpy.multiply(deviations, deviations, deviations)
        parts.append((count, centre, rest, float(add(deviations)), low, high))
    return parts, nans, infinities


def _chunks(numpy: Any, data: Any, shift: int) -> Iterator[Any]:
    for start in range(0, data.size, _CHUNK):
        chunk = data[start : start + _CHUNK]
        if chunk.dtype != numpy.float64:
            chunk = chunk.astype(numpy.float64)
        yield numpy.ldexp(chunk, -shift) if shift else chunk


def _joined(parts: list[Part], count: int, shift: int, low: float, high: float) -> Sums:
    """One state from the parts of the chunks, exactly, once the sums about a common mean are rounded.

    With the sums D of deviations and M2 of squared deviations from any mean m, S = n·m + D and
    Q = M2 + 2·m·D + n·m². D is what rounding left in m: with it, a column whose spread is a few units in the
    last place of its mean still has the right variance, and a constant column has none.
    """
    first = parts[0][1]
    mean = first + math.fsum([size * (centre - first) + rest for size, centre, rest, *_ in parts]) / count
    rests = [part[2] for part in parts]
    offsets = [(size, centre - mean, rest) for size, centre, rest, *_ in parts]
    remaining = math.fsum([size * offset for size, offset, _ in offsets] + rests)
    squared = math.fsum(
        [part[3] for part in parts] + [offset * (size * offset + 2 * rest) for size, offset, rest in offsets]
    )
    centre, rest, spread = map(int, map(exact.lift, (mean, remaining, max(squared, 0.0))))
    total = _shifted(count * centre + rest, shift)
    squares = _shifted((spread << exact.UNIT) + centre * (2 * rest + count * centre), 2 * shift)
    # Rounding may have left what no bag of numbers has: a mean outside of [min, max], or Q < S²/n.
    total = min(max(total, count * int(exact.lift(low))), count * int(exact.lift(high)))
    return count, total, max(squares, -(-total * total // count)), low, high


def _shifted(number: int, bits: int) -> int:
    return number << bits if bits >= 0 else number >> -bits
