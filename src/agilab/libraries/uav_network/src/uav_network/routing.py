"""Which relays a packet takes: the least cost over the links that exist at its birth.

A path costs its length at the speed of light and the bias of its relays. `queue_aware` adds, for each relay, the time
that the packet would spend there if nothing changed: it and those before it, at the mean service time (shortest
expected delay; S. A. Banawan and J. Zahorjan, "Load sharing in heterogeneous queueing systems", INFOCOM 1989).
"""

import math
from collections.abc import Sequence
from operator import add
from typing import NamedTuple

from .motion import Flight
from .scenario import Policy, Scenario

LIGHT_MPS = 299_792_458.0


class Route(NamedTuple):
    """Relays by their index in the scenario, and the flight time (s) of each link: one more than relays."""

    relays: tuple[int, ...]
    links_s: tuple[float, ...]


class Router:
    """Finds routes by Dijkstra's algorithm, with everybody's place and queue known at once.

    Responsible for: the cheapest path at a moment; of equal ones, the one over relays that stand earlier.
    Not responsible for: what becomes of the packet.
    """

    def __init__(self, scenario: Scenario, policy: Policy) -> None:
        self._flight = Flight(scenario)
        self._reach = scenario.radio_range_m or math.inf
        self._bias = [0.0, *(relay.bias_ms / 1000 for relay in scenario.relays), 0.0]
        self._service = [1 / relay.service_rate_pps for relay in scenario.relays]
        self._looks_at_queues = policy == "queue_aware"

    def route(self, time_s: float, depths: Sequence[int]) -> Route | None:
        """The cheapest path now, given the packets at each relay; None where the sink is out of reach."""
        places = self._flight.at(time_s)
        sink, enter = len(places) - 1, self._bias
        if self._looks_at_queues:
            waits = [(depth + 1) * mean for depth, mean in zip(depths, self._service, strict=True)]
            enter = [0.0, *map(add, enter[1:-1], waits), 0.0]
        cost, came = [0.0] + [math.inf] * sink, [0] * (sink + 1)
        flown = [0.0] * (sink + 1)
        unknown, at = list(range(1, sink + 1)), 0
        while at != sink:
            here, so_far = places[at], cost[at]
            for to in unknown:
                if so_far + enter[to] >= cost[to] or (at == 0 and to == sink):
                    continue  # too dear even if it were here; or source and sink, which never hear each other
                distance = math.dist(here, places[to])
                if distance <= self._reach:
                    link = distance / LIGHT_MPS
                    reached = so_far + link + enter[to]
                    if reached < cost[to]:
                        cost[to], came[to], flown[to] = reached, at, link
            at = min(unknown, key=cost.__getitem__)
            if cost[at] == math.inf:
                return None
            unknown.remove(at)
        return _back(sink, came, flown)


def _back(sink: int, came: list[int], flown: list[float]) -> Route:
    """The route that led to the sink, read backwards."""
    nodes = [sink]
    while nodes[-1]:
        nodes.append(came[nodes[-1]])
    path = nodes[-2:0:-1]
    return Route(tuple(node - 1 for node in path), tuple(flown[node] for node in (*path, sink)))
