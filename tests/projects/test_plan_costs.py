"""Costs learnt from the log of earlier runs, and capacities where they are proved."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from agilab.engine.expansion import Item, items_of
from agilab.projects.capacity import LEAST_S, capacities
from agilab.projects.costs import History, estimated, read_history, with_learnt_costs
from agilab.projects.observations import Observation
from agilab.store.store import Store
from agilab.store.workspace import Workspace

TARGET = "tides:app#work"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(Workspace(tmp_path / "home").ensure()) as store:
        yield store


def record(
    store: Store,
    run_id: str,
    took: Mapping[str, float | None],
    *,
    costs: Mapping[str, float] | None = None,
    payloads: Mapping[str, Any] | None = None,
    args: Mapping[str, Any] | None = None,
    worker: Callable[[int], str] = lambda number: f"w{number % 2}",
    app: str = "tides",
    target: str = TARGET,
    state: str = "succeeded",
    begin_only: bool = False,
    more: Sequence[str] = (),
) -> None:
    """Write down a run whose units took these seconds; None for one that was reused. `more` are only planned."""
    log = store.log(run_id)
    log.append("run_created", app=app, args=dict(args or {}))
    nodes = [{"name": "plan", "target": "tides:app#plan"}, {"name": "work", "target": target}]
    log.append("plan_recorded", plan_digest=store.objects.put(b"{}"), nodes=nodes)
    if begin_only:
        log.flush()
        return
    items = [
        {"key": key, "payload": (payloads or {}).get(key, key), "cost": (costs or {}).get(key, 1.0)}
        for key in (*took, *more)
    ]
    log.append("node_expanded", node="plan", count=1, items=[_row("plan", "")])
    log.append("unit_ready", "plan")
    first = log.append("attempt_started", "plan", worker="w0", number=1)
    log.append(
        "attempt_succeeded",
        "plan",
        first.attempt_id,
        duration_us=10,
        value_digest=store.objects.put(_json(items)),
    )
    log.append("node_finished", node="plan", state="succeeded")
    rows = [_row(f"work[{key}]", key) for key in took]
    log.append("node_expanded", node="work", count=len(rows), items_digest=store.objects.put(_json(rows)))
    for number, (key, seconds) in enumerate(took.items()):
        unit = f"work[{key}]"
        log.append("unit_ready", unit)
        if seconds is None:
            log.append("unit_reused", unit, value=1, artifacts=[], from_run="r0", why="equal")
            continue
        tried = log.append("attempt_started", unit, worker=worker(number), number=1)
        log.append("attempt_succeeded", unit, tried.attempt_id, value=1, duration_us=round(seconds * 1e6))
    log.append("node_finished", node="work", state="succeeded")
    log.append("run_finished", state=state)
    log.flush()


def _row(unit_id: str, key: str) -> dict[str, Any]:
    return {"unit_id": unit_id, "key": key, "cost": 1.0, "payload": None}


def _json(value: Any) -> bytes:
    import json

    return json.dumps(value).encode()


def history(store: Store, **args: Any) -> History:
    return read_history(store, "tides", args, node="work", target=TARGET, plan="plan")


def items(costs: Mapping[str, float]) -> list[Item]:
    return [Item(key, key, cost) for key, cost in costs.items()]


def seen(costs_and_seconds: Sequence[tuple[float, float]], **fields: Any) -> History:
    """A history of items that nobody will ask about, for what a line through them says."""
    found = [
        Observation(0, f"old{number}", None, cost, seconds, "w0", **fields)
        for number, (cost, seconds) in enumerate(costs_and_seconds)
    ]
    return History(found, 1)


def test_an_app_that_never_ran_has_its_own_costs_alone(store: Store) -> None:
    found = estimated(items({"a": 3.0}), history(store))
    assert found.seconds is None
    assert found.basis == "the app's own cost; no earlier run"


def test_an_item_that_ran_before_takes_the_median_of_what_it_took(store: Store) -> None:
    for number, seconds in enumerate((0.2, 0.4, 9.0)):
        record(store, f"r{number}", {"a": seconds, "b": 1.0})
    found = estimated(items({"a": 1.0, "b": 1.0}), history(store))
    assert found.seconds == {"a": 0.4, "b": 1.0}
    assert found.basis == "measured in 3 earlier runs"


def test_only_the_newest_runs_count(store: Store) -> None:
    for number in range(7):
        record(store, f"r{number}", {"a": 100.0 if number < 2 else 1.0})
    assert estimated(items({"a": 1.0}), history(store)).seconds == {"a": 1.0}
    assert history(store).runs == 5


@pytest.mark.parametrize(
    "other", [{"app": "waves"}, {"target": "tides:app#other"}, {"state": "failed"}, {"begin_only": True}]
)
def test_other_apps_other_targets_and_runs_that_did_not_succeed_tell_nothing(
    store: Store, other: dict[str, Any]
) -> None:
    record(store, "r1", {"a": 1.0}, **other)
    assert history(store) == History((), 0, False) or not history(store).observations


def test_a_reused_unit_did_not_run_and_tells_nothing(store: Store) -> None:
    record(store, "r1", {"a": 2.0, "b": 3.0})
    record(store, "r2", {"a": None, "b": 5.0})
    record(store, "r3", {"a": None, "b": None})
    found = estimated(items({"a": 1.0, "b": 1.0}), history(store))
    assert found.seconds == {"a": 2.0, "b": 4.0}
    assert history(store).runs == 2
    for number in range(4, 30):
        record(store, f"r{number:02}", {"a": None, "b": None})
    assert estimated(items({"a": 1.0, "b": 1.0}), history(store)).seconds == {"a": 2.0, "b": 4.0}


def test_runs_with_the_same_arguments_come_before_newer_ones_with_others(store: Store) -> None:
    record(store, "r1", {"a": 1.0}, args={"hours": 4})
    record(store, "r2", {"a": 50.0}, args={"hours": 9})
    assert estimated(items({"a": 1.0}), history(store, hours=4)).seconds == {"a": 1.0}
    found = estimated(items({"a": 1.0}), history(store, hours=5))
    assert found.seconds == {"a": 25.5}
    assert found.basis == "measured in 2 earlier runs with other arguments"


def test_an_item_with_another_payload_and_cost_is_estimated_by_its_size(store: Store) -> None:
    sizes = {f"k{number}": float(100 * number) for number in range(1, 13)}
    record(store, "r1", {key: 0.05 + size / 1000 for key, size in sizes.items()}, costs=sizes)
    now = [Item("k1", "another file", 5000.0), Item("k5", "k5", 500.0), Item("new", "new", 2000.0)]
    found = estimated(now, history(store))
    assert found.seconds == pytest.approx({"k1": 5.05, "k5": 0.55, "new": 2.05})
    assert (
        found.basis
        == "1 of 3 items measured in the last run, the others estimated: 50 ms + 1 ms per unit of cost"
    )


def test_what_is_called_measured_is_what_was_measured(store: Store) -> None:
    """Twelve items of equal cost took 0.48 to 0.524 s, one 2 s, one never ran: all but the long have the median."""
    took = {f"k{number}": 0.48 + 0.004 * number for number in range(12)} | {"long": 2.0}
    record(store, "r1", {"first": 0.5, "second": 0.5} | took)
    found = estimated(items(dict.fromkeys([*took, "new"], 1.0)), history(store))
    assert found.seconds is not None
    assert found.seconds["long"] == 2.0
    assert {seconds for key, seconds in found.seconds.items() if key != "long"} == {found.seconds["new"]}
    assert found.seconds["new"] == pytest.approx(
        0.504
    )  # the seventh of thirteen, which was measured to the digit
    assert found.basis.endswith(
        "by the last run, where 11 of 14 items took that within 50 ms, and 2 others what is given here"
    )


def test_where_costs_are_mostly_wrong_what_was_measured_counts_and_is_called_so(store: Store) -> None:
    took = {f"k{number}": 0.2 + 0.1 * (number * 5 % 8) for number in range(8)}
    record(store, "r1", {"first": 0.5, "second": 0.5} | took)
    found = estimated(items(dict.fromkeys([*took, "new"], 1.0)), history(store))
    assert found.seconds is not None
    assert {key: found.seconds[key] for key in took} == pytest.approx(took)
    assert found.basis.startswith("8 of 9 items measured in the last run, the others estimated: ")


def test_a_changed_payload_of_equal_cost_is_still_the_same_item(store: Store) -> None:
    record(store, "r1", {"a": 0.7, "b": 0.1}, payloads={"a": "before"})
    assert estimated([Item("a", "after", 1.0)], history(store)).seconds == {"a": 0.7}


def test_no_outlier_moves_the_line() -> None:
    points = [(float(cost), 0.01 + cost * 0.002) for cost in range(1, 41)]
    points[7], points[30] = (8.0, 90.0), (31.0, 70.0)
    found = estimated([Item("new", None, 100.0)], seen(points))
    assert found.seconds == pytest.approx({"new": 0.21}, rel=0.05)
    assert found.basis.startswith("estimated from the cost of each: ")


@pytest.mark.parametrize(
    ("points", "cost", "seconds"),
    [
        ([(2.0, 0.5), (4.0, 1.0)], 6.0, 1.5),  # too few for a line: a ratio
        ([(1.0, 0.5)] * 20, 1.0, 0.5),  # all of one cost
        ([(0.0, 0.5)] * 20, 0.0, 0.5),  # an app that says nothing
        ([(float(n), 2.0 - n / 40) for n in range(1, 41)], 99.0, 1.4875),  # cost that says the opposite
        ([(float(n), n * n / 100) for n in range(10, 41)], 0.0, 0.0),  # never less than nothing
    ],
)
def test_a_line_that_cannot_be_drawn_is_still_an_estimate(
    points: list[tuple[float, float]], cost: float, seconds: float
) -> None:
    found = estimated([Item("new", None, cost)], seen(points))
    assert found.seconds == pytest.approx({"new": seconds})


def test_units_too_short_to_be_told_apart_keep_the_order_of_the_apps_costs(store: Store) -> None:
    costs = {"a": 1.0, "b": 2.0, "c": 3.0}
    record(store, "r1", {"a": 0.0009, "b": 0.0001, "c": 0.0002}, costs=costs)
    found = estimated(items(costs), history(store))
    assert found.seconds == pytest.approx({"a": 0.0002, "b": 0.0004, "c": 0.0006})
    assert found.basis == "the app's own cost; units took 200 µs in the last run, too short to tell apart"


def test_of_many_short_units_the_long_one_is_told_apart(store: Store) -> None:
    took = {f"k{number}": 0.01 for number in range(20)} | {"long": 0.8}
    record(store, "r1", took)
    found = estimated(items(dict.fromkeys(took, 1.0)), history(store))
    assert found.seconds is not None
    assert found.seconds["long"] == 0.8
    assert len({seconds for key, seconds in found.seconds.items() if key != "long"}) == 1
    assert found.basis.endswith(
        "took 10 ms in the last run, too short to tell apart, but for 1 that stood out"
    )


def test_noise_does_not_change_the_order_that_costs_give(store: Store) -> None:
    costs = {f"k{number}": float(number) for number in range(1, 30)}
    dice = random.Random(4)
    for run in range(3):
        took = {key: 0.2 + 0.01 * cost + 0.02 * dice.random() for key, cost in costs.items()}
        record(store, f"r{run}", took, costs=costs)
    found = estimated(items(costs), history(store)).seconds
    assert found is not None
    assert sorted(found, key=lambda key: found[key]) == list(costs)


def test_the_first_unit_of_a_worker_pays_for_warming_up_and_is_not_measured(store: Store) -> None:
    took = {f"k{number}": 0.9 if number < 2 else 0.2 for number in range(12)}
    record(store, "r1", took)
    found = estimated(items(dict.fromkeys(took, 1.0)), history(store))
    assert found.seconds == pytest.approx(dict.fromkeys(took, 0.2))
    assert found.basis.startswith("10 of 12 items measured in the last run")


def test_the_first_of_a_few_long_units_is_measured_like_the_others(store: Store) -> None:
    record(store, "r1", {"a": 3.0, "b": 2.0, "c": 1.0})
    assert estimated(items({"a": 1.0, "b": 1.0, "c": 1.0}), history(store)).seconds == {
        "a": 3.0,
        "b": 2.0,
        "c": 1.0,
    }


def test_a_run_whose_plan_is_no_longer_in_the_store_is_left_out(store: Store) -> None:
    record(store, "r1", {"a": 1.0})
    record(store, "r2", {"a": 3.0}, payloads={"a": "large"})
    (body,) = [body for _, body in store.results("r2", "plan")]
    store.objects.path(body["value_digest"]).unlink()
    assert estimated(items({"a": 1.0}), history(store)).seconds == {"a": 1.0}


def test_learnt_costs_do_not_become_the_apps_own(store: Store) -> None:
    """An expansion stores seconds as its cost; the next run still learns from what the app said."""
    sizes = {f"k{number}": float(1000 * number) for number in range(1, 13)}
    record(store, "r1", {key: size / 1e5 for key, size in sizes.items()}, costs=sizes)
    record(store, "now", {}, begin_only=True)
    fresh = [*items(sizes), Item("new", "new", 50_000.0)]
    learnt = with_learnt_costs(store, "now", fresh, node="work", target=TARGET, plan="plan")
    assert [item.key for item in learnt] == [item.key for item in fresh]
    assert learnt[-1].cost == pytest.approx(0.5)
    assert learnt[2].cost == pytest.approx(0.03)
    assert learnt[2].payload == fresh[2].payload


@pytest.mark.slow
def test_ten_thousand_units_in_five_runs_are_read_quickly(store: Store) -> None:
    keys = [f"item-{number:05}" for number in range(10_000)]
    for number in range(5):
        run = f"r{number}"
        record(store, run, {keys[0]: 0.01}, more=keys[1:])
        # Through the log it would take longer than all that is measured here.
        (row,) = store.db.execute("SELECT * FROM unit WHERE run_id=? AND node='work'", (run,)).fetchall()
        units = [(run, f"work[{key}]", "work", key, *row[4:]) for key in keys[1:]]
        store.db.executemany(f"INSERT INTO unit VALUES({','.join('?' * len(row))})", units)
    now = items_of([{"key": key, "payload": key, "cost": 1.0} for key in keys])
    began = time.process_time()
    found = estimated(now, history(store))
    spent = time.process_time() - began
    assert found.seconds == pytest.approx(dict.fromkeys(keys, 0.01))
    assert "in 2 earlier runs" in found.basis  # enough of them: the others are not read
    assert spent < 2.0


# -- capacities -------------------------------------------------------------------------------------------------


def runs_of(
    count: int, units: int, slow: Mapping[str, float], noise: float, seed: int, workers: int = 4
) -> History:
    """Runs in which idle workers took units of many sizes, and some workers are slower than others."""
    dice = random.Random(seed)
    sizes = [0.05 * 20 ** dice.random() for _ in range(units)]
    found = []
    for run in range(count):
        pace = 1.5 ** dice.uniform(-1, 1)  # the whole machine was busier in one run than in another
        for number, size in enumerate(sizes):
            worker = f"w{dice.randrange(workers)}"
            seconds = size * pace * slow.get(worker, 1.0) * noise ** dice.gauss(0, 1)
            found.append(Observation(run, f"k{number}", None, size, seconds, worker))
    return History(found, count)


NAMES = ["w0", "w1", "w2", "w3"]


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("noise", [1.02, 1.3, 2.0])
def test_noise_unbalances_nothing(seed: int, noise: float) -> None:
    assert capacities(NAMES, runs_of(5, 100, {}, noise, seed)) == dict.fromkeys(NAMES, 1.0)


@pytest.mark.parametrize("seed", range(5))
def test_a_worker_of_half_the_speed_is_found_out(seed: int) -> None:
    found = capacities(NAMES, runs_of(4, 100, {"w2": 2.0}, 1.1, seed))
    assert found.pop("w2") == pytest.approx(0.5, abs=0.06)
    assert set(found.values()) == {1.0}


def test_of_two_workers_the_ratio_is_right() -> None:
    found = capacities(["w0", "w1"], runs_of(4, 200, {"w1": 2.0}, 1.1, 3, workers=2))
    assert found["w0"] / found["w1"] == pytest.approx(2.0, rel=0.08)


def test_one_run_proves_nothing_for_no_item_ran_twice() -> None:
    assert set(capacities(NAMES, runs_of(1, 400, {"w2": 3.0}, 1.1, 1)).values()) == {1.0}


def test_a_worker_that_always_had_the_same_items_is_not_blamed_for_them() -> None:
    """A static plan repeated: its items are long, which is no evidence about their worker."""
    found = [
        Observation(run, f"k{number}", None, 1.0, 3.0 if number % 4 == 2 else 1.0, f"w{number % 4}")
        for run in range(5)
        for number in range(200)
    ]
    assert set(capacities(NAMES, History(found, 5)).values()) == {1.0}


def test_a_worker_that_was_slow_in_one_run_only_is_forgiven() -> None:
    bad, good = runs_of(1, 200, {"w2": 2.0}, 1.1, 5), runs_of(5, 200, {}, 1.1, 5)
    found = [*bad.observations, *(one for one in good.observations if one.run > 0)]
    assert set(capacities(NAMES, History(found, 5)).values()) == {1.0}


def test_units_too_short_to_time_prove_nothing() -> None:
    found = [
        Observation(
            run, f"k{number}", None, 1.0, LEAST_S / (2 if number % 2 else 20), f"w{(number + run) % 2}"
        )
        for run in range(5)
        for number in range(200)
    ]
    assert capacities(["w0", "w1"], History(found, 5)) == {"w0": 1.0, "w1": 1.0}
