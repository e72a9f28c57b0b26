"""One relay in the simulation: a FIFO queue of finite room before one exponential server."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import simpy

if TYPE_CHECKING:
    from .routing import Route
    from .scenario import Relay


@dataclass(slots=True, eq=False)
class Packet:
    """A packet on its way. Background packets have number -1 and no route: they leave the network after service.

    Attributes:
        work_s: Service time at the relay it is at.
        step: Index of the next relay of its route.
        entered_s: When it joined the queue it stands in.
        waited_s: Time spent in queues so far, service not included.
    """

    number: int
    born_s: float
    route: Route | None = None
    work_s: float = 0.0
    step: int = 0
    entered_s: float = 0.0
    waited_s: float = 0.0


Forward = Callable[[Packet], None]


class RelayQueue:
    """Takes packets as long as there is room, serves them in order, hands them on.

    Responsible for: the queue, and its own tallies from `counted_from_s` on: counts of packets by when they came, the
    waits of those whose service began, and the integral of the number here.
    Not responsible for: where a packet goes next.
    """

    def __init__(self, env: simpy.Environment, relay: Relay, counted_from_s: float, forward: Forward) -> None:
        self.relay = relay
        self.line: deque[Packet] = deque()
        self.offered_source = self.offered_background = self.dropped = 0
        self.dropped_in_all = 0
        self.waits_s: list[float] = []
        self.packet_seconds = self.busy_seconds = 0.0
        self.most = 0
        self._env = env
        self._forward = forward
        self._counted_from = self._noted = counted_from_s

    def take(self, packet: Packet) -> bool:
        """Let the packet in; False where it finds the relay full and is lost."""
        now, line = self._env.now, self.line
        counts = now >= self._counted_from
        if counts:
            if packet.number < 0:
                self.offered_background += 1
            else:
                self.offered_source += 1
        if len(line) >= self.relay.queue_capacity_pkts:
            self.dropped += counts
            self.dropped_in_all += 1
            return False
        self.note()
        packet.entered_s = now
        line.append(packet)
        if counts and len(line) > self.most:
            self.most = len(line)
        if len(line) == 1:
            self._begin()
        return True

    def note(self) -> None:
        """Bring the integrals up to now; called before the number here changes, and at the end."""
        now = self._env.now
        passed = now - self._noted
        if passed > 0:
            if number := len(self.line):
                self.packet_seconds += number * passed
                self.busy_seconds += passed
            self._noted = now

    def _begin(self) -> None:
        """Serve the first in line, for as long as its work takes."""
        now, packet = self._env.now, self.line[0]
        wait = now - packet.entered_s
        packet.waited_s += wait
        if packet.entered_s >= self._counted_from:
            self.waits_s.append(wait)
        served = self._env.timeout(packet.work_s)
        served.callbacks.append(self._end)

    def _end(self, served: simpy.Event) -> None:
        """The first in line has been served and leaves; who stands behind it is next."""
        self.note()
        self._forward(self.line.popleft())
        if self.line:
            self._begin()
