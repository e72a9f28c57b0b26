"""Exact totals of doubles, so that a sum does not depend on who added what first.

Floating-point addition is not associative: the same numbers, split over another number of workers,
give another last bit, and the bytes of a result would tell how it was computed. Every finite double is a
whole number of 2^-1074, so a total is kept as a plain Python integer in that unit (a Kulisch accumulator).
Integer addition *is* associative and commutative, a number has one representation, and the size is
bounded: doubles span 2098 binary digits, a total of n of them log2(n) more. Squares use 2^-2148.

What has no finite value (inf, -inf, nan) is kept as that float instead and absorbs every number, as
IEEE 754 addition does; on {finite, inf, -inf, nan} that, too, is associative and commutative.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from agi_node.partial.refusal import foreign

Total = int | float
"""An integer number of units, or the float inf, -inf or nan."""

UNIT = 1074
"""A double is a whole number of 2^-UNIT."""
SQUARE_UNIT = 2 * UNIT
"""The square of a double is a whole number of 2^-SQUARE_UNIT."""

_TEXT = re.compile(r"(-?[1-9a-f][0-9a-f]{0,1599})\*2\^(0|-?[1-9]\d{0,3})")
_ALLOWED = (
    'an exact number, odd hexadecimal times a power of two such as "-1b*2^-3", or "0", "inf", "-inf", "nan"'
)
_WORDS: dict[object, Total] = {"0": 0, "inf": math.inf, "-inf": -math.inf, "nan": math.nan}


def lift(value: float) -> Total:
    """A double as a total, exactly.

    >>> lift(0.5) == 1 << 1073, lift(float("-inf"))
    (True, -inf)
    """
    try:
        numerator, denominator = value.as_integer_ratio()
    except (OverflowError, ValueError):
        return math.nan if math.isnan(value) else value
    return numerator << (UNIT + 1 - denominator.bit_length())


def add(left: Total, right: Total) -> Total:
    """The exact sum; inf, -inf and nan behave as in IEEE 754."""
    if type(left) is int and type(right) is int:
        return left + right
    return _finite_as_zero(left) + _finite_as_zero(right)


def add_all(totals: Sequence[Total]) -> Total:
    """The exact sum of many totals, equal to any sequence of `add`."""
    if float in set(map(type, totals)):
        return sum(map(_finite_as_zero, totals))
    return sum(totals)


def ratio(numerator: int, denominator: int) -> float:
    """The double nearest to a quotient of integers; beyond the range of doubles, an infinity."""
    try:
        return numerator / denominator
    except OverflowError:
        return math.inf if (numerator > 0) == (denominator > 0) else -math.inf


def lower(total: Total) -> float:
    """The double nearest to a total (what `math.fsum` gives, where that does not overflow).

    >>> lower(add_all([lift(x) for x in (1e16, 1.0, -1e16)]))
    1.0
    """
    return total if type(total) is float else ratio(int(total), 1 << UNIT)


def write(total: Total, unit: int = UNIT) -> str:
    """The one text of a total: odd hexadecimal mantissa and exponent.

    >>> write(lift(-6.5)), write(lift(0.0)), write(lift(float("inf")))
    ('-d*2^-1', '0', 'inf')
    """
    if type(total) is float:
        return "nan" if math.isnan(total) else "inf" if total > 0 else "-inf"
    number = int(total)
    if not number:
        return "0"
    zeros = (number & -number).bit_length() - 1
    return f"{number >> zeros:x}*2^{zeros - unit}"


def read(text: object, unit: int = UNIT) -> Total:
    """The inverse of `write`. Raises `AgiError` AGI-PART-006 for anything that `write` never writes."""
    if type(text) is str and text in _WORDS:
        return _WORDS[text]
    mantissa, shift = _parts(text, unit)
    return mantissa << shift


def write_double(value: float) -> str:
    """The exact text of a double.

    JSON has one kind of number: 1e20 is written as an integer and would come back as one. States
    therefore carry doubles as text, and reading a state gives back the bytes that were written.
    """
    return write(lift(value))


def read_double(text: object) -> float:
    """The inverse of `write_double`. Raises `AgiError` AGI-PART-006 when the text is no double."""
    if type(text) is str and text in _WORDS:
        return float(_WORDS[text])
    mantissa, shift = _parts(text, UNIT)
    try:
        if not mantissa >> 53 or not -mantissa >> 53:
            return math.ldexp(mantissa, shift - UNIT)
    except OverflowError:
        pass
    raise foreign("more digits than a double has", found=text, allowed=_ALLOWED)


def _parts(text: object, unit: int) -> tuple[int, int]:
    """Mantissa and exponent (in units) of a number's text."""
    match = _TEXT.fullmatch(text) if type(text) is str else None
    if match is not None:
        mantissa, shift = int(match[1], 16), int(match[2]) + unit
        # An even mantissa would be a second text for the same number; then equal states had unequal digests.
        if mantissa & 1 and 0 <= shift <= 3 * unit:
            return mantissa, shift
    raise foreign("no exact number", found=text, allowed=_ALLOWED)


def _finite_as_zero(total: Total) -> float:
    return total if type(total) is float else 0.0
