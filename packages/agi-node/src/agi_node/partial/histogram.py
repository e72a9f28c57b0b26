"""Counts between fixed edges."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import inf, isnan
from typing import Any, Final

from agi_node.errors import AgiError
from agi_node.partial import exact
from agi_node.partial.column import column, refuse_missing
from agi_node.partial.refusal import declaration, different, foreign
from agi_node.partial.scalars import accept_double

_BLOCK: Final = 65_536
_FEW_EDGES: Final = 128
_KEYS: Final = {"edges", "counts", "under", "over"}
_INCREASING: Final = "two or more finite numbers, each greater than the one before"


class Histogram:
    """How many numbers fall between edges, and how many lie outside.

    A bin holds its lower edge and not its upper one; the last bin holds both, as in `numpy.histogram`.
    `under` counts what lies below the first edge, `over` what lies above the last. `Histogram(edges)` is
    empty, and as the default of a partial's field it fixes the field's edges. Raises AGI-PART-001 for edges
    that do not increase.

    >>> speeds = Histogram.of([3, 5, 10, 99], edges=[0, 5, 10])
    >>> speeds.counts, speeds.under, speeds.over, speeds.count
    ((1, 2), 0, 1, 4)
    """

    __slots__ = ("_counts", "_edges", "_over", "_under")

    _edges: tuple[float, ...]
    _counts: tuple[int, ...]
    _under: int
    _over: int

    def __init__(self, edges: Iterable[float]) -> None:
        self._edges = _checked(edges)
        self._counts = (0,) * (len(self._edges) - 1)
        self._under = 0
        self._over = 0

    @classmethod
    def of(cls, values: Any, edges: Iterable[float], *, skip_nan: bool = False) -> Histogram:
        """Count a column (list, numpy array, Polars, pandas or pyarrow column).

        Raises AGI-PART-004 when NaN or null is among the values, unless `skip_nan=True` leaves those out.

        >>> Histogram.of([1.0, 1.5], edges=[1, 2, 3]).counts
        (2, 0)
        """
        empty = cls(edges)
        data, nulls = column(values)
        below, nans = (
            _listed(data, empty._edges) if isinstance(data, list) else _chunkwise(data, empty._edges)
        )
        if (nulls or nans) and not skip_nan:
            raise refuse_missing("Histogram.of", nulls + nans, nulls + len(data))
        # below[i]: numbers before edge i; the last entries count up to the last edge, and everything.
        counts = tuple([after - before for before, after in pairwise(below[:-1])])
        return _histogram(empty._edges, counts, below[0], below[-1] - below[-2])

    @property
    def edges(self) -> tuple[float, ...]:
        """The edges, ascending; one more than there are bins."""
        return self._edges

    @property
    def counts(self) -> tuple[int, ...]:
        """How many numbers each bin holds."""
        return self._counts

    @property
    def under(self) -> int:
        """How many numbers lie below the first edge."""
        return self._under

    @property
    def over(self) -> int:
        """How many numbers lie above the last edge."""
        return self._over

    @property
    def count(self) -> int:
        """How many numbers there are, outside ones included."""
        return sum(self._counts) + self._under + self._over

    def merge(self, other: Histogram) -> Histogram:
        """The counts of both together. Raises AGI-PART-005 when the edges differ."""
        self._check_same(other)
        return self.merge_all([self, other])

    @staticmethod
    def merge_all(parts: Sequence[Histogram]) -> Histogram:
        """The counts of one or more histograms together, equal to any sequence of `merge`."""
        first = parts[0]
        for part in parts:
            first._check_same(part)
        return _histogram(
            first._edges,
            tuple(map(sum, zip(*[part._counts for part in parts], strict=True))),
            sum([part._under for part in parts]),
            sum([part._over for part in parts]),
        )

    def empty(self) -> Histogram:
        """The identity of the merge: no numbers, the same edges."""
        return Histogram(self._edges)

    def to_state(self) -> dict[str, Any]:
        """The exact, mergeable form, as plain JSON.

        >>> Histogram.of([1], edges=[0, 2]).to_state()
        {'edges': ['0', '1*2^1'], 'counts': [1], 'under': 0, 'over': 0}
        """
        return {
            "edges": [exact.write_double(edge) for edge in self._edges],
            "counts": list(self._counts),
            "under": self._under,
            "over": self._over,
        }

    @classmethod
    def from_state(cls, plain: Any) -> Histogram:
        """The inverse of `to_state`. Raises AGI-PART-006 for anything else."""
        if type(plain) is not dict or plain.keys() != _KEYS:
            raise _no_state(plain)
        edges, counts = plain["edges"], plain["counts"]
        if type(edges) is not list or type(counts) is not list or len(edges) != len(counts) + 1:
            raise _no_state(plain)
        if any(type(count) is not int or count < 0 for count in [*counts, plain["under"], plain["over"]]):
            raise _no_state(plain)
        try:
            empty = cls([exact.read_double(edge) for edge in edges])
        except AgiError as error:
            raise _no_state(plain) from error
        return _histogram(empty._edges, tuple(counts), plain["under"], plain["over"])

    def to_payload(self) -> dict[str, Any]:
        """What a person reads: edges, counts, under, over."""
        return {
            "edges": list(self._edges),
            "counts": list(self._counts),
            "under": self._under,
            "over": self._over,
        }

    def _check_same(self, other: Histogram) -> None:
        if not isinstance(other, Histogram):
            raise different(
                "only a Histogram merges with a Histogram", found=type(other).__name__, allowed="Histogram"
            )
        if other._edges != self._edges:
            raise different(
                "histograms with different edges do not merge",
                found=f"{list(other._edges)}",
                allowed=f"{list(self._edges)}",
            )

    def _key(self) -> tuple[Any, ...]:
        return self._edges, self._counts, self._under, self._over

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Histogram) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={value}" for name, value in self.to_payload().items())
        return f"Histogram({fields})"


def _histogram(edges: tuple[float, ...], counts: tuple[int, ...], under: int, over: int) -> Histogram:
    made = Histogram.__new__(Histogram)
    made._edges = edges
    made._counts = counts
    made._under = under
    made._over = over
    return made


def _no_state(plain: Any) -> AgiError:
    return foreign("no state of a Histogram", found=plain, allowed="edges, counts, under, over")


def _checked(edges: Iterable[float]) -> tuple[float, ...]:
    try:
        numbers = tuple([accept_double(edge) + 0.0 for edge in edges])
    except (TypeError, AgiError):
        raise declaration(
            "a histogram's edges are numbers", found=f"{edges!r:.80}", allowed=_INCREASING
        ) from None
    rising = all(low < high for low, high in pairwise(numbers))
    if len(numbers) < 2 or not rising or numbers[0] == -inf or numbers[-1] == inf:
        raise declaration("a histogram's edges increase", found=f"{list(numbers)!r:.80}", allowed=_INCREASING)
    return numbers


def _listed(data: list[float], edges: tuple[float, ...]) -> tuple[list[int], int]:
    ordered = sorted([value for value in data if not isnan(value)])
    below = [bisect_left(ordered, edge) for edge in edges[:-1]]
    return [*below, bisect_right(ordered, edges[-1]), len(ordered)], len(data) - len(ordered)


def _chunkwise(data: Any, edges: tuple[float, ...]) -> tuple[list[int], int]:
    """As `_listed`, for a flat numpy array; sorting blocks in the cache beats a search per value."""
    import numpy

    if len(edges) <= _FEW_EDGES:
        return _counted(numpy, data, edges)
    lower, last = numpy.array(edges[:-1]), edges[-1]
    below, nans = numpy.zeros(len(edges) + 1, dtype=numpy.int64), 0
    for start in range(0, data.size, _BLOCK):
        block = data[start : start + _BLOCK].astype(numpy.float64)
        block.sort()
        # NaN sort to the end.
        size = block.size - int(numpy.isnan(block).sum())
        nans += block.size - size
        block = block[:size]
        below[:-2] += block.searchsorted(lower, "left")
        below[-2] += block.searchsorted(last, "right")
        below[-1] += size
    return below.tolist(), nans


def _counted(numpy: Any, data: Any, edges: tuple[float, ...]) -> tuple[list[int], int]:
    """As `_chunkwise`, comparing every value with every edge: ten times quicker than sorting while edges are few."""
    count = numpy.count_nonzero
    reached, above, nans = [0] * len(edges), 0, 0
    for start in range(0, data.size, _BLOCK):
        block = data[start : start + _BLOCK].astype(numpy.float64, copy=False)
        nans += int(count(block != block))
        for index, edge in enumerate(edges):
            reached[index] += int(count(block >= edge))
        above += int(count(block > edges[-1]))
    size = int(data.size) - nans
    return [*(size - number for number in reached[:-1]), size - above, size], nans
