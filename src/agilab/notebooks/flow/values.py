"""What the analysis knows of a value without having it: what it may share with others, and whether it can travel.

A *region* stands for one thing that can be changed in place: a list, a table, an object. A value *owns* the regions
that it may be itself, and *reaches* those and all that may lie inside. Two names that reach one region must not be
parted while it still changes: a copy of each would not see what is done through the other.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

Region = int | str
"""A number for something made at a place of the text; in a function `p:x` for what comes as its parameter x, `g:x` for
what a name of the notebook holds, and `CLOSURE`."""

CLOSURE = "closure"
"""The region of functions and classes that are made while a function runs."""

Kind = Literal["", "plain", "tuple", "list", "table", "iterator", "figure"]
"""plain: a number, a text; tuple; list: one of Python's collections, which owns none of its items; table: a table or an
array, whose operators make new ones; iterator: what gives its items once; figure: a drawing or a part of one, which
holds what is drawn and never changes it; empty: anything."""

NOTHING: frozenset[Region] = frozenset()


@dataclass(frozen=True, slots=True)
class Value:
    """One value, as far as it is known.

    Attributes:
        owns: What it may be itself.
        reaches: That, and what may lie in it.
        makers: Functions and classes of the notebook that it is, or holds, or is an instance of.
        runs: Functions whose code goes on when it is used: of a generator, or of a function that they made.
        tied: Why it cannot leave its process; empty if it can.
        calm: Whether its methods are known to make new things and leave it as it is, but for those known to change it.
        own: What it may be of the notebook's own modules, by full names: functions that do more than give a result,
            and what they hold; with a star before it what lies in the value and is not the value itself.
    """

    owns: frozenset[Region] = NOTHING
    reaches: frozenset[Region] = NOTHING
    makers: frozenset[int] = frozenset()
    runs: frozenset[int] = frozenset()
    tied: str = ""
    kind: Kind = ""
    calm: bool = False
    own: frozenset[str] = frozenset()

    def inside(self) -> Value:
        """One of its items, an attribute, or what iterating over it gives."""
        if self.kind in ("plain", "figure"):
            return self
        own = frozenset(one.removeprefix("*") for one in self.own)
        if self.kind == "iterator":
            rest = self.reaches - self.owns
            return (
                replace(PLAIN, own=own)
                if not (rest or self.makers)
                else Value(rest, rest, self.makers, own=own)
            )
        if self.kind in ("list", "tuple"):
            rest = self.reaches - self.owns
            if rest or self.makers or self.tied:
                return Value(rest, rest, self.makers, self.runs, self.tied, own=own)
            return replace(PLAIN, own=own)
        return Value(self.reaches, self.reaches, self.makers, self.runs, self.tied, self.kind, self.calm, own)

    def with_kind(self, kind: Kind) -> Value:
        return replace(self, kind=kind)


PLAIN = Value(kind="plain")


def either(values: Iterable[Value]) -> Value:
    """A value that may be any of these."""
    found = list({id(value): value for value in values}.values())
    if len(found) == 1:
        return found[0]
    kinds: set[Kind] = {
        value.kind for value in found if value.kind != "plain"
    }  # a number, or None, hides nothing
    return Value(
        NOTHING.union(*(value.owns for value in found)),
        NOTHING.union(*(value.reaches for value in found)),
        frozenset[int]().union(*(value.makers for value in found)),
        frozenset[int]().union(*(value.runs for value in found)),
        next((value.tied for value in found if value.tied), ""),
        kinds.pop() if len(kinds) == 1 else "" if kinds else "plain",
        all(value.calm or value.kind == "plain" for value in found),
        frozenset[str]().union(*(value.own for value in found)),
    )


def holding(values: Iterable[Value], region: Region | None, kind: Kind) -> Value:
    """Something new (at `region`) that holds these; without a region it cannot be changed itself."""
    whole = either([PLAIN, *values])
    owns = NOTHING if region is None else frozenset({region})
    held = kind in ("list", "tuple", "iterator")
    own = frozenset(f"*{one.removeprefix('*')}" for one in whole.own) if held else whole.own
    return Value(owns, whole.reaches | owns, whole.makers, whole.runs, whole.tied, kind, own=own)
