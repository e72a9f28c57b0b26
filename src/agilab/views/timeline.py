"""Who did what when: a run's attempts as bars on the lanes of its workers, the time they took and the time they idled.

Durations are what workers measured by their monotonic clocks. A place in time comes from the log's wall clock, which
may be set back in mid-run: later events are then moved so that time never runs backwards in the order of the log.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from agilab.store.events import Event
from agilab.store.rows import RunRow, UnitRow
from agilab.store.store import Store
from agilab.views.history import INTERRUPTED, state_of
from agilab.views.outline import Outline, keys_of, read_outline

ENDS = {
    "attempt_succeeded": "succeeded",
    "attempt_skipped": "skipped",
    "attempt_failed": "failed",
    "attempt_lost": "lost",
    "attempt_cancelled": "cancelled",
}
"""Events that end an attempt, and how."""
LONGEST = 5
"""Bars that are named as the longest."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One attempt. Times in microseconds since the run began.

    Attributes:
        state: How it ended: succeeded, skipped, failed, lost, cancelled; or running, or interrupted.
        start_us, end_us: Its place in time; `end_us - start_us` is its measured duration where there is one.
    """

    unit_id: str
    node: str
    attempt: int
    worker: str
    start_us: int
    end_us: int
    state: str

    @property
    def duration_us(self) -> int:
        return self.end_us - self.start_us


@dataclass(frozen=True)
class Lane:
    """What one worker did, its bars in time order and never overlapping."""

    worker: str
    bars: tuple[Bar, ...]

    @property
    def busy_us(self) -> int:
        return sum(bar.duration_us for bar in self.bars)


@dataclass(frozen=True)
class Timeline:
    """A run in time.

    Attributes:
        created_us: When it began, by the wall clock (microseconds since 1970).
        span_us: From its beginning to its end, or to the last thing that its log knows of.
        working_us: From the first attempt's start to the last one's end: what utilisation refers to.
        critical_us: The longest chain of units each of which had to wait for the one before: no number of
            workers makes the run shorter.
        critical: The units of that chain.
        reused: Units whose earlier results were used again, so that they have no bar.
    """

    run_id: str
    app: str
    state: str
    created_us: int
    span_us: int
    working_us: int
    lanes: tuple[Lane, ...]
    critical_us: int
    critical: tuple[str, ...]
    reused: int

    @property
    def bars(self) -> int:
        return sum(len(lane.bars) for lane in self.lanes)

    @property
    def longest(self) -> tuple[Bar, ...]:
        """The bars that took longest, first the longest."""
        every = [bar for lane in self.lanes for bar in lane.bars]
        return tuple(sorted(every, key=lambda bar: (-bar.duration_us, bar.unit_id, bar.attempt))[:LONGEST])

    def utilisation(self, lane: Lane) -> float:
        """The part of the working time that a worker was busy, from 0 to 1."""
        return min(1.0, lane.busy_us / self.working_us) if self.working_us else 0.0


def read_timeline(store: Store, name: str, *, now_us: int | None = None) -> Timeline:
    """The timeline of a run, complete or not. `name` as `Store.run` takes it.

    `now_us` (microseconds since 1970) is how long units that run right now last so far; without it they last until
    the last thing that the log knows of. It says nothing of a run that nobody runs any more.
    """
    run = store.run(name)
    outline = read_outline(store, run)
    state = state_of(store, run)
    bars, end_us = _bars(
        store,
        run,
        open_state=INTERRUPTED if state == INTERRUPTED else "running",
        now_us=now_us if state == "running" else None,
    )
    lanes = [
        Lane(worker, tuple(_apart(mine))) for worker, mine in sorted(_by_worker(bars).items(), key=_natural)
    ]
    every = [bar for lane in lanes for bar in lane.bars]
    first = min((bar.start_us for bar in every), default=0)
    last = max((bar.end_us for bar in every), default=0)
    critical_us, critical = _critical(outline, list(store.units(run.run_id)), every)
    return Timeline(
        run.run_id,
        run.app,
        state,
        run.created_us,
        max(end_us, last),
        last - first,
        tuple(lanes),
        critical_us,
        critical,
        sum(node.counts.get("reused", 0) for node in outline.nodes.values()),
    )


def _bars(store: Store, run: RunRow, *, open_state: str, now_us: int | None) -> tuple[list[Bar], int]:
    """Every attempt that began, and the time of the last event that says something of the run itself."""
    open_: dict[str, tuple[Event, int]] = {}
    done: list[Bar] = []
    clock, before, shift, last = run.created_us, run.created_us, 0, 0
    kinds = (
        "run_created",
        "attempt_started",
        *ENDS,
        "node_finished",
        "run_finished",
        "coordinator_took_over",
    )
    for event in store.events(run.run_id, kinds=kinds):
        shift += max(0, before - event.at_us)
        before = event.at_us
        clock = max(clock, event.at_us + shift)
        now = clock - run.created_us
        if event.kind == "coordinator_took_over":
            # What ran when the owner died was worked on at least until the last thing that it wrote down.
            done += _cut_off(open_.values(), last, "lost")
            open_.clear()
        elif event.kind == "attempt_started" and event.data.get("worker") != "":  # what only gathers has none
            open_[event.attempt_id or ""] = (event, now)
        elif event.kind in ENDS and event.attempt_id in open_:
            bar = _ended(*open_.pop(event.attempt_id), event, now)
            if bar is not None:
                done.append(bar)
        last = now
    if now_us is not None and open_:
        last = max(last, now_us + shift - run.created_us)
    return [*done, *_cut_off(open_.values(), last, open_state)], last


def _cut_off(begun: Iterable[tuple[Event, int]], end_us: int, state: str) -> Iterator[Bar]:
    """Attempts whose end nobody reported: of those sent to one worker, it was at the first."""
    bars = [_bar(event, at, max(at, end_us), state) for event, at in begun]
    for mine in _by_worker(bars).values():
        yield min(mine, key=lambda bar: bar.start_us)


def _ended(begun: Event, at: int, event: Event, now: int) -> Bar | None:
    data: Mapping[str, Any] = event.data
    if event.kind == "attempt_lost" and data.get("began") is False:
        return None  # sent ahead to a process that died before it came to it: nobody worked
    duration = data.get("duration_us")
    start = at if duration is None else max(at, now - int(duration))
    return _bar(begun, min(start, now), now, ENDS[event.kind])


def _bar(begun: Event, start_us: int, end_us: int, state: str) -> Bar:
    data = begun.data
    unit, worker = begun.unit_id or "", str(data.get("worker", "?"))
    return Bar(unit, unit.partition("[")[0], int(data.get("number", 1)), worker, start_us, end_us, state)


def _by_worker(bars: Iterable[Bar]) -> dict[str, list[Bar]]:
    found: dict[str, list[Bar]] = {}
    for bar in bars:
        found.setdefault(bar.worker, []).append(bar)
    return found


def _natural(item: tuple[str, Any]) -> tuple[str, int, str]:
    """`w2` before `w10`."""
    name = item[0]
    digits = len(name) - len(name.rstrip("0123456789"))
    return name[: len(name) - digits], int(name[len(name) - digits :] or -1), name


def _apart(bars: list[Bar]) -> list[Bar]:
    """A worker does one unit after the other: bars that were reported together are put back in a row."""
    bars = sorted(bars, key=lambda bar: (bar.end_us, bar.start_us, bar.unit_id))
    apart: list[Bar] = []
    limit: int | None = None
    for bar in reversed(bars):
        if limit is not None and bar.end_us > limit:
            start = max(0, limit - bar.duration_us)
            bar = replace(bar, start_us=start, end_us=max(start, limit))
        apart.append(bar)
        limit = bar.start_us
    return apart[::-1]


def _critical(outline: Outline, units: list[UnitRow], bars: list[Bar]) -> tuple[int, tuple[str, ...]]:
    """The longest chain of work, by dynamic programming over the plan (Kelley and Walker, 1959).

    A unit weighs all its attempts together. It waits for those units of each need that share its keys, so that
    only the longest of each such group has to be known.
    """
    weight: dict[str, int] = {}
    for bar in bars:
        weight[bar.unit_id] = weight.get(bar.unit_id, 0) + bar.duration_us
    by_node: dict[str, list[UnitRow]] = {}
    for unit in units:
        by_node.setdefault(unit.node, []).append(unit)
    length: dict[str, int] = {}
    before: dict[str, str] = {}
    groups: dict[tuple[str, int], dict[tuple[str, ...], str]] = {}

    def heaviest(need: str, shared: int) -> dict[tuple[str, ...], str]:
        if (need, shared) not in groups:
            best: dict[tuple[str, ...], str] = {}
            for unit in by_node.get(need, ()):
                keys = keys_of(unit)[:shared]
                if keys not in best or length[unit.unit_id] > length[best[keys]]:
                    best[keys] = unit.unit_id
            groups[need, shared] = best
        return groups[need, shared]

    for name, node in outline.nodes.items():
        ties = [(need, outline.shared(name, need)) for need in node.needs]
        for unit in by_node.get(name, ()):
            keys = keys_of(unit)
            waits = [heaviest(need, shared).get(keys[:shared]) for need, shared in ties]
            chain = max((other for other in waits if other), key=lambda other: length[other], default=None)
            length[unit.unit_id] = weight.get(unit.unit_id, 0) + (length[chain] if chain else 0)
            if chain:
                before[unit.unit_id] = chain
    last = max(length, key=lambda unit: length[unit], default=None)
    if last is None or not length[last]:
        return 0, ()
    # What was used again, or never ran, took no time and is no part of it.
    return length[last], tuple(unit for unit in _chain(before, last) if unit in weight)


def _chain(before: Mapping[str, str], last: str) -> Iterator[str]:
    path = [last]
    while path[-1] in before:
        path.append(before[path[-1]])
    return reversed(path)
