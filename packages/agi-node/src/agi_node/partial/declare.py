"""What an author writes beside a field's type to say how two of its values merge."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Declared:
    """The mark of a built-in rule inside `Annotated`."""

    rule: str


@dataclass(frozen=True)
class Merge:
    """The mark of an author's own rule: `Annotated[T, Merge(fn, identity=…)]`.

    Attributes:
        fn: Of two values, the merged one. It has to be associative and commutative (rounding aside), have
            `identity` as its neutral value, and leave its arguments as they are.
        identity: The value of a field that nobody has set.

    >>> from math import gcd
    >>> Step = Annotated[int, Merge(gcd, identity=0)]
    """

    fn: Callable[[Any, Any], Any]
    identity: Any


@dataclass(frozen=True)
class Size:
    """The mark of a field that is the number of members of another: `Annotated[int, Size("aircraft")]`.

    Such a field is never given and never stored; it appears in the payload and as an attribute.

    Attributes:
        of: The name of a `Distinct` or `Concat` field of the same partial.

    >>> from agi_node.partial import Partial
    >>> class Seen(Partial):
    ...     aircraft: Distinct[str] = frozenset()
    ...     aircraft_count: Annotated[int, Size("aircraft")] = 0
    >>> Seen(aircraft={"a"}).merge(Seen(aircraft={"a", "b"})).aircraft_count
    2
    """

    of: str


@dataclass(frozen=True)
class Root:
    """The mark of a field that is the root of another's mean: `Annotated[float | None, Root("mse")]`, an RMSE.

    Such a field is never given and never stored; it appears in the payload and as an attribute, None where there is
    no mean.

    Attributes:
        of: The name of a `Moments` field of the same partial that holds squares.

    >>> from agi_node.partial import Moments, Partial
    >>> class Errors(Partial):
    ...     mse: Moments = Moments()
    ...     rmse: Annotated[float | None, Root("mse")] = None
    >>> Errors(mse=Moments.of([9.0])).merge(Errors(mse=Moments.of([41.0]))).rmse
    5.0
    """

    of: str


@dataclass(frozen=True)
class Ratio:
    """The mark of a field that is one sum by another: `Annotated[float | None, Ratio("hits", "shots")]`.

    Such a field is never given and never stored; it appears in the payload and as an attribute. It is the double
    nearest to the exact quotient of the merged sums, and None where the second is 0.

    Attributes:
        of: The name of a `Sum` field of the same partial.
        to: The name of the `Sum` field that it is divided by.

    >>> from agi_node.partial import Partial
    >>> class Target(Partial):
    ...     hits: Sum[int] = 0
    ...     shots: Sum[int] = 0
    ...     accuracy: Annotated[float | None, Ratio("hits", "shots")] = None
    >>> Target(hits=1, shots=1).merge(Target(shots=3)).accuracy, Target().accuracy
    (0.25, None)
    """

    of: str
    to: str


Sum = Annotated[T, Declared("sum")]
"""`Sum[int]` or `Sum[float]`: added up, exactly; a float reads as the double nearest to the exact sum."""

Min = Annotated[T | None, Declared("min")]
"""`Min[T]`: the least; None while there is none."""

Max = Annotated[T | None, Declared("max")]
"""`Max[T]`: the greatest; None while there is none."""

Distinct = Annotated[frozenset[T], Declared("distinct")]
"""`Distinct[T]`: the set of all values, as a frozenset; a sorted list in the payload."""

Concat = Annotated[tuple[T, ...], Declared("concat")]
"""`Concat[T]`: the bag of all values, as a tuple in an order that does not depend on their arrival."""
