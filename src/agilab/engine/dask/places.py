"""Places on Dask workers: which there are, what each has been given, and how much more it takes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agilab.engine.executor import Task, Wanted

AHEAD_SECONDS = 0.040
MAX_AHEAD = 64
LONG_UNIT_SECONDS = 0.1


@dataclass(slots=True)
class Flight:
    """A task that a place has been given, in a batch."""

    task: Task
    batch: str
    began: bool = False


@dataclass
class Place:
    """Room for one unit at a time: one of the threads of a Dask worker.

    Attributes:
        address: The Dask worker's; None while it is gone.
        dask_name: What the Dask worker calls itself.
        here: Whether it runs on this boot of this machine, so that its children's pids mean something here.
        flights: What it has been given and not answered for, by attempt, in order.
        children: Pid and start time of its child of each environment, as far as known.
    """

    name: str
    address: str | None = None
    dask_name: str = ""
    here: bool = False
    flights: dict[str, Flight] = field(default_factory=dict)
    children: dict[str, tuple[int, float]] = field(default_factory=dict)


class Places:
    """The places of a run, named `w0`, `w1`, …, which outlive the workers behind them.

    Responsible for: who sits where, and how many units a place takes ahead.
    Not responsible for: talking to anybody.
    """

    def __init__(self, most: int | None) -> None:
        self.by_name: dict[str, Place] = {}
        self._most = most
        self._mean_s: dict[str, float] = {}

    def open(self) -> list[Place]:
        """Those with a worker."""
        return [place for place in self.by_name.values() if place.address is not None]

    def at(self, address: str) -> list[Place]:
        """Those of one Dask worker."""
        return [place for place in self.by_name.values() if place.address == address]

    def seat(self, address: str, who: Mapping[str, Any], *, here: bool) -> list[str]:
        """Give a worker a place for each of its threads: its own of before, one that was left, or a new one."""
        seated = []
        for _ in range(who["threads"]):
            free = [place for place in self.by_name.values() if place.address is None and not place.flights]
            same = [place for place in free if place.dask_name == who["name"]]
            place = next(iter(same or free), None)
            if place is None:
                if self._most is not None and len(self.by_name) >= self._most:
                    break
                name = f"w{len(self.by_name)}"
                place = self.by_name[name] = Place(name)
            place.address, place.dask_name, place.here = address, who["name"], here
            seated.append(place.name)
        return seated

    def learn(self, node: str, took_s: float) -> None:
        """What a unit took, for how many of its node travel together."""
        mean = self._mean_s.get(node, took_s)
        self._mean_s[node] = mean + 0.2 * (took_s - mean)

    def choose(self, wanted: Sequence[Wanted]) -> list[Place | None]:
        """A place for each of these, None where it has none now; shorter where no place is open any more.

        As many units wait at a place as take about 40 ms, and nothing waits behind one that is long or of unknown
        length. A place is refilled when half of that is done, so that batches stay batches.
        """
        places = {place.name: place for place in self.open()}
        taken = {name: len(place.flights) for name, place in places.items()}
        load = {
            name: sum(self._cost(flight.task.node) for flight in place.flights.values())
            for name, place in places.items()
        }
        hungry = {
            name for name in places if load[name] <= AHEAD_SECONDS / 2 and taken[name] <= MAX_AHEAD // 2
        }

        def fits(name: str, cost: float) -> bool:
            return not taken[name] or (taken[name] < MAX_AHEAD and load[name] + cost <= AHEAD_SECONDS)

        chosen: list[Place | None] = []
        for unit in wanted:
            cost = self._cost(unit.node)
            # A plan may name a place that is gone, or never came: then anybody may take the unit.
            pinned = unit.worker if unit.worker in places else None
            names = hungry if pinned is None else hungry & {pinned}
            name = min(
                (name for name in names if fits(name, cost)),
                key=lambda name: (load[name], taken[name], natural(name)),
                default=None,
            )
            if name is not None:
                taken[name] += 1
                load[name] += cost
            elif not any(fits(name, 0.0) for name in hungry):
                break
            chosen.append(None if name is None else places[name])
        return chosen

    def _cost(self, node: str) -> float:
        return self._mean_s.get(node, LONG_UNIT_SECONDS)


def natural(name: str) -> list[tuple[int, str]]:
    """Sorts a name with numbers as a person does.

    >>> sorted(["worker-10", "worker-9"], key=natural)
    ['worker-9', 'worker-10']
    """
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]
