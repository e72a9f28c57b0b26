"""How far two rows of numbers are apart, and whether adding up in another order makes as much of a difference."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from agi_node.number_parts import COARSE, FINE, SMALL, block_of

ROUNDING = 1e-9
"""Numbers that differ by no more of themselves are called equal.

A column that was read from a file lies otherwise in memory, so that libraries add it up in another order; what is left
in the last digits, also after a fit, is far below this, and what another seed or another row makes is far above it.
"""
LAST_DIGITS = 1e-12
"""The same of plain numbers, alone or in lists: those are results, or moments, not what a fit has come near to."""
LEAST = 1 / 1024
"""What rounding leaves where great numbers cancel is made of ulps of these, or of terms a thousand times smaller; a
difference that is smaller still comes from something else."""
_ULPS = {"float32": 2.0**-23, "complex64": 2.0**-23, "float16": 2.0**-10}
_OF_DOUBLES = 2.0**-52
_EXACT = ("int", "uint", "bool")
Row = Sequence[str]


@dataclass(frozen=True)
class Apart:
    """How two rows of numbers differ.

    Attributes:
        by: The greatest difference, each of its own number; infinite where rounding does not explain it.
        small: What differs by more of itself, and may be left of greater numbers beside it; empty for nothing.
        digits: Whether a long array is known to be alike in the first digits of its numbers only.
    """

    by: float
    small: str = ""
    digits: bool = False


OTHER = Apart(math.inf)


def apart(one: Row, other: Row, *, plain: bool = False) -> Apart:
    """How two parts of outlines differ. Integers and what is true or false are alike exactly, or not at all.

    A float is held against its own size: what stands beside it in an array may have nothing to do with it. A
    difference of some ulps of the greatest one there is neither called equal nor different: sums that cancel leave
    such numbers, and so does a mistake in a small number beside a great one.
    """
    if len(one) != 4 or len(other) != 4 or list(one[:3]) != list(other[:3]):
        return OTHER
    kind, _, dtype = one[1].rpartition(" of ")
    if dtype.startswith(_EXACT):
        return OTHER
    if kind == "blocks":
        return _blocks(one[3].split(), other[3].split(), of_doubles=dtype not in _ULPS)
    theirs, mine = numbers(one[3]), numbers(other[3])
    if len(theirs) != len(mine):
        return OTHER
    ulp = _ULPS.get(dtype, _OF_DOUBLES)
    bound = max(LAST_DIGITS if plain else ROUNDING, 8 * ulp)
    if kind == "sums":
        return _sums(theirs, mine, bound)
    sizes = [abs(each) for each in (*theirs, *mine) if not _odd(each)]
    return _each(theirs, mine, bound, ulp * max(sizes, default=0.0))


def _each(theirs: Sequence[complex], mine: Sequence[complex], bound: float, ulp: float) -> Apart:
    worst, small = 0.0, ""
    for left, right in zip(theirs, mine, strict=True):
        off = relative(left, right)
        if off <= bound:
            worst = max(worst, off)
        elif not math.isinf(off) and _may_be_left(left, right, ulp):
            small = small or f"{_said(left)} in the notebook, {_said(right)} in the pipeline"
        else:
            return OTHER
    return Apart(worst, small)


def _may_be_left(left: complex, right: complex, ulp: float) -> bool:
    """Whether sums that cancel, of numbers with this ulp, may leave the one and the other: or nothing, and a trifle."""
    off = abs(left - right)
    trifle = not (left and right) and off <= SMALL * _OF_DOUBLES
    return off <= SMALL * ulp and (off >= LEAST * ulp or trifle)


def _sums(theirs: Sequence[complex], mine: Sequence[complex], bound: float) -> Apart:
    """A sum may cancel: it is held against that of sizes, the ends against each other."""
    count, _, _, size, placed, low, high = (max(map(abs, pair)) for pair in zip(theirs, mine, strict=True))
    scales = [count, size, placed, size, placed, max(low, high), max(low, high)]
    if theirs[0] != mine[0]:
        return OTHER
    worst = max(_of(*each) for each in zip(theirs, mine, scales, strict=True))
    return Apart(worst) if worst <= bound else OTHER


def _blocks(theirs: Sequence[str], mine: Sequence[str], *, of_doubles: bool) -> Apart:
    """Each block by the first of its digests that agree: fine ones, coarse ones, those without small numbers."""
    small = digits = False
    for left, right in zip(theirs, mine, strict=True):
        same = [one == other for one, other in zip(left.split(","), right.split(","), strict=True)]
        fine, coarse, great = any(same[:2]), any(same[2:4]), any(same[4:])
        if not (fine or coarse or great):
            return OTHER
        digits = digits or (not fine and coarse and of_doubles)
        small = small or (not fine and not coarse)
    return Apart(0.0, "numbers that are small beside the greatest" if small else "", digits)


def first_block(one: Row, other: Row) -> str:
    """Among which numbers of a long array a changed one is."""
    size = math.prod(int(each) for each in one[2].split("x"))
    size *= 2 if one[1].endswith(("complex64", "complex128")) else 1
    pairs = zip(one[3].split(), other[3].split(), strict=True)
    number = next(at for at, (left, right) in enumerate(pairs) if left != right)
    begin, end = (each // (2 if "complex" in one[1] else 1) for each in block_of(number, size))
    return f"numbers among no. {begin:,} to {max(begin, end - 1):,} differ"


def precision(kinds: Sequence[str]) -> str:
    """To how many digits long arrays are known to be alike, in words; `kinds` are those of parts."""
    blocks = [kind.rpartition(" of ")[2] for kind in kinds if kind.startswith("blocks")]
    if not blocks:
        return ""
    steps = COARSE if any(dtype in _ULPS for dtype in blocks) else FINE
    return f", each number of long arrays by {2.0**-steps * math.log(2):.0e} at most"


def numbers(text: str) -> list[complex]:
    """The numbers of a part."""
    return [
        complex(word) if word not in ("True", "False") else complex(word == "True") for word in text.split()
    ]


def relative(left: complex, right: complex) -> float:
    """A difference relative to the greater of two numbers; infinite where only one is finite."""
    return _of(left, right, max(abs(left), abs(right)))


def _of(left: complex, right: complex, scale: float) -> float:
    if _odd(left) or _odd(right):
        return 0.0 if repr(left) == repr(right) else math.inf
    return abs(left - right) / scale if left != right else 0.0


def _odd(number: complex) -> bool:
    return not (math.isfinite(number.real) and math.isfinite(number.imag))


def _said(number: complex) -> str:
    return f"{number.real!r}" if number.imag == 0 else f"{number!r}"
