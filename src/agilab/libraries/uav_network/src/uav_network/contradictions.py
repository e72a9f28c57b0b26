"""What the numbers of one case cannot be together, whatever was simulated.

Counts and shares follow from one another, exactly but for rounding. Two things are looser. The source's packets count
by their birth and a relay's by when they come, so those on their way as counting begins are a relay's alone. And a
relay is busy for as long as its packets' work took, which is random: six standard errors are allowed, and what begins
before or ends after what is observed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from .metrics import Case, QueueMetrics, RelayLoad
from .scenario import Relay

ROUNDING = 1e-9
"""Relative difference of two numbers that should be equal."""
FLYING_S = 0.01
"""More than light takes for all links of a path: nodes lie within 100 km of the origin."""
ERRORS = 6
"""Standard errors that the time of work may lie from its mean."""

Contradiction = tuple[str, str, str]
"""Key, what was found there, and what the other keys allow."""


def refuse(case: Case, where: str) -> None:
    """Raise the first contradiction as a problem of pydantic's, which `reading.wrong` tells by `where` and its key."""
    for key, found, allowed in _contradictions(case):
        about = {"key": f"{where}.{key}", "found": found, "allowed": allowed}
        raise PydanticCustomError("contradiction", "{key}: found {found}; allowed {allowed}", about)


def _contradictions(case: Case) -> Iterator[Contradiction]:
    """Each may take for granted that there is none before it."""
    yield from _names(case)
    yield from _counts(case)
    relays = zip(case.relays, case.network.relays, strict=True)
    for at, (load, relay) in enumerate(relays):
        yield from _relay(case, f"relays[{at}]", load, relay)
    yield from _together(case)


def _names(case: Case) -> Iterator[Contradiction]:
    if case.scenario != case.network.scenario:
        yield "scenario", case.scenario, f"{case.network.scenario}: network.scenario"
    names = [relay.relay_id for relay in case.network.relays]
    given = [load.relay_id for load in case.relays]
    if given != names:
        yield "relays", ", ".join(given), f"{', '.join(names)}: network.relays, in their order"


def _counts(case: Case) -> Iterator[Contradiction]:
    made = case.packets_generated
    ends = case.packets_delivered + case.packets_dropped + case.packets_in_flight
    if made != ends:
        allowed = f"{ends}: packets_delivered + packets_dropped + packets_in_flight"
        yield "packets_generated", f"{made}", allowed
    if case.packets_no_route > case.packets_dropped:
        allowed = f"{case.packets_dropped} at most: packets_dropped"
        yield "packets_no_route", f"{case.packets_no_route}", allowed
    pdr = case.packets_delivered / made if made else None
    if not _equal(case.pdr, pdr):
        yield "pdr", f"{case.pdr}", f"{_short(pdr)}: packets_delivered / packets_generated"
    kbits = case.packets_delivered * case.network.packet_size_bytes * 8 / 1000
    if not _equal(case.throughput_kbps, kbits / case.observed_s):
        allowed = (
            f"{_short(kbits / case.observed_s)}: packets_delivered by network.packet_size_bytes / observed_s"
        )
        yield "throughput_kbps", f"{case.throughput_kbps}", allowed
    longest = case.replications * case.network.sim_time_s
    if case.observed_s > longest * (1 + ROUNDING):
        yield (
            "observed_s",
            f"{case.observed_s}",
            f"{_short(longest)} at most: replications of network.sim_time_s",
        )


def _relay(case: Case, key: str, load: RelayLoad, relay: Relay) -> Iterator[Contradiction]:
    seconds, service_pps = case.observed_s, relay.service_rate_pps
    if not _equal(load.load, load.offered_pps / service_pps):
        allowed = f"{_short(load.offered_pps / service_pps)}: all that is offered / its service_rate_pps"
        yield f"{key}.load", f"{load.load}", allowed
    passed = case.packets_generated - case.packets_no_route + _on_their_way(case)
    if load.offered_source_pps * seconds > passed * (1 + ROUNDING):
        allowed = f"{_short(passed / seconds)} at most: each of packets_generated once"
        yield f"{key}.offered_source_pps", f"{load.offered_source_pps}", allowed
    lost = case.packets_dropped - case.packets_no_route + _on_their_way(case)
    lost += load.offered_background_pps * seconds
    if load.lost_pps * seconds > lost * (1 + ROUNDING):
        share = _short(lost / seconds / load.offered_pps)
        allowed = f"{share} at most: packets_dropped and all background"
        yield f"{key}.loss_share", f"{load.loss_share}", allowed
    served, busy = (load.offered_pps - load.lost_pps) * seconds, load.busy_share * seconds * service_pps
    at_ends = case.replications * (relay.queue_capacity_pkts + 1)
    if abs(served - busy) > ERRORS * math.sqrt(served) + ERRORS**2 + at_ends:
        share = _short(served / seconds / service_pps)
        allowed = (
            f"about {share}: load without loss_share, {_short(load.load)} x {_short(1 - load.loss_share)}"
        )
        yield f"{key}.busy_share", f"{load.busy_share}", allowed


def _together(case: Case) -> Iterator[Contradiction]:
    """All that the source lost or delivered came to some relay, and the bottleneck is where most was lost."""
    seconds = case.observed_s
    lost = math.fsum(load.lost_pps for load in case.relays) * seconds
    if case.packets_dropped - case.packets_no_route > lost * (1 + ROUNDING) + 0.5:
        allowed = f"{case.packets_no_route + round(lost)} at most: packets_no_route and what relays lost"
        yield "packets_dropped", f"{case.packets_dropped}", allowed
    came = math.fsum(load.offered_source_pps for load in case.relays) * seconds
    if case.packets_delivered > came * (1 + ROUNDING) + 0.5:
        allowed = f"{round(came)} at most: what came to relays from the source"
        yield "packets_delivered", f"{case.packets_delivered}", allowed
    worst = max(load.lost_pps for load in case.relays)
    most = [load.relay_id for load in case.relays if worst and load.lost_pps >= worst * (1 - ROUNDING)]
    if case.bottleneck_relay not in most and (most or case.bottleneck_relay is not None):
        allowed = f"{most[0]}: it loses most" if most else "null: no relay loses any"
        yield "bottleneck_relay", f"{case.bottleneck_relay}", allowed


def _on_their_way(case: Case) -> float:
    """At most so many of the source's packets stood in queues or flew as counting began."""
    room = sum(relay.queue_capacity_pkts for relay in case.network.relays)
    flying = FLYING_S * case.packets_generated / case.observed_s
    return case.replications * (room + flying + ERRORS**2)


def _equal(found: float | None, other: float | None) -> bool:
    if found is None or other is None:
        return found is other
    return math.isclose(found, other, rel_tol=ROUNDING, abs_tol=1e-12)


def _short(number: float | None) -> str:
    return "null" if number is None else f"{number:.6g}"


class GivenMetrics(QueueMetrics):
    """The artifact as somebody gives it: refused where a case says what cannot be."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        for at, found in enumerate(self.cases):
            refuse(found, f"cases[{at}]")
        return self
