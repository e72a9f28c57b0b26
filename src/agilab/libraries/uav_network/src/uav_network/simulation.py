"""One replication: a source, relays and a sink on SimPy's clock.

The source decides a packet's whole route at its birth. A packet flies a link at the speed of light, waits and is served
at each relay, and is lost where a relay is full or where no path leads to the sink. Links never queue: each is its own
channel, and a relay's service time is what sending takes.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field

import numpy as np
import simpy
from numpy.typing import NDArray

from .motion import sample_times
from .relay_queue import Packet, RelayQueue
from .routing import Route, Router
from .scenario import Policy, Scenario
from .traffic import Numbers, poisson_times, stream, works

IN_FLIGHT, DELIVERED, QUEUE_FULL, NO_ROUTE = 0, 1, 2, 3
"""What became of a packet."""

Event = tuple[float, str, int, str, int | None]
"""Time, what happened, number of the packet, node, and how many stand at that relay then (None elsewhere)."""


class Lost(AssertionError):
    """A packet is nowhere: the simulation itself is wrong."""


@dataclass
class Trace:
    """All that one replication left behind; arrays have one entry for each packet of the source.

    Attributes:
        counted_from_s: The warm-up's end; packets born earlier, and what relays saw earlier, count nowhere.
        born_s, delay_s, waited_s: Birth, time to delivery (NaN where there was none), time in queues.
        fate: `IN_FLIGHT`, `DELIVERED`, `QUEUE_FULL` or `NO_ROUTE`.
        route: Index into `routes`, -1 where there was none.
        samples: (time, number at each relay, losses so far of each) at `sample_times`.
        events: The first events of the source's packets; `events_left_out` counts the others.
    """

    scenario: Scenario
    counted_from_s: float
    born_s: Numbers
    delay_s: Numbers
    waited_s: Numbers
    fate: NDArray[np.int8]
    route: NDArray[np.int32]
    routes: list[tuple[int, ...]] = field(default_factory=list)
    relays: list[RelayQueue] = field(default_factory=list)
    samples: list[tuple[float, list[int], list[int]]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    events_left_out: int = 0


def simulate(
    scenario: Scenario,
    policy: Policy,
    *,
    seed: int,
    replication: int,
    warm_up_s: float = 0.0,
    most_events: int = 0,
) -> Trace:
    """Run one replication to `sim_time_s`. The same arguments give the same trace, on every machine.

    Raises `Lost` unless generated = delivered + dropped + in flight, each counted where it happens.
    """
    return _Replication(scenario, policy, seed, replication, warm_up_s, most_events).run()


class _Replication:
    def __init__(
        self,
        scenario: Scenario,
        policy: Policy,
        seed: int,
        replication: int,
        warm_up_s: float,
        most_events: int,
    ) -> None:
        self.scenario, self.most_events = scenario, most_events
        self.env = simpy.Environment()
        self.router = Router(scenario, policy)

        def draw(name: str) -> np.random.Generator:
            return stream(seed, replication, name)

        end = scenario.sim_time_s
        born = poisson_times(draw("source/arrivals"), scenario.source_rate_pps, end)
        count = len(born)
        # What packet i asks of relay j is drawn whether or not it goes there: it is the same under every policy.
        self.works = [
            works(draw(f"work/{relay.relay_id}"), relay.service_rate_pps, count).tolist()
            for relay in scenario.relays
        ]
        self.trace = Trace(
            scenario,
            warm_up_s,
            born,
            np.full(count, np.nan),
            np.zeros(count),
            np.zeros(count, np.int8),
            np.full(count, -1, np.int32),
        )
        self.relays = self.trace.relays
        self.route_index: dict[tuple[int, ...], int] = {}
        self.generated = self.delivered = self.dropped = self.flying = 0
        for relay in scenario.relays:
            self.relays.append(RelayQueue(self.env, relay, warm_up_s, self._forward))
            times = poisson_times(draw(f"background/{relay.relay_id}"), relay.background_rate_pps, end)
            asked = works(draw(f"background-work/{relay.relay_id}"), relay.service_rate_pps, len(times))
            self.env.process(self._background(self.relays[-1], times.tolist(), asked.tolist()))
        self.env.process(self._source(born.tolist()))
        self.env.process(self._sample())

    def run(self) -> Trace:
        self.env.run(until=self.scenario.sim_time_s)
        for relay in self.relays:
            relay.note()
        waiting = sum(packet.number >= 0 for relay in self.relays for packet in relay.line)
        if self.generated != self.delivered + self.dropped + waiting + self.flying:
            raise Lost(
                f"{self.scenario.scenario}: {self.generated} generated, {self.delivered} delivered, "
                f"{self.dropped} dropped, {waiting} at relays, {self.flying} in the air"
            )
        return self.trace

    def _source(self, times: list[float]) -> Generator[simpy.Event, None, None]:
        env = self.env
        for number, born in enumerate(times):
            yield env.timeout(max(0.0, born - env.now))
            self.generated += 1
            route = self.router.route(env.now, [len(relay.line) for relay in self.relays])
            packet = Packet(number, env.now, route)
            self._tell("generated", packet, self.scenario.source_node.node_id)
            if route is None:
                self._drop(packet, NO_ROUTE, self.scenario.source_node.node_id, None)
            else:
                self.trace.route[number] = self._index(route)
                self._fly(packet, route)

    def _background(
        self, relay: RelayQueue, times: list[float], asked: list[float]
    ) -> Generator[simpy.Event, None, None]:
        env = self.env
        for time, work in zip(times, asked, strict=True):
            yield env.timeout(max(0.0, time - env.now))
            relay.take(Packet(-1, env.now, work_s=work))

    def _sample(self) -> Generator[simpy.Event, None, None]:
        env = self.env
        for time in sample_times(self.scenario):
            yield env.timeout(max(0.0, time - env.now))
            numbers = [len(relay.line) for relay in self.relays]
            self.trace.samples.append((time, numbers, [relay.dropped_in_all for relay in self.relays]))

    def _fly(self, packet: Packet, route: Route) -> None:
        """Send a packet over the next link of its route."""
        self.flying += 1
        arrival = self.env.timeout(route.links_s[packet.step], packet)
        arrival.callbacks.append(self._land)

    def _land(self, event: simpy.Event) -> None:
        """The end of a link: the sink, or a relay that has room or has not."""
        packet = event.value
        assert packet is not None
        assert packet.route is not None  # only the source's packets fly
        self.flying -= 1
        if packet.step == len(packet.route.relays):
            self._deliver(packet)
            return
        at = packet.route.relays[packet.step]
        relay = self.relays[at]
        packet.work_s = self.works[at][packet.number]
        packet.step += 1
        if relay.take(packet):
            self._tell("queued", packet, relay.relay.relay_id, len(relay.line))
        else:
            self._drop(packet, QUEUE_FULL, relay.relay.relay_id, len(relay.line))

    def _forward(self, packet: Packet) -> None:
        """A relay has served a packet."""
        if packet.route is not None:
            self._fly(packet, packet.route)

    def _deliver(self, packet: Packet) -> None:
        self.delivered += 1
        trace, number = self.trace, packet.number
        trace.fate[number] = DELIVERED
        trace.delay_s[number] = self.env.now - packet.born_s
        trace.waited_s[number] = packet.waited_s
        self._tell("delivered", packet, self.scenario.sink_node.node_id)

    def _drop(self, packet: Packet, fate: int, node: str, number: int | None) -> None:
        self.dropped += 1
        self.trace.fate[packet.number] = fate
        self._tell("queue_full" if fate == QUEUE_FULL else "no_route", packet, node, number)

    def _tell(self, what: str, packet: Packet, node: str, number: int | None = None) -> None:
        if len(self.trace.events) < self.most_events:
            self.trace.events.append((self.env.now, what, packet.number, node, number))
        else:
            self.trace.events_left_out += 1

    def _index(self, route: Route) -> int:
        index = self.route_index.get(route.relays)
        if index is None:
            index = self.route_index[route.relays] = len(self.trace.routes)
            self.trace.routes.append(route.relays)
        return index
