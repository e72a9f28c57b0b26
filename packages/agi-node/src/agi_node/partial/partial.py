"""The partial: what every unit returns, and what merges into the result."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import FrozenInstanceError
from typing import TYPE_CHECKING, Any, ClassVar, Self, dataclass_transform

from agi_node.canonical import canonical
from agi_node.partial.declaration import Unresolved, declare, shape_of
from agi_node.partial.refusal import declaration, different
from agi_node.partial.shape import Shape, States

_FIXED = ("to_state", "from_state", "to_payload", "describe", "identity", "merge_all")


@dataclass_transform(kw_only_default=True, frozen_default=True)
class Partial:
    """A commutative monoid, declared field by field.

    A subclass names fields; the type of each says how two values merge. Instances are frozen, are made
    with keywords, and a field that is left out takes the identity of its merge, which is also what a
    default in the class has to be. Two partials of one class merge into a third; partials merge in any order
    and grouping to the same bytes (`agi_node.partial.exact` says how), unless an author's own merge rounds.

    Raises AGI-PART-001 for a class that cannot merge (from the class statement), -002 for an unknown field,
    -003 and -004 for values that do not fit.

    >>> from agi_node.partial import Distinct, Moments, Partial, Sum
    >>> class Flights(Partial):
    ...     rows: Sum[int] = 0
    ...     aircraft: Distinct[str] = frozenset()
    ...     speed_mps: Moments = Moments()
    >>> morning = Flights(rows=2, aircraft={"A"}, speed_mps=Moments.of([200.0, 220.0]))
    >>> day = morning.merge(Flights(rows=1, aircraft={"A"}, speed_mps=Moments.of([240.0])))
    >>> day.rows, sorted(day.aircraft), day.speed_mps.mean
    (3, ['A'], 220.0)
    >>> Flights.identity().merge(day) == day
    True
    """

    if TYPE_CHECKING:
        _states: ClassVar[States]
        _shape: ClassVar[Shape]
        _hints: ClassVar[dict[str, Any]]
        _names: ClassVar[dict[str, Any]]

    def __init__(self, **fields: Any) -> None:
        self.__dict__["_states"] = shape_of(type(self)).accept(fields)

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for name in _FIXED:
            if name in cls.__dict__:
                raise declaration(
                    f"{cls.__name__} overrides {name}, and others could no longer merge what it wrote",
                    found=name,
                    allowed="overriding merge; Annotated[int, Size(…)] and own methods for derived values",
                )
        # The class statement's frame: it knows the names around a class that is local or in executed text.
        around = sys._getframe(1)
        try:
            declare(cls, around.f_globals, {**around.f_locals, **vars(cls)})
        except Unresolved:
            cls._names = around.f_globals

    @classmethod
    def identity(cls) -> Self:
        """The partial that changes nothing it is merged with.

        >>> from agi_node.partial import Min, Partial
        >>> class First(Partial):
        ...     at: Min[float] = None
        >>> First.identity()
        First(at=None)
        """
        return cls._of_states(shape_of(cls).identity)

    def merge(self, other: Self) -> Self:
        """Both together. May be overridden; then it has to be associative and commutative, rounding aside.

        Raises AGI-PART-005 for a partial of another class.
        """
        if type(other) is not type(self):
            raise different(
                "partials of different classes do not merge",
                found=type(other).__name__,
                allowed=type(self).__name__,
            )
        return self._of_states(shape_of(type(self)).merge_fields(self._states, other._states))

    @classmethod
    def merge_all(cls, partials: Iterable[Self]) -> Self:
        """All together, the identity for none: a tree of fixed shape in the order given.

        >>> from agi_node.partial import Partial, Sum
        >>> class Count(Partial):
        ...     rows: Sum[int] = 0
        >>> Count.merge_all(Count(rows=n) for n in range(5))
        Count(rows=10)
        """

        def states() -> Iterable[States]:
            for partial in partials:
                if type(partial) is not cls:
                    raise different(
                        "partials of different classes do not merge",
                        found=type(partial).__name__,
                        allowed=cls.__name__,
                    )
                yield partial._states

        return cls._of_states(shape_of(cls).fold_lazily(states()))

    def to_state(self) -> dict[str, Any]:
        """The exact, mergeable form as plain JSON: equal partials have equal canonical bytes.

        >>> from agi_node.partial import Partial, Sum
        >>> class Distance(Partial):
        ...     metres: Sum[float] = 0.0
        >>> Distance(metres=0.75).to_state()
        {'metres': '3*2^-2'}
        """
        return shape_of(type(self)).write(self._states)

    @classmethod
    def from_state(cls, plain: Any) -> Self:
        """The inverse of `to_state`, also after a trip through JSON. Raises AGI-PART-006 naming the field.

        >>> from agi_node.partial import Partial, Sum
        >>> class Distance(Partial):
        ...     metres: Sum[float] = 0.0
        >>> Distance.from_state({'metres': '3*2^-2'})
        Distance(metres=0.75)
        """
        return cls._of_states(shape_of(cls).read(plain))

    def to_payload(self) -> dict[str, Any]:
        """The readable form as plain JSON: numbers, sorted lists, statistics.

        >>> from agi_node.partial import Distinct, Partial
        >>> class Seen(Partial):
        ...     aircraft: Distinct[str] = frozenset()
        >>> Seen(aircraft=["b", "a", "b"]).to_payload()
        {'aircraft': ['a', 'b']}
        """
        return shape_of(type(self)).payload(self._states)

    @classmethod
    def describe(cls) -> list[dict[str, Any]]:
        """The fields with their rules, types and identities (as states), as plain JSON.

        >>> from agi_node.partial import Partial, Sum
        >>> class Count(Partial):
        ...     rows: Sum[int] = 0
        >>> Count.describe()
        [{'name': 'rows', 'rule': 'sum', 'type': 'int', 'identity': 0}]
        """
        return shape_of(cls).describe()

    @classmethod
    def _of_states(cls, states: States) -> Self:
        made = object.__new__(cls)
        made.__dict__["_states"] = states
        return made

    def __setattr__(self, name: str, value: Any) -> None:
        raise FrozenInstanceError(f"a partial does not change: {type(self).__name__}.{name}")

    def __delattr__(self, name: str) -> None:
        raise FrozenInstanceError(f"a partial does not change: {type(self).__name__}.{name}")

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return canonical(self.to_state()) == canonical(other.to_state())

    def __hash__(self) -> int:
        return hash(canonical(self.to_state()))

    def __repr__(self) -> str:
        fields = ", ".join(
            f"{item.name}={getattr(self, item.name)!r}" for item in shape_of(type(self)).fields
        )
        return f"{type(self).__name__}({fields})"
