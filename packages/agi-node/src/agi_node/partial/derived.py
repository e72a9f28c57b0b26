"""Fields that follow from others: nothing of their own to merge or to store, so they are exact when they are read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from agi_node.partial import exact
from agi_node.partial.moments import Moments
from agi_node.partial.refusal import foreign, unfit
from agi_node.partial.rules import Bag, Members, Statistics, SumOfFloats, SumOfInts

if TYPE_CHECKING:
    from agi_node.partial.rule import Rule


@dataclass(frozen=True)
class Derived:
    """What follows from the values of other fields of the same partial.

    Attributes:
        of: The field that it follows from, the first of them where there are several.
        told: What it is, for the sentence that refuses a field from which it cannot follow.
        wanted: What such a field must be.
    """

    of: str
    identity: ClassVar[None] = None
    repeatable: ClassVar[bool] = True
    name: ClassVar[str]
    type: ClassVar[str]
    empty: ClassVar[Any]
    told: ClassVar[str]
    wanted: ClassVar[str]

    @property
    def sources(self) -> tuple[str, ...]:
        """The names of the fields that it follows from."""
        return (self.of,)

    def can_follow(self, rule: Rule) -> bool:
        """Whether a field with this rule is one that it may follow from."""
        raise NotImplementedError

    def follows(self, rules: Sequence[Rule], owns: Sequence[Any]) -> Any:
        """The value, given rules and own values of the fields that it follows from."""
        raise NotImplementedError

    def accept(self, value: Any) -> None:
        raise unfit(value, f"nothing: it follows from {' and '.join(map(repr, self.sources))}, leave it out")

    def value(self, own: None) -> None:
        return None

    def merge(self, left: None, right: None) -> None:
        return None

    def fold(self, column: Sequence[None]) -> None:
        return None

    def write(self, own: None) -> None:
        return None

    def read(self, plain: Any) -> None:
        if plain is not None:
            raise foreign("a stored value of a field that follows from others", found=plain, allowed="null")

    def payload(self, own: None) -> None:
        return None

    def details(self) -> dict[str, Any]:
        return {"of": self.of}


@dataclass(frozen=True)
class Counted(Derived):
    """The number of members of a `Distinct` or `Concat` field."""

    name: ClassVar[str] = "size"
    type: ClassVar[str] = "int"
    empty: ClassVar[int] = 0
    told: ClassVar[str] = "counts the members of a field that has none"
    wanted: ClassVar[str] = "the name of a Distinct or Concat field"

    def can_follow(self, rule: Rule) -> bool:
        return isinstance(rule, Members | Bag)

    def follows(self, rules: Sequence[Rule], owns: Sequence[Any]) -> int:
        return len(owns[0])


@dataclass(frozen=True)
class Rooted(Derived):
    """The root of the mean of a `Moments` field; None where there is no mean."""

    name: ClassVar[str] = "root"
    type: ClassVar[str] = "float | None"
    empty: ClassVar[None] = None
    told: ClassVar[str] = "is the root of the mean of a field that has none"
    wanted: ClassVar[str] = "the name of a Moments field"

    def can_follow(self, rule: Rule) -> bool:
        return isinstance(rule, Statistics) and isinstance(rule.identity, Moments)

    def follows(self, rules: Sequence[Rule], owns: Sequence[Any]) -> float | None:
        mean: float | None = owns[0].mean
        return None if mean is None else math.sqrt(mean)


@dataclass(frozen=True)
class Quotient(Derived):
    """One `Sum` by another, rounded once to the nearest double; None where the other is 0."""

    to: str
    name: ClassVar[str] = "ratio"
    type: ClassVar[str] = "float | None"
    empty: ClassVar[None] = None
    told: ClassVar[str] = "is the ratio of a field that is no sum"
    wanted: ClassVar[str] = "the names of two Sum fields"

    @property
    def sources(self) -> tuple[str, ...]:
        return (self.of, self.to)

    def can_follow(self, rule: Rule) -> bool:
        return isinstance(rule, SumOfInts | SumOfFloats)

    def follows(self, rules: Sequence[Rule], owns: Sequence[Any]) -> float | None:
        if not owns[1]:
            return None
        if any(
            type(own) is float for own in owns
        ):  # a sum that is infinite or no number: as IEEE 754 divides
            above, below = (exact.lower(own) for own in self._in_units(rules, owns))
            return above / below + 0.0
        above, below = self._in_units(rules, owns)
        return exact.ratio(above, below) + 0.0  # 0 of -5 is 0

    def details(self) -> dict[str, Any]:
        return {"of": self.of, "to": self.to}

    @staticmethod
    def _in_units(rules: Sequence[Rule], owns: Sequence[Any]) -> tuple[Any, Any]:
        """Both sums as exact totals: whole numbers are counted in ones, doubles in 2^-UNIT."""
        units = [
            own << exact.UNIT if isinstance(rule, SumOfInts) else own
            for rule, own in zip(rules, owns, strict=True)
        ]
        return units[0], units[1]
