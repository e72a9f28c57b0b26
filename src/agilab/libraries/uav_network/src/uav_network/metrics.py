"""The document that one app hands to the other: what was simulated, and what came of it."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from agi_node import Moments

from .interval import bounds
from .outcome import Outcome, RelayTally
from .scenario import Policy, Scenario

INTERVALS = (
    "pdr",
    "mean_e2e_delay_ms",
    "p50_e2e_delay_ms",
    "p95_e2e_delay_ms",
    "p99_e2e_delay_ms",
    "mean_queue_wait_ms",
)
"""What has one value for each replication, and so an interval."""
MOST = 2**53
Count = Annotated[int, Field(ge=0, le=MOST)]
"""A whole number that a float holds exactly, so that shares of it can be told."""


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Estimate(_Document):
    """A mean over replications with its 95 % interval (`interval.bounds`); None where too few have one.

    A share's interval is not even about it: `half_width_95` is half of what lies between `low_95` and `high_95`.
    """

    mean: float | None
    low_95: float | None = None
    high_95: float | None = None
    half_width_95: float | None
    replications: int = Field(ge=0)

    @classmethod
    def of(cls, values: Moments, tries: int | None = None, burst: float = 1.0) -> "Estimate":
        """From one value for each replication: shares of so many packets, lost in bursts, or other numbers (None)."""
        found = bounds(values, tries=tries, burst=burst)
        low, high = found or (None, None)
        half = (found[1] - found[0]) / 2 if found else None
        return cls(mean=values.mean, low_95=low, high_95=high, half_width_95=half, replications=values.count)

    @property
    def interval(self) -> tuple[float, float] | None:
        """From where to where the mean may lie; of a document without bounds, what its half-width says."""
        if self.mean is None:
            return None
        half = self.half_width_95 or 0.0
        low = self.mean - half if self.low_95 is None else self.low_95
        return low, self.mean + half if self.high_95 is None else self.high_95


class RelayLoad(_Document):
    """A relay over all replications. `load` is offered rate by service rate; lost packets were offered, too."""

    relay_id: str
    offered_source_pps: float = Field(ge=0)
    offered_background_pps: float = Field(ge=0)
    load: float = Field(ge=0)
    loss_share: float = Field(ge=0, le=1)
    busy_share: float = Field(ge=0)
    mean_number_pkts: float = Field(ge=0)
    mean_wait_ms: float | None

    @property
    def offered_pps(self) -> float:
        return self.offered_source_pps + self.offered_background_pps

    @property
    def lost_pps(self) -> float:
        return self.loss_share * self.offered_pps


class Case(_Document):
    """One scenario under one policy. Counts, `pdr` and means are of all packets together (pooled exactly); percentiles
    are means over replications. `by_replication` has the intervals. `packets_no_route` are those of `packets_dropped`
    for which no path led to the sink. `bottleneck_relay` loses the most packets in a second; None where no relay did.
    """

    scenario: str
    policy: Policy
    replications: int = Field(ge=1, le=MOST)
    observed_s: float = Field(gt=0)
    packets_generated: Count
    packets_delivered: Count
    packets_dropped: Count
    packets_in_flight: Count
    packets_no_route: Count = 0
    pdr: float | None = Field(ge=0, le=1)
    throughput_kbps: float = Field(ge=0)
    mean_e2e_delay_ms: float | None
    p50_e2e_delay_ms: float | None
    p95_e2e_delay_ms: float | None
    p99_e2e_delay_ms: float | None
    mean_queue_wait_ms: float | None
    max_queue_depth_pkts: Count
    bottleneck_relay: str | None
    by_replication: dict[str, Estimate]
    relays: tuple[RelayLoad, ...] = Field(min_length=1, strict=False)
    network: Scenario

    @model_validator(mode="after")
    def _has_every_interval(self) -> Self:
        if self.by_replication.keys() != set(INTERVALS):
            raise ValueError(f"by_replication of {', '.join(INTERVALS)}")
        return self


class QueueMetrics(_Document):
    """The artifact `queue_metrics`."""

    schema_: Literal["uav.queue_metrics.v1"] = Field("uav.queue_metrics.v1", alias="schema")
    cases: tuple[Case, ...] = Field(min_length=1, strict=False)


def case(scenario: Scenario, policy: Policy, outcome: Outcome, relays: Mapping[str, RelayTally]) -> Case:
    """The numbers of one scenario under one policy, from its merged partials."""
    loads = [
        _load(relay.service_rate_pps, relay.relay_id, relays[relay.relay_id]) for relay in scenario.relays
    ]
    observed_s = relays[scenario.relays[0].relay_id].observed_s
    delivered = outcome.packets_delivered
    worst = max(loads, key=lambda load: (load.lost_pps, load.load))
    room = max(relay.queue_capacity_pkts for relay in scenario.relays)
    estimates = {name: Estimate.of(outcome.by_replication(name)) for name in INTERVALS if name != "pdr"}
    pdr = Estimate.of(outcome.by_replication("pdr"), outcome.packets_generated, room)
    return Case(
        scenario=scenario.scenario,
        policy=policy,
        replications=outcome.replications,
        observed_s=observed_s,
        packets_generated=outcome.packets_generated,
        packets_delivered=delivered,
        packets_dropped=outcome.packets_dropped,
        packets_in_flight=outcome.packets_in_flight,
        packets_no_route=outcome.packets_no_route,
        pdr=outcome.pdr,
        throughput_kbps=delivered * scenario.packet_size_bytes * 8 / 1000 / observed_s,
        mean_e2e_delay_ms=outcome.e2e_delay_ms.mean,
        p50_e2e_delay_ms=outcome.p50_e2e_delay_ms.mean,
        p95_e2e_delay_ms=outcome.p95_e2e_delay_ms.mean,
        p99_e2e_delay_ms=outcome.p99_e2e_delay_ms.mean,
        mean_queue_wait_ms=outcome.queue_wait_ms.mean,
        max_queue_depth_pkts=outcome.max_queue_depth_pkts or 0,
        bottleneck_relay=worst.relay_id if worst.lost_pps else None,
        by_replication={"pdr": pdr, **estimates},
        relays=tuple(loads),
        network=scenario,
    )


def _load(service_pps: float, name: str, tally: RelayTally) -> RelayLoad:
    seconds = tally.observed_s
    return RelayLoad(
        relay_id=name,
        offered_source_pps=tally.offered_source / seconds,
        offered_background_pps=tally.offered_background / seconds,
        load=tally.offered / seconds / service_pps,
        loss_share=tally.loss_share,
        busy_share=tally.busy_seconds / seconds,
        mean_number_pkts=tally.packet_seconds / seconds,
        mean_wait_ms=tally.wait_ms.mean,
    )
