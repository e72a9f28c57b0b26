"""The built-in rules by which the values of a field merge, each one a commutative monoid."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, ClassVar

from agi_node.partial import exact
from agi_node.partial.histogram import Histogram
from agi_node.partial.moments import Moments
from agi_node.partial.refusal import different, foreign, unfit
from agi_node.partial.scalars import SIMPLE, Kind, accept_double
from agi_node.partial.topk import TopK


class _Declared:
    """What the built-in rules share."""

    repeatable: ClassVar[bool] = True

    def details(self) -> dict[str, Any]:
        return {}


@dataclass(frozen=True)
class SumOfInts(_Declared):
    """Whole numbers of any size, added."""

    name: ClassVar[str] = "sum"
    type: ClassVar[str] = "int"
    identity: ClassVar[int] = 0

    def accept(self, value: Any) -> int:
        return SIMPLE["int"].accept(value)  # type: ignore[no-any-return]  # a Kind is untyped by nature

    def value(self, own: int) -> int:
        return own

    def merge(self, left: int, right: int) -> int:
        return left + right

    def fold(self, column: Sequence[int]) -> int:
        return sum(column)

    def write(self, own: int) -> int:
        return own

    def read(self, plain: Any) -> int:
        return SIMPLE["int"].decode(plain)  # type: ignore[no-any-return]  # as above

    def payload(self, own: int) -> int:
        return own


@dataclass(frozen=True)
class SumOfFloats(_Declared):
    """Doubles, added exactly (see `exact`); the author reads the nearest double."""

    name: ClassVar[str] = "sum"
    type: ClassVar[str] = "float"
    identity: ClassVar[int] = 0

    def accept(self, value: Any) -> exact.Total:
        return exact.lift(accept_double(value))

    def value(self, own: exact.Total) -> float:
        return exact.lower(own)

    def merge(self, left: exact.Total, right: exact.Total) -> exact.Total:
        return exact.add(left, right)

    def fold(self, column: Sequence[exact.Total]) -> exact.Total:
        return exact.add_all(column)

    def write(self, own: exact.Total) -> str:
        return exact.write(own)

    def read(self, plain: Any) -> exact.Total:
        return exact.read(plain)

    def payload(self, own: exact.Total) -> float:
        return exact.lower(own)


@dataclass(frozen=True)
class Extreme(_Declared):
    """The least or the greatest of ordered values; None while there is none."""

    name: str
    kind: Kind
    identity: ClassVar[None] = None

    @property
    def type(self) -> str:
        return self.kind.text

    def accept(self, value: Any) -> Any:
        return None if value is None else self.kind.accept(value)

    def value(self, own: Any) -> Any:
        return own

    def merge(self, left: Any, right: Any) -> Any:
        return self.fold((left, right))

    def fold(self, column: Sequence[Any]) -> Any:
        pick: Callable[..., Any] = min if self.name == "min" else max
        return pick([own for own in column if own is not None], default=None)

    def write(self, own: Any) -> Any:
        return None if own is None else self.kind.encode(own)

    def read(self, plain: Any) -> Any:
        return None if plain is None else self.kind.decode(plain)

    def payload(self, own: Any) -> Any:
        return None if own is None else self.kind.plain(own)


@dataclass(frozen=True)
class Members(_Declared):
    """The set of all values."""

    kind: Kind
    name: ClassVar[str] = "distinct"
    identity: ClassVar[frozenset[Any]] = frozenset()

    @property
    def type(self) -> str:
        return self.kind.text

    def accept(self, value: Any) -> frozenset[Any]:
        return frozenset(map(self.kind.accept, _members(value, self.kind)))

    def value(self, own: frozenset[Any]) -> frozenset[Any]:
        return own

    def merge(self, left: frozenset[Any], right: frozenset[Any]) -> frozenset[Any]:
        return left | right

    def fold(self, column: Sequence[frozenset[Any]]) -> frozenset[Any]:
        return frozenset().union(*column)

    def write(self, own: frozenset[Any]) -> list[Any]:
        return list(map(self.kind.encode, self.kind.sort(own)))

    def read(self, plain: Any) -> frozenset[Any]:
        values = frozenset(_stored(plain, self.kind))
        if len(values) != len(plain):
            raise foreign("a set that holds a value twice", found=plain, allowed="distinct values")
        return values

    def payload(self, own: frozenset[Any]) -> list[Any]:
        return list(map(self.kind.plain, self.kind.sort(own)))


@dataclass(frozen=True)
class Bag(_Declared):
    """All values, equal ones as often as they came, in one order."""

    kind: Kind
    name: ClassVar[str] = "concat"
    identity: ClassVar[tuple[Any, ...]] = ()

    @property
    def type(self) -> str:
        return self.kind.text

    def accept(self, value: Any) -> tuple[Any, ...]:
        return tuple(self.kind.sort(map(self.kind.accept, _members(value, self.kind))))

    def value(self, own: tuple[Any, ...]) -> tuple[Any, ...]:
        return own

    def merge(self, left: tuple[Any, ...], right: tuple[Any, ...]) -> tuple[Any, ...]:
        return self.fold((left, right))

    def fold(self, column: Sequence[tuple[Any, ...]]) -> tuple[Any, ...]:
        return tuple(self.kind.sort(chain.from_iterable(column)))

    def write(self, own: tuple[Any, ...]) -> list[Any]:
        return list(map(self.kind.encode, own))

    def read(self, plain: Any) -> tuple[Any, ...]:
        values = _stored(plain, self.kind)
        if self.kind.sort(values) != values:
            raise foreign("a bag that is out of order", found=plain, allowed="values in their order")
        return tuple(values)

    def payload(self, own: tuple[Any, ...]) -> list[Any]:
        return list(map(self.kind.plain, own))


Statistic = Moments | Histogram | TopK


@dataclass(frozen=True)
class Statistics(_Declared):
    """A value that merges itself: `Moments`, `Histogram` or `TopK`, shaped as the identity is."""

    identity: Statistic

    @property
    def name(self) -> str:
        return self.type.lower()

    @property
    def type(self) -> str:
        return type(self.identity).__name__

    def accept(self, value: Any) -> Statistic:
        if not isinstance(value, type(self.identity)):
            raise unfit(value, f"{self.type}, such as {self.type}.of(…)")
        return self._shaped(value)

    def value(self, own: Statistic) -> Statistic:
        return own

    def merge(self, left: Any, right: Any) -> Any:
        return left.merge(right)

    def fold(self, column: Sequence[Any]) -> Any:
        return self.identity.merge_all(column)

    def write(self, own: Statistic) -> dict[str, Any]:
        return own.to_state()

    def read(self, plain: Any) -> Statistic:
        return self._shaped(self.identity.from_state(plain))

    def payload(self, own: Statistic) -> Any:
        return own.to_payload()

    def _shaped(self, own: Statistic) -> Statistic:
        if (
            isinstance(own, Histogram)
            and isinstance(self.identity, Histogram)
            and own.edges != self.identity.edges
        ):
            raise different(
                "other edges than the field's", found=f"{own.edges}", allowed=f"{self.identity.edges}"
            )
        if isinstance(own, TopK) and isinstance(self.identity, TopK) and own.k != self.identity.k:
            raise different("another k than the field's", found=f"k={own.k}", allowed=f"k={self.identity.k}")
        return own


def _members(value: Any, kind: Kind) -> Any:
    """The members of a set, list, tuple or column. A text is refused: its letters are never meant."""
    if isinstance(value, set | frozenset | list | tuple):
        return value
    for name in ("tolist", "to_list", "to_pylist"):
        if hasattr(value, name):
            listed = getattr(value, name)()
            if isinstance(listed, list):
                return listed
    raise unfit(value, f"a set, list, tuple or column of {kind.text}")


def _stored(plain: Any, kind: Kind) -> list[Any]:
    if type(plain) is not list:
        raise foreign("no list of values", found=plain, allowed=f"a list of {kind.text}")
    return list(map(kind.decode, plain))
