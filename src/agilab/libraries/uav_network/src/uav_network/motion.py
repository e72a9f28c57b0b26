"""Where every node is at a time: on the local plane and on the earth."""

import math

from .scenario import Scenario

Place = tuple[float, float, float]
"""x, y and altitude in metres."""

EARTH_RADIUS_M = 6_371_008.8  # mean radius (2a + b) / 3 of GRS 80, IUGG


class Flight:
    """The places of source, relays (in the scenario's order) and sink over time."""

    def __init__(self, scenario: Scenario) -> None:
        source, sink = scenario.source_node, scenario.sink_node
        self.names = [source.node_id, *(relay.relay_id for relay in scenario.relays), sink.node_id]
        self._source: Place = (source.x_m, source.y_m, source.alt_m)
        self._sink: Place = (sink.x_m, sink.y_m, sink.alt_m)
        self._relays = [
            (relay.base_x_m, relay.base_y_m, relay.alt_m, relay.amplitude_m, 2 * math.pi / relay.period_s)
            for relay in scenario.relays
        ]

    def at(self, time_s: float) -> list[Place]:
        """All places, source first and sink last."""
        sin = math.sin
        flying = [(x, y + a * sin(w * time_s), z) for x, y, z, a, w in self._relays]
        return [self._source, *flying, self._sink]


def on_earth(scenario: Scenario, place: Place) -> tuple[float, float]:
    """Latitude and longitude in degrees: the plane laid on a sphere at `geo_origin`.

    Good to 1 in 10,000 within 10 km of the origin below 60 degrees of latitude.
    """
    origin = scenario.geo_origin
    shrinks = math.cos(math.radians(origin.latitude_deg))
    latitude = origin.latitude_deg + math.degrees(place[1] / EARTH_RADIUS_M)
    longitude = origin.longitude_deg + math.degrees(place[0] / (EARTH_RADIUS_M * shrinks))
    return latitude, (longitude + 180) % 360 - 180


def topology(scenario: Scenario, times: list[float]) -> list[dict[str, object]]:
    """Every pair of nodes that may be a link: least, mean and greatest distance, and the share of times in range."""
    flight = Flight(scenario)
    places = [flight.at(time) for time in times]
    reach = scenario.radio_range_m or math.inf
    last = len(flight.names) - 1
    rows: list[dict[str, object]] = []
    for one in range(last):
        for other in range(max(1, one + 1), last + 1):
            if (one, other) == (0, last):
                continue  # source and sink never hear each other
            distances = [math.dist(place[one], place[other]) for place in places]
            rows.append(
                {
                    "scenario": scenario.scenario,
                    "from_node": flight.names[one],
                    "to_node": flight.names[other],
                    "min_distance_m": min(distances),
                    "mean_distance_m": math.fsum(distances) / len(distances),
                    "max_distance_m": max(distances),
                    "in_range_share": sum(distance <= reach for distance in distances) / len(distances),
                }
            )
    return rows


def positions(scenario: Scenario, times: list[float]) -> list[dict[str, object]]:
    """Every node at every time, on the plane and on the earth."""
    flight = Flight(scenario)
    kinds = ["source", *["relay"] * len(scenario.relays), "sink"]
    rows: list[dict[str, object]] = []
    for time in times:
        for name, kind, place in zip(flight.names, kinds, flight.at(time), strict=True):
            latitude, longitude = on_earth(scenario, place)
            rows.append(
                {
                    "scenario": scenario.scenario,
                    "time_s": time,
                    "node": name,
                    "kind": kind,
                    "x_m": place[0],
                    "y_m": place[1],
                    "alt_m": place[2],
                    "latitude_deg": latitude,
                    "longitude_deg": longitude,
                }
            )
    return rows


def sample_times(scenario: Scenario) -> list[float]:
    """The instants 0, dt, 2 dt, … before `sim_time_s` at which series are sampled."""
    step = scenario.sampling_interval_s
    return [
        at * step for at in range(math.ceil(scenario.sim_time_s / step)) if at * step < scenario.sim_time_s
    ]
