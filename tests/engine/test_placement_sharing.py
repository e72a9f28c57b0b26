"""More workers than cores: what they can do together, and what no placement of theirs can beat."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agilab.engine.bounds import lower_bound
from agilab.engine.placement import ends, place

WORK = st.lists(st.integers(0, 40).map(float), min_size=1, max_size=6)


def stepped(work: list[float], cores: int, step: float = 1 / 64) -> list[float]:
    """The same by small steps of time: at each, whoever has something left gets an equal part, a core at most."""
    left, ended, now = list(work), [0.0] * len(work), 0.0
    while any(left):
        working = sum(1 for amount in left if amount)
        rate = min(1.0, cores / working)
        for number, amount in enumerate(left):
            if amount:
                left[number] = max(0.0, amount - rate * step)
                ended[number] = now + step
        now += step
    return ended


@settings(max_examples=25, deadline=None)
@given(WORK, st.integers(1, 4))
def test_workers_end_when_small_steps_of_time_say_so(work: list[float], cores: int) -> None:
    found = ends(work, [1.0] * len(work), cores)
    # A step counts as whole when it is begun, at most once for each worker that ends before.
    assert found == pytest.approx(stepped(work, cores), abs=len(work) / 32)


def test_seven_workers_on_two_cores_take_as_long_as_two() -> None:
    """6.98 s of work, the largest item 2.26 s (closed form: half of the total, which the items can fill)."""
    costs = {"a": 2.26, "b": 2.2} | {f"c{number}": 0.14 for number in range(18)}
    placed = place(costs, {f"w{number}": 1.0 for number in range(7)}, cores=2)
    assert placed.bound == pytest.approx(sum(costs.values()) / 2)
    assert placed.makespan == pytest.approx(placed.bound, rel=0.01)


def test_a_start_counts_once_for_each_worker_that_has_an_item() -> None:
    placed = place({"a": 1.0, "b": 1.0}, {"w0": 1.0, "w1": 1.0, "w2": 1.0}, start=4.0)
    assert sorted(placed.loads.values()) == [0.0, 5.0, 5.0]
    assert placed.bound == 5.0
    three = {"w0": 1.0, "w1": 1.0, "w2": 1.0}
    crowded = place({"a": 1.0, "b": 1.0, "c": 1.0}, three, cores=1, start=4.0, all_work=True)
    assert crowded.makespan == 15.0  # three starts and three items on one core
    assert place({"a": 1.0, "b": 1.0, "c": 1.0}, three, cores=1, start=4.0).makespan == 7.0  # one start


def test_workers_that_would_only_hold_the_others_up_get_nothing() -> None:
    """One item of 8 s and eight of 1 s on two cores: 8 s with two workers. With four, which have 8, 3, 3 and 2 s, the
    last of these ends at 4 s, the others at 5.5 s, and 5 s of the first are left then: 10.5 s (closed forms)."""
    costs = {"a": 8.0} | {f"b{number}": 1.0 for number in range(8)}
    four = {f"w{number}": 1.0 for number in range(4)}
    placed = place(costs, four, cores=2)
    assert placed.makespan == 8.0
    assert sorted(placed.loads.values()) == [0.0, 0.0, 8.0, 8.0]
    assert place(costs, four, cores=2, all_work=True).makespan == pytest.approx(10.5)


def test_one_worker_more_than_cores_is_taken_where_that_is_shorter() -> None:
    """Three items of 2 s on two cores: a worker each ends all at 3 s, two workers take 4 s (closed forms)."""
    placed = place({"a": 2.0, "b": 2.0, "c": 2.0}, {f"w{number}": 1.0 for number in range(5)}, cores=2)
    assert placed.makespan == pytest.approx(3.0)
    assert sorted(placed.loads.values()) == pytest.approx([0.0, 0.0, 3.0, 3.0, 3.0])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(1, 30).map(float), min_size=1, max_size=6),
    st.integers(1, 3),
    st.integers(0, 9),
    st.integers(0, 3).map(float),
)
def test_more_workers_than_cores_never_plan_longer_than_longest_first_with_a_core_each(
    costs: list[float], cores: int, more: int, start: float
) -> None:
    """Graham's ratio to the best of all placements with as many workers as cores (found by trying all of them)."""
    best = min(
        max(_work(costs, chosen, one, start) for one in range(cores))
        for chosen in product(range(cores), repeat=len(costs))
    )
    placed = place(
        {f"i{number}": cost for number, cost in enumerate(costs)},
        {f"w{number}": 1.0 for number in range(cores + more)},
        cores=cores,
        start=start,
    )
    ratio = 4 / 3 - 1 / (3 * cores)
    assert placed.makespan <= ratio * (best - start) + start + 1e-9


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(1, 9).map(float), min_size=1, max_size=5),
    st.integers(1, 3),
    st.integers(1, 2),
    st.integers(0, 3).map(float),
)
def test_no_placement_at_all_ends_before_the_bound(
    costs: list[float], workers: int, cores: int, start: float
) -> None:
    best = min(
        max(ends([_work(costs, chosen, one, start) for one in range(workers)], [1.0] * workers, cores))
        for chosen in product(range(workers), repeat=len(costs))
    )
    bound = lower_bound(costs, [1.0] * workers, cores=cores, start=start)
    assert bound <= best * (1 + 1e-12)
    placed = place(
        {f"i{number}": cost for number, cost in enumerate(costs)},
        {f"w{number}": 1.0 for number in range(workers)},
        cores=cores,
        start=start,
    )
    assert placed.bound == pytest.approx(bound)
    assert placed.makespan >= best * (1 - 1e-12)


def _work(costs: list[float], chosen: tuple[int, ...], worker: int, start: float) -> float:
    mine = [cost for cost, one in zip(costs, chosen, strict=True) if one == worker]
    return sum(mine) + start if mine else 0.0
