"""Count, mean, variance, minimum and maximum, mergeable without losing a bit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from operator import mul
from typing import Any, Final

from agi_node.partial import exact
from agi_node.partial.column import column, refuse_missing
from agi_node.partial.measure import measured
from agi_node.partial.refusal import different, foreign

_KEYS: Final = {"count", "sum", "squares", "min", "max"}
_MOST_DIGITS: Final = 1000
"""Binary digits that a double may be moved by without overflow: fewer than its 1,023, more than measures need."""


class Moments:
    """Statistics of a bag of numbers: `count`, `mean`, `variance` (population), `std`, `min`, `max`.

    `Moments()` is the empty bag: its count is 0 and its other attributes are None. `Moments.of(values)`
    measures a column; `merge` gives the statistics of both bags together. The state is the exact sum and the
    exact sum of squares (see `agi_node.partial.exact`), so merges are associative and commutative to the
    last bit, and mean and variance are the doubles nearest to those of the state.

    >>> both = Moments.of([1.0, 2.0]).merge(Moments.of([6.0]))
    >>> both.count, both.mean, both.variance, both.min, both.max
    (3, 3.0, 4.666666666666667, 1.0, 6.0)
    """

    __slots__ = ("_count", "_high", "_low", "_squares", "_total")

    _count: int
    _total: exact.Total
    _squares: exact.Total
    _low: float | None
    _high: float | None

    def __init__(self) -> None:
        self._count = 0
        self._total = 0
        self._squares = 0
        self._low = None
        self._high = None

    @classmethod
    def of(cls, values: Any, *, skip_nan: bool = False) -> Moments:
        """The statistics of a column.

        Lists and arrays of up to 64 numbers are summed exactly. Longer arrays (numpy, Polars, pandas,
        pyarrow) are measured in float64 (see `agi_node.partial.measure`); count, mean and squared deviations
        then become the exact state, the same on every machine. Infinities make mean and variance inf or
        nan. Raises AGI-PART-004 when NaN or null is among the values, unless
        `skip_nan=True` leaves those out; AGI-PART-003 for what is no column of numbers.

        >>> Moments.of([1.0, None, 3.0], skip_nan=True).mean
        2.0
        """
        data, nulls = column(values)
        if isinstance(data, list):
            # a sum is finite only if all its numbers are, and found at the price of one of the loops that it spares
            kept = data if math.isfinite(sum(data)) else [one for one in data if not math.isnan(one)]
            missing = nulls + len(data) - len(kept)
            if missing and not skip_nan:
                raise refuse_missing("Moments.of", missing, nulls + len(data))
            return _exactly(kept)
        found, nans = measured(data)
        if (nulls or nans) and not skip_nan:
            raise refuse_missing("Moments.of", nulls + nans, nulls + data.size)
        return _moments(*found) if found else cls()

    @property
    def count(self) -> int:
        """How many numbers there are."""
        return self._count

    @property
    def mean(self) -> float | None:
        """The double nearest to sum / count; None for no numbers."""
        if not self._count:
            return None
        if type(self._total) is float:
            return self._total
        return exact.ratio(int(self._total), self._count << exact.UNIT)

    @property
    def variance(self) -> float | None:
        """The population variance, nearest double; None for no numbers, nan if one is infinite."""
        if not self._count:
            return None
        if type(self._squares) is float:
            return math.nan
        spread = self._count * int(self._squares) - int(self._total) ** 2
        return exact.ratio(spread, self._count * self._count << exact.SQUARE_UNIT)

    @property
    def std(self) -> float | None:
        """The square root of `variance`."""
        variance = self.variance
        return None if variance is None else math.sqrt(variance)

    @property
    def min(self) -> float | None:
        """The least number; None for no numbers."""
        return self._low

    @property
    def max(self) -> float | None:
        """The greatest number; None for no numbers."""
        return self._high

    def merge(self, other: Moments) -> Moments:
        """The statistics of both bags together. Raises AGI-PART-005 for what is no Moments."""
        if not isinstance(other, Moments):
            raise different("only Moments merge with Moments", found=type(other).__name__, allowed="Moments")
        if not other._count:
            return self
        if not self._count:
            return other
        low, high = self._low, self._high
        assert low is not None  # as for every bag that is not empty
        assert high is not None
        assert other._low is not None
        assert other._high is not None
        return _moments(
            self._count + other._count,
            exact.add(self._total, other._total),
            exact.add(self._squares, other._squares),
            low if low <= other._low else other._low,
            high if high >= other._high else other._high,
        )

    @staticmethod
    def merge_all(parts: Sequence[Moments]) -> Moments:
        """The statistics of many bags together, equal to any sequence of `merge` and quicker."""
        parts = [part for part in parts if part._count]
        if not parts:
            return Moments()
        return _moments(
            sum([part._count for part in parts]),
            exact.add_all([part._total for part in parts]),
            exact.add_all([part._squares for part in parts]),
            min([part._low for part in parts if part._low is not None]),
            max([part._high for part in parts if part._high is not None]),
        )

    def to_state(self) -> dict[str, Any]:
        """The exact, mergeable form, as plain JSON.

        >>> Moments.of([0.5, 1.5]).to_state()
        {'count': 2, 'sum': '1*2^1', 'squares': '5*2^-1', 'min': '1*2^-1', 'max': '3*2^-1'}
        """
        return {
            "count": self._count,
            "sum": exact.write(self._total),
            "squares": exact.write(self._squares, exact.SQUARE_UNIT),
            "min": None if self._low is None else exact.write_double(self._low),
            "max": None if self._high is None else exact.write_double(self._high),
        }

    @classmethod
    def from_state(cls, plain: Any) -> Moments:
        """The inverse of `to_state`. Raises AGI-PART-006 for data that no bag of numbers can have."""
        if type(plain) is not dict or plain.keys() != _KEYS or type(plain["count"]) is not int:
            raise foreign("no state of Moments", found=plain, allowed="count, sum, squares, min, max")
        count = plain["count"]
        total, squares = exact.read(plain["sum"]), exact.read(plain["squares"], exact.SQUARE_UNIT)
        if count == 0 and plain == _EMPTY:
            return cls()
        low, high = exact.read_double(plain["min"]), exact.read_double(plain["max"])
        if count < 1 or not low <= high or not _possible(count, total, squares, low, high):
            raise foreign(
                "no bag of numbers has this state of Moments",
                found=plain,
                allowed="min ≤ sum/count ≤ max and sum² ≤ count · squares",
            )
        return _moments(count, total, squares, low, high)

    def to_payload(self) -> dict[str, Any]:
        """What a person reads.

        >>> Moments.of([1.0, 3.0]).to_payload()
        {'count': 2, 'mean': 2.0, 'variance': 1.0, 'min': 1.0, 'max': 3.0}
        """
        return {
            "count": self._count,
            "mean": self.mean,
            "variance": self.variance,
            "min": self._low,
            "max": self._high,
        }

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Moments) and self.to_state() == other.to_state()

    def __hash__(self) -> int:
        return hash((self._count, self._low, self._high))

    def __repr__(self) -> str:
        if not self._count:
            return "Moments()"
        fields = (f"{name}={getattr(self, name)}" for name in ("count", "mean", "std", "min", "max"))
        return f"Moments({', '.join(fields)})"


_EMPTY: Final = Moments().to_state()


def _moments(count: int, total: exact.Total, squares: exact.Total, low: float, high: float) -> Moments:
    made = Moments.__new__(Moments)
    made._count = count
    made._total = total
    made._squares = squares
    made._low = low
    made._high = high
    return made


def _possible(count: int, total: exact.Total, squares: exact.Total, low: float, high: float) -> bool:
    """Whether numbers with these sums exist: a damaged state is caught before it enters a result."""
    if math.isinf(low) or math.isinf(high):
        infinite = (low if math.isinf(low) else 0.0) + (high if math.isinf(high) else 0.0)
        return type(total) is float and repr(total) == repr(infinite) and squares == math.inf
    if type(total) is float or type(squares) is float:
        return False
    whole = int(total)
    if not count * int(exact.lift(low)) <= whole <= count * int(exact.lift(high)):
        return False
    return whole * whole <= count * int(squares)


def _exactly(data: list[float]) -> Moments:
    """The exact state of a few numbers, without rounding anywhere."""
    if not data:
        return Moments()
    low, high = min(data) + 0.0, max(data) + 0.0
    if math.isinf(low) or math.isinf(high):
        return _moments(len(data), sum(value for value in data if math.isinf(value)), math.inf, low, high)
    total, squares = _summed(data, low, high)
    return _moments(len(data), total, squares, low, high)


def _summed(data: list[float], low: float, high: float) -> tuple[int, int]:
    """The exact sums of finite numbers from `low` to `high`, and of their squares.

    A double is a whole number of units in its last place, so all of them are whole in the least one's. Multiplied by
    that power of two they stay exact, as long as the greatest does not overflow, and integers of a few words add up
    quickest. Where the range is too wide for that they are taken as they are, a denominator at a time.
    """
    if all(map(float.is_integer, data)):
        return _added(list(map(int, data)), 0)
    least = low if low > 0 else min(filter(None, map(abs, data)))
    digits = 53 - math.frexp(least)[1]  # after the point, where there are the most
    if digits < _MOST_DIGITS and math.frexp(max(-low, high))[1] + digits < _MOST_DIGITS:
        scale = 2.0**digits
        return _added([int(value * scale) for value in data], digits)
    sums: dict[int, int] = {}
    squares: dict[int, int] = {}
    for numerator, denominator in map(float.as_integer_ratio, data):
        sums[denominator] = sums.get(denominator, 0) + numerator
        squares[denominator] = squares.get(denominator, 0) + numerator * numerator
    return (
        sum([value << exact.UNIT + 1 - scale.bit_length() for scale, value in sums.items()]),
        sum([value << exact.SQUARE_UNIT + 2 - 2 * scale.bit_length() for scale, value in squares.items()]),
    )


def _added(whole: list[int], digits: int) -> tuple[int, int]:
    """The sums of integers that stand for numbers with so many binary digits after the point, and of their squares."""
    left = exact.UNIT - digits
    return sum(whole) << left, sum(map(mul, whole, whole)) << 2 * left
