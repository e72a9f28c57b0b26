"""The laws of a merge, tried on partials that a run recorded, by their declared rules alone.

A result may depend on which partials there are, and on nothing else: not on who was first, nor on who merged with
whom. The rules are exact, so equal means equal bytes. (`agilab app check` does the same by the app's own class, which
an author's own merge needs.)
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

from agi_node.canonical import canonical
from agi_node.partial.shape import Shape, States

SHUFFLES = 4
AT_MOST = 10_000
"""Partials that take part in a law; more are taken evenly from all."""


def taken(states: Sequence[Any]) -> list[Any]:
    """The states with which the laws are tried."""
    step = max(1.0, len(states) / AT_MOST)
    return [states[int(at * step)] for at in range(min(AT_MOST, len(states)))]


def law_problems(shape: Shape, states: Sequence[Any]) -> Iterator[tuple[str, str]]:
    """(law, what breaks it or "") for each law, in the order `written`, `identity`, `order`, `grouping`.

    `states` are partials in their exact form. Raises AGI-PART-006 for one that is not of this shape.
    """
    parts = [shape.read(state) for state in states]
    yield "written", _first(states, [shape.write(part) for part in parts])
    empty = shape.identity
    beside = [shape.merge(empty, part) for part in parts], [shape.merge(part, empty) for part in parts]
    yield "identity", _first(states, *([shape.write(part) for part in side] for side in beside))
    whole = canonical(shape.write(shape.fold(parts)))
    chance = random.Random(len(parts))
    orders = [list(reversed(parts)), *(chance.sample(parts, len(parts)) for _ in range(SHUFFLES))]
    yield "order", _differing(whole, (shape.write(shape.fold(order)) for order in orders))
    groups = (grouped(shape, chance.sample(parts, len(parts)), chance) for _ in range(SHUFFLES))
    yield "grouping", _differing(whole, map(shape.write, groups))


def grouped(shape: Shape, parts: Sequence[States], chance: random.Random) -> States:
    """All merged, two at a time, along a tree of random shape."""
    stack = list(parts) or [shape.identity]
    while len(stack) > 1:
        at = chance.randrange(len(stack) - 1)
        width = min(1 + chance.randrange(8), len(stack) - at - 1)
        merged = stack[at]
        for other in stack[at + 1 : at + 1 + width]:
            merged = shape.merge(merged, other)
        stack[at : at + 1 + width] = [merged]
    return stack[0]


def _first(states: Sequence[Any], *others: list[Any]) -> str:
    for other in others:
        for at, (state, again) in enumerate(zip(states, other, strict=True)):
            if canonical(state) != canonical(again):
                return f"partial {at + 1} of {len(states)} becomes another"
    return ""


def _differing(whole: bytes, others: Iterator[Any]) -> str:
    for at, other in enumerate(others):
        if canonical(other) != whole:
            return f"way {at + 1} gives another result"
    return ""
