"""`agilab report reducer-benchmark`: the reduce contract, executed now, beside one loop over the same items.

The items are fractions of 2^53, so that the loop can add them, and their squares, as whole numbers: it knows nothing
of partials, and its result is exact by another way than theirs. Equal means equal bytes.
"""

from __future__ import annotations

import heapq
import random
import statistics
import time
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Annotated, Any

from agi_node.canonical import canonical, digest
from agi_node.errors import AgiError
from agi_node.partial import Distinct, Histogram, Max, Min, Moments, Partial, Size, Sum, TopK
from agi_node.reduce import merge_reduce_documents, reduce_document
from agilab.contracts.report import Check
from agilab.evidence.report import Scope

BITS = 53
ONE = 1 << BITS
BINS = 32
"""A power of two: edges are exact, so the bin of an item is its first five bits."""
EDGES = [at / BINS for at in range(BINS + 1)]
COARSE = 33
"""Bits that are left out of what is added up as floats, so that a unit's own sum is exact."""
LABELS = 97
KEPT = 5


class Items(Partial):
    """A partial with a field for each kind of rule."""

    count: Sum[int] = 0
    total: Sum[float] = 0.0
    least: Min[float] = None
    greatest: Max[float] = None
    value: Moments = Moments()
    spread: Histogram = Histogram(EDGES)
    labels: Distinct[str] = frozenset()
    label_count: Annotated[int, Size("labels")] = 0
    top: TopK = TopK(KEPT)


def reducer_benchmark(
    scope: Scope, *, partials: int = 8, items: int = 80_000, rounds: int = 5, seed: int = 2026
) -> tuple[list[Check], dict[str, Any]]:
    """Reduce `items` items in so many partials and in one pass; results compared, medians of `rounds` told.

    Raises AGI-REPORT-002 for numbers that leave nothing to do.
    """
    for name, value in (("partials", partials), ("items", items), ("rounds", rounds)):
        if value < 1:
            raise AgiError("AGI-REPORT-002", f"{name} is too small", found=str(value), allowed="1 or more")
    chance = random.Random(seed)
    numbers = [chance.getrandbits(BITS) for _ in range(items)]
    parts = [range(at * items // partials, (at + 1) * items // partials) for at in range(partials)]
    values = [number / ONE for number in numbers]
    kept: dict[str, Any] = {}

    def measure() -> None:
        made = [_partial(numbers, values, part) for part in parts]
        kept["states"] = [(f"{at:06}", partial.to_state()) for at, partial in enumerate(made)]

    def reduce() -> None:
        kept["document"] = reduce_document("items", Items, kept["states"])

    def single_pass() -> None:
        kept["expected"] = _one_pass(numbers)

    taken = _alternate({"partials": measure, "reduce": reduce, "single pass": single_pass}, rounds)
    seconds = {name: statistics.median(side) for name, side in taken.items()}
    whole = seconds["partials"] + seconds["reduce"]
    details = {
        "partials": partials,
        "items": items,
        "seed": seed,
        "rounds": rounds,
        "fields": Items.describe(),
        "seconds": {name: _spread(side) for name, side in taken.items()},
        "contract_seconds": whole,
        "ratio": whole / seconds["single pass"],
        "reduce_share": seconds["reduce"] / whole,
    }
    return _checks(kept, chance), details


def _checks(kept: Mapping[str, Any], chance: random.Random) -> list[Check]:
    document, states = kept["document"], kept["states"]
    differing = [
        name
        for name, value in kept["expected"].items()
        if canonical(value) != canonical(document["payload"][name])
    ]
    mixed = chance.sample(states, len(states))
    halves = [reduce_document("items", Items, part) for part in (mixed[::2], mixed[1::2]) if part]

    def check(name: str, passed: bool, said: str, other: str, **evidence: Any) -> Check:
        state, message = ("passed", said) if passed else ("failed", other)
        return Check.model_validate(
            {
                "about": "reduce",
                "name": name,
                "state": state,
                "how": "executed",
                "evidence": evidence,
                "message": message,
            }
        )

    return [
        check(
            "equal",
            not differing and kept["expected"].keys() == document["payload"].keys(),
            "the reduce and the single pass give the same bytes",
            f"these fields differ: {', '.join(differing)}",
            reduced=digest(document["payload"]),
            single_pass=digest(kept["expected"]),
        ),
        check(
            "order",
            canonical(reduce_document("items", Items, mixed)) == canonical(document),
            "partials in another order give the same document",
            "partials in another order give another document",
            partials=len(states),
        ),
        check(
            "workers",
            canonical(merge_reduce_documents(halves)) == canonical(document),
            "the documents of two workers merge to the whole",
            "the documents of two workers merge to another whole",
            partials=[half["partial_count"] for half in halves],
        ),
    ]


def _partial(numbers: list[int], values: list[float], part: range) -> Items:
    """What a unit would return for its items."""
    chosen = values[part.start : part.stop]
    return Items(
        count=len(part),
        total=sum(number >> COARSE for number in numbers[part.start : part.stop]) / (ONE >> COARSE),
        least=min(chosen, default=None),
        greatest=max(chosen, default=None),
        value=Moments.of(chosen),
        spread=Histogram.of(chosen, EDGES),
        labels=frozenset(map(_label, part)),
        top=TopK.of(((values[at], f"{at:08}") for at in part), KEPT),
    )


def _label(at: int) -> str:
    return f"{at % LABELS:02}"


def _one_pass(numbers: list[int]) -> dict[str, Any]:
    """The payload that all items have, by one loop over whole numbers."""
    coarse = total = squares = 0
    least, greatest = min(numbers), max(numbers)
    counts, labels = [0] * BINS, set[str]()
    top: list[tuple[int, int]] = []
    for at, number in enumerate(numbers):
        coarse += number >> COARSE
        total += number
        squares += number * number
        counts[number * BINS >> BITS] += 1
        labels.add(_label(at))
        if len(top) < KEPT:
            heapq.heappush(top, (number, -at))
        elif number > top[0][0]:
            heapq.heapreplace(top, (number, -at))
    count = len(numbers)
    mean = float(Fraction(total, count << BITS))
    variance = float(Fraction(count * squares - total * total, (count * count) << 2 * BITS))
    return {
        "count": count,
        "total": coarse / (ONE >> COARSE),
        "least": least / ONE,
        "greatest": greatest / ONE,
        "value": {
            "count": count,
            "mean": mean,
            "variance": variance,
            "min": least / ONE,
            "max": greatest / ONE,
        },
        "spread": {"edges": EDGES, "counts": counts, "under": 0, "over": 0},
        "labels": sorted(labels),
        "label_count": len(labels),
        "top": [{"value": number / ONE, "label": f"{-at:08}"} for number, at in sorted(top, reverse=True)],
    }


def _alternate(sides: Mapping[str, Callable[[], None]], rounds: int) -> dict[str, list[float]]:
    """Seconds of every side, turn by turn, so that whatever a machine does meanwhile meets all; one round warms up."""
    taken: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(1 + rounds):
        for name, side in sides.items():
            began = time.perf_counter()
            side()
            if turn:
                taken[name].append(time.perf_counter() - began)
    return taken


def _spread(side: list[float]) -> dict[str, float]:
    return {"median": statistics.median(side), "min": min(side), "max": max(side)}
