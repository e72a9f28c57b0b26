"""What replications say, as partials that merge exactly."""

from typing import Annotated, Any, Self, cast

import numpy as np

from agi_node import Max, Moments, Partial, Sum
from agi_node.partial import Ratio

from .simulation import DELIVERED, IN_FLIGHT, NO_ROUTE, Trace


class RelayTally(Partial):
    """One relay after the warm-up: packets by origin, losses, waits, and times as sums over replications."""

    observed_s: Sum[float] = 0.0
    offered_source: Sum[int] = 0
    offered_background: Sum[int] = 0
    dropped: Sum[int] = 0
    wait_ms: Moments = Moments()
    packet_seconds: Sum[float] = 0.0
    busy_seconds: Sum[float] = 0.0

    @property
    def offered(self) -> int:
        """Packets that came, whether or not there was room."""
        return self.offered_source + self.offered_background

    @property
    def lost_pps(self) -> float:
        """Packets that found the relay full, in a second."""
        return self.dropped / self.observed_s

    @property
    def loss_share(self) -> float:
        """Packets that found the relay full, of those that came; 0 where none came."""
        return self.dropped / self.offered if self.offered else 0.0


class Outcome(Partial):
    """Packets of the source born after the warm-up.

    `pdr` is of all packets together. `pdr_by_replication` and those with `mean_` or `p…_` hold one value for each
    replication, which is what intervals are made from; `e2e_delay_ms` and `queue_wait_ms` hold one for each delivered
    packet. `packets_no_route` are those of `packets_dropped` that no path led to the sink for; the others found a relay
    full. `bottleneck_relay` is the worst of any relay in any replication: packets lost there in a second, its load
    (offered rate by service rate), `scenario/relay`; None where no relay lost any.
    """

    replications: Sum[int] = 0
    packets_generated: Sum[int] = 0
    packets_delivered: Sum[int] = 0
    packets_dropped: Sum[int] = 0
    packets_in_flight: Sum[int] = 0
    packets_no_route: Sum[int] = 0
    pdr: Annotated[float | None, Ratio("packets_delivered", "packets_generated")] = None
    pdr_by_replication: Moments = Moments()
    mean_e2e_delay_ms: Moments = Moments()
    p50_e2e_delay_ms: Moments = Moments()
    p95_e2e_delay_ms: Moments = Moments()
    p99_e2e_delay_ms: Moments = Moments()
    mean_queue_wait_ms: Moments = Moments()
    e2e_delay_ms: Moments = Moments()
    queue_wait_ms: Moments = Moments()
    max_queue_depth_pkts: Max[int] = None
    bottleneck_relay: Max[tuple[float, float, str]] = None

    def by_replication(self, name: str) -> Moments:
        """One value for each replication of what is called `name`."""
        return cast(Moments, getattr(self, "pdr_by_replication" if name == "pdr" else name))

    @classmethod
    def of(cls, outcome: "Outcome", part: str) -> Self:
        """An outcome as a summary that also holds it under the name of a part."""
        state = outcome.to_state()
        return cls.from_state({**cls.identity().to_state(), **state, part: state})


def measure(trace: Trace) -> tuple[Outcome, dict[str, RelayTally]]:
    """One replication as partials: the source's packets, and each relay by its name."""
    counted = trace.born_s >= trace.counted_from_s
    fate = trace.fate[counted]
    arrived = fate == DELIVERED
    generated, delivered = len(fate), int(arrived.sum())
    in_flight, dropped = int((fate == IN_FLIGHT).sum()), int((fate > DELIVERED).sum())
    delay_ms = trace.delay_s[counted][arrived] * 1000
    wait_ms = trace.waited_s[counted][arrived] * 1000
    named = {
        "mean_e2e_delay_ms": Moments.of(delay_ms).mean,
        "mean_queue_wait_ms": Moments.of(wait_ms).mean,
        **{f"p{at}_e2e_delay_ms": _percentile(delay_ms, at) for at in (50, 95, 99)},
    }
    each: dict[str, Any] = {name: Moments.of([] if one is None else [one]) for name, one in named.items()}
    tallies = {relay.relay.relay_id: _tally(trace, relay) for relay in trace.relays}
    worst = max(
        (tally.lost_pps, tally.offered / tally.observed_s / relay.relay.service_rate_pps, name)
        for relay, (name, tally) in zip(trace.relays, tallies.items(), strict=True)
    )
    outcome = Outcome(
        replications=1,
        packets_generated=generated,
        packets_delivered=delivered,
        packets_dropped=dropped,
        packets_in_flight=in_flight,
        packets_no_route=int((fate == NO_ROUTE).sum()),
        pdr_by_replication=Moments.of([delivered / generated] if generated else []),
        e2e_delay_ms=Moments.of(delay_ms),
        queue_wait_ms=Moments.of(wait_ms),
        max_queue_depth_pkts=max(relay.most for relay in trace.relays),
        bottleneck_relay=(*worst[:2], f"{trace.scenario.scenario}/{worst[2]}") if worst[0] else None,
        **each,
    )
    return outcome, tallies


def routes(trace: Trace) -> list[dict[str, Any]]:
    """A row for each path that counted packets took: how many, what became of them, their mean delay."""
    counted = trace.born_s >= trace.counted_from_s
    scenario = trace.scenario
    ends = scenario.source_node.node_id, scenario.sink_node.node_id
    rows = []
    for index in [*range(len(trace.routes)), -1]:
        chosen = counted & (trace.route == index)
        arrived = chosen & (trace.fate == DELIVERED)
        path = [scenario.relays[at].relay_id for at in trace.routes[index]] if index >= 0 else []
        if chosen.any():
            rows.append(
                {
                    "route": " > ".join([ends[0], *path, ends[1]]) if path else "none in range",
                    "hops": len(path) + 1 if path else 0,
                    "packets": int(chosen.sum()),
                    "delivered": int(arrived.sum()),
                    "dropped": int((trace.fate[chosen] > DELIVERED).sum()),
                    "in_flight": int((trace.fate[chosen] == IN_FLIGHT).sum()),
                    "mean_delay_ms": Moments.of(trace.delay_s[arrived] * 1000).mean,
                }
            )
    return sorted(rows, key=lambda row: -row["packets"])


def queue_series(trace: Trace) -> list[dict[str, Any]]:
    """A row for each instant and relay: the number there, and the losses so far, background included."""
    names = [relay.relay_id for relay in trace.scenario.relays]
    return [
        {"time_s": time, "relay": name, "depth_pkts": depth, "dropped_so_far": dropped}
        for time, depths, losses in trace.samples
        for name, depth, dropped in zip(names, depths, losses, strict=True)
    ]


def _tally(trace: Trace, relay: Any) -> RelayTally:
    return RelayTally(
        observed_s=trace.scenario.sim_time_s - trace.counted_from_s,
        offered_source=relay.offered_source,
        offered_background=relay.offered_background,
        dropped=relay.dropped,
        wait_ms=Moments.of(np.array(relay.waits_s) * 1000),
        packet_seconds=relay.packet_seconds,
        busy_seconds=relay.busy_seconds,
    )


def _percentile(values: Any, at: int) -> float | None:
    return float(np.percentile(values, at)) if len(values) else None
