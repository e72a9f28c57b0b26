"""Who gets how many units, and what is lost with a worker: no Dask is needed for that."""

from __future__ import annotations

import sys
from pathlib import Path

from agilab.engine.dask import DaskExecutor
from agilab.engine.dask.places import MAX_AHEAD, Flight, Places
from agilab.engine.executor import Task, Wanted
from agilab.envs.worker_process import WorkerSpec


def places(*names: str, threads: int = 1, most: int | None = None) -> Places:
    made = Places(most)
    for name in names:
        made.seat(f"tcp://{name}", {"name": name, "threads": threads}, here=True)
    return made


def give(made: Places, node: str, count: int, *, worker: str | None = None) -> list[str]:
    """Ask for places and take what is offered; returns the names."""
    taken = []
    for place in made.choose([Wanted(node, worker)] * count):
        if place is not None:
            attempt = f"{place.name}-{node}-{len(place.flights)}-{len(taken)}"
            task = Task("r1", attempt, node, "", attempt, 1, "lab:f", "")
            place.flights[attempt] = Flight(task, "b1")
            taken.append(place.name)
    return taken


def finish(made: Places, name: str, count: int) -> None:
    flights = made.by_name[name].flights
    for attempt in list(flights)[:count]:
        del flights[attempt]


def test_units_of_unknown_length_travel_singly_and_to_different_places() -> None:
    made = places("a", "b", "c")
    assert give(made, "n", 10) == ["w0", "w1", "w2"]
    assert give(made, "n", 10) == []


def test_tiny_units_fill_forty_milliseconds_of_each_place_evenly() -> None:
    made = places("a", "b")
    made.learn("n", 1 / 512)
    taken = give(made, "n", 100)
    assert (taken.count("w0"), taken.count("w1")) == (20, 20)


def test_no_place_holds_more_than_its_share_however_quick_the_units_are() -> None:
    made = places("a")
    made.learn("n", 0.0)
    assert len(give(made, "n", 1000)) == MAX_AHEAD


def test_a_place_is_refilled_when_half_is_done_not_unit_by_unit() -> None:
    made = places("a")
    made.learn("n", 1 / 512)
    give(made, "n", 20)
    finish(made, "w0", 9)
    assert give(made, "n", 20) == []
    finish(made, "w0", 1)
    assert len(give(made, "n", 20)) == 10


def test_nothing_waits_behind_a_long_unit_or_one_of_unknown_length() -> None:
    made = places("a")
    made.learn("tiny", 0.001)
    made.learn("long", 5.0)
    assert give(made, "long", 2) == ["w0"]
    assert give(made, "tiny", 5) == []
    finish(made, "w0", 1)
    assert give(made, "new", 1) == ["w0"]
    assert give(made, "tiny", 5) == []


def test_a_pinned_unit_goes_to_its_place_alone_and_lets_others_by() -> None:
    made = places("a", "b")
    wanted = [Wanted("n", "w1"), Wanted("n", "w1"), Wanted("n")]
    assert [place and place.name for place in made.choose(wanted)] == ["w1", None, "w0"]


def test_a_worker_takes_its_own_place_again_before_one_that_somebody_else_left() -> None:
    made = places("a", "b")
    for place in made.by_name.values():
        place.address = None
    assert made.seat("tcp://new", {"name": "b", "threads": 1}, here=False) == ["w1"]
    assert made.seat("tcp://newer", {"name": "c", "threads": 1}, here=False) == ["w0"]
    assert made.by_name["w0"].dask_name == "c"
    assert made.seat("tcp://newest", {"name": "d", "threads": 1}, here=False) == ["w2"]


def test_no_more_threads_are_used_than_were_asked_for() -> None:
    assert list(places("a", "b", threads=4, most=5).by_name) == ["w0", "w1", "w2", "w3", "w4"]


def test_with_a_worker_only_the_unit_it_was_at_is_lost(tmp_path: Path) -> None:
    executor = DaskExecutor({"": WorkerSpec(Path(sys.executable), None, None)}, workers=1, logs=tmp_path)
    made = executor._places
    made.seat("tcp://a", {"name": "a", "threads": 1}, here=True)
    made.learn("n", 0.001)
    give(made, "n", 3)
    next(iter(made.by_name["w0"].flights.values())).began = True
    reports = executor._left("tcp://a")
    assert [(report.kind, report.data["began"]) for report in reports] == [
        ("lost", True), ("lost", False), ("lost", False),
    ]  # fmt: skip
    assert reports[0].data["reason"] == "worker w0: its Dask worker is gone (tcp://a)"
    assert executor._left("tcp://a") == []


def test_a_unit_that_takes_its_worker_along_without_a_word_counts_as_begun_the_second_time(
    tmp_path: Path,
) -> None:
    executor = DaskExecutor({"": WorkerSpec(Path(sys.executable), None, None)}, workers=1, logs=tmp_path)
    began = []
    for _ in range(2):
        executor._places.seat("tcp://a", {"name": "a", "threads": 1}, here=True)
        give(executor._places, "n", 1)
        (report,) = executor._left("tcp://a")
        began.append(report.data["began"])
    assert began == [False, True]
