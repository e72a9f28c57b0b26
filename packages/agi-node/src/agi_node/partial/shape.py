"""The shape of a partial: its fields in order, each with its rule.

A shape works on tuples of the rules' own values, one for each field. The same shape comes from an app's
class (`declaration.shape_of`) or from the descriptions in a reduce document (`description.described`), and
both do the same to the last byte.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar

from agi_node.errors import FAILED, AgiError
from agi_node.partial.derived import Derived
from agi_node.partial.own import merge_tree
from agi_node.partial.refusal import (
    DIFFERENT,
    FOREIGN_STATE,
    UNKNOWN_FIELD,
    foreign,
    shown,
    unfit,
    within,
)

if TYPE_CHECKING:
    from agi_node.partial.rule import Rule

States = tuple[Any, ...]
_BATCH = 1024
"""States merged at once: enough to make the loop over fields cheap, few enough to hold."""


@dataclass(frozen=True)
class Field:
    """A field's name and rule."""

    name: str
    rule: Rule


@dataclass(frozen=True)
class Shape:
    """The fields of a partial.

    Attributes:
        label: The partial's name, put before a field's name in errors.
        fields: In the order in which the author wrote them.
        own: The merge of a class that overrides it, on the states of two whole partials.
    """

    label: str
    fields: tuple[Field, ...]
    own: Callable[[States, States], States] | None = field(default=None, compare=False)

    @cached_property
    def index(self) -> dict[str, int]:
        """The position of each field."""
        return {item.name: at for at, item in enumerate(self.fields)}

    @cached_property
    def identity(self) -> States:
        """The states of a partial that nothing was put into."""
        return tuple([item.rule.identity for item in self.fields])

    @cached_property
    def repeatable(self) -> bool:
        """Whether the descriptions alone suffice to merge."""
        return self.own is None and all(item.rule.repeatable for item in self.fields)

    @cached_property
    def _stored(self) -> tuple[tuple[int, str, Rule], ...]:
        """The fields that have a state of their own."""
        return tuple(
            (at, item.name, item.rule)
            for at, item in enumerate(self.fields)
            if not isinstance(item.rule, Derived)
        )

    def accept(self, values: dict[str, Any]) -> States:
        """The states of an author's values; missing fields take the identity.

        Raises AGI-PART-002 for an unknown field, AGI-PART-003 for a value of another
        type; both name the field.
        """
        states = list(self.identity)
        for name, value in values.items():
            at = self.index.get(name)
            if at is None:
                raise self._unknown(name)
            try:
                states[at] = self.fields[at].rule.accept(value)
            except AgiError as error:
                raise within(f"{self.label}.{name}", error) from None
        return tuple(states)

    def value(self, at: int, states: States) -> Any:
        """What the author reads from one field."""
        rule = self.fields[at].rule
        if not isinstance(rule, Derived):
            return rule.value(states[at])
        places = [self.index[name] for name in rule.sources]
        return rule.follows(
            [self.fields[place].rule for place in places], [states[place] for place in places]
        )

    def merge_fields(self, left: States, right: States) -> States:
        """Both merged, field by field."""
        pairs = zip(self.fields, left, right, strict=True)
        return tuple([item.rule.merge(one, other) for item, one, other in pairs])

    def merge(self, left: States, right: States) -> States:
        """Both merged, by the class's own merge where it has one."""
        return self.own(left, right) if self.own else self.merge_fields(left, right)

    def fold(self, rows: Sequence[States]) -> States:
        """Many merged: equal to the tree of fixed shape over them, in their order."""
        if not rows:
            return self.identity
        if self.own:
            return tuple(merge_tree(rows, self.own))
        columns = zip(*rows, strict=True)
        return tuple([item.rule.fold(column) for item, column in zip(self.fields, columns, strict=True)])

    def fold_lazily(self, rows: Iterable[States]) -> States:
        """As `fold`, without holding all of them at once where the rules allow that."""
        if not self.repeatable:
            return self.fold(list(rows))
        several: list[States] = []
        source = iter(rows)
        while batch := list(islice(source, _BATCH)):
            several.append(self.fold(batch))
        return self.fold(several)

    def write(self, states: States) -> dict[str, Any]:
        """The exact, mergeable form, as plain JSON."""
        return {name: rule.write(states[at]) for at, name, rule in self._stored}

    def read(self, plain: Any) -> States:
        """The inverse of `write`. Raises AGI-PART-006 naming the field that does not fit."""
        if type(plain) is not dict or len(plain) != len(self._stored):
            raise self._no_state(plain)
        states = list(self.identity)
        name = ""
        try:
            for at, name, rule in self._stored:
                states[at] = rule.read(plain[name])
        except KeyError:
            raise self._no_state(plain) from None
        except AgiError as error:
            code = error.code if error.code == DIFFERENT else FOREIGN_STATE
            raise within(f"{self.label}.{name}", error, code) from None
        return tuple(states)

    def payload(self, states: States) -> dict[str, Any]:
        """The readable form, as plain JSON."""
        return {
            item.name: self.value(at, states)
            if isinstance(item.rule, Derived)
            else item.rule.payload(states[at])
            for at, item in enumerate(self.fields)
        }

    def describe(self) -> list[dict[str, Any]]:
        """What someone without the class has to know to merge, one plain object for each field."""
        return [
            {
                "name": item.name,
                "rule": "own" if self.own else item.rule.name,
                "type": item.rule.type,
                "identity": item.rule.write(item.rule.identity),
                **({} if self.own else item.rule.details()),
            }
            for item in self.fields
        ]

    def _unknown(self, name: str) -> AgiError:
        near = get_close_matches(name, self.index, n=1)
        return AgiError(
            UNKNOWN_FIELD,
            f"{self.label} has no field {name!r}",
            found=name,
            allowed=", ".join(self.index) or "no fields at all",
            try_=f"did you mean {near[0]!r}?" if near else None,
            whose="author",
            exit_code=FAILED,
        )

    def _no_state(self, plain: Any) -> AgiError:
        names = [name for _, name, _ in self._stored]
        if type(plain) is dict:
            extra, missing = sorted(plain.keys() - set(names), key=str), sorted(set(names) - plain.keys())
            found: Any = f"{len(extra)} unknown {extra}, {len(missing)} missing {missing}"
        else:
            found = shown(plain)
        error = foreign(
            f"this is no state of {self.label}", found=None, allowed=f"the fields {', '.join(names)}"
        )
        error.found = f"{found:.200}"
        return error


@dataclass(frozen=True)
class Nested:
    """A partial inside a partial, merged by its own shape."""

    shape: Shape
    wrap: Callable[[States], Any] | None = field(default=None, compare=False)
    unwrap: Callable[[Any], States | None] | None = field(default=None, compare=False)
    name: ClassVar[str] = "partial"

    @property
    def type(self) -> str:
        return self.shape.label

    @property
    def identity(self) -> States:
        return self.shape.identity

    @property
    def repeatable(self) -> bool:
        return self.shape.repeatable

    def accept(self, value: Any) -> States:
        states = self.unwrap(value) if self.unwrap else None
        if states is None:
            raise unfit(value, self.type)
        return states

    def value(self, own: States) -> Any:
        return self.wrap(own) if self.wrap else own

    def merge(self, left: States, right: States) -> States:
        return self.shape.merge(left, right)

    def fold(self, column: Sequence[States]) -> States:
        return self.shape.fold(column)

    def write(self, own: States) -> dict[str, Any]:
        return self.shape.write(own)

    def read(self, plain: Any) -> States:
        return self.shape.read(plain)

    def payload(self, own: States) -> dict[str, Any]:
        return self.shape.payload(own)

    def details(self) -> dict[str, Any]:
        return {"fields": self.shape.describe()}


def unfollowable(shape: Shape, rule: Derived) -> str | None:
    """The name of a field from which a derived one cannot follow; None where it can follow from all."""
    for name in rule.sources:
        at = shape.index.get(name)
        if at is None or not rule.can_follow(shape.fields[at].rule):
            return name
    return None
