"""The tree of an expression. Every node knows the kind of its values once `kinds.resolve` has been over it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any, Literal

Kind = Literal["int", "float", "bool", "text", "date", "datetime", "other", "unknown"]


@dataclass(frozen=True, kw_only=True)
class Node:
    """A part of an expression."""

    kind: Kind = "unknown"

    def children(self) -> Iterator[Node]:
        """The parts of this part."""
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, Node):
                yield value
            elif isinstance(value, tuple):
                yield from (item for item in value if isinstance(item, Node))

    def walk(self) -> Iterator[Node]:
        """This part and all below it."""
        yield self
        for child in self.children():
            yield from child.walk()

    @property
    def constant(self) -> bool:
        """Whether no column is in it."""
        return not any(isinstance(node, Column) for node in self.walk())


@dataclass(frozen=True)
class Literal_(Node):
    """A value that is written out; None is a missing one."""

    value: Any


@dataclass(frozen=True)
class Column(Node):
    """The values of a column; of moments, the zone of their clock."""

    name: str
    zone: str | None = None


@dataclass(frozen=True)
class Negative(Node):
    """A number with its sign turned."""

    operand: Node


@dataclass(frozen=True)
class Arithmetic(Node):
    """`+ - * / // %` of two numbers, or `+` of two texts."""

    operator: str
    left: Node
    right: Node


@dataclass(frozen=True)
class Comparison(Node):
    """`== != < <= > >=`."""

    operator: str
    left: Node
    right: Node


@dataclass(frozen=True)
class Logic(Node):
    """`and` or `or` of two conditions or more."""

    operator: Literal["and", "or"]
    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Negation(Node):
    """The contrary of a condition."""

    operand: Node


@dataclass(frozen=True)
class Missing(Node):
    """Whether there is no value."""

    operand: Node


@dataclass(frozen=True)
class Among(Node):
    """Whether a value is one of several literals."""

    operand: Node
    values: tuple[Literal_, ...]


@dataclass(frozen=True)
class Between(Node):
    """Whether a value lies in a range, bounds included."""

    operand: Node
    low: Literal_
    high: Literal_


@dataclass(frozen=True)
class TextTest(Node):
    """Whether a text contains, starts with or ends with another; capitals count."""

    how: Literal["contains", "starts with", "ends with"]
    operand: Node
    text: str


@dataclass(frozen=True)
class Call(Node):
    """A function of the language."""

    function: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True)
class Choice(Node):
    """One of two, by a condition."""

    condition: Node
    then: Node
    otherwise: Node


def zones(node: Node) -> set[str | None]:
    """The zones of the moments that a part gives, None for those without; empty where it gives none."""
    match node:
        case Column(zone=zone) if node.kind == "datetime":
            return {zone}
        case Choice(then=then, otherwise=otherwise):
            return zones(then) | zones(otherwise)
    return set()
