"""Placement: laws of the planner, on any costs and capacities; small plans against every plan there is."""

from __future__ import annotations

import itertools
import math
import random
import time
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agi_node.errors import AgiError
from agilab.engine import placement as planner
from agilab.engine.bounds import guarantee, lower_bound
from agilab.engine.placement import Placement, place

CLOSE = 1 + 1e-9
AMOUNTS = st.one_of(
    st.integers(0, 20).map(float),
    st.floats(0, 1e6, allow_nan=False),
    st.sampled_from([0.0, 1e-12, 1.0, 1e12]),
)
SPEEDS = st.one_of(st.just(1.0), st.sampled_from([0.25, 0.5, 1.0, 2.0, 3.0]), st.floats(0.1, 10))


def named(costs: list[float]) -> dict[str, float]:
    return {f"i{number:05}": cost for number, cost in enumerate(costs)}


def workers(speeds: list[float]) -> dict[str, float]:
    return {f"w{number}": speed for number, speed in enumerate(speeds)}


def best_possible(costs: list[float], speeds: list[float]) -> float:
    """The makespan of the best of all plans."""
    best = math.inf
    for choice in itertools.product(range(len(speeds)), repeat=len(costs)):
        loads = [0.0] * len(speeds)
        for cost, number in zip(costs, choice, strict=True):
            loads[number] += cost / speeds[number]
        best = min(best, max(loads))
    return best


@given(st.lists(AMOUNTS, max_size=40), st.lists(SPEEDS, min_size=1, max_size=9))
def test_every_item_has_one_worker_and_the_loads_are_what_the_items_come_to(
    costs: list[float], speeds: list[float]
) -> None:
    items, capacities = named(costs), workers(speeds)
    placed = place(items, capacities)
    assert placed.assigned.keys() == items.keys()
    assert set(placed.assigned.values()) <= capacities.keys()
    for worker, speed in capacities.items():
        mine = math.fsum(items[name] for name, its in placed.assigned.items() if its == worker)
        assert placed.loads[worker] == pytest.approx(mine / speed)
    assert placed.makespan == max(placed.loads.values())


@given(st.lists(AMOUNTS, max_size=40), st.integers(1, 9))
def test_equal_workers_end_within_grahams_ratio_of_the_bound(costs: list[float], count: int) -> None:
    speeds = [1.5] * count
    placed = place(named(costs), workers(speeds))
    assert guarantee(speeds) == pytest.approx(4 / 3 - 1 / (3 * count))
    assert placed.makespan <= guarantee(speeds) * placed.bound * CLOSE


@given(st.lists(AMOUNTS, max_size=40), st.lists(SPEEDS, min_size=1, max_size=9))
def test_different_workers_end_within_their_ratio_of_the_bound(
    costs: list[float], speeds: list[float]
) -> None:
    placed = place(named(costs), workers(speeds))
    assert placed.bound * guarantee(speeds) * CLOSE >= placed.makespan


@settings(max_examples=300)
@example([3.0] * 5 + [8.0, 9.0, 9.0, 11.0], [1.0, 1.0])
@example([3.0, 6.0, 7.0, 7.0, 9.0], [9.0, 10.0])
@given(st.lists(st.integers(0, 12).map(float), max_size=14), st.lists(SPEEDS, min_size=1, max_size=5))
def test_the_ratios_are_those_of_longest_first_alone(costs: list[float], speeds: list[float]) -> None:
    """Swapping only ever helps: what is promised is proved of the plan before it."""
    ordered = sorted(costs, reverse=True)
    chosen = planner._longest_first(ordered, speeds)
    before = max(planner._loads(ordered, speeds, chosen))
    bound = lower_bound(costs, speeds)
    assert before <= guarantee(speeds) * bound * CLOSE
    assert place(named(costs), workers(speeds)).makespan <= before * CLOSE


@settings(max_examples=60)
@given(
    st.lists(st.integers(0, 9).map(float), min_size=1, max_size=7),
    st.lists(st.sampled_from([0.5, 1.0, 2.0, 3.0]), min_size=1, max_size=3),
)
def test_nobody_beats_the_bound_and_the_plan_is_near_the_best(
    costs: list[float], speeds: list[float]
) -> None:
    best = best_possible(costs, speeds)
    placed = place(named(costs), workers(speeds))
    assert placed.bound <= best * CLOSE
    assert best <= placed.makespan * CLOSE
    assert placed.makespan <= guarantee(speeds) * best * CLOSE


@given(
    st.lists(AMOUNTS, max_size=30),
    st.lists(SPEEDS, min_size=1, max_size=6),
    st.randoms(use_true_random=False),
)
def test_the_order_in_which_items_are_given_changes_nothing(
    costs: list[float], speeds: list[float], dice: random.Random
) -> None:
    items = named(costs)
    shuffled = list(items.items())
    dice.shuffle(shuffled)
    capacities = workers(speeds)
    assert place(dict(shuffled), capacities).assigned == place(items, capacities).assigned


def naive(costs: list[float], speeds: list[float]) -> float:
    """Longest first by looking at every worker for every item."""
    loads = [0.0] * len(speeds)
    for cost in sorted(costs, reverse=True):
        ends = [load + cost / speed for load, speed in zip(loads, speeds, strict=True)]
        loads[ends.index(min(ends))] = min(ends)
    return max(loads)


@given(
    st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=60),
    st.lists(st.floats(0.2, 5), min_size=2, max_size=9),
)
def test_the_worker_that_ends_first_is_found_without_looking_at_all(
    costs: list[float], speeds: list[float]
) -> None:
    ordered = sorted(costs, reverse=True)
    loads = [0.0] * len(speeds)
    for cost, number in zip(ordered, planner._longest_first(ordered, speeds), strict=True):
        ends = [load + cost / speed for load, speed in zip(loads, speeds, strict=True)]
        assert ends[number] <= min(ends) * CLOSE
        loads[number] = ends[number]


def test_the_textbook_case_of_longest_first_is_mended_by_a_swap() -> None:
    """Graham's worst case for two workers: 7/6 of the best, which is 6."""
    placed = place({"a": 3, "b": 3, "c": 2, "d": 2, "e": 2}, workers([1.0, 1.0]))
    assert naive([3, 3, 2, 2, 2], [1.0, 1.0]) == 7.0
    assert placed.makespan == placed.bound == 6.0
    assert placed.ratio == 1.0


def test_a_worker_of_twice_the_speed_gets_twice_as_much() -> None:
    placed = place(named([1.0] * 30), {"slow": 1.0, "fast": 2.0})
    assert placed.loads == {"slow": 10.0, "fast": 10.0}


@pytest.mark.parametrize(
    ("costs", "speeds", "bound"),
    [
        ([], [1.0], 0.0),
        ([4.0, 2.0], [1.0, 1.0, 1.0], 4.0),  # the largest
        ([1.0] * 4, [1.0, 1.0], 2.0),  # the total
        ([1.0] * 5, [1.0, 1.0, 1.0, 1.0], 2.0),  # five on four: two of them together
        ([1.0] * 5, [1.0, 1.0], 3.0),  # five on two: three of them together
        ([5.0, 5.0, 4.0, 4.0], [1.0, 1.0, 1.0], 8.0),  # one pair of the smaller ones
        ([6.0], [1.0, 2.0], 3.0),  # the largest on the fastest
        ([3.0, 3.0], [4.0, 1.0], 1.5),  # the second alone would take 3
    ],
)
def test_the_bound_knows_more_than_the_total(costs: list[float], speeds: list[float], bound: float) -> None:
    assert lower_bound(costs, speeds) == bound
    assert not costs or best_possible(costs, speeds) >= bound


def test_items_that_cost_nothing_are_spread_by_number() -> None:
    placed = place(named([0.0] * 12), workers([1.0] * 4))
    assert sorted(placed.assigned.values()) == sorted(["w0", "w1", "w2", "w3"] * 3)
    assert (placed.makespan, placed.ratio) == (0.0, 1.0)


def test_no_items_are_no_work() -> None:
    assert place({}, {"w0": 1.0}) == Placement({}, {"w0": 0.0}, 0.0)


def test_an_edited_distribution_s_bound_is_refused_where_no_number_holds_it() -> None:
    with pytest.raises(AgiError, match="AGI-PLAN-012"):
        lower_bound([1e308] * 3, [1.0])


@pytest.mark.parametrize(
    ("costs", "capacities", "code", "found"),
    [
        ({"a": 1.0}, {}, "AGI-PLAN-010", "no workers"),
        ({"a": 1.0}, {"w0": 0.0}, "AGI-PLAN-011", "0.0"),
        ({"a": 1.0}, {"w0": math.inf}, "AGI-PLAN-011", "inf"),
        ({"a": -1.0}, {"w0": 1.0}, "AGI-PLAN-012", "-1.0"),
        ({"a": math.nan}, {"w0": 1.0}, "AGI-PLAN-012", "nan"),
        (
            dict.fromkeys("abc", 1e308),
            {"w0": 1.0, "w1": 1.0},
            "AGI-PLAN-012",
            "a largest cost of 1e+308, capacities of 1 to 1",
        ),
        (
            {"a": 1.0},
            {"w0": 1e-320, "w1": 1.0},
            "AGI-PLAN-012",
            "a largest cost of 1, capacities of 9.99989e-321 to 1",
        ),
    ],
)
def test_what_cannot_be_placed_is_refused_by_name(
    costs: Mapping[str, float], capacities: Mapping[str, float], code: str, found: str
) -> None:
    with pytest.raises(
        AgiError, match=r"no worker|capacity of worker w0|cost of item a|of all items together"
    ) as caught:
        place(costs, capacities)
    assert (caught.value.code, caught.value.found) == (code, found)


SHAPES: dict[str, Any] = {
    "exponential": lambda dice: dice.expovariate(1.0),
    "heavy tail": lambda dice: dice.paretovariate(1.2),
    "all equal": lambda dice: 1.0,
    "mostly nothing": lambda dice: dice.random() if dice.random() < 0.01 else 0.0,
}


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("alike", [True, False])
def test_a_hundred_thousand_items_are_placed_on_64_workers_within_the_bound(shape: str, alike: bool) -> None:
    """Whatever the costs look like; how long it takes is `make bench ONLY=planning`."""
    dice = random.Random(7)
    items = named([SHAPES[shape](dice) for _ in range(100_000)])
    capacities = workers([1.0 if alike else 0.5 + number / 64 for number in range(64)])
    placed = place(items, capacities)
    assert placed.ratio < 4 / 3
    assert placed.assigned.keys() == items.keys()


def test_the_search_for_swaps_is_bounded_however_uneven_the_plan() -> None:
    """One item of half the work: no swap can help, and the others are not tried without end."""
    items = named([1e6] + [1.0] * 20_000)
    began = time.process_time()
    placed = place(items, workers([1.0] * 50))
    assert time.process_time() - began < 20, "some 0.1 s where it is bounded, minutes where it is not"
    assert placed.makespan == placed.bound == 1e6
