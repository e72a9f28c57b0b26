"""Events as lines: what matters at once, what comes by the thousand counted, all in the order of the log."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.views.made_runs import Written, execute

from agilab.cli.telling import AT_ONCE, Teller
from agilab.engine.graph import Graph, Node, Policy
from agilab.store.events import Event
from agilab.store.store import Store
from agilab.store.workspace import Workspace

MAP = Graph((Node("list", "list"), Node("work", "work", ("list",), foreach="list")), keep_going=True)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(Workspace(tmp_path / "home")) as store:
        yield store


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def told(events: list[Event], **options: bool) -> list[str]:
    teller = Teller(events[0].at_us, clock=Clock(), **options)
    return [line.plain for line in (*teller.tell(events), *teller.rest())]


def made(store: Store, count: int, *bad: int) -> list[Event]:
    def work(n: int) -> int:
        if n in bad:
            raise ValueError(f"{n} is not welcome")
        return n

    execute(store, MAP, {"list": lambda: list(range(count)), "work": work})
    return list(store.events("r1"))


def test_a_small_run_is_told_unit_by_unit(store: Store) -> None:
    lines = told(made(store, 3))
    assert [re.sub(r" +", " ", line.split("  ", 1)[1]).strip() for line in lines if "succeeded" in line][:1]
    said = "\n".join(lines)
    for key in (0, 1, 2):
        assert len(re.findall(rf"work\[{key}\] +succeeded", said)) == 1
    assert "ready" not in said
    assert re.search(r"\+\S+ m?s +run +succeeded", lines[-1])


def test_what_is_routine_is_told_to_whoever_asks_for_it(store: Store) -> None:
    run = Written(store, MAP)
    run.expand("list")
    run.log.flush()
    events = list(store.events("r1"))
    assert "is ready" not in "\n".join(told(events))
    assert "is ready" in "\n".join(told(events, verbose=True))


def test_thousands_of_units_are_counted_and_none_is_lost(store: Store) -> None:
    lines = told(made(store, 3000))
    assert len(lines) < AT_ONCE + 15
    single = sum(bool(re.search(r"work\[\d+\] +succeeded", line)) for line in lines)
    counted = sum(
        int(n.replace(",", "")) for line in lines for n in re.findall(r"\+([\d,]+) succeeded", line)
    )
    assert single + counted == 3000
    assert counted > 2900


def test_a_failure_is_told_before_anything_is_counted(store: Store) -> None:
    lines = told(made(store, 3000, 2900))
    (place,) = [number for number, line in enumerate(lines) if "2900 is not welcome" in line]
    assert re.search(r"work\[2900\] +failed", lines[place])
    # What came before it in the log is told before it.
    assert any("+" in line and "succeeded" in line for line in lines[AT_ONCE:place])


def test_thousands_of_failures_are_counted_too(store: Store) -> None:
    lines = told(made(store, 2000, *range(2000)))
    assert len(lines) < 2 * AT_ONCE + 60
    single = sum("is not welcome" in line for line in lines)
    counted = sum(int(n.replace(",", "")) for line in lines for n in re.findall(r"\+([\d,]+) failed", line))
    assert single + counted == 2000


def test_counts_are_told_about_once_a_second_while_the_run_goes_on(store: Store) -> None:
    events = made(store, 1000)
    clock = Clock()
    teller = Teller(events[0].at_us, clock=clock)
    sizes = []
    for start in range(0, len(events), 100):
        clock.now += 0.25
        sizes.append(len(list(teller.tell(events[start : start + 100]))))
    assert sum(sizes) < AT_ONCE + 10 * len(sizes) * 0.25 + len(sizes)
    assert sizes.count(0) >= 3


def test_what_people_do_is_always_told_with_who_and_why(store: Store) -> None:
    run = Written(store, Graph((Node("n", "n", policy=Policy(max_retries=1)),)))
    run.log.append("run_paused", by="ada", reason="look first")
    run.log.append("note_added", by="bob", text="the disk\nwas slow")
    run.log.append("run_unpaused", by="ada")
    run.log.append("coordinator_took_over", open_attempts=0)
    run.log.append("cancel_requested", by="ada", reason="enough")
    run.log.flush()
    said = "\n".join(told(list(store.events("r1"))))
    assert re.search(r"is paused +look first, by ada", said)
    assert re.search(r"has a note +the disk, by bob", said)
    assert "goes on" in said
    assert "was taken over" in said
    assert re.search(r"is being cancelled +enough, by ada", said)


def test_measures_of_a_running_unit_are_told(store: Store) -> None:
    run = Written(store, MAP)
    run.expand("list")
    attempt = run.start("list", "w0")
    table = {"name": ["loss", "loss"], "value": [0.5, 0.25], "step": [0, 1], "at_ms": [0, 1]}
    run.log.append("metrics_logged", "list", attempt, metrics=table)
    run.log.flush()
    assert re.search(r"list +logged +loss 0.25", "\n".join(told(list(store.events("r1")))))


def test_no_line_overtakes_what_is_held_back_for_a_count(store: Store) -> None:
    events = [event for event in made(store, 200) if event.kind == "attempt_succeeded"]
    clock = Clock()
    teller = Teller(events[0].at_us, clock=clock)
    assert len(list(teller.tell(events[:100]))) == AT_ONCE
    clock.now += 0.5  # there would be room for a few lines again
    assert list(teller.tell(events[100:103])) == []
    clock.now += 0.6
    (line,) = teller.tell([])
    assert "+43 succeeded" in line.plain
